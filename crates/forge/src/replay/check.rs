//! Whether a database is what its journal says: for `doctor` and drills.

use super::compare::{Difference, TableHash, differences_as_of, table_hashes};
use super::rebuild::rebuild;
use crate::db::Db;
use crate::error::Error;
use crate::log::{self, LogKeys};
use std::fmt;
use std::path::Path;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Findings {
    /// Entries checked: all with seq < `size`.
    pub size: u64,
    /// The journal itself was edited; then nothing could be rebuilt from it.
    pub journal: Option<String>,
    /// The first differing rows of each differing table.
    pub rows: Vec<Difference>,
    /// The projections as the journal explains them.
    pub tables: Vec<TableHash>,
}

impl Findings {
    /// Whether everything is as the journal explains it.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.journal.is_none() && self.rows.is_empty()
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<_> = self.journal.iter().cloned().chain(self.rows.iter().map(ToString::to_string)).collect();
        f.write_str(&words.join("; "))
    }
}

/// As [`check`], in a directory that is made for it and removed afterwards.
pub fn check_in(live: &Db, keys: &LogKeys, scratch: &Path) -> Result<Findings, Error> {
    let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", scratch.display()));
    if scratch.exists() {
        std::fs::remove_dir_all(scratch).map_err(failed)?;
    }
    std::fs::create_dir_all(scratch).map_err(failed)?;
    let found = check(live, keys, scratch);
    std::fs::remove_dir_all(scratch).map_err(failed)?;
    found
}

/// Rebuilds the projections from `live`'s own journal in a new database in `scratch`, and compares table by table.
///
/// `scratch` is an empty directory of its own, which the caller removes. The site may go on writing: what is compared
/// is one state, that of the moment the check began.
pub fn check(live: &Db, keys: &LogKeys, scratch: &Path) -> Result<Findings, Error> {
    let rebuilt = Db::sqlite_scratch(&scratch.join("rebuilt.db"))?;
    live.read(|tx| {
        let size = log::checkpoint_last(tx)?.map_or(0, |c| c.size);
        // The journal is read in transactions of its own: its first `size` entries are the same in all of them.
        match rebuild(live, keys, size, &rebuilt) {
            Ok(()) => {
                let rows = differences_as_of(tx, &rebuilt)?;
                Ok(Findings { size, journal: None, rows, tables: rebuilt.read(table_hashes)? })
            }
            Err(Error::Damaged(text)) => {
                Ok(Findings { size, journal: Some(text), rows: Vec::new(), tables: Vec::new() })
            }
            Err(e) => Err(e),
        }
    })
}
