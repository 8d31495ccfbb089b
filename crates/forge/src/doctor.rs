//! The doctor: everything that can be wrong with a site, looked at now, and what to do about each.
//!
//! ```text
//! gather (asks vaults, disk, journal, database) -> Facts: plain data -> judge: no I/O, one function a question -> findings
//! ```
//!
//! Invariants:
//! 1. What could not be asked is a finding and never green.
//! 2. A finding that is not green says what is so, why it matters, and what to do.
//! 3. Red: something is lost, or would be, if one more thing went wrong. Yellow: it can wait.

mod database;
mod expiring;
mod facts;
mod gather;
mod judge;
mod neighbours;

pub(crate) use database::{scratch, sweep};
pub use facts::{About, CertificateLife, Facts, VaultFacts};
pub use judge::judge;

use crate::error::Error;
use crate::site::Site;

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// As it should be.
    Green,
    /// It can wait.
    Yellow,
    /// It can't.
    Red,
}

impl Colour {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// A name for programs, the same in each release.
    pub id: &'static str,
    /// What should be so.
    pub check: String,
    /// How bad it is.
    pub colour: Colour,
    /// What is so instead. Empty when it is green.
    pub problem: String,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub remedy: String,
}

impl Finding {
    fn good(id: &'static str, check: impl Into<String>) -> Self {
        Self { id, check: check.into(), colour: Colour::Green, problem: String::new(), why: "", remedy: String::new() }
    }

    fn bad(self, colour: Colour, problem: impl Into<String>, why: &'static str, remedy: impl Into<String>) -> Self {
        Self { colour, problem: problem.into(), why, remedy: remedy.into(), ..self }
    }
}

impl Site {
    /// Looks at everything. `practice`: the vaults are practice vaults. Rebuilds every table from the journal, which takes a while.
    ///
    /// # Errors
    /// When the database can't be read at all.
    pub async fn doctor(&self, practice: bool) -> Result<Vec<Finding>, Error> {
        let mut findings = judge(&self.doctor_facts(practice).await?);
        findings.push(self.doctor_database().await?);
        Ok(findings)
    }
}

#[cfg(test)]
mod tests;
