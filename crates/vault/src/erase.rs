//! Carrying out an erasure: the one place of a vault with verbs that take away. The vault's owner runs it, on the vault's own machine, while
//! the vault does not serve; no request reaches it, and a test holds the server to that.
//!
//! ```text
//! order due, list its own, nothing else needs it -> record: all of it waits -> bytes removed, store read anew -> record: erased
//! ```
//! Invariants:
//! 1. Nothing is removed but the blobs of a list, whose hash is in an order that is due here ([`Orders::due`]).
//! 2. Nothing is removed that an entry outside of the list names, or that an epoch begins with. Whether those entries are what the officers
//!    meant, a vault can't read; the site makes the list, and a drill with keys shows what is missing.
//! 3. Entries and roots are the same afterwards, which is read back before it is signed for.
//! 4. A crash at any place leaves a vault that holds what it must; carrying out the order again goes on from there.

mod bucket;
mod directory;
mod survey;

use crate::core::{Vault, newest};
use crate::orders::{Orders, OrdersError};
use crate::s3::S3Store;
use crate::server::{ServeError, StoreKind, lock, opened_key};
use crate::store::{Store, StoreError};
use bucket::BucketHand;
use directory::DirectoryHand;
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
    /// The order is not here, not signed, vetoed, or not due.
    #[error(transparent)]
    Orders(#[from] OrdersError),
    /// The list is not the order's.
    #[error(transparent)]
    List(#[from] ErasureError),
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
trait Hand {
    /// Removes what may be removed of these blobs. Gives those that lie behind a lock, and until when, seconds since 1970. What is not there
    /// any more is no error.
    fn take(&self, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError>;
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
    let signed = orders.due(order, orders.uptime_s(), now_us)?;
    let list = orders.list(order)?;
    list.check(&signed)?;
    let key = || opened_key(dir);
    let (store, hand) = open(dir, kind, &key()?)?;
    let vault = sound(&store, key()?)?;
    match vault.epoch() {
        Some((origin, _)) if *origin == list.origin => {}
        Some((origin, _)) => {
            return refused(format!("this vault keeps the log {origin}, and the order is for {}", list.origin));
        }
        None => return refused("no site is enrolled at this vault: it holds nothing"),
    }
    let before = newest(store.erasures()?, order);
    let found = survey::survey(&vault, &list, before.as_ref())?;
    let (size, root) = (vault.size(), vault.root());
    // Before anything goes: how much there was of each is known afterwards too, and the vault won't take them again.
    let record = ErasureRecord::sign(vault.key(), signed.clone(), list.clone(), found.clone(), now_s)?;
    store.put_erasure(order, &record.to_string())?;
    drop(vault);

    let waits = hand.take(&list.names())?;
    let (store, _) = open(dir, kind, &key()?)?;
    let vault = sound(&store, key()?)?;
    if (vault.size(), vault.root()) != (size, root) {
        return refused("the log is not what it was: leave this vault as it is, and restore it from another");
    }
    let left = survey::survey(&vault, &list, None)?;
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
    let record = ErasureRecord::sign(vault.key(), signed, list, done, now_s)?;
    store.put_erasure(order, &record.to_string())?;
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

/// A store, and what takes out of it.
type Opened = (Arc<dyn Store>, Box<dyn Hand>);

fn open(dir: &Path, kind: &StoreKind, key: &SigningKey) -> Result<Opened, EraseError> {
    match kind {
        StoreKind::Dir => {
            let path = dir.join("store");
            let store = crate::dir::DirStore::open(&path, crate::disk::RealDisk)?;
            Ok((Arc::new(store), Box::new(DirectoryHand(path))))
        }
        StoreKind::S3 { url, credentials } => {
            let store = Arc::new(S3Store::open(url.clone(), credentials.clone(), &key.verifier().to_string())?);
            Ok((store.clone(), Box::new(BucketHand(store))))
        }
    }
}

/// The vault over its store, when that is whole: over a damaged one nothing is removed, because it may be the evidence.
fn sound(store: &Arc<dyn Store>, key: SigningKey) -> Result<Vault<dyn Store>, EraseError> {
    let vault = Vault::open(store.clone(), key)?;
    match vault.damaged() {
        Some(what) => refused(format!("the vault's store is damaged, and nothing is removed from it: {what}")),
        None => Ok(vault),
    }
}
