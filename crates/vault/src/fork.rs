//! The proof of a fork: two checkpoints of one size that one log's keys signed, with different roots. Whoever has it needs
//! nobody's word.
//!
//! ```text
//! outlast/fork/v1
//! log VKEY            one line for each key that signed one of them
//!
//! CHECKPOINT          a signed note, with whatever cosignatures it has
//!
//! CHECKPOINT
//! ```

use journal::Hash;
use journal::checkpoint::Checkpoint;
use journal::note::{SignedNote, VerifierKey};
use std::fmt;
use std::str::FromStr;

/// The first line.
pub const FORK_HEADER: &str = "outlast/fork/v1";
/// The most bytes of a proof.
pub(crate) const FORK_BYTES_MAX: usize = 64 << 10;

/// A proof.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForkProof {
    /// The log's keys, as the proof says.
    pub keys: Vec<VerifierKey>,
    /// The two checkpoints.
    pub notes: [SignedNote; 2],
}

/// What a proof shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forked {
    /// The log.
    pub origin: String,
    /// For how many entries two roots were signed.
    pub size: u64,
    /// The roots.
    pub roots: [Hash; 2],
}

/// Why it shows nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it proves no fork: {0}")]
pub struct ForkError(String);

impl ForkProof {
    /// Checks it. With `keys` the log's keys are the reader's own; without, those it names itself.
    ///
    /// # Errors
    /// Says what is missing: a signature of the log, one size, two roots.
    pub fn verify(&self, keys: Option<&[VerifierKey]>) -> Result<Forked, ForkError> {
        let keys = keys.unwrap_or(&self.keys);
        let read = |note: &SignedNote| {
            if !keys.iter().any(|key| note.verify(key).is_ok()) {
                return Err(ForkError("a checkpoint is not signed by a key of the log".to_owned()));
            }
            note.text().parse::<Checkpoint>().map_err(|error| ForkError(error.to_string()))
        };
        let (one, other) = (read(&self.notes[0])?, read(&self.notes[1])?);
        if one.origin != other.origin || keys.iter().any(|key| key.name() != one.origin.as_str()) {
            return Err(ForkError("the checkpoints are of different logs".to_owned()));
        }
        if one.size != other.size {
            return Err(ForkError(format!("they are of {} and {} entries", one.size, other.size)));
        }
        if one.root == other.root {
            return Err(ForkError("both have the same root".to_owned()));
        }
        Ok(Forked { origin: one.origin.to_string(), size: one.size, roots: [one.root, other.root] })
    }
}

impl fmt::Display for ForkProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FORK_HEADER}")?;
        self.keys.iter().try_for_each(|key| writeln!(f, "log {key}"))?;
        self.notes.iter().try_for_each(|note| write!(f, "\n{note}"))
    }
}

impl FromStr for ForkProof {
    type Err = ForkError;

    fn from_str(text: &str) -> Result<Self, ForkError> {
        let bad = |what: &str| ForkError(what.to_owned());
        if text.len() > FORK_BYTES_MAX {
            return Err(bad("it is too large"));
        }
        let (head, rest) = text.split_once("\n\n").ok_or_else(|| bad("it has no checkpoints"))?;
        let mut lines = head.lines();
        if lines.next() != Some(FORK_HEADER) {
            return Err(bad("it is of a form that this version does not know"));
        }
        let key = |line: &str| line.strip_prefix("log ").and_then(|key| key.parse().ok());
        let keys = lines.map(key).collect::<Option<Vec<_>>>().ok_or_else(|| bad("a line of its head is no key"))?;
        // A note is a text, an empty line, and lines of signatures; so an empty line after a signature ends the first note.
        let end = rest
            .match_indices("\n\n")
            .map(|(at, _)| at)
            .find(|at| rest[..*at].rsplit('\n').next().is_some_and(|line| line.starts_with('\u{2014}')));
        let end = end.ok_or_else(|| bad("it has one checkpoint only"))?;
        let note = |text: &str| text.parse::<SignedNote>().map_err(|error| ForkError(error.to_string()));
        Ok(Self { keys, notes: [note(&rest[..=end])?, note(&rest[end + 2..])?] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::note::{KeyKind, SigningKey};

    fn key(seed: u8) -> SigningKey {
        SigningKey::from_seed("outlast/x", KeyKind::Ed25519, &[seed; 32]).unwrap()
    }

    fn note(size: u64, root: &[u8], seed: u8) -> SignedNote {
        Checkpoint::new("outlast/x".parse().unwrap(), 1, size, Hash::of(root)).sign(&key(seed)).unwrap()
    }

    #[test]
    fn two_roots_for_a_size_are_a_fork_and_nothing_else_is() {
        let keys = vec![key(1).verifier().clone()];
        let proof = |one: SignedNote, other: SignedNote| ForkProof { keys: keys.clone(), notes: [one, other] };
        let good = proof(note(7, b"a", 1), note(7, b"b", 1));
        let read: ForkProof = good.to_string().parse().unwrap();
        assert_eq!(read, good);
        assert_eq!(read.verify(None).unwrap().size, 7);
        assert!(read.verify(Some(&[key(2).verifier().clone()])).is_err(), "pinned keys are the reader's");
        assert!(proof(note(7, b"a", 1), note(7, b"a", 1)).verify(None).is_err());
        assert!(proof(note(7, b"a", 1), note(8, b"b", 1)).verify(None).is_err());
        assert!(proof(note(7, b"a", 1), note(7, b"b", 2)).verify(None).unwrap_err().to_string().contains("signed"));
        for bad in ["", "outlast/fork/v1\n\n", "outlast/fork/v2\nlog x\n\na\n\nb"] {
            assert!(bad.parse::<ForkProof>().is_err());
        }
    }
}
