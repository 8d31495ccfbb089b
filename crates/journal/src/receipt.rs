//! Receipts: the proof that an entry is in the log and that a quorum of vaults holds it, in one file that anyone can
//! check offline (c2sp.org/tlog-proof). The `extra` line carries what shows what the entry says: its envelope and the
//! secret that opens this one envelope.

use crate::Hash;
use crate::b64;
use crate::checkpoint::{Checkpoint, decimal};
use crate::cosignature;
use crate::entry::{Entry, EntryError, EntrySecret, Envelope, decode_hash, unreachable_encode};
use crate::merkle::{ProofError, verify_inclusion};
use crate::note::{NoteError, SignedNote, VerifierKey};
use crate::policy::{Policy, PolicyError};
use minicbor::{Decoder, Encoder};
use std::collections::BTreeSet;

/// The first line of a proof file.
pub const HEADER: &str = "c2sp.org/tlog-proof@v1";
/// The most hashes of an inclusion proof: the height of a tree whose size is a u64.
pub const PROOF_HASHES_MAX: usize = 64;
/// The most parts of the extra line; this version writes and reads three.
const EXTRA_PARTS_MAX: u64 = 16;
/// The most bytes that a receipt may have.
pub const RECEIPT_BYTES_MAX: usize = 1 << 20;

/// A receipt's parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The entry's number.
    pub index: u64,
    /// The envelope's bytes.
    pub envelope: Vec<u8>,
    /// What opens the envelope.
    pub secret: EntrySecret,
    /// The policy that the site gave; believed only as far as the reader chooses.
    pub policy: String,
    /// The inclusion proof.
    pub proof: Vec<Hash>,
    /// The checkpoint with the log's signature and the vaults' cosignatures.
    pub checkpoint: SignedNote,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The entry.
    pub entry: Entry,
    /// The checkpoint that it is under.
    pub checkpoint: Checkpoint,
    /// Which vaults said so, and when (seconds since 1970).
    pub cosigned: Vec<(String, u64)>,
    /// Witnesses who saw that the log goes on to this checkpoint, and when. They hold nothing, and count for no quorum.
    pub witnessed: Vec<(String, u64)>,
    /// Whether the keys came from the reader (`true`) or from the receipt itself.
    pub policy_pinned: bool,
}

