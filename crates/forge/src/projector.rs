//! The projector: brings what is held into the repositories, in the journal's order, whether or not who pushed it still waits.
//!
//! ```text
//! start -> wait for the first quorum -> reconcile (repositories that are behind) --+
//!            +---------------------------------------------------------------------+
//!            v
//!   [ held moves -> read its entries -> each repository's steps, repositories at the same time ]*  -> position = held
//! ```
//!
//! Invariants:
//! 1. A repository takes in its entries in the journal's order, each once; entries of different repositories do not wait for one
//!    another.
//! 2. Whatever is held and not in an open repository is either being taken in, or noted as behind and tried again.

use crate::db::{Db, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::push::Pushed;
use crate::event::repo::RepoKind;
use crate::log;
use crate::repo::{Objects, Repositories, Step, object_id, query, ref_name};
use crate::svn::Subversion;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Entries read at a time.
const ENTRIES_AT_ONCE: u64 = 4096;
/// How often what could not be taken in is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(10);
/// Repositories looked at in one query while reconciling.
const REPOS_AT_ONCE: u32 = 1000;

/// How far the projector is; shared with who must know.
#[derive(Clone, Debug, Default)]
pub struct Position(Arc<AtomicU64>);

impl Position {
    /// All entries below are in every repository this site has on its disk, or noted as behind. 0 until the first reconciling.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Runs until the site stops.
pub(crate) struct Projector {
    pub(crate) db: Db,
    pub(crate) repositories: Repositories,
    pub(crate) subversion: Subversion,
    pub(crate) held: watch::Receiver<u64>,
    pub(crate) position: Position,
    /// Called with each repository that something came into, and how many bytes of packs.
    pub(crate) pushed: tokio::sync::mpsc::UnboundedSender<(u64, u64)>,
}

impl Projector {
    pub(crate) async fn run(mut self) {
        let Ok(held) = self.held.wait_for(|held| *held > 0).await.map(|held| *held) else { return };
        // Slots that were opened before anything was known to be held catch up now.
        self.reconcile(held).await;
        self.subversion.reconcile().await;
        let mut position = held;
        let mut retry = tokio::time::interval(RETRY_EVERY);
        loop {
            self.position.0.store(position, Ordering::Release);
            tokio::select! {
                changed = self.held.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                _ = retry.tick() => {
                    self.repositories.retry().await;
                    self.subversion.retry().await;
                }
            }
            let held = *self.held.borrow_and_update();
            while position < held {
                let to = held.min(position + ENTRIES_AT_ONCE);
                match self.project(position, to).await {
                    Ok(()) => position = to,
                    Err(error) => {
                        tracing::error!(%error, from = position, "the projector cannot read the journal; it tries again");
                        tokio::time::sleep(Duration::from_millis(500)).await;
                    }
                }
            }
        }
    }

    /// Takes in the entries `from .. to`.
    async fn project(&self, from: u64, to: u64) -> Result<(), Error> {
        let repositories = self.repositories.clone();
        let read = move |tx: &mut Tx| steps_between(tx, &repositories, from, to);
        let by_repo = self.db.read_async(read).await?;
        let mut applying = JoinSet::new();
        for (repo, (steps, bytes)) in by_repo {
            let repositories = self.repositories.clone();
            applying.spawn(async move { repositories.apply(repo, steps, to).await });
            // Nobody may be listening: a site that only reads.
            let _ = self.pushed.send((repo, bytes));
        }
        while applying.join_next().await.is_some() {}
        Ok(())
    }

    /// Finds the repositories on the disk that lack something held, and has them catch up.
    async fn reconcile(&self, held: u64) {
        let mut after = 0;
        loop {
            let page = self.db.read_async(move |tx| changed_page(tx, after)).await;
            let page = match page {
                Ok(page) if page.is_empty() => return,
                Ok(page) => page,
                Err(error) => {
                    tracing::error!(%error, "the projector cannot read the repositories; it tries again");
                    tokio::time::sleep(RETRY_EVERY).await;
                    continue;
                }
            };
            for (repo, seq) in page {
                after = repo;
                self.reconcile_one(repo, seq, held).await;
            }
        }
    }

    async fn reconcile_one(&self, repo: u64, seq: u64, held: u64) {
        let Some(marked) = self.repositories.marked(repo) else { return };
        if marked > seq || marked >= held {
            return;
        }
        self.repositories.close(repo).await;
        if let Err(error) = self.repositories.open_id(repo).await {
            tracing::error!(repository = repo, %error, "held, and not taken into the repository; it is tried again");
            self.repositories.note_behind(repo, marked);
        }
    }
}

/// Ids of repositories and the entry that last changed their refs.
fn changed_page(tx: &mut Tx, after: u64) -> Result<Vec<(u64, u64)>, Error> {
    let sql = "SELECT id, seq FROM repository WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = tx.query(sql, &[after.into(), REPOS_AT_ONCE.into()])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

type ByRepo = BTreeMap<u64, (Vec<Step>, u64)>;

fn steps_between(tx: &mut Tx, repositories: &Repositories, from: u64, to: u64) -> Result<ByRepo, Error> {
    let mut by_repo = ByRepo::new();
    log::entry_each(tx, from, to, |row| {
        let seq = row.stamp.seq;
        match log::read_row(&row)?.1 {
            Event::Pushed(push) => {
                let bytes: u64 = push.pack.iter().map(|part| part.bytes).sum();
                let steps = by_repo.entry(push.repo).or_default();
                steps.1 += bytes;
                steps.0.push(push_step(repositories, seq, push)?);
            }
            Event::HeadSet(set) => {
                let head = Some(ref_name(&set.target)?);
                let step = Step { seq, moves: Vec::new(), head, objects: Objects::None };
                by_repo.entry(set.repo).or_default().0.push(step);
            }
            _ => {}
        }
        Ok::<_, Error>(())
    })?;
    Ok(by_repo)
}

fn push_step(repositories: &Repositories, seq: u64, push: Pushed) -> Result<Step, Error> {
    let moves = push.updates.iter().map(|update| {
        let new = update.new.as_ref().map(object_id).transpose()?;
        Ok((ref_name(&update.name)?, new))
    });
    let moves = moves.collect::<Result<_, Error>>()?;
    let objects = match push.pack.first() {
        None => Objects::None,
        Some(first) => match repositories.take_quarantine(&first.blob) {
            Some(quarantine) => Objects::Quarantine(quarantine),
            None => Objects::Blobs(push.pack.iter().map(|part| part.blob).collect()),
        },
    };
    Ok(Step { seq, moves, head: None, objects })
}

/// What a walk over all repositories must know: which there are, and of what kind.
pub(crate) async fn all_repos(db: &Db) -> Result<Vec<(u64, RepoKind)>, Error> {
    let (mut ids, mut after) = (Vec::new(), 0);
    loop {
        let page = db.read_async(move |tx| query::repo_ids(tx, after, REPOS_AT_ONCE)).await?;
        match page.last() {
            None => return Ok(ids),
            Some((last, _)) => after = *last,
        }
        ids.extend(page);
    }
}
