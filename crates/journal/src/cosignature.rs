//! Cosignatures (c2sp.org/tlog-cosignature, `cosignature/v1`): a vault's word that it durably holds the log up to a
//! checkpoint, with the time it said so.

use crate::note::{KeyKind, NoteError, NoteSignature, SignedNote, SigningKey, VerifierKey};

fn message(body: &str, time_s: u64) -> Vec<u8> {
    format!("cosignature/v1\ntime {time_s}\n{body}").into_bytes()
}

/// The latest time that a cosignature may carry, in seconds since 1970.
pub const TIME_S_MAX: u64 = i64::MAX as u64;

/// Cosigns the text of a checkpoint. `time_s` is in seconds since 1970; over [`TIME_S_MAX`] nobody will accept it.
pub fn cosign(key: &SigningKey, body: &str, time_s: u64) -> NoteSignature {
    let mut bytes = time_s.to_be_bytes().to_vec();
    bytes.extend_from_slice(&key.sign_bytes(&message(body, time_s)));
    key.signature(bytes)
}

/// Checks one cosignature line on the text of a checkpoint and gives its time.
///
/// # Errors
/// When it is another key's, or wrong.
pub fn verify(key: &VerifierKey, body: &str, signature: &NoteSignature) -> Result<u64, NoteError> {
    let not_signed = || NoteError::NotSigned(key.name().to_owned());
    if key.kind() != KeyKind::Cosignature || !key.made(signature) {
        return Err(not_signed());
    }
    let (time, bytes) =
        signature.bytes.split_first_chunk::<8>().ok_or_else(|| NoteError::WrongSignature(key.name().to_owned()))?;
    let time_s = u64::from_be_bytes(*time);
    if time_s > TIME_S_MAX {
        return Err(NoteError::WrongSignature(key.name().to_owned()));
    }
    key.verify_bytes(&message(body, time_s), bytes)?;
    Ok(time_s)
}

/// Finds and checks a key's cosignature on a note.
///
/// # Errors
/// When there is none, or it is wrong.
pub fn verify_note(key: &VerifierKey, note: &SignedNote) -> Result<u64, NoteError> {
    let signature = note.signatures().iter().find(|signature| key.made(signature));
    verify(key, note.text(), signature.ok_or_else(|| NoteError::NotSigned(key.name().to_owned()))?)
}
