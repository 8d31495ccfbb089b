//! A blob that somebody has put into the spool and no entry names yet.

use super::Spool;
use journal::BlobName;
use std::sync::Arc;

/// Keeps a blob in the spool until an entry names it. Dropped before, the blob goes.
#[derive(Debug)]
pub struct Lease {
    spool: Option<Arc<Spool>>,
    name: BlobName,
    sealed_bytes: u64,
}

impl Lease {
    pub(super) fn new(spool: Arc<Spool>, name: BlobName, sealed_bytes: u64) -> Self {
        Self { spool: Some(spool), name, sealed_bytes }
    }

    /// The blob.
    #[must_use]
    pub fn name(&self) -> BlobName {
        self.name
    }

    /// How many bytes it has.
    #[must_use]
    pub fn sealed_bytes(&self) -> u64 {
        self.sealed_bytes
    }

    /// Entries below `through` name it now.
    pub fn named(mut self, through: u64) {
        if let Some(spool) = self.spool.take() {
            spool.named([&self.name], through);
        }
    }

    /// Whether an entry names it will not be known here: it stays at least until the next start.
    #[must_use]
    pub fn keep_unnamed(mut self) -> BlobName {
        self.spool = None;
        self.name
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(spool) = self.spool.take() {
            spool.remove(&self.name);
        }
    }
}
