//! Until the vault crate has them.
use journal::{BlobName, Hash};
use std::sync::Arc;

/// A batch as shipped.
#[derive(Debug)]
pub struct EncodedBatch {
    /// First entry.
    pub first: u64,
    /// Entries.
    pub count: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
    /// The root at its end.
    pub size_root: Hash,
}

/// Why the source could not give it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

impl SourceError {
    /// With this text.
    pub fn new(text: String) -> Self {
        Self(text)
    }
}

/// A spooled blob.
#[derive(Debug)]
pub struct BlobReader(pub std::fs::File, pub u64);

impl BlobReader {
    /// Of a file.
    pub fn new(file: std::fs::File, len: u64) -> Self {
        Self(file, len)
    }
}

/// What shippers read.
pub trait JournalSource: Send + Sync + 'static {
    /// .
    fn size(&self) -> u64;
    /// .
    fn batches_from(&self, first: u64, bytes_max: usize) -> Result<Vec<Arc<EncodedBatch>>, SourceError>;
    /// .
    fn root_at(&self, size: u64) -> Result<Option<Hash>, SourceError>;
    /// .
    fn blob(&self, name: &BlobName) -> Result<Option<BlobReader>, SourceError>;
    /// .
    fn cosigned(&self, vault: &str, size: u64, line: &str);
}
