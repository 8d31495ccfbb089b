//! The repositories on the disk: `DIR/git/ID.git`, ordinary bare ones, each a projection of the held journal.
//!
//! Invariants:
//! 1. A directory is named by the repository's id: renaming one moves nothing, and no user's text is part of a path.
//! 2. What can be read of a repository is its state as of some held entry, never later; a read waits for a repository that is
//!    being filled, at most [`FILL_WAIT`].
//! 3. One repository is filled once at a time, however many ask for it, and goes on being filled when they leave.

use super::packs::BlobSource;
use super::slot::{self, InOrder, Opened, Slot, Step, Tools};
use crate::access::{Act, Authorized};
use crate::db::Db;
use crate::error::Error;
use crate::recover::Erased;
use journal::BlobName;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};

/// How long a read waits for a repository that is being filled.
pub const FILL_WAIT: Duration = Duration::from_secs(60);
/// Repositories that are filled at one time.
pub const FILLS_AT_ONCE: usize = 4;
/// Repositories whose refs are kept in memory.
pub const OPEN_MAX: usize = 2048;

/// The repositories of one site.
#[derive(Clone)]
pub struct Repositories {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    tools: Tools,
    held: watch::Receiver<u64>,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    quarantines: Mutex<HashMap<BlobName, git::Quarantine>>,
    /// Repositories that could not take in a held entry, and the first such entry.
    behind: Mutex<BTreeMap<u64, u64>>,
    fills: Semaphore,
    erased: Erased,
}

impl Repositories {
    /// Those under `dir`, which is made if absent. `held` says how far the journal is held, `erased` what can't be filled any more.
    pub(crate) fn new(
        dir: &Path,
        git: git::Git,
        db: Db,
        blobs: BlobSource,
        held: watch::Receiver<u64>,
        erased: Erased,
    ) -> Result<Self, Error> {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|e| Error::internal(format!("{}: {e}", dir.display())))?;
        let (dir, slots, quarantines) = (dir.to_owned(), Mutex::default(), Mutex::default());
        let fills = Semaphore::new(FILLS_AT_ONCE);
        let (tools, behind) = (Tools { git, db, blobs, in_order: InOrder::default() }, Mutex::default());
        let shared = Shared { dir, tools, held, slots, quarantines, behind, fills, erased };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// The repository somebody may use, as of the newest held entry or nearly so. Waits while it is filled.
    pub async fn open<A: Act>(&self, proof: &Authorized<A>) -> Result<Opened, Error> {
        self.open_id(proof.repo().id).await
    }

    /// The system's git, for children that are about no repository on the disk.
    pub(crate) fn git(&self) -> &git::Git {
        &self.shared.tools.git
    }

    /// As [`Repositories::open`], for what the site does itself.
    pub(crate) async fn open_id(&self, id: u64) -> Result<Opened, Error> {
        let slot = self.slot(id);
        if let Some(opened) = slot.opened() {
            return Ok(opened);
        }
        let repositories = self.clone();
        // A task of its own: invariant 3.
        let opening = tokio::spawn(async move { repositories.open_slot(&slot, id).await });
        match tokio::time::timeout(FILL_WAIT, opening).await {
            Ok(Ok(opened)) => opened,
            Ok(Err(e)) => Err(Error::internal(format!("repository {id}: {e}"))),
            Err(_) => Err(Error::Filling(
                "the repository is still being filled from the vaults; try again in a minute".into(),
            )),
        }
    }

    async fn open_slot(&self, slot: &Slot, id: u64) -> Result<Opened, Error> {
        let _guard = slot.lock.lock().await;
        if let Some(opened) = slot.opened() {
            return Ok(opened);
        }
        let _permit = self.shared.fills.acquire().await.map_err(|_| Error::Stopping)?;
        let held = *self.shared.held.borrow();
        let opened = slot.open(&self.shared.tools, held).await;
        let opened = opened.map_err(|error| self.shared.erased.explain(id, error));
        match &opened {
            Ok(_) => drop(self.behind().remove(&id)),
            Err(error) => tracing::warn!(repository = id, %error, "a repository cannot be opened"),
        }
        opened
    }

