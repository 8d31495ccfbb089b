//! Carrying out an erasure: the one place of a vault with verbs that take away. The vault's owner runs it, on the vault's own machine, while
//! the vault does not serve; no request reaches it, and a test holds the server to that.
//!
//! ```text
//! order due, list its own, nothing else needs it -> record: all of it waits -> bytes removed, store read anew -> record: erased
//! ```
//! Invariants:
//! 1. Nothing is removed but the blobs of a list, whose hash is in an order that is due here: only [`Orders`] makes an [`Erasure`].
//! 2. Nothing is removed that an entry outside of the list names, or that an epoch begins with. Whether those entries are what the officers
//!    meant, a vault can't read; the site makes the list, and a drill with keys shows what is missing.
//! 3. Entries and roots are the same afterwards, which is read back before it is signed for.
//! 4. A crash at any place leaves a vault that holds what it must; carrying out the order again goes on from there.

mod bucket;
mod directory;
mod survey;

use crate::core::{Vault, newest};
use crate::disk::RealDisk;
use crate::orders::{Erasure, Orders, OrdersError};
use crate::server::{ServeError, StoreKind, lock, opened_key};
use crate::store::{Store, StoreError};
use bucket::BucketHand;
pub use directory::{DirectoryHand, Eraser};
use jiff::Timestamp;
use journal::erasure::{ErasedBlob, ErasureError, ErasureRecord, Fate};
use journal::note::SigningKey;
use journal::{BlobName, Hash};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::sync::Arc;

/// Why nothing, or not all, is erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// The owner, or whoever sent the order, can do something about it.
    #[error("{0}")]
    Refused(String),
    /// The order is not here, not signed, vetoed, not due, or its list is another.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// The record can't be made.
    #[error(transparent)]
    Record(#[from] ErasureError),
    /// The vault can't be opened.
    #[error(transparent)]
    Open(#[from] ServeError),
    /// The store fails.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The directory can't be read or written.
    #[error("the vault's directory: {0}")]
    Io(#[from] io::Error),
}

fn refused<T>(text: impl Into<String>) -> Result<T, EraseError> {
    Err(EraseError::Refused(text.into()))
}

/// What takes blobs out of one kind of store.
pub trait Hand {
    /// The store, which itself takes nothing away.
    type Store: Store;

    /// The store with what it says now.
    ///
    /// # Errors
    /// When it can't be used.
    fn open(&self) -> Result<Arc<Self::Store>, EraseError>;

    /// Removes what may be removed of these blobs. Gives those that lie behind a lock, and until when, seconds since 1970. What is not there
    /// any more is no error.
    ///
    /// # Errors
    /// When the store fails: then any part of them may be gone, and the call may be repeated.
    fn take(&self, store: &Self::Store, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError>;
}

/// Carries out the order with this hash at the vault in a directory, and gives the record of what became of each blob. May be repeated: what
/// waits behind a lock goes when the lock has run out. Blocks.
///
/// # Errors
/// When the vault is being served, the order is not due here, its list was not handed over, or something else needs a blob: then nothing was
/// removed.
pub fn erase(
    dir: &Path,
    kind: &StoreKind,
    order: &Hash,
    (now_s, now_us): (u64, i64),
) -> Result<ErasureRecord, EraseError> {
    own_user(dir)?;
    let _lock = lock(dir)?;
    let orders = Orders::of(dir);
    let erasure = orders.erasure(order, orders.uptime_s(), now_us)?;
    let key = || -> Result<SigningKey, EraseError> { Ok(opened_key(dir)?) };
    match kind {
        StoreKind::Dir => erase_with(&DirectoryHand::new(&dir.join("store"), RealDisk), &key, &erasure, now_s),
        StoreKind::S3 { url, credentials } => {
            let owner = opened_key(dir)?.verifier().to_string();
            let (url, credentials, names) = (url.clone(), credentials.clone(), erasure.list().names());
            let now =
                i64::try_from(now_s).ok().and_then(|now_s| Timestamp::from_second(now_s).ok()).unwrap_or_default();
            let hand = BucketHand { url, credentials, owner, names, now };
            erase_with(&hand, &key, &erasure, now_s)
        }
    }
}

/// As [`erase`], over a store that the caller knows nobody serves.
///
/// # Errors
/// As there.
pub fn erase_with<H: Hand>(
    hand: &H,
    key: &dyn Fn() -> Result<SigningKey, EraseError>,
    erasure: &Erasure,
    now_s: u64,
) -> Result<ErasureRecord, EraseError> {
    let (order, list) = (erasure.order(), erasure.list());
    let store = hand.open()?;
    let vault = sound(&store, key()?)?;
    match vault.epoch() {
        Some((origin, _)) if *origin == list.origin => {}
        Some((origin, _)) => {
            return refused(format!("this vault keeps the log {origin}, and the order is for {}", list.origin));
        }
        None => return refused("no site is enrolled at this vault: it holds nothing"),
    }
    let before = newest(store.erasures()?, &order.hash());
    let found = survey::survey(&vault, list, before.as_ref())?;
    let (size, root) = (vault.size(), vault.root());
    // Before anything goes: how much there was of each is known afterwards too, and the vault won't take them again.
    let record = ErasureRecord::sign(vault.key(), order.clone(), list.clone(), found.clone(), now_s)?;
    store.put_erasure(&order.hash(), &record.to_string())?;
    drop(vault);

    let waits = hand.take(&store, &list.names())?;
    let store = hand.open()?;
    let vault = sound(&store, key()?)?;
    if (vault.size(), vault.root()) != (size, root) {
        return refused("the log is not what it was: leave this vault as it is, and restore it from another");
    }
    let left = survey::survey(&vault, list, None)?;
    let done = found.into_iter().zip(left).map(|(was, is)| {
        let fate = match (was.fate, waits.get(&was.name)) {
            (_, Some(until_s)) => Fate::Waits(*until_s),
            (Fate::Waits(_), None) => Fate::Erased,
            (fate, None) => fate,
        };
        if fate == Fate::Erased && is.fate != Fate::Absent {
            return refused(format!("blob {} was removed and is there", was.name));
        }
        Ok(ErasedBlob { fate, ..was })
    });
    let done = done.collect::<Result<Vec<_>, _>>()?;
    let record = ErasureRecord::sign(vault.key(), order.clone(), list.clone(), done, now_s)?;
    store.put_erasure(&order.hash(), &record.to_string())?;
    Ok(record)
}

/// Files that another user made would keep the vault from starting.
fn own_user(dir: &Path) -> Result<(), EraseError> {
    let owner = std::fs::metadata(dir.join("private"))?.uid();
    if rustix::process::geteuid().as_raw() == owner {
        return Ok(());
    }
    refused(format!("run this as the user that the vault runs as (user id {owner}): its files must stay that user's"))
}

/// The vault over its store, when that is whole: over a damaged one nothing is removed, because it may be the evidence.
fn sound<S: Store>(store: &Arc<S>, key: SigningKey) -> Result<Vault<S>, EraseError> {
    let vault = Vault::open(store.clone(), key)?;
    match vault.damaged() {
        Some(what) => refused(format!("the vault's store is damaged, and nothing is removed from it: {what}")),
        None => Ok(vault),
    }
}
