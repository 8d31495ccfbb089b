//! Turns at one repository's server: it works on so many requests at one time, and no account takes all of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests that are handed to one server at one time: one less than it has threads, so that it always takes new connections.
pub(crate) const TURNS_MAX: usize = super::httpd::HTTP_THREADS as usize - 1;
/// Of them, those of one account; whoever is nobody in particular counts as one.
pub(crate) const ACCOUNT_TURNS_MAX: usize = 12;
/// How long a request waits for its turn.
const TURN_WAIT: Duration = Duration::from_secs(10);

/// The turns of a server.
#[derive(Debug)]
pub(crate) struct Turns {
    all: Arc<Semaphore>,
    accounts: Mutex<HashMap<u64, Arc<Semaphore>>>,
    wait: Duration,
}

/// A request's turn; given back when it is dropped.
#[derive(Debug)]
pub struct Turn {
    _own: OwnedSemaphorePermit,
    _any: OwnedSemaphorePermit,
}

impl Default for Turns {
    fn default() -> Self {
        Self::waiting(TURN_WAIT)
    }
}

impl Turns {
    fn waiting(wait: Duration) -> Self {
        Self { all: Arc::new(Semaphore::new(TURNS_MAX)), accounts: Mutex::default(), wait }
    }

    /// Waits for a turn. None: others have them all, or the account has as many as it may.
    pub(crate) async fn take(&self, account: u64) -> Option<Turn> {
        let own = self.of(account);
        let waiting = async {
            let own = own.acquire_owned().await.ok()?;
            Some(Turn { _own: own, _any: self.all.clone().acquire_owned().await.ok()? })
        };
        tokio::time::timeout(self.wait, waiting).await.ok()?
    }

    fn of(&self, account: u64) -> Arc<Semaphore> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        // Who has no turn and waits for none is forgotten.
        accounts.retain(|id, turns| *id == account || Arc::strong_count(turns) > 1);
        accounts.entry(account).or_insert_with(|| Arc::new(Semaphore::new(ACCOUNT_TURNS_MAX))).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn no_account_takes_all_turns() {
        let turns = Turns::waiting(Duration::from_millis(50));
        let mut taken = Vec::new();
        for _ in 0..ACCOUNT_TURNS_MAX {
            taken.push(turns.take(1).await.unwrap());
        }
        assert!(turns.take(1).await.is_none(), "it has as many as it may");
        for _ in ACCOUNT_TURNS_MAX..TURNS_MAX {
            taken.push(turns.take(2).await.unwrap());
        }
        assert!(turns.take(3).await.is_none(), "there are no more");
        taken.truncate(1);
        assert!(turns.take(3).await.is_some() && turns.take(1).await.is_some());
        drop(taken);
        drop(turns.take(4).await);
        assert_eq!(turns.accounts.lock().unwrap().len(), 1, "who has none is forgotten");
    }
}
