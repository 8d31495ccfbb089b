//! Checkpoints (c2sp.org/tlog-checkpoint): what a log says about itself at one size.

use crate::note::{NoteError, SignedNote, SigningKey, VerifierKey};
use crate::{Hash, Origin};
use std::fmt;
use std::str::FromStr;

/// Origin, size, root, and our one extension line, `epoch N`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many entries the tree has.
    pub size: u64,
    /// The tree's root.
    pub root: Hash,
    /// Further lines, without their newlines.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint, or not this log's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The text has not the form of a checkpoint.
    #[error("malformed checkpoint: {0}")]
    Malformed(&'static str),
    /// The note around it is malformed or not signed.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Checkpoint {
    /// A checkpoint of one epoch of a log.
    pub fn new(origin: Origin, epoch: u64, size: u64, root: Hash) -> Self {
        Self { origin, size, root, extensions: vec![format!("epoch {epoch}")] }
    }

    /// The text that is signed.
    pub fn body(&self) -> String {
        self.to_string()
    }

    /// The epoch that the extension lines name.
    pub fn epoch(&self) -> Option<u64> {
        self.extensions.iter().find_map(|line| decimal(line.strip_prefix("epoch ")?))
    }

    /// Signs it.
    ///
    /// # Errors
    /// When an extension line is not usable in a note.
    pub fn sign(&self, key: &SigningKey) -> Result<SignedNote, NoteError> {
        key.sign(&self.body())
    }

    /// The checkpoint in a note that `key` signed.
    ///
    /// # Errors
    /// When it isn't a checkpoint, or not signed by the key.
    pub fn verify(note: &SignedNote, key: &VerifierKey) -> Result<Self, CheckpointError> {
        note.verify(key)?;
        note.text().parse()
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, self.root.to_base64())?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for Checkpoint {
    type Err = CheckpointError;

    fn from_str(text: &str) -> Result<Self, CheckpointError> {
        let bad = CheckpointError::Malformed;
        let text = text.strip_suffix('\n').ok_or(bad("it does not end in a newline"))?;
        let mut lines = text.split('\n');
        let mut line = || lines.next().ok_or(bad("it has fewer than three lines"));
        let origin = line()?.parse().map_err(|_| bad("its origin is not usable"))?;
        let size = decimal(line()?).ok_or(bad("its size is not a number"))?;
        let root = Hash::from_base64(line()?).ok_or(bad("its root is not a hash"))?;
        let extensions = lines.map(str::to_owned).collect::<Vec<_>>();
        if extensions.iter().any(String::is_empty) {
            return Err(bad("it has an empty line"));
        }
        Ok(Self { origin, size, root, extensions })
    }
}

/// A decimal number as the formats write it: no sign, no leading zero.
pub(crate) fn decimal(text: &str) -> Option<u64> {
    let canonical = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { text.parse().ok() } else { None }
}
