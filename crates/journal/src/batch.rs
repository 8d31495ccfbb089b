//! Batches: what the writer committed at once, the unit that vaults store and cosign. A batch is made once and sent as
//! the same bytes each time.

use crate::checkpoint::Checkpoint;
use crate::entry::{ENTRY_BYTES_MAX, EntryError, Envelope, unreachable_encode};
use crate::note::SignedNote;
use crate::{BlobName, Origin};
use minicbor::{Decoder, Encoder};
use std::collections::BTreeSet;

/// The most entries of a batch.
pub const BATCH_ENTRIES_MAX: usize = 1024;
/// The most bytes of an encoded batch.
pub const BATCH_BYTES_MAX: usize = 16 << 20;
/// The most bytes of a blob that travels in its batch; a larger one is put before it.
pub const INLINE_BLOB_BYTES_MAX: usize = 256 << 10;
/// The most blobs in one batch.
pub const INLINE_BLOBS_MAX: usize = 4096;

const BATCH_VERSION: u8 = 1;

/// Consecutive entries with the checkpoint that covers them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The log.
    pub origin: Origin,
    /// The epoch in which it was made.
    pub epoch: u64,
    /// The number of the first entry.
    pub first: u64,
    /// The envelopes.
    pub entries: Vec<Vec<u8>>,
    /// The signed checkpoint of size `first + entries`.
    pub checkpoint: String,
    /// The newest entry that names a database snapshot: a hint for recovery, believed only once that entry is verified.
    pub snapshot_entry: Option<u64>,
    /// Small blobs that the entries need.
    pub inline: Vec<Vec<u8>>,
}

/// Why bytes are not a batch.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BatchError {
    /// Not the form of a batch.
    #[error("malformed batch: {0}")]
    Malformed(String),
    /// Over a limit.
    #[error("a batch has at most {limit} {what}")]
    TooLarge {
        /// What there is too much of.
        what: &'static str,
        /// How much there may be.
        limit: usize,
    },
    /// One of its entries is malformed.
    #[error("entry {seq}: {error}")]
    Entry {
        /// Which.
        seq: u64,
        /// How.
        error: EntryError,
    },
    /// The checkpoint does not fit the entries.
    #[error("the checkpoint does not belong to these entries: {0}")]
    Checkpoint(String),
}

impl From<minicbor::decode::Error> for BatchError {
    fn from(error: minicbor::decode::Error) -> Self {
        Self::Malformed(error.to_string())
    }
}

