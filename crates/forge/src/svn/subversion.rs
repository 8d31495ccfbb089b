//! Subversion in a running site: repositories in use, their servers, and whose request is under way.

use super::command::SvnTakeIn;
use super::gate::{Finishing, Gate};
use super::load::SEALS_AT_ONCE;
use super::query::loaded_list;
use super::store::{Extras, SvnStore};
use crate::access::{Act, Authorized, Write};
use crate::error::Error;
use crate::event::svn::SvnFile;
use crate::ledger::Ledger;
use crate::recover::Erased;
use crate::repo::BlobSource;
use crate::spool::Spool;
use futures_util::{StreamExt as _, TryStreamExt as _};
use journal::BlobName;
use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use svn::{ChildError, Engine, EngineLimits, HttpServer, PathRules, Programs, Record, SvnRepository};
use tokio::sync::{OnceCell, OwnedMutexGuard};
use tokio::task::JoinHandle;

/// How long a request waits for its repository to be filled.
const FILL_WAIT: Duration = Duration::from_secs(60);
/// How long a request waits for another that makes something visible.
const FINISH_WAIT: Duration = Duration::from_secs(120);

/// Revisions that came past the gate and are taken in with one entry.
const TAKEN_AT_ONCE: u64 = 1_000;

/// What it is made of.
#[derive(Clone)]
pub struct SubversionParts {
    /// `DIR/svn`
    pub dir: PathBuf,
    /// The journal.
    pub ledger: Arc<Ledger>,
    /// Where sealed files wait for the vaults.
    pub spool: Arc<Spool>,
    /// Where they come back from.
    pub blobs: BlobSource,
    /// Called with what can be on its way to the vaults.
    pub upload: Arc<dyn Fn(BlobName) + Send + Sync>,
    /// Bounds.
    pub limits: EngineLimits,
    /// What can't be filled any more.
    pub(crate) erased: Erased,
}

/// Subversion of one site. Nothing of it runs before it is used.
#[derive(Clone)]
pub struct Subversion(pub(super) Arc<Shared>);

pub(super) struct Shared {
    programs: Result<Programs, String>,
    store: SvnStore,
    pub(super) ledger: Arc<Ledger>,
    pub(super) spool: Arc<Spool>,
    pub(super) upload: Arc<dyn Fn(BlobName) + Send + Sync>,
    pub(super) limits: EngineLimits,
    engine: OnceCell<Engine>,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    /// Repositories that lack something held, and the first such entry.
    behind: Mutex<BTreeMap<u64, u64>>,
    /// What is not on the disk yet, each with the first entry that it may be in.
    kept: Mutex<BTreeMap<u64, u64>>,
    scratch: AtomicU64,
    pub(super) sessions: Mutex<Sessions>,
}

/// The sessions over SSH that are open.
#[derive(Default)]
pub(super) struct Sessions {
    pub(super) last: u64,
    /// Of them, those that may make something visible.
    pub(super) open: HashMap<u64, Arc<Finishing>>,
    pub(super) of_account: HashMap<u64, usize>,
}

#[derive(Default)]
struct Slot {
    /// Whether it is open: compared with the journal by this process.
    open: tokio::sync::Mutex<bool>,
    /// Held by the one request that may make something visible.
    finish: Arc<tokio::sync::Mutex<()>>,
    finishing: Mutex<Option<Arc<Finishing>>>,
}

/// Held while a request may make something visible in a repository.
pub struct FinishGuard {
    slot: Arc<Slot>,
    finishing: Arc<Finishing>,
    _turn: OwnedMutexGuard<()>,
}

impl FinishGuard {
    /// Why it was held back; None: it was not.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.finishing.refusal()
    }
}

impl Drop for FinishGuard {
    fn drop(&mut self) {
        *self.slot.finishing.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl std::fmt::Debug for FinishGuard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FinishGuard").field("finishing", &self.finishing).finish_non_exhaustive()
    }
}

/// Keeps something in the spool; see [`Subversion::keep`].
pub(crate) struct Keep {
    shared: Arc<Shared>,
    number: u64,
}

impl Drop for Keep {
    fn drop(&mut self) {
        self.shared.kept().remove(&self.number);
    }
}