    /// Takes held entries into a repository. One that nobody has open is left as it is: who opens it catches up.
    pub(crate) async fn apply(&self, id: u64, steps: Vec<Step>, through: u64) {
        let slot = self.slots().get(&id).cloned();
        let Some(slot) = slot else { return };
        let first = steps.first().map_or(through, |step| step.seq);
        let _guard = slot.lock.lock().await;
        if let Err(error) = slot.apply(&self.shared.tools.blobs, steps, through).await {
            tracing::error!(repository = id, entry = first, %error, "held, and not taken into the repository; it is tried again");
            self.behind().entry(id).or_insert(first);
        }
    }

    /// Waits until all entries of a repository below `through` are in it.
    pub(crate) async fn wait_applied(&self, id: u64, through: u64, wait_max: Duration) -> Result<Opened, Error> {
        let slot = self.slot(id);
        let mut state = slot.subscribe();
        let there = state.wait_for(|opened| opened.as_ref().is_some_and(|opened| opened.applied >= through));
        match tokio::time::timeout(wait_max, there).await {
            Ok(Ok(opened)) => opened.clone().ok_or(Error::Stopping),
            Ok(Err(_)) => Err(Error::Stopping),
            Err(_) => Err(Error::Internal(
                "held by the vaults, but this site could not take it in yet; it is tried again".into(),
            )),
        }
    }

    /// Opens again those that could not take something in.
    pub(crate) async fn retry(&self) {
        let behind: Vec<u64> = self.behind().keys().copied().collect();
        for id in behind {
            self.close(id).await;
            if let Err(error) = self.open_id(id).await {
                tracing::debug!(repository = id, %error, "still behind");
            }
        }
    }

    /// The first entry that some repository lacks though it is held.
    pub(crate) fn behind_at(&self) -> Option<u64> {
        self.behind().values().copied().min()
    }

    /// A repository is known not to have this entry yet.
    pub(crate) fn note_behind(&self, id: u64, seq: u64) {
        self.behind().entry(id).or_insert(seq);
    }

    /// How far a repository's directory says it is; None: there is none, or it does not say.
    pub(crate) fn marked(&self, id: u64) -> Option<u64> {
        super::marker::read(&self.path(id))
    }

    /// Where a repository lies or would lie.
    #[must_use]
    pub fn path(&self, id: u64) -> PathBuf {
        self.shared.dir.join(format!("{id}.git"))
    }

    /// Forgets what is known of a repository's directory: the next touch fills it anew from where its marker says.
    pub async fn close(&self, id: u64) {
        let slot = self.slots().get(&id).cloned();
        if let Some(slot) = slot {
            let _guard = slot.lock.lock().await;
            slot.close();
        }
    }

    /// Removes a repository that was forgotten from the disk. One that is not there is no error; who reads it now reads to their end.
    pub(crate) async fn forget(&self, id: u64) -> Result<(), Error> {
        let (its, path) = (self.slot(id), self.path(id));
        let _guard = its.lock.lock().await;
        its.close();
        self.behind().remove(&id);
        // What was being made or mended when the server was killed has content too.
        let paths = [git::Repository::unfinished(&path), slot::aside(&path), path];
        let removing = tokio::task::spawn_blocking(move || paths.iter().try_for_each(|path| remove_dir(path)));
        removing.await.map_err(|error| Error::internal(error.to_string()))?
    }

    /// Keeps the objects of a push until its entry is held. Found again by its first blob.
    pub(crate) fn keep_quarantine(&self, blob: BlobName, quarantine: git::Quarantine) {
        self.quarantines().insert(blob, quarantine);
    }

    /// The objects of a push, if they are still here.
    pub(crate) fn take_quarantine(&self, blob: &BlobName) -> Option<git::Quarantine> {
        self.quarantines().remove(blob)
    }

    fn slot(&self, id: u64) -> Arc<Slot> {
        let mut slots = self.slots();
        if slots.len() >= OPEN_MAX && !slots.contains_key(&id) {
            // Nobody uses those that only this table knows.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1 || slot.lock.try_lock().is_err());
        }
        slots.entry(id).or_insert_with(|| Arc::new(Slot::new(id, &self.shared.dir))).clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        self.shared.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn quarantines(&self) -> MutexGuard<'_, HashMap<BlobName, git::Quarantine>> {
        self.shared.quarantines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behind(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.shared.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Removes a directory that may be absent.
pub(crate) fn remove_dir(path: &Path) -> Result<(), Error> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(Error::internal(format!("{} cannot be removed: {error}", path.display())))
        }
        _ => Ok(()),
    }
}

impl std::fmt::Debug for Repositories {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Repositories").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}
