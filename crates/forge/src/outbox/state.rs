//! What an outbox remembers, in one file of JSON.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;

/// A message that waits. What it says is made from the entry when it leaves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Waiting {
    /// The entry that it tells of.
    pub(super) entry: u64,
    /// Whom.
    pub(super) to: String,
    /// How often it was tried.
    pub(super) tries: u32,
    /// When it is tried next, microseconds since 1970.
    pub(super) due_us: i64,
}

impl Waiting {
    pub(super) fn new(entry: u64, to: String) -> Self {
        Self { entry, to, tries: 0, due_us: 0 }
    }
}

/// The first entry that was not looked at, and what waits of those before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) next: u64,
    pub(super) waiting: Vec<Waiting>,
}

impl State {
    /// As it was written; where nothing was, at `end`, which is written.
    pub(super) fn open(file: &Path, end: u64) -> Result<Self, Error> {
        match fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(|e| {
                let file = file.display();
                Error::internal(format!("{file}: {e}; without it nobody is told of entries before {end}"))
            }),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let state = Self { next: end, waiting: Vec::new() };
                write(file, &state.text()?)?;
                Ok(state)
            }
            Err(error) => Err(Error::internal(format!("{}: {error}", file.display()))),
        }
    }

    pub(super) fn text(&self) -> Result<Vec<u8>, Error> {
        serde_json::to_vec(self).map_err(|e| Error::internal(e.to_string()))
    }
}

/// The file is the old one or the new one, whole.
pub(super) fn write(file: &Path, text: &[u8]) -> Result<(), Error> {
    let put = || {
        let dir = file.parent().unwrap_or(file);
        fs::create_dir_all(dir)?;
        let beside = file.with_extension("new");
        let mut new = File::create(&beside)?;
        new.write_all(text)?;
        new.sync_all()?;
        fs::rename(&beside, file)?;
        File::open(dir)?.sync_all()
    };
    put().map_err(|e: std::io::Error| Error::internal(format!("{}: {e}", file.display())))
}
