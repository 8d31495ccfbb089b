//! What one account may have of a class's room.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// One part in so many of a class's room is an account's at the most.
pub const ACCOUNT_SHARE: usize = 2;
/// Accounts without anything under way are forgotten when there are so many.
const ACCOUNTS_KEPT_MAX: usize = 1_024;

#[derive(Debug)]
pub(super) struct Shares {
    share: usize,
    accounts: Mutex<HashMap<u64, Arc<Semaphore>>>,
}

impl Shares {
    /// Of a class with this room.
    pub(super) fn of(permits_max: usize) -> Self {
        Self { share: permits_max.div_ceil(ACCOUNT_SHARE), accounts: Mutex::default() }
    }

    /// Waits until the account has less than its share under way.
    pub(super) async fn enter(&self, account: u64) -> Option<OwnedSemaphorePermit> {
        let share = {
            let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
            if accounts.len() >= ACCOUNTS_KEPT_MAX {
                accounts.retain(|_, share| Arc::strong_count(share) > 1);
            }
            accounts.entry(account).or_insert_with(|| Arc::new(Semaphore::new(self.share))).clone()
        };
        share.acquire_owned().await.ok()
    }
}
