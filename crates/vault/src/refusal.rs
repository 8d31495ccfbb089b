//! Why a vault does not do what it was asked.

use crate::core::ENTRY_RESERVE_BYTES;
use crate::store::StoreError;
use journal::batch::BatchError;
use journal::epoch::EpochError;
use journal::note::NoteError;
use journal::{BlobName, Origin};

/// Why a vault does not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No site is enrolled.
    #[error("no site is enrolled at this vault; a site enrols itself when it is started with --vault")]
    NotEnrolled,
    /// Another site is.
    #[error("this vault keeps the log {0}; give each site a vault of its own")]
    OtherLog(Origin),
    /// The statement or batch is malformed, or not signed by the key that must have signed it.
    #[error("{0}")]
    Invalid(String),
    /// The epoch is not the vault's: a newer one was started by the holder of the recovery key.
    #[error("epoch {theirs} is over: this vault is in epoch {ours}, started by the holder of the recovery key")]
    OldEpoch {
        /// The vault's.
        ours: u64,
        /// What was asked.
        theirs: u64,
    },
    /// Entries from before the newest epoch's beginning, without the proof that they lead there.
    #[error(
        "epoch {epoch} began with {size} entries: those before come with the proof that they lead there, which the recovered site makes"
    )]
    Unproven {
        /// The newest epoch.
        epoch: u64,
        /// Where it began.
        size: u64,
    },
    /// The epoch has other recovery keys than the one before, and the order for that is not here, or not due.
    #[error("this vault keeps the recovery keys that it knows: {0}")]
    NoOrder(String),
    /// The batch does not begin where the vault's log ends.
    #[error("this vault's log has {size} entries, and the batch begins at {first}")]
    Size {
        /// How many entries the vault has.
        size: u64,
        /// Where the batch begins.
        first: u64,
    },
    /// Other entries than these were cosigned at this place: a fork.
    #[error("this vault cosigned other entries at {0}; a log that was rolled back or forked gets no cosignature")]
    Fork(u64),
    /// Blobs that the entries need are not here.
    #[error("the entries need {} blobs that this vault has not", .0.len())]
    MissingBlobs(Vec<BlobName>),
    /// The vault has more entries than the epoch begins with.
    #[error(
        "this vault holds {held} entries, {size} were recovered; it keeps them as evidence, and the recovered site needs an empty vault in its place"
    )]
    HoldsMore {
        /// How many the vault holds.
        held: u64,
        /// Where the epoch begins.
        size: u64,
    },
    /// The store is damaged.
    #[error("this vault's store is damaged and signs nothing until its owner has looked: {0}")]
    Damaged(String),
    /// The store fails what its owner's probe tries, or has not been probed.
    #[error("this vault signs nothing over a store that does not protect: {0}")]
    Unfit(String),
    /// No room for blobs.
    #[error(
        "this vault has no room for more blobs: {free} bytes are free, of which {ENTRY_RESERVE_BYTES} are kept for entries"
    )]
    Full {
        /// Bytes that are free.
        free: u64,
    },
    /// The storage failed.
    #[error("{0}")]
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<BatchError> for Refusal {
    fn from(error: BatchError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<EpochError> for Refusal {
    fn from(error: EpochError) -> Self {
        Self::Invalid(error.to_string())
    }
}

impl From<NoteError> for Refusal {
    fn from(error: NoteError) -> Self {
        Self::Invalid(error.to_string())
    }
}
