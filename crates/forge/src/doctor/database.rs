//! Whether every row of the database follows from the journal.

use super::{Colour, Finding};
use crate::error::Error;
use crate::replay;
use crate::repo::remove_dir;
use crate::site::Site;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Under the data directory: where each comparison has a directory with a database of its own.
const DIR: &str = "scratch";

/// A place that no other comparison has.
pub(crate) fn scratch(data: &Path) -> PathBuf {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    data.join(DIR).join(NEXT.fetch_add(1, Ordering::Relaxed).to_string())
}

/// Removes what comparisons left that were cut off.
pub(crate) fn sweep(data: &Path) {
    if let Err(error) = remove_dir(&data.join(DIR)) {
        tracing::warn!(%error, "what a comparison left could not be removed");
    }
}

impl Site {
    /// Rebuilds every table from the journal and compares.
    pub(super) async fn doctor_database(&self) -> Result<Finding, Error> {
        let (db, keys) = (self.db().clone(), self.keys().log_keys()?);
        let scratch = scratch(self.data());
        let checking = tokio::task::spawn_blocking(move || replay::check_in(&db, &keys, &scratch));
        let found = checking.await.map_err(|error| Error::internal(error.to_string()))?;
        let finding = Finding::good("database", "every row of the database is explained by the journal");
        let why = "a row that no entry explains was put there by somebody who went around the site, or is damage";
        let found = match found {
            Ok(found) => found,
            Err(Error::Invalid(text)) => {
                // Recovered from a snapshot: the older entries are on their way.
                return Ok(finding.bad(Colour::Yellow, text, why, "ask again when the older entries are back"));
            }
            Err(error) => return Err(error),
        };
        if found.is_clean() {
            return Ok(finding);
        }
        let problem = format!("the database is not what the journal explains: {found}");
        // Without --full the rows would come back with the newest snapshot.
        let then = "find out who edited it, then rebuild it from the journal alone: `outlast recover --full`";
        Ok(finding.bad(Colour::Red, problem, why, then))
    }
}
