//! Who fetches many private repositories in a while: nobody works like that, and whoever found a credential does.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Private repositories that one account fetches within [`BULK_READ_WINDOW`] before the officers hear of it.
pub const BULK_READ_REPOS_MAX: usize = 20;
/// For how long a fetch counts.
pub const BULK_READ_WINDOW: Duration = Duration::from_secs(60 * 60);
/// Accounts whose fetches are counted at one time.
const ACCOUNTS_MAX: usize = 10_000;

/// Fetches of private repositories, by account. In memory: a restart begins anew.
#[derive(Debug, Default)]
pub(crate) struct BulkReads(Mutex<HashMap<u64, Fetched>>);

#[derive(Debug)]
struct Fetched {
    since: Instant,
    repos: HashSet<u64>,
}

impl BulkReads {
    /// Somebody fetched a private repository.
    pub(crate) fn note(&self, account: u64, repo: u64, now: Instant) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|_, fetched| now.duration_since(fetched.since) < BULK_READ_WINDOW);
        if counted.len() < ACCOUNTS_MAX || counted.contains_key(&account) {
            let fetched = counted.entry(account).or_insert_with(|| Fetched { since: now, repos: HashSet::new() });
            // More than this many is known to be too many: what is beyond is not remembered.
            if fetched.repos.len() <= BULK_READ_REPOS_MAX {
                fetched.repos.insert(repo);
            }
        }
    }

    /// The accounts that fetched too many.
    pub(crate) fn over(&self) -> Vec<u64> {
        let counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.iter().filter(|(_, one)| one.repos.len() > BULK_READ_REPOS_MAX).map(|(account, _)| *account).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_repositories_count_and_many_fetches_of_one_do_not() {
        let (reads, now) = (BulkReads::default(), Instant::now());
        for n in 0..BULK_READ_REPOS_MAX as u64 {
            reads.note(1, n, now);
            reads.note(2, 7, now);
        }
        assert!(reads.over().is_empty());
        reads.note(1, 1_000, now);
        assert_eq!(reads.over(), [1]);
        reads.note(2, 7, now + BULK_READ_WINDOW);
        assert!(reads.over().is_empty(), "an hour later it is forgotten");
    }
}