impl Batch {
    /// The number after the last entry's.
    pub fn end(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// The batch's bytes.
    ///
    /// # Errors
    /// When it is over a limit.
    pub fn encode(&self) -> Result<Vec<u8>, BatchError> {
        self.check_limits()?;
        let size = self.entries.iter().chain(&self.inline).map(|bytes| bytes.len() + 8).sum::<usize>() + 1024;
        let mut e = Encoder::new(Vec::with_capacity(size));
        let done = (|| {
            e.array(8)?.u8(BATCH_VERSION)?.str(self.origin.as_str())?.u64(self.epoch)?.u64(self.first)?;
            e.array(self.entries.len() as u64)?;
            for entry in &self.entries {
                e.bytes(entry)?;
            }
            e.str(&self.checkpoint)?;
            match self.snapshot_entry {
                Some(seq) => e.u64(seq)?,
                None => e.null()?,
            };
            e.array(self.inline.len() as u64)?;
            for blob in &self.inline {
                e.bytes(blob)?;
            }
            e.ok()
        })();
        let bytes: Vec<u8> = done.map_or_else(unreachable_encode, |()| e.into_writer());
        limit("bytes", bytes.len(), BATCH_BYTES_MAX)?;
        Ok(bytes)
    }

    fn check_limits(&self) -> Result<(), BatchError> {
        if self.entries.is_empty() {
            return Err(BatchError::Malformed("it has no entries".to_owned()));
        }
        limit("entries", self.entries.len(), BATCH_ENTRIES_MAX)?;
        limit("inline blobs", self.inline.len(), INLINE_BLOBS_MAX)?;
        for entry in &self.entries {
            limit("bytes in an entry", entry.len(), ENTRY_BYTES_MAX)?;
        }
        for blob in &self.inline {
            limit("bytes in an inline blob", blob.len(), INLINE_BLOB_BYTES_MAX)?;
        }
        if self.first.checked_add(self.entries.len() as u64).is_none() {
            return Err(BatchError::Malformed("its numbers overflow".to_owned()));
        }
        Ok(())
    }

    /// Reads a batch's bytes and checks its limits; entries and checkpoint are left to be looked at.
    ///
    /// # Errors
    /// When they are no batch, or over a limit.
    pub fn decode(bytes: &[u8]) -> Result<Self, BatchError> {
        limit("bytes", bytes.len(), BATCH_BYTES_MAX)?;
        let mut d = Decoder::new(bytes);
        if d.array()? != Some(8) {
            return Err(BatchError::Malformed("not a batch".to_owned()));
        }
        let version = d.u8()?;
        if version != BATCH_VERSION {
            return Err(BatchError::Malformed(format!("its format version {version} is not known")));
        }
        let origin = d.str()?.parse().map_err(|error: crate::OriginError| BatchError::Malformed(error.to_string()))?;
        let (epoch, first) = (d.u64()?, d.u64()?);
        let entries = byte_strings(&mut d, "entries", BATCH_ENTRIES_MAX)?;
        let checkpoint = d.str()?.to_owned();
        let snapshot_entry =
            if d.datatype()? == minicbor::data::Type::Null { d.null().map(|()| None)? } else { Some(d.u64()?) };
        let inline = byte_strings(&mut d, "inline blobs", INLINE_BLOBS_MAX)?;
        if d.position() != bytes.len() {
            return Err(BatchError::Malformed("bytes follow it".to_owned()));
        }
        let batch = Self { origin, epoch, first, entries, checkpoint, snapshot_entry, inline };
        batch.check_limits()?;
        Ok(batch)
    }

    /// The blobs that the entries name, each once.
    ///
    /// # Errors
    /// When an entry is malformed.
    pub fn blobs_needed(&self) -> Result<BTreeSet<BlobName>, BatchError> {
        let mut needed = BTreeSet::new();
        for (seq, bytes) in (self.first..).zip(&self.entries) {
            let envelope = Envelope::parse(bytes).map_err(|error| BatchError::Entry { seq, error })?;
            needed.extend(envelope.blobs);
        }
        Ok(needed)
    }

    /// The checkpoint as a note and as a value, checked against the batch's own origin, epoch and size. Its signature is
    /// not looked at: which key must have made it is for the caller to know.
    ///
    /// # Errors
    /// When it is malformed, or of other entries.
    pub fn checkpoint(&self) -> Result<(SignedNote, Checkpoint), BatchError> {
        let bad = |text: String| BatchError::Checkpoint(text);
        let note: SignedNote = self.checkpoint.parse().map_err(|error| bad(format!("{error}")))?;
        let checkpoint: Checkpoint = note.text().parse().map_err(|error| bad(format!("{error}")))?;
        let same =
            checkpoint.origin == self.origin && checkpoint.epoch() == Some(self.epoch) && checkpoint.size == self.end();
        if same { Ok((note, checkpoint)) } else { Err(bad("origin, epoch or size differ".to_owned())) }
    }
}

fn limit(what: &'static str, value: usize, limit: usize) -> Result<(), BatchError> {
    if value > limit { Err(BatchError::TooLarge { what, limit }) } else { Ok(()) }
}

fn byte_strings(d: &mut Decoder<'_>, what: &'static str, max: usize) -> Result<Vec<Vec<u8>>, BatchError> {
    let count = d.array()?.ok_or_else(|| BatchError::Malformed("an array without a length".to_owned()))?;
    limit(what, usize::try_from(count).unwrap_or(usize::MAX), max)?;
    (0..count).map(|_| Ok(d.bytes()?.to_vec())).collect()
}
