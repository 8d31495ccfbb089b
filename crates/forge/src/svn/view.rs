//! Repositories of Subversion as Git sees them: `DIR/svn-git/ID`, made at the first fetch and brought up at each.
//!
//! ```text
//! absent or behind --open: one task for all who ask--> made up to the youngest held revision --> refs in memory
//!       |-- cut off by a restart, or damaged: the next fetch goes on, or begins again (crate svn-git)
//!       '-- not fetched for long: removed with the sweep of the spool (unused)
//! ```
//! It is a projection of a projection: nothing is written into the journal, and what is lost is made again with the same ids.

mod unused;

use super::query::{ViewBounds, view_bounds_fetch};
use super::subversion::Subversion;
use crate::db::Db;
use crate::error::Error;
use crate::repo::Opened;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use svn_git::{How, Progress, View, ViewError, ViewLimits};
use tokio::sync::{Semaphore, SemaphorePermit, watch};

pub(super) use unused::PREFIX as UNUSED_PREFIX;
pub use unused::VIEW_UNUSED_MAX;

/// How long a fetch waits for a view that is being made, unless the configuration says otherwise.
pub const VIEW_WAIT: Duration = Duration::from_secs(20);
/// A view that could not be made is tried again after so long.
pub const VIEW_RETRY_AFTER: Duration = Duration::from_secs(60);
/// Views that are brought up by many revisions at one time; each keeps a processor busy.
pub const VIEWS_MADE_AT_ONCE: usize = 1;
/// Views that are brought up by few.
pub const VIEWS_BROUGHT_UP_AT_ONCE: usize = 4;
/// How long is waited for what is held and not on the disk.
const MOMENT: Duration = Duration::from_millis(50);
/// Up to so many revisions are few.
const FEW_REVISIONS: u64 = 200;
/// Views whose refs are kept in memory.
const OPEN_MAX: usize = 1024;
/// After so many new bytes a view's packs are made into one with deltas.
const CONDENSE_BYTES: u64 = 32 << 20;

/// The views of one site.
#[derive(Clone)]
pub(crate) struct Views(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    git: git::Git,
    db: Db,
    held: watch::Receiver<u64>,
    limits: ViewLimits,
    wait: Duration,
    unused_max: Duration,
    /// When unused ones were looked for last.
    looked: Mutex<Option<Instant>>,
    slots: Mutex<HashMap<u64, Arc<Slot>>>,
    many: Semaphore,
    few: Semaphore,
}

/// One view while it is in use.
#[derive(Default)]
struct Slot {
    state: watch::Sender<Round>,
    making: AtomicBool,
    tidying: AtomicBool,
    /// Whether this process has removed what a killed one left.
    swept: AtomicBool,
    uses: Mutex<unused::Uses>,
    progress: Arc<Progress>,
}

/// What came of the last task that brought it up.
#[derive(Clone, Default)]
struct Round {
    number: u64,
    shown: Option<Shown>,
    failed: Option<(Error, Instant)>,
}

#[derive(Clone)]
struct Shown {
    bounds: ViewBounds,
    opened: Opened,
    /// Bytes that were written for it the last time.
    grown: u64,
}

impl Views {
    pub(crate) fn new(
        dir: PathBuf,
        git: git::Git,
        db: Db,
        held: watch::Receiver<u64>,
        (limits, wait, unused_max): (ViewLimits, Duration, Duration),
    ) -> Self {
        super::convert::sweep(&dir);
        let (many, few) = (Semaphore::new(VIEWS_MADE_AT_ONCE), Semaphore::new(VIEWS_BROUGHT_UP_AT_ONCE));
        let (looked, slots) = (Mutex::default(), Mutex::default());
        Self(Arc::new(Shared { dir, git, db, held, limits, wait, unused_max, looked, slots, many, few }))
    }

    pub(super) fn dir(&self) -> &std::path::Path {
        &self.0.dir
    }

    pub(super) fn git(&self) -> &git::Git {
        &self.0.git
    }

    pub(super) fn limits(&self) -> ViewLimits {
        self.0.limits
    }

