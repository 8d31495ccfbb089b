//! Where shippers get what they ship: the site's journal, seen from here.

use bytes::Bytes;
use journal::batch::{Batch, BatchError};
use journal::{BlobName, Hash};
use std::fs::File;
use std::sync::Arc;

/// A batch as it is sent: always the same bytes.
#[derive(Debug, Clone)]
pub struct EncodedBatch {
    /// The number of its first entry.
    pub first: u64,
    /// How many entries it has.
    pub count: u64,
    /// Its bytes.
    pub bytes: Bytes,
    /// The log's root at its end.
    pub size_root: Hash,
    /// The text that vaults cosign.
    pub checkpoint_text: String,
    /// The blobs that must be at a vault before it.
    pub blobs: Vec<BlobName>,
}

impl EncodedBatch {
    /// Encodes a batch.
    ///
    /// # Errors
    /// When the batch is over a limit or inconsistent.
    pub fn new(batch: &Batch) -> Result<Self, BatchError> {
        let inline = batch.inline.iter().map(|bytes| BlobName::of(bytes)).collect::<std::collections::HashSet<_>>();
        let blobs = batch.blobs_needed()?.into_iter().filter(|name| !inline.contains(name)).collect();
        let (note, checkpoint) = batch.checkpoint()?;
        let bytes = batch.encode()?.into();
        let (first, count) = (batch.first, batch.entries.len() as u64);
        Ok(Self { first, count, bytes, size_root: checkpoint.root, checkpoint_text: note.text().to_owned(), blobs })
    }

    /// The number after its last entry.
    pub fn end(&self) -> u64 {
        self.first + self.count
    }
}

/// A spooled blob.
#[derive(Debug)]
pub struct BlobReader {
    /// Its file, at the start.
    pub file: File,
    /// Its length in bytes.
    pub len: u64,
}

/// Why the journal can't give what it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SourceError(pub String);

impl SourceError {
    /// With these words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl BlobReader {
    /// A file, at its start, of this length.
    pub fn new(file: File, len: u64) -> Self {
        Self { file, len }
    }
}

/// The site's journal. Calls may block on a disk, and are made from threads that may.
pub trait JournalSource: Send + Sync + 'static {
    /// How many entries are committed.
    fn size(&self) -> u64;

    /// The proof (RFC 6962) that the log of `old` entries is the beginning of the log of `new`.
    ///
    /// # Errors
    /// When it can't be made, or not yet.
    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, SourceError>;

    /// The batches from the one that begins at `first` on, in order, up to about `bytes_max` bytes and at least one if there
    /// is one. A batch is the same bytes each time.
    ///
    /// # Errors
    /// When no batch begins there, or the database was changed behind the journal's back.
    fn batches_from(&self, first: u64, bytes_max: usize) -> Result<Vec<Arc<EncodedBatch>>, SourceError>;

    /// The same, if it is at hand in memory; does not block.
    fn batches_at_hand(&self, _first: u64, _bytes_max: usize) -> Option<Vec<Arc<EncodedBatch>>> {
        None
    }

    /// The log's root at a size, when it had that size at the end of a batch.
    ///
    /// # Errors
    /// When the database fails.
    fn root_at(&self, size: u64) -> Result<Option<Hash>, SourceError>;

    /// A blob that waits in the spool, or that can be had from elsewhere.
    ///
    /// # Errors
    /// When the spool fails.
    fn blob(&self, name: &BlobName) -> Result<Option<BlobReader>, SourceError>;

    /// Takes note that a vault cosigned the checkpoint of this size; `line` is its signature line.
    fn cosigned(&self, vault: &str, size: u64, line: &str);

    /// The signed report of the last full drill, and when it began (microseconds since 1970): vaults raise an alarm when none
    /// comes.
    fn drill(&self) -> Option<(u64, String)> {
        None
    }

    /// What operators tell of incidents, signed, and when the last of it was written (microseconds since 1970): it stands on the vaults' pages.
    fn incidents(&self) -> Option<(u64, String)> {
        None
    }

    /// Takes note that every vault holds everything below this size: blobs that were kept for them may go.
    fn held_by_all(&self, size: u64) {
        let _ = size;
    }
}
