//! Whether every row of the database follows from the journal.

use super::{Colour, Finding};
use crate::error::Error;
use crate::replay;
use crate::site::Site;

impl Site {
    /// Rebuilds every table from the journal and compares.
    pub(super) async fn doctor_database(&self) -> Result<Finding, Error> {
        let (db, keys) = (self.db().clone(), self.keys().log_keys()?);
        let scratch = self.data().join("scratch").join(std::process::id().to_string());
        let checking = tokio::task::spawn_blocking(move || {
            let failed = |error: std::io::Error| Error::internal(format!("{}: {error}", scratch.display()));
            if scratch.exists() {
                std::fs::remove_dir_all(&scratch).map_err(failed)?;
            }
            std::fs::create_dir_all(&scratch).map_err(failed)?;
            let found = replay::check(&db, &keys, &scratch);
            std::fs::remove_dir_all(&scratch).map_err(failed)?;
            found
        });
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
        let words: Vec<_> = found.journal.iter().cloned().chain(found.rows.iter().map(ToString::to_string)).collect();
        let problem = format!("the database is not what the journal explains: {}", words.join("; "));
        Ok(finding.bad(Colour::Red, problem, why, "find out who edited it, then rebuild it with `outlast recover`"))
    }
}
