//! Where the log puts what is too large for an entry, and finds what its batches need.

use crate::error::Error;
use journal::BlobName;
use std::fs::File;

/// The site's spool of sealed blobs. The domain half implements it over files.
pub trait BlobSink: Send + Sync + 'static {
    /// Seals `plaintext` (at most 64 MiB) and keeps the result until every vault has it: durable when this returns.
    fn put(&self, plaintext: &[u8]) -> Result<BlobName, Error>;

    /// The sealed bytes of a blob and how many they are; None when the spool does not have it (any more).
    fn sealed(&self, name: &BlobName) -> Result<Option<(File, u64)>, Error>;
}