impl Subversion {
    /// Looks whether Subversion is installed; starts nothing.
    #[must_use]
    pub fn new(parts: SubversionParts) -> Self {
        let SubversionParts { dir, ledger, spool, blobs, upload, limits, erased } = parts;
        let (db, held) = (ledger.db().clone(), ledger.shipping().held());
        let store = SvnStore { dir, db, blobs, held, erased };
        Self(Arc::new(Shared {
            programs: Programs::find().map_err(|e| e.to_string()),
            store,
            ledger,
            spool,
            upload,
            limits,
            engine: OnceCell::new(),
            slots: Mutex::default(),
            behind: Mutex::default(),
            kept: Mutex::default(),
            // What an earlier process was making when it was killed is in nobody's way.
            scratch: AtomicU64::new(u64::from(std::process::id()) << 32),
            sessions: Mutex::default(),
        }))
    }

    /// Why Subversion can't be served here; None: it can.
    #[must_use]
    pub fn missing(&self) -> Option<&str> {
        self.0.programs.as_ref().err().map(String::as_str)
    }

    /// What a new repository begins with.
    pub async fn begin(&self) -> Result<Vec<SvnFile>, Error> {
        let shared = &self.0;
        shared.engine().await?;
        let scratch = format!("begin-{}.part", shared.next_scratch());
        let files = SvnRepository::begin(shared.programs()?, &shared.store.dir.join(scratch)).await.map_err(child)?;
        Ok(files.into_iter().map(|file| SvnFile { name: file.name, bytes: file.bytes }).collect())
    }

    /// A repository's files, brought up to the held journal. Waits while they are filled.
    pub async fn open<A: Act>(&self, proof: &Authorized<A>) -> Result<SvnRepository, Error> {
        self.open_id(proof.repo().id).await
    }

    /// As [`Subversion::open`], for what the site does itself.
    pub(crate) async fn open_id(&self, repo: u64) -> Result<SvnRepository, Error> {
        let shared = self.0.clone();
        // A task of its own: it goes on when who asked leaves.
        let opening = tokio::spawn(async move { shared.open(repo).await });
        match tokio::time::timeout(FILL_WAIT, opening).await {
            Ok(Ok(opened)) => opened.map(|()| self.0.store.repository(repo)),
            Ok(Err(e)) => Err(Error::internal(format!("repository {repo}: {e}"))),
            Err(_) => Err(Error::Filling(
                "the repository is still being filled from the vaults; try again in a minute".into(),
            )),
        }
    }

    /// The server of a repository, which asks these rules of paths.
    pub async fn http<A: Act>(&self, proof: &Authorized<A>, authz: PathRules<'_>) -> Result<Arc<HttpServer>, Error> {
        self.0.programs()?;
        // The engine prepares itself meanwhile, the first time: a repository that is being filled is waited for the longer.
        let (opened, engine) = tokio::join!(self.open(proof), self.0.engine());
        let (_, engine, repo) = (opened?, engine?, proof.repo());
        let server = engine.http(repo.id, &format!("/{}.svn", repo.path), authz).await.map_err(child)?;
        server.ok_or(Error::Busy)
    }