/// Why a receipt proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReceiptError {
    /// Not the form of a receipt.
    #[error("malformed receipt: {0}")]
    Malformed(&'static str),
    /// The policy in it is malformed.
    #[error("the receipt's own policy: {0}")]
    Policy(#[from] PolicyError),
    /// The checkpoint is not one that the log signed.
    #[error("the checkpoint is not signed by a key of the log: {0}")]
    NotTheLog(NoteError),
    /// A vault that the policy knows did not sign what its line says.
    #[error("a cosignature is wrong: {0}")]
    WrongCosignature(NoteError),
    /// The checkpoint is of another log than the key that signed it.
    #[error("the checkpoint is of the log {origin}, and its key is of {key}")]
    WrongOrigin {
        /// What the checkpoint says.
        origin: String,
        /// The key's name.
        key: String,
    },
    /// The checkpoint is malformed.
    #[error("{0}")]
    Checkpoint(#[from] crate::checkpoint::CheckpointError),
    /// The entry is not in the log.
    #[error("the entry is not in the log: {0}")]
    NotIncluded(#[from] ProofError),
    /// The entry does not open.
    #[error("{0}")]
    Entry(#[from] EntryError),
    /// Too few vaults hold it.
    #[error("not held: only {} cosigned, which is not a quorum", if .0.is_empty() { "nobody" } else { .0 })]
    NotHeld(String),
}

impl Receipt {
    /// The file's text.
    pub fn to_text(&self) -> String {
        let mut e = Encoder::new(Vec::new());
        let done = e.array(3).and_then(|e| e.bytes(&self.envelope)?.bytes(&self.secret.0)?.str(&self.policy)?.ok());
        let extra: Vec<u8> = done.map_or_else(unreachable_encode, |()| e.into_writer());
        let mut text = format!("{HEADER}\nextra {}\nindex {}\n", b64::encode(&extra), self.index);
        for hash in &self.proof {
            text.push_str(&hash.to_base64());
            text.push('\n');
        }
        format!("{text}\n{}", self.checkpoint)
    }

    /// Reads a file's text; nothing is checked but its form.
    ///
    /// # Errors
    /// [`ReceiptError::Malformed`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let bad = ReceiptError::Malformed;
        if text.len() > RECEIPT_BYTES_MAX {
            return Err(bad("it is too large"));
        }
        let (head, note) = text.split_once("\n\n").ok_or(bad("it has no checkpoint"))?;
        let mut lines = head.split('\n');
        if lines.next() != Some(HEADER) {
            return Err(bad("it does not begin with c2sp.org/tlog-proof@v1"));
        }
        let extra = lines
            .next()
            .and_then(|line| b64::decode(line.strip_prefix("extra ")?))
            .ok_or(bad("it has no extra line"))?;
        let index =
            lines.next().and_then(|line| decimal(line.strip_prefix("index ")?)).ok_or(bad("it has no index"))?;
        let proof = lines
            .take(PROOF_HASHES_MAX + 1)
            .map(Hash::from_base64)
            .collect::<Option<Vec<_>>>()
            .ok_or(bad("its proof holds something else than hashes"))?;
        if proof.len() > PROOF_HASHES_MAX {
            return Err(bad("its proof is longer than any"));
        }
        let (envelope, secret, policy) = decode_extra(&extra).map_err(|_| bad("its extra line is not Outlast's"))?;
        let checkpoint = note.parse().map_err(|_| bad("its checkpoint is not a note"))?;
        Ok(Self { index, envelope, secret, policy, proof, checkpoint })
    }
}

/// What a checkpoint with its signatures proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The checkpoint.
    pub checkpoint: Checkpoint,
    /// Which vaults said that they hold it, and when (seconds since 1970).
    pub cosigned: Vec<(String, u64)>,
    /// Witnesses who saw it, and when. They count for no quorum.
    pub witnessed: Vec<(String, u64)>,
}

/// Checks that a log of this policy signed a checkpoint, and that a quorum holds it.
///
/// # Errors
/// Says which is missing: the log's signature, a right cosignature, the quorum.
pub fn verify_held(note: &SignedNote, policy: &Policy) -> Result<Held, ReceiptError> {
    let checkpoint = log_signed(note, policy)?;
    let (cosigned, witnessed) = cosigned(note, policy)?.into_iter().partition(|(name, _)| policy.counts(name));
    Ok(Held { checkpoint, cosigned, witnessed })
}

fn log_signed(note: &SignedNote, policy: &Policy) -> Result<Checkpoint, ReceiptError> {
    let mut last = NoteError::NotSigned("any key of the log".to_owned());
    for key in policy.logs() {
        match note.verify(key) {
            Ok(()) => return origin_of(note.text().parse()?, key),
            Err(error) => last = error,
        }
    }
    Err(ReceiptError::NotTheLog(last))
}

fn cosigned(note: &SignedNote, policy: &Policy) -> Result<Vec<(String, u64)>, ReceiptError> {
    let mut cosigned = Vec::new();
    for (name, key) in policy.witnesses() {
        match cosignature::verify_note(key, note) {
            Ok(time_s) => cosigned.push((name.clone(), time_s)),
            Err(NoteError::NotSigned(_)) => {}
            Err(error) => return Err(ReceiptError::WrongCosignature(error)),
        }
    }
    let names = cosigned.iter().map(|(name, _)| name.as_str()).collect::<BTreeSet<_>>();
    if policy.satisfied(&names) {
        return Ok(cosigned);
    }
    let vaults = names.into_iter().filter(|name| policy.counts(name));
    Err(ReceiptError::NotHeld(vaults.collect::<Vec<_>>().join(", ")))
}

/// A log's key has the log's name (c2sp.org/tlog-policy).
fn origin_of(checkpoint: Checkpoint, key: &VerifierKey) -> Result<Checkpoint, ReceiptError> {
    if checkpoint.origin.as_str() == key.name() {
        return Ok(checkpoint);
    }
    Err(ReceiptError::WrongOrigin { origin: checkpoint.origin.to_string(), key: key.name().to_owned() })
}

type Extra = (Vec<u8>, EntrySecret, String);

fn decode_extra(bytes: &[u8]) -> Result<Extra, minicbor::decode::Error> {
    let mut d = Decoder::new(bytes);
    let parts = d.array()?.filter(|parts| (3..=EXTRA_PARTS_MAX).contains(parts));
    let more = parts.ok_or_else(|| minicbor::decode::Error::message("three parts, or some more"))? - 3;
    let envelope = d.bytes()?.to_vec();
    let Hash(secret) = decode_hash(&mut d)?;
    let policy = d.str()?.to_owned();
    // Later versions may add parts; what they say is no part of the proof.
    (0..more).try_for_each(|_| d.skip())?;
    if d.position() == bytes.len() {
        Ok((envelope, EntrySecret(secret), policy))
    } else {
        Err(minicbor::decode::Error::message("bytes follow"))
    }
}

/// Checks a receipt, offline. With `policy` the keys are the reader's own; without, the receipt's, which shows that it is
/// consistent with itself and leaves it to the reader to compare the keys.
///
/// # Errors
/// Says which link of the chain is broken: form, log's signature, inclusion, opening, quorum.
pub fn verify(text: &str, policy: Option<&Policy>) -> Result<Verified, ReceiptError> {
    let receipt = Receipt::parse(text)?;
    let own = if policy.is_none() { Some(receipt.policy.parse::<Policy>()?) } else { None };
    let pinned = policy.is_some();
    let policy = policy.or(own.as_ref()).ok_or(ReceiptError::Malformed("it has no policy"))?;
    let checkpoint = log_signed(&receipt.checkpoint, policy)?;
    let leaf = Envelope::leaf(&receipt.envelope);
    verify_inclusion(receipt.index, checkpoint.size, &leaf, &receipt.proof, &checkpoint.root)?;
    let entry = Envelope::parse(&receipt.envelope)?.open(&checkpoint.origin, receipt.index, &receipt.secret)?;
    let (cosigned, witnessed) =
        cosigned(&receipt.checkpoint, policy)?.into_iter().partition(|(name, _)| policy.counts(name));
    Ok(Verified { entry, checkpoint, cosigned, witnessed, policy_pinned: pinned })
}
