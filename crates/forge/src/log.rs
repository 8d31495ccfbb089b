//! The journal as kept on a site: its own tables, and what vaults and receipts need of them.
//!
//! Invariants:
//! 1. The tables of `schema/log.sql` are the only ones that are no projection of the journal.
//! 2. Batches are fixed: a checkpoint's `first .. size` is what was signed together, and is shipped together for ever.
//! 3. A batch made again from the tables has the same entries, byte for byte, or is an error that names the entry: then
//!    somebody edited the database.
//! 4. A tile is stored when it is full, and never changes then.

mod blobs;
mod edges;
mod head;
mod quorum;
mod receipt;
mod recent;
mod reported;
mod sealer;
mod source;
mod store;
mod witness;

pub use blobs::BlobSink;
pub use edges::{Edges, FullTile, TILE_WIDTH};
pub use head::Head;
pub use quorum::{policy, policy_at, quorum};
pub use receipt::inclusion_proof;
pub(crate) use receipt::recovery_keys;
pub use recent::RECENT_BYTES_MAX;
pub use sealer::{FetchEvent, LogKeys, Opened};
pub use store::{
    CheckpointRow, EntryRow, checkpoint_fetch, checkpoint_last, checkpoint_list, cosignature_list, edges_fetch,
    entry_each, entry_fetch, tile_fetch, unfilled,
};

pub(crate) use sealer::{Sealed, read_row};
pub(crate) use store::{
    checkpoint_insert, checkpoint_put, cosignature_insert, entries_written, entry_each_content, entry_insert,
    leaf_each, skipped_list, tile_put, tile_put_full, tile_stored, time_before, unfilled_set,
};

use crate::db::{Db, DbError, Tx};
use crate::error::Error;
use journal::checkpoint::Checkpoint;
use journal::note::{SignedNote, VerifierKey};
use recent::Recent;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use tokio::sync::watch;
use vault::EncodedBatch;

/// Cosignatures kept in memory until a batch takes them to the database. The oldest go first: vaults can be asked
/// again.
const PENDING_COSIGNATURES_MAX: usize = 8192;

/// The log of one site.
pub struct Log {
    db: Db,
    keys: LogKeys,
    blobs: Arc<dyn BlobSink>,
    size: AtomicU64,
    recent: Mutex<Recent>,
    /// (size, vault) -> line
    cosignatures: Mutex<BTreeMap<(u64, String), String>>,
    /// Who is shown the log though he does not keep it.
    witnesses: OnceLock<Vec<VerifierKey>>,
    everywhere: watch::Sender<u64>,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("keys", &self.keys).field("size", &self.size()).finish_non_exhaustive()
    }
}

impl Log {
    /// The log in this database, whose tables are made if there are none. Fails when its tree is not what was signed.
    pub fn open(db: Db, keys: LogKeys, blobs: Arc<dyn BlobSink>) -> Result<Arc<Self>, Error> {
        keys.data_key(keys.epoch)?;
        crate::replay::make_ready(&db)?;
        let head = db.read(Head::load)?;
        db.read(|tx| last_is_signed(tx, &keys))?;
        let (recent, cosignatures, everywhere) = (Mutex::default(), Mutex::default(), watch::Sender::new(0));
        let (size, witnesses) = (AtomicU64::new(head.size()), OnceLock::new());
        Ok(Arc::new(Self { db, keys, blobs, size, recent, cosignatures, witnesses, everywhere }))
    }

    /// Committed entries.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size.load(Ordering::Acquire)
    }

    /// Every vault there is has the entries below this number: what was spooled for them is needed no more.
    #[must_use]
    pub fn held_by_all(&self) -> watch::Receiver<u64> {
        self.everywhere.subscribe()
    }

    /// The database it is in.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// What it is written with.
    #[must_use]
    pub fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// The spool.
    #[must_use]
    pub fn blobs(&self) -> &Arc<dyn BlobSink> {
        &self.blobs
    }

    /// A batch is committed.
    pub(crate) fn publish(&self, size: u64, batch: Option<EncodedBatch>) {
        let mut recent = self.recent();
        match batch {
            Some(batch) => recent.push(Arc::new(batch)),
            None => recent.clear(),
        }
        self.size.store(size, Ordering::Release);
    }

    /// The database was asked anew how far the log reaches.
    pub(crate) fn reloaded(&self, size: u64) {
        self.publish(size, None);
    }

    /// What vaults have signed since the last batch goes to the database with this one.
    pub(crate) fn write_cosignatures(&self, tx: &mut Tx) -> Result<Vec<(u64, String)>, DbError> {
        let pending = self.cosignatures().clone();
        for ((size, vault), line) in &pending {
            cosignature_insert(tx, *size, vault, line)?;
        }
        Ok(pending.into_keys().collect())
    }

    /// That transaction is committed: these need not be kept in memory any more.
    pub(crate) fn forget_cosignatures(&self, written: &[(u64, String)]) {
        let mut pending = self.cosignatures();
        for key in written {
            pending.remove(key);
        }
    }

    pub(crate) fn has_cosignatures(&self) -> bool {
        !self.cosignatures().is_empty()
    }

    /// Names the witnesses, once: receipts carry what they sign.
    pub(crate) fn set_witnesses(&self, keys: Vec<VerifierKey>) {
        // The site is opened once, and names them then.
        let _set = self.witnesses.set(keys);
    }

    fn witnesses(&self) -> &[VerifierKey] {
        self.witnesses.get().map_or(&[], Vec::as_slice)
    }

    pub(crate) fn keep_cosignature(&self, vault: &str, size: u64, line: &str) {
        let mut pending = self.cosignatures();
        pending.insert((size, vault.to_owned()), line.to_owned());
        while pending.len() > PENDING_COSIGNATURES_MAX {
            pending.pop_first();
        }
    }

    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cosignatures(&self) -> MutexGuard<'_, BTreeMap<(u64, String), String>> {
        self.cosignatures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The last checkpoint of this site's own epoch was signed with this site's own key: the database and the keys belong
/// together.
fn last_is_signed(tx: &mut Tx, keys: &LogKeys) -> Result<(), Error> {
    let Some(last) = checkpoint_last(tx)?.filter(|last| last.epoch == keys.epoch) else { return Ok(()) };
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("the checkpoint of size {}: {e}", last.size));
    let note: SignedNote = last.note.parse().map_err(|e| bad(&e))?;
    let signed = Checkpoint::verify(&note, keys.log_key.verifier()).map_err(|e| bad(&e))?;
    if (signed.size, signed.root) == (last.size, last.root) {
        return Ok(());
    }
    Err(bad(&"the note was signed over another tree"))
}