    /// Waits for the turn to make something visible in a repository.
    pub async fn finish(&self, proof: Authorized<Write>) -> Result<FinishGuard, Error> {
        let slot = self.0.slot(proof.repo().id);
        let turn = tokio::time::timeout(FINISH_WAIT, slot.finish.clone().lock_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?;
        let finishing = Arc::new(Finishing::new(proof));
        *slot.finishing.lock().unwrap_or_else(PoisonError::into_inner) = Some(finishing.clone());
        Ok(FinishGuard { slot, finishing, _turn: turn })
    }

    /// Ends a lock: first in the journal, then on the disk.
    pub(crate) async fn break_lock(&self, proof: Authorized<Write>, name: String) -> Result<(), Error> {
        let repo = proof.repo().id;
        // Whoever is committing or locking just now is waited for.
        let turn = self.finish(proof.clone()).await?;
        self.0.capture(proof, None, Record::Unlock { name }).await?;
        drop(turn);
        self.0.store.bring_up(repo, false).await.map(drop)
    }

    /// Brings what is on the disk up to the entries below `through`, once they are held: other properties of revisions, locks that
    /// ended. It goes on whether or not it is waited for. None: it is not on the disk.
    pub(crate) fn follow(&self, repo: u64, through: u64) -> Option<JoinHandle<()>> {
        self.is_there(repo).then(|| self.0.catch_up_later(repo, through))
    }

    /// A number for a directory of this process's own.
    pub(crate) fn scratch_number(&self) -> u64 {
        self.0.next_scratch()
    }

    /// Keeps in the spool what entries from now on name, until it is dropped: a repository is to be made from it.
    pub(crate) fn keep(&self) -> Keep {
        let (shared, number) = (self.0.clone(), self.0.next_scratch());
        let held = *shared.store.held.borrow();
        shared.kept().insert(number, held);
        Keep { shared, number }
    }

    /// Makes the repositories that were taken in and are not on the disk, while what they are made from is in the spool.
    async fn make_taken(&self) {
        let shared = &self.0;
        let listed = shared.store.db.read_async(loaded_list).await;
        let listed = listed.inspect_err(|error| tracing::error!(%error, "what was taken in is not known"));
        for (repo, blob) in listed.unwrap_or_default() {
            if shared.store.repository(repo).exists() || !matches!(shared.spool.file(&blob), Ok(Some(_))) {
                continue;
            }
            if let Err(error) = self.open_id(repo).await {
                tracing::error!(repository = repo, %error, "taken in, and not on the disk; it is tried again");
                shared.note_behind(repo, 0);
            }
        }
    }

    /// Brings up what lacks something held, before anything is removed that it could be made from.
    pub(crate) async fn reconcile(&self) {
        self.make_taken().await;
        for entry in std::fs::read_dir(&self.0.store.dir).into_iter().flatten().flatten() {
            let Some(repo) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            match self.0.store.is_behind(repo).await {
                Ok(false) => {}
                Ok(true) => {
                    if let Err(error) = self.open_id(repo).await {
                        tracing::error!(repository = repo, %error, "held, and not in the repository; it is tried again");
                        self.0.note_behind(repo, 0);
                    }
                }
                Err(error) => {
                    tracing::error!(repository = repo, %error, "a repository cannot be compared with the journal");
                    self.0.note_behind(repo, 0);
                }
            }
        }
    }

    /// Tries again what could not be brought up. What is not held yet waits until it is.
    pub(crate) async fn retry(&self) {
        let held = *self.0.store.held.borrow();
        let behind = self.0.behind().iter().filter(|(_, seq)| **seq < held).map(|(repo, _)| *repo).collect::<Vec<_>>();
        for repo in behind {
            match self.0.store.bring_up(repo, false).await {
                Ok(_) => drop(self.0.behind().remove(&repo)),
                Err(error) => tracing::debug!(repository = repo, %error, "still behind"),
            }
        }
    }

    /// The first entry that some repository lacks though it is held.
    pub(crate) fn behind_at(&self) -> Option<u64> {
        let kept = self.0.kept().values().copied().min();
        self.0.behind().values().copied().chain(kept).min()
    }

    /// Whether a repository is on the disk.
    pub(crate) fn is_there(&self, repo: u64) -> bool {
        self.0.store.repository(repo).exists()
    }

    /// Removes a repository that was forgotten from the disk, and ends its server.
    pub(crate) async fn forget(&self, repo: u64) -> Result<(), Error> {
        if let Some(engine) = self.0.engine.get() {
            engine.close(repo).await;
        }
        let (slot, path) = (self.0.slot(repo), self.0.store.dir.join(repo.to_string()));
        let mut open = slot.open.lock().await;
        *open = false;
        self.0.behind().remove(&repo);
        let remove = crate::repo::remove_dir;
        let removing = tokio::task::spawn_blocking(move || remove(&path.with_extension("part")).and(remove(&path)));
        removing.await.map_err(|error| Error::internal(error.to_string()))?
    }

    /// Ends all servers.
    pub(crate) async fn stop(&self) {
        if let Some(engine) = self.0.engine.get() {
            engine.stop().await;
        }
    }
}

impl Shared {
    pub(super) fn programs(&self) -> Result<&Programs, Error> {
        self.programs.as_ref().map_err(|text| Error::NoRoom(text.clone()))
    }

    pub(super) async fn engine(self: &Arc<Self>) -> Result<&Engine, Error> {
        if self.engine.get().is_none() {
            // A task of its own: it goes on when who asked leaves.
            let shared = self.clone();
            let starting = tokio::spawn(async move { shared.start_engine().await });
            starting.await.map_err(|e| Error::internal(format!("starting Subversion broke off: {e}")))??;
        }
        self.engine.get().ok_or(Error::Stopping)
    }

