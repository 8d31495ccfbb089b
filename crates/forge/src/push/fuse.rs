//! The fuse: too many destructive acts or rewritten refs of one account in a while, and the account is frozen before the next is done.
//!
//! What it counts lives in memory: a restart begins anew. That it blew is an entry of the journal.

use crate::Ledger;
use crate::error::Error;
use crate::lockdown::AccountFreeze;
use crate::mutant::{Mutant, without};
use crate::people::Authenticator;
use crate::writer::Submitter;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Destructive acts of one account within [`FUSE_WINDOW`]: a push that deletes refs, a repository's deletion.
pub(crate) const DESTRUCTIVE_ACTS_MAX: u64 = 5;
/// Refs that one account deletes or moves to where their history is lost, within [`FUSE_WINDOW`].
pub(crate) const REF_REWRITES_MAX: u64 = 20;
/// Moves of one push that are looked at for lost history; each beyond counts as one that lost it.
pub(crate) const REWRITES_LOOKED_AT_MAX: usize = 1024;
/// For how long an act counts.
pub(crate) const FUSE_WINDOW: Duration = Duration::from_secs(600);
/// Accounts whose acts are counted at one time.
const ACCOUNTS_MAX: usize = 10_000;

#[derive(Clone, Copy)]
struct Act {
    at: Instant,
    destructive: u64,
    rewrites: u64,
}

/// Who did how much of late.
#[derive(Default)]
struct Counts(HashMap<u64, Vec<Act>>);

impl Counts {
    /// Counts what an account is about to do; why it must not, when that is too much.
    fn add(&mut self, account: u64, destructive: u64, rewrites: u64, now: Instant) -> Result<(), String> {
        let fresh = |act: &Act| now.duration_since(act.at) < FUSE_WINDOW;
        if self.0.len() >= ACCOUNTS_MAX {
            self.0.retain(|_, acts| acts.iter().any(fresh));
        }
        let acts = self.0.entry(account).or_default();
        acts.retain(fresh);
        acts.push(Act { at: now, destructive, rewrites });
        let (acts, refs) = acts.iter().fold((0, 0), |sum, act| (sum.0 + act.destructive, sum.1 + act.rewrites));
        let minutes = FUSE_WINDOW.as_secs() / 60;
        if acts > DESTRUCTIVE_ACTS_MAX {
            return Err(format!("{acts} destructive acts within {minutes} minutes"));
        }
        if refs > REF_REWRITES_MAX {
            return Err(format!("{refs} refs deleted or rewritten within {minutes} minutes"));
        }
        Ok(())
    }
}

/// The fuse of a site.
pub(crate) struct Fuse {
    counts: Mutex<Counts>,
    ledger: Arc<Ledger>,
    authenticator: Authenticator,
}

impl Fuse {
    pub(crate) fn new(ledger: Arc<Ledger>, authenticator: Authenticator) -> Self {
        Self { counts: Mutex::default(), ledger, authenticator }
    }

    /// To be asked before a destructive act is written. The site itself and the operator at the machine have no fuse.
    ///
    /// # Errors
    /// [`Error::Forbidden`] when it is one too many: the account is frozen then.
    pub(crate) async fn pass(&self, by: Submitter, destructive: u64, rewrites: u64) -> Result<(), Error> {
        let Some(account) = by.actor.filter(|_| destructive + rewrites > 0) else { return Ok(()) };
        let counted = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            counts.add(account, destructive, rewrites, Instant::now())
        };
        let Some(reason) = counted.err().filter(|_| !without(Mutant::Fuse)) else { return Ok(()) };
        self.ledger.submit(Submitter::default(), AccountFreeze { account, reason: reason.clone() }).await?;
        self.authenticator.rights_changed();
        tracing::warn!(account, reason, "the fuse blew: an account is frozen");
        Err(Error::forbidden(format!("not done, and your account is frozen: {reason}. An officer can let it go on")))
    }
}

impl std::fmt::Debug for Fuse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fuse").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_blows_at_the_sixth_act_or_the_twenty_first_ref_and_forgets() {
        let (mut counts, now) = (Counts::default(), Instant::now());
        for _ in 0..DESTRUCTIVE_ACTS_MAX {
            counts.add(1, 1, 1, now).unwrap();
        }
        assert!(counts.add(1, 1, 0, now).unwrap_err().contains("6 destructive acts"));
        counts.add(2, 1, REF_REWRITES_MAX, now).unwrap();
        assert!(counts.add(2, 0, 1, now).unwrap_err().contains("21 refs"), "of each account its own");
        counts.add(3, 0, REF_REWRITES_MAX, now).unwrap();
        counts.add(3, 0, 1, now + FUSE_WINDOW).unwrap();
    }
}
