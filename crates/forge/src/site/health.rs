//! How the site is doing.

use super::Site;
use crate::error::Error;
use vault::VaultStatus;

impl Site {
    /// Entries in the journal.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.ledger.log().size()
    }

    /// Entries below this number are held by a quorum.
    #[must_use]
    pub fn held(&self) -> u64 {
        *self.ledger.shipping().held().borrow()
    }

    /// Commands that wait for the writer.
    #[must_use]
    pub fn queue_len(&self) -> usize {
        self.ledger.writer().queued()
    }

    /// How each vault is doing.
    #[must_use]
    pub fn vaults(&self) -> Vec<VaultStatus> {
        self.replicator.status()
    }

    /// Whether writes are taken; if not, why.
    pub fn writability(&self) -> Result<(), Error> {
        if let Some(reason) = self.ledger.shipping().trouble() {
            return Err(Error::Frozen { reason });
        }
        if let Some(lockdown) = self.lockdown_in_force() {
            return Err(Error::Frozen { reason: lockdown.reason() });
        }
        self.ledger.shipping().quorum_reachable().map_err(|missing| Error::NoQuorum { missing })
    }

    /// All held entries below this number are in the repositories on the disk.
    #[must_use]
    pub fn projected(&self) -> u64 {
        self.position.get()
    }
}
