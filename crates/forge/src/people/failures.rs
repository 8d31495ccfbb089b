//! Sign-ins that failed, for whom they were meant. In memory: whoever tries must not fill the journal. A restart forgets them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Accounts whose failed sign-ins are kept in mind; beyond it the one whose last is longest ago is forgotten.
pub const FAILURES_ACCOUNTS_MAX: usize = 10_000;

/// Failed sign-ins to one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSignIns {
    /// How many, since the site was started.
    pub count: u64,
    /// When the last was, microseconds since 1970.
    pub last_us: i64,
    /// The address it came from.
    pub address: Option<String>,
}

/// Those of all accounts.
#[derive(Debug, Default)]
pub(crate) struct Failures(Mutex<HashMap<u64, FailedSignIns>>);

impl Failures {
    /// One more failed.
    pub(crate) fn note(&self, account: u64, address: Option<&str>, now_us: i64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= FAILURES_ACCOUNTS_MAX && !known.contains_key(&account) {
            let oldest = known.iter().min_by_key(|(_, failed)| failed.last_us).map(|(account, _)| *account);
            oldest.and_then(|account| known.remove(&account));
        }
        let count = known.get(&account).map_or(0, |failed| failed.count) + 1;
        known.insert(account, FailedSignIns { count, last_us: now_us, address: address.map(str::to_owned) });
    }

    /// An account's; None: there were none.
    pub(crate) fn of(&self, account: u64) -> Option<FailedSignIns> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&account).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_counted_and_fill_no_memory() {
        let failures = Failures::default();
        failures.note(0, Some("10.0.0.1"), 1);
        failures.note(0, None, 2);
        assert_eq!(failures.of(0), Some(FailedSignIns { count: 2, last_us: 2, address: None }));
        assert_eq!(failures.of(1), None);
        let all = FAILURES_ACCOUNTS_MAX as u64;
        (1..=all).for_each(|account| failures.note(account, None, 2 + i64::try_from(account).unwrap()));
        assert!(failures.of(0).is_none() && failures.of(1).is_some() && failures.of(all).is_some());
    }
}