    /// The turn of what takes long.
    pub(super) async fn turn(&self) -> Result<SemaphorePermit<'_>, Error> {
        self.0.many.acquire().await.map_err(|_| Error::Stopping)
    }

    /// The view of a repository as of the newest held entry. Waits while it is made, but not long.
    ///
    /// # Errors
    /// [`Error::Filling`] says how far it is; [`Error::Invalid`] that it is too large to be one.
    pub(crate) async fn open(&self, subversion: &Subversion, repo: u64) -> Result<Opened, Error> {
        let slot = self.slot(repo);
        let opened = self.brought_up(subversion, repo, &slot).await?;
        self.note_use(repo, &slot).await;
        Ok(opened)
    }

    async fn brought_up(&self, subversion: &Subversion, repo: u64, slot: &Arc<Slot>) -> Result<Opened, Error> {
        let until = tokio::time::Instant::now() + self.0.wait;
        let mut rounds = slot.state.subscribe();
        let (wanted, first) = (self.bounds(repo).await?, rounds.borrow().number);
        loop {
            let round = rounds.borrow_and_update().clone();
            match (round.shown, round.failed) {
                (Some(shown), _) if shown.bounds.covers(&wanted) => return Ok(shown.opened),
                (_, Some((error, at)))
                    if round.number > first || (lasts(&error) && at.elapsed() < VIEW_RETRY_AFTER) =>
                {
                    return Err(error);
                }
                // What is held comes to the disk in a moment.
                (Some(_), _) if round.number > first => tokio::time::sleep(MOMENT).await,
                _ => {}
            }
            self.start(subversion, repo, slot);
            let ended = rounds.wait_for(|now| now.number > round.number);
            match tokio::time::timeout_at(until, ended).await {
                Ok(Ok(_)) => {}
                Ok(Err(_)) => return Err(Error::Stopping),
                Err(_) => return Err(being_made(&slot.progress)),
            }
        }
    }

    pub(super) async fn bounds(&self, repo: u64) -> Result<ViewBounds, Error> {
        let held = *self.0.held.borrow();
        self.0.db.read_async(move |tx| view_bounds_fetch(tx, repo, held)).await
    }

    /// Has it brought up, unless that is being done.
    fn start(&self, subversion: &Subversion, repo: u64, slot: &Arc<Slot>) {
        if slot.making.swap(true, Ordering::AcqRel) {
            return;
        }
        let (views, subversion, slot) = (self.clone(), subversion.clone(), slot.clone());
        // A task of its own: it goes on when who asked leaves.
        tokio::spawn(async move {
            let (its, of) = (slot.clone(), views.clone());
            let making = tokio::spawn(async move { of.bring_up(&subversion, repo, &its).await });
            let made = making.await.unwrap_or_else(|e| Err(Error::internal(format!("repository {repo}: {e}"))));
            slot.making.store(false, Ordering::Release);
            if let Err(error) = &made {
                tracing::warn!(repository = repo, %error, "the Git view of a repository could not be brought up");
            }
            let grown = made.as_ref().ok().map(|shown| (shown.opened.git.clone(), shown.grown));
            slot.state.send_modify(|round| {
                round.number += 1;
                match made {
                    Ok(shown) => (round.shown, round.failed) = (Some(shown), None),
                    Err(error) => round.failed = Some((error, Instant::now())),
                }
            });
            if let Some((git, grown)) = grown
                && !slot.tidying.swap(true, Ordering::AcqRel)
            {
                tidy(&git, grown).await;
                slot.tidying.store(false, Ordering::Release);
            }
        });
    }

    async fn bring_up(&self, subversion: &Subversion, repo: u64, slot: &Slot) -> Result<Shown, Error> {
        let shared = &self.0;
        let (place, root) = (shared.dir.join(repo.to_string()), subversion.open_id(repo).await?.root());
        let mut bounds = self.bounds(repo).await?;
        let (git, first) = (shared.git.clone(), !slot.swept.load(Ordering::Acquire));
        let opening = tokio::task::spawn_blocking(move || {
            let fs = svn_git::open(&root)?;
            let youngest = fs.youngest()?;
            let there = match &bounds.changed {
                Some(changed) => fs.revision_properties(changed.rev).is_ok_and(|now| now == changed.properties),
                None => true,
            };
            let view = View::open(&git, &place, &fs, How { layout: bounds.layout.clone(), ..How::default() })?;
            if first {
                view.sweep()?;
            }
            Ok::<_, ViewError>((fs, youngest, there, view, bounds))
        });
        let opened = opening.await.map_err(|e| Error::internal(format!("repository {repo}: {e}")))?;
        let (fs, youngest, there, view, found) = opened.map_err(|e| failed(repo, e))?;
        slot.swept.store(true, Ordering::Release);
        bounds = found;
        // What is held is put on the disk in a moment: what is not there yet is seen the next time.
        bounds.youngest = bounds.youngest.min(youngest);
        let mark = if there { bounds.mark() } else { view.mark() };
        let is_much = view.mark() != mark || bounds.youngest.saturating_sub(view.through()) > FEW_REVISIONS;
        let turns = if is_much { &shared.many } else { &shared.few };
        let _turn = turns.acquire().await.map_err(|_| Error::Stopping)?;
        let before = view.bytes();
        let view = view.bring_up(&fs, bounds.youngest, mark, shared.limits, &slot.progress).await;
        let view = view.map_err(|e| failed(repo, e))?;
        if !there {
            bounds.changed = None;
        }
        let (git, refs) = (Arc::new(view.repository().clone()), Arc::new(snapshot(&view)));
        let opened = Opened { git, refs, applied: bounds.youngest };
        Ok(Shown { bounds, opened, grown: view.bytes().saturating_sub(before) })
    }

    /// Ends what is being made; it goes on when somebody asks for it again.
    pub(crate) fn stop(&self) {
        for slot in self.slots().values() {
            slot.progress.stop.store(true, Ordering::Relaxed);
        }
    }

    /// Removes the view of a repository that was forgotten.
    ///
    /// # Errors
    /// [`Error::Busy`] while it is being made: that is told to stop, and then it can be removed.
    pub(crate) async fn forget(&self, repo: u64) -> Result<(), Error> {
        if let Some(slot) = self.slots().get(&repo) {
            slot.progress.stop.store(true, Ordering::Relaxed);
            if slot.making.load(Ordering::Acquire) || slot.tidying.load(Ordering::Acquire) {
                return Err(Error::Busy);
            }
        }
        self.slots().remove(&repo);
        let path = self.0.dir.join(repo.to_string());
        let removing = tokio::task::spawn_blocking(move || crate::repo::remove_dir(&path));
        removing.await.map_err(|error| Error::internal(error.to_string()))?
    }

    fn slot(&self, repo: u64) -> Arc<Slot> {
        let mut slots = self.slots();
        if slots.len() >= OPEN_MAX && !slots.contains_key(&repo) {
            // Nobody uses those that only this table knows.
            slots.retain(|_, slot| Arc::strong_count(slot) > 1);
        }
        let slot = slots.entry(repo).or_default();
        slot.touch();
        slot.clone()
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<u64, Arc<Slot>>> {
        lock(&self.0.slots)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes packs into fewer and smaller ones, now and then. A view is as good without.
async fn tidy(git: &git::Repository, grown: u64) {
    let many = git.pack_count().unwrap_or(0) >= git::maintenance::PACKS_MANY;
    let done = if grown > CONDENSE_BYTES {
        git.condense().await
    } else if many {
        git.maintain().await
    } else {
        Ok(())
    };
    if let Err(error) = done {
        tracing::warn!(%error, "the packs of a Git view could not be made smaller");
    }
}

/// Whether it would be the same if it were tried again at once.
fn lasts(error: &Error) -> bool {
    matches!(error, Error::Invalid(_) | Error::Internal(_) | Error::Damaged(_))
}

fn being_made(progress: &Progress) -> Error {
    let (done, of) = (progress.done.load(Ordering::Relaxed), progress.of.load(Ordering::Relaxed));
    Error::Filling(format!(
        "the Git view of this repository is being made: {done} of {of} revisions are done; try again in a minute"
    ))
}

pub(super) fn failed(repo: u64, error: ViewError) -> Error {
    match error {
        ViewError::TooMuch(text) => Error::Invalid(text),
        ViewError::Stopped => Error::Stopping,
        other => Error::internal(format!("the Git view of repository {repo}: {other}")),
    }
}

/// The refs, under a number that only this state of them has.
fn snapshot(view: &View) -> git::RefSnapshot {
    let refs = view.refs();
    let mut hash = Sha256::new();
    for r in &refs {
        hash.update(r.name.as_str().as_bytes());
        hash.update([0]);
        hash.update(r.id.as_bytes());
    }
    let generation = hash.finalize().iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    git::RefSnapshot::new(generation, git::ObjectFormat::Sha1, git::RefName::main(), refs)
}

impl std::fmt::Debug for Views {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Views").field("dir", &self.0.dir).finish_non_exhaustive()
    }
}
