//! The contract of a vault's store.

use crate::probe::Probe;
use journal::{BlobName, Hash};
use std::io::{self, Read};

/// What came of a put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It was not there and now is.
    Stored,
    /// It was there already.
    Present,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The storage failed. What was being written may be there in part; what was acknowledged before is untouched.
    #[error("the vault's storage failed: {0}")]
    Io(#[from] io::Error),
    /// The bytes are not those that the name promises, as received or as read back.
    #[error("the bytes do not hash to {0}")]
    WrongBytes(BlobName),
    /// What was stored before is not what was stored: a flipped bit, a lost file, another program's work.
    #[error("the vault's store is damaged: {0}")]
    Damaged(String),
    /// The storage does not do what a vault promises: no lock, no versions, a key that somebody else can destroy.
    #[error("the vault's store does not do what a vault needs: {0}")]
    Unfit(String),
}

/// What a [`Store::sweep`] saw.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Objects that have a lock to keep.
    pub objects: u64,
    /// Those whose lock was running out and was renewed.
    pub renewed: u64,
}

/// A batch in the store: the number of its first entry, and what finds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Which segment or object.
    pub segment: u64,
    /// Where in it the batch's bytes begin.
    pub offset: u64,
    /// How many there are.
    pub len: u32,
}

/// An open blob, and its length in bytes.
pub type OpenBlob = (Box<dyn Read + Send>, u64);

/// Judges a batch that [`Store::load`] comes to.
pub type Judge<'a> = dyn FnMut(Place, &[u8]) -> Result<(), StoreError> + 'a;

/// Keeps blobs, batches and epoch statements, each written once.
///
/// All calls block. A call that returned `Ok` survives a crash of anything; a call that failed or never returned leaves
/// what was there before, plus possibly a part that [`Store::load`] passes over. Every call may be repeated. One vault
/// has one store, and calls that append come one at a time; the rest may come at once.
///
/// There is no way to remove, overwrite, shorten or rename, and a kind of store that needs one to work does not qualify.
pub trait Store: Send + Sync + 'static {
    /// Stores a blob under its name unless it is there. The bytes that are read back from the storage after they are
    /// durable, not those received, must have the name's hash.
    fn put_blob(&self, name: &BlobName, source: &mut dyn Read) -> Result<Put, StoreError>;

    /// Whether there is a blob of this name that is durable, also when the put that brought it failed or is still going on. Says
    /// nothing about bytes that have changed since a put acknowledged them.
    fn has_blob(&self, name: &BlobName) -> Result<bool, StoreError>;

    /// A blob's bytes and their number, unchecked: who reads them checks the hash. `None` when there is none.
    fn blob(&self, name: &BlobName) -> Result<Option<OpenBlob>, StoreError>;

    /// The names of all blobs.
    fn blobs(&self) -> Result<Vec<BlobName>, StoreError>;

    /// Appends encoded batches, durable with one fsync, and gives back their places and their bytes as read back.
    fn append(&self, batches: &[&[u8]]) -> Result<Vec<(Place, Vec<u8>)>, StoreError>;

    /// The bytes of a batch, whose checksum is checked.
    fn batch(&self, place: &Place) -> Result<Vec<u8>, StoreError>;

    /// Goes through all batches in order, for `each` to judge. What was cut short at the end of a segment, by a crash
    /// while it was written, is passed over; whatever else does not read as it was written is [`StoreError::Damaged`].
    fn load(&self, each: &mut Judge<'_>) -> Result<(), StoreError>;

    /// Stores the statement that starts an epoch.
    fn put_epoch(&self, number: u64, statement: &str) -> Result<Put, StoreError>;

    /// All epoch statements, in order.
    fn epochs(&self) -> Result<Vec<(u64, String)>, StoreError>;

    /// Keeps the record of an erasure of the order with this hash (`journal::erasure`). Records of one order stand beside each other.
    fn put_erasure(&self, order: &Hash, record: &str) -> Result<Put, StoreError>;

    /// All records of erasures.
    fn erasures(&self) -> Result<Vec<String>, StoreError>;

    /// How much room is left, in bytes; `u64::MAX` when the storage knows no bound.
    fn free_bytes(&self) -> Result<u64, StoreError>;

    /// Attacks the store with everything that this process could do to it, and tells what held.
    fn probe(&self) -> Probe;

    /// Renews whatever protects what is stored, where that runs out by itself.
    fn sweep(&self) -> Result<Sweep, StoreError> {
        Ok(Sweep::default())
    }
}
