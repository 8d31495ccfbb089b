//! Canaries that were tried, until they are told of.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

tokio::task_local! {
    static FROM: Option<IpAddr>;
}

/// Does `work` on behalf of who comes from this address: doors say so, so that it is known who tried a canary.
pub async fn coming_from<T>(address: Option<IpAddr>, work: impl Future<Output = T>) -> T {
    FROM.scope(address, work).await
}

/// Tries of one canary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tried {
    /// From where the first came, as far as that is known.
    pub(crate) from: Option<IpAddr>,
    pub(crate) times: u64,
}

/// What was tried since it was last asked. Bounded by the number of canaries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Touched(Arc<Mutex<BTreeMap<u64, Tried>>>);

impl Touched {
    /// Somebody tried a canary. Takes no time that would tell them.
    pub(crate) fn note(&self, canary: u64) {
        let from = FROM.try_with(|address| address.map(|address| address.to_canonical())).ok().flatten();
        let mut tried = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tried.entry(canary).or_insert(Tried { from, times: 0 }).times += 1;
    }

    pub(crate) fn take(&self) -> BTreeMap<u64, Tried> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
