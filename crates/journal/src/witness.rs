//! Witnesses (c2sp.org/tlog-witness): somebody outside who signs that a log's checkpoint continues the one he signed before. A
//! witness keeps nothing of the log, so his word is no quorum's; it makes a second log that is shown to others come out.

use crate::cosignature;
use crate::hash::Hash;
use crate::note::{NoteSignature, SignedNote, VerifierKey};
use std::fmt::Write as _;

/// The most bytes of a witness's answer that are looked at.
pub const ANSWER_BYTES_MAX: usize = 16 << 10;
/// The media type of the answer that tells which size a witness signed last.
pub const SIZE_TYPE: &str = "text/x.tlog.size";

/// What an `add-checkpoint` request says: the size that the witness signed last, the proof from it, and the checkpoint
/// with the log's signature.
#[must_use]
pub fn request(old: u64, proof: &[Hash], checkpoint: &SignedNote) -> String {
    let mut text = format!("old {old}\n");
    for hash in proof {
        let _infallible = writeln!(text, "{}", hash.to_base64());
    }
    format!("{text}\n{checkpoint}")
}

/// What a witness answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its cosignature, which is good, and when it was made, seconds since 1970.
    Cosigned(NoteSignature, u64),
    /// It signed this size last: ask again from there.
    Behind(u64),
    /// It says that this log is not the one that it saw: another root for a size, or no continuation.
    Disagrees,
    /// It does not know this log, or not the key that signed the checkpoint.
    Unknown,
    /// Anything else, for people.
    Failed(String),
}

/// Reads an answer to [`request`].
///
/// # Errors
/// None: what can't be understood is [`Answer::Failed`]. A cosignature is one of `key` over this checkpoint, or there is none;
/// lines of other keys are passed over.
#[must_use]
pub fn answer(key: &VerifierKey, checkpoint: &SignedNote, status: u16, content_type: &str, body: &[u8]) -> Answer {
    let Some(text) = std::str::from_utf8(body).ok().filter(|text| text.len() <= ANSWER_BYTES_MAX) else {
        return Answer::Failed(format!("it answers {status} with what is no text"));
    };
    match status {
        200 => {
            let lines = text.lines().filter_map(|line| NoteSignature::parse(line).ok());
            let mut good = lines.filter_map(|line| {
                let time = cosignature::verify(key, checkpoint.text(), &line).ok()?;
                Some(Answer::Cosigned(line, time))
            });
            good.next()
                .unwrap_or_else(|| Answer::Failed(format!("none of its lines is a cosignature of {}", key.name())))
        }
        // Without a size it is the other conflict: the same size, and another root.
        409 if content_type == SIZE_TYPE => match text.strip_suffix('\n').and_then(size) {
            Some(size) => Answer::Behind(size),
            None => Answer::Failed("it answers with a size that is none".to_owned()),
        },
        409 | 422 => Answer::Disagrees,
        403 | 404 => Answer::Unknown,
        status => Answer::Failed(format!("it answers {status}")),
    }
}

/// A number as the protocol writes it: decimal, without leading zeroes.
fn size(text: &str) -> Option<u64> {
    let size = text.parse::<u64>().ok()?;
    (size.to_string() == text).then_some(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checkpoint::Checkpoint;
    use crate::note::{KeyKind, SigningKey};

    fn log() -> SigningKey {
        SigningKey::from_seed("log.example", KeyKind::Ed25519, &[1; 32]).unwrap()
    }

    fn witness(seed: u8) -> SigningKey {
        SigningKey::from_seed("witness.example/w", KeyKind::Cosignature, &[seed; 32]).unwrap()
    }

    fn checkpoint(size: u64) -> SignedNote {
        Checkpoint::new("log.example".parse().unwrap(), 1, size, Hash::of(&size.to_be_bytes())).sign(&log()).unwrap()
    }

    #[test]
    fn a_request_is_as_the_protocol_writes_it() {
        let note = checkpoint(7);
        let text = request(5, &[Hash([0; 32]), Hash([1; 32])], &note);
        let (head, rest) = text.split_once("\n\n").unwrap();
        assert_eq!(
            head,
            "old 5\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
        );
        assert_eq!(rest, note.to_string());
        assert_eq!(request(0, &[], &note), format!("old 0\n\n{note}"));
    }

    #[test]
    fn only_the_witness_s_own_good_line_counts() {
        let note = checkpoint(7);
        let (ours, stranger) = (witness(2), witness(3));
        let good = cosignature::cosign(&ours, note.text(), 99);
        let foreign = cosignature::cosign(&stranger, note.text(), 98);
        let body = format!("{foreign}\n{good}\n");
        assert_eq!(answer(ours.verifier(), &note, 200, "", body.as_bytes()), Answer::Cosigned(good.clone(), 99));

        let other = cosignature::cosign(&ours, checkpoint(8).text(), 99);
        for body in [format!("{foreign}\n"), format!("{other}\n"), String::new(), "nonsense\n".to_owned()] {
            let found = answer(ours.verifier(), &note, 200, "", body.as_bytes());
            assert!(matches!(found, Answer::Failed(_)), "{body}: {found:?}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        let (key, note) = (witness(2), checkpoint(7));
        let said = |status, kind, body: &str| answer(key.verifier(), &note, status, kind, body.as_bytes());
        assert_eq!(said(409, SIZE_TYPE, "12\n"), Answer::Behind(12));
        assert_eq!(said(409, SIZE_TYPE, "0\n"), Answer::Behind(0));
        for odd in ["", "\n", "012\n", "+1\n", "12", "1 2\n", "99999999999999999999\n"] {
            assert!(matches!(said(409, SIZE_TYPE, odd), Answer::Failed(_)), "{odd:?}");
        }
        assert_eq!(said(409, "text/plain", "12\n"), Answer::Disagrees);
        assert_eq!(said(422, "", ""), Answer::Disagrees);
        assert_eq!(said(404, "", ""), Answer::Unknown);
        assert_eq!(said(403, "", ""), Answer::Unknown);
        assert!(matches!(said(500, "", ""), Answer::Failed(_)));
        assert!(matches!(answer(key.verifier(), &note, 200, "", &[0xff; 9]), Answer::Failed(_)));
        assert!(matches!(said(200, "", &"x".repeat(ANSWER_BYTES_MAX + 1)), Answer::Failed(_)));
    }
}