    async fn start_engine(self: &Arc<Self>) -> Result<(), Error> {
        let programs = self.programs()?.clone();
        let gate = Arc::new(Gate(Arc::downgrade(self)));
        let start = || async { Engine::start(&self.store.dir, programs, self.limits, gate).await.map_err(child) };
        self.engine.get_or_try_init(start).await.map(drop)
    }

    async fn open(self: &Arc<Self>, repo: u64) -> Result<(), Error> {
        let slot = self.slot(repo);
        let mut open = slot.open.lock().await;
        if *open {
            return Ok(());
        }
        let extras = self.store.bring_up(repo, true).await?;
        self.capture_extras(repo, extras).await?;
        self.behind().remove(&repo);
        *open = true;
        Ok(())
    }

    /// What reached the disk past the gate: an operator's `svnadmin`, most likely. It is kept, and nobody is its author.
    async fn capture_extras(self: &Arc<Self>, repo: u64, extras: Extras) -> Result<(), Error> {
        if extras.revisions.is_none() && extras.properties.is_empty() {
            return Ok(());
        }
        tracing::warn!(
            repository = repo,
            ?extras,
            "something came into a repository past the gate; it is captured now"
        );
        let row = self.store.db.read_async(move |tx| Ok::<_, Error>(crate::repo::query::repo_by_id(tx, repo)?)).await?;
        let proof = Authorized::<Write>::by_site(row.ok_or_else(|| Error::not_found(format!("repository {repo}")))?);
        let repository = self.store.repository(repo);
        let failed = |e: std::io::Error| Error::internal(format!("repository {repo}: {e}"));
        repository.take_over().map_err(failed)?;
        for rev in extras.properties {
            let properties = repository.revision_properties(rev).map_err(failed)?;
            let record = Record::RevisionProperties { rev, before: Vec::new(), properties };
            self.capture(proof.clone(), None, record).await?;
        }
        let Some((mut first, last)) = extras.revisions else { return Ok(()) };
        while first <= last {
            let through = last.min(first + TAKEN_AT_ONCE - 1);
            let sealing = (first..=through).map(|rev| self.seal_revision(&repository, rev));
            let revisions = futures_util::stream::iter(sealing).buffered(SEALS_AT_ONCE).try_collect().await?;
            let by = proof.submitter();
            self.ledger.submit(by, SvnTakeIn { proof: proof.clone(), first, revisions }).await?;
            first = through + 1;
        }
        Ok(())
    }

    pub(super) fn store_dir(&self) -> &std::path::Path {
        &self.store.dir
    }

    /// A number for a directory of this process's own.
    pub(super) fn next_scratch(&self) -> u64 {
        self.scratch.fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn repository(&self, repo: u64) -> SvnRepository {
        self.store.repository(repo)
    }

    pub(super) fn finishing(&self, repo: u64) -> Option<Arc<Finishing>> {
        self.slot(repo).finishing.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn session(&self, id: u64) -> Option<Arc<Finishing>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).open.get(&id).cloned()
    }

    /// Brings a repository up once the entries below `through` are held.
    pub(super) fn catch_up_later(self: &Arc<Self>, repo: u64, through: u64) -> JoinHandle<()> {
        self.note_behind(repo, through.saturating_sub(1));
        let shared = self.clone();
        tokio::spawn(async move { shared.catch_up(repo, through).await })
    }

    async fn catch_up(&self, repo: u64, through: u64) {
        let mut held = self.store.held.clone();
        if held.wait_for(|held| *held >= through).await.is_err() {
            return;
        }
        match self.store.bring_up(repo, false).await {
            Ok(_) => drop(self.behind().remove(&repo)),
            Err(error) => {
                tracing::error!(repository = repo, %error, "held, and not in the repository; it is tried again");
            }
        }
    }

    fn note_behind(&self, repo: u64, seq: u64) {
        self.behind().entry(repo).or_insert(seq);
    }

    fn slot(&self, repo: u64) -> Arc<Slot> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner).entry(repo).or_default().clone()
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behind(&self) -> MutexGuard<'_, BTreeMap<u64, u64>> {
        self.behind.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(super) fn child(error: ChildError) -> Error {
    Error::internal(error.to_string())
}

impl std::fmt::Debug for Subversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subversion").field("dir", &self.0.store.dir).finish_non_exhaustive()
    }
}
