//! What the writer needs to know of the vaults.

use tokio::sync::watch;
use vault::Quorum;

/// The vaults, as seen from the writer. `vault::Replicator` in a running site; tests have their own.
pub trait Shipping: Send + Sync + 'static {
    /// There are new batches.
    fn committed(&self);

    /// Entries below this number are held by a quorum.
    fn held(&self) -> watch::Receiver<u64>;

    /// Why nothing may be written any more, once there is a reason.
    fn trouble(&self) -> Option<String>;

    /// Whether enough vaults for a quorum answer; if not, those that do not.
    fn quorum_reachable(&self) -> Result<(), Vec<String>>;

    /// From now on these make an entry held.
    fn follow(&self, quorum: Quorum);

    /// Each vault's name and how many entries it has cosigned.
    fn sizes(&self) -> Vec<(String, u64)>;
}

impl Shipping for vault::Replicator {
    fn committed(&self) {
        Self::committed(self);
    }

    fn held(&self) -> watch::Receiver<u64> {
        Self::held(self)
    }

    fn trouble(&self) -> Option<String> {
        Self::trouble(self).borrow().as_ref().map(ToString::to_string)
    }

    fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        Self::quorum_reachable(self)
    }

    fn follow(&self, quorum: Quorum) {
        Self::follow(self, quorum);
    }

    fn sizes(&self) -> Vec<(String, u64)> {
        self.status().into_iter().map(|vault| (vault.name, vault.size)).collect()
    }
}

/// Those that have cosigned everything below `size`.
pub(crate) fn holders(shipping: &dyn Shipping, size: u64) -> Vec<String> {
    shipping.sizes().into_iter().filter(|(_, has)| *has >= size).map(|(name, _)| name).collect()
}

/// Those that have not.
pub(crate) fn laggards(shipping: &dyn Shipping, size: u64) -> Vec<String> {
    shipping.sizes().into_iter().filter(|(_, has)| *has < size).map(|(name, _)| name).collect()
}
