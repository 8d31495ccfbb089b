//! Which acts are taken as if they had not been.

use crate::event::Stamp;
use std::fmt;

/// Whose acts, or which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acts {
    /// An account's, with whatever credential.
    Account(u64),
    /// What was done with this token, session or key: its number.
    Credential(u64),
    /// The entries from the first to the last, both with them.
    Entries(u64, u64),
}

/// Acts since a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selection {
    /// Any of these.
    pub acts: Vec<Acts>,
    /// Microseconds since 1970; what is older is not selected.
    pub since_us: i64,
}

impl Selection {
    /// What one account did since a time.
    pub(crate) fn account(account: u64, since_us: i64) -> Self {
        Self { acts: vec![Acts::Account(account)], since_us }
    }

    /// Whether this entry is one of them. `by` is an account that the event names as the one who did it: the site carries out
    /// what somebody ordered.
    pub(crate) fn has(&self, at: &Stamp, by: Option<u64>) -> bool {
        at.time_us >= self.since_us
            && self.acts.iter().any(|acts| match acts {
                Acts::Account(account) => [at.actor, by].contains(&Some(*account)),
                Acts::Credential(credential) => at.credential == Some(*credential),
                Acts::Entries(first, last) => (*first..=*last).contains(&at.seq),
            })
    }
}

impl fmt::Display for Acts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account {account}"),
            Self::Credential(credential) => write!(f, "credential {credential}"),
            Self::Entries(first, last) => write!(f, "entries {first} to {last}"),
        }
    }
}
