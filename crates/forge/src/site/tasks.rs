//! What a site does in the background.

use super::Site;
use super::alarms::Outboxes;
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::jobs::{Job, Jobs};
use crate::maintenance::{Maintenance, take_snapshot};
use crate::projector::{Projector, all_repos};
use crate::writer::Submitter;
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// How often the spool is looked through when nothing else asks for it.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

pub(super) fn start(site: &Arc<Site>, outboxes: Option<Outboxes>) {
    let (pushed, pushes) = mpsc::unbounded_channel();
    let projector = Projector {
        db: site.db().clone(),
        repositories: site.repositories.clone(),
        subversion: site.subversion.clone(),
        held: site.ledger.shipping().held(),
        position: site.position.clone(),
        pushed,
    };
    let maintenance = site.maintenance();
    let mut tasks = vec![
        tokio::spawn(projector.run()),
        tokio::spawn(maintenance.run(pushes)),
        tokio::spawn(sweep(Sweeper::of(site))),
        tokio::spawn(super::lag::sample(site.lags.clone(), site.replicator.clone())),
        tokio::spawn(fill(Sweeper::of(site))),
        tokio::spawn(crate::drill::run_schedule(Arc::downgrade(site))),
        tokio::spawn(super::guard::settling(site)),
        tokio::spawn(super::older::bring_back(super::older::Parts::of(site, outboxes.is_none()))),
    ];
    // A view tells nobody anything, and raises no alarm.
    if let Some(outboxes) = outboxes {
        tasks.extend(outboxes.run());
        tasks.push(tokio::spawn(crate::alarm::watching(Arc::downgrade(site))));
        tasks.push(tokio::spawn(super::vaults::following(site)));
    }
    if !site.witnesses.is_empty() {
        tasks.push(tokio::spawn(crate::witness::watching(Arc::downgrade(site))));
    }
    site.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
}

impl Site {
    pub(super) fn maintenance(&self) -> Maintenance {
        let (ledger, repositories) = (self.ledger.clone(), self.repositories.clone());
        let (spool, limits, jobs) = (self.spool.clone(), self.limits.clone(), self.jobs.clone());
        Maintenance { ledger, repositories, spool, limits, jobs }
    }

    /// Takes a snapshot of the database into the vaults now; otherwise that follows the journal's growth. Gives its entry.
    pub async fn snapshot_take(&self) -> Result<u64, Error> {
        self.snapshot_take_by(Submitter::default()).await
    }

    pub(super) async fn snapshot_take_by(&self, by: Submitter) -> Result<u64, Error> {
        self.jobs.run(Job::Snapshot, take_snapshot(&self.ledger, &self.spool, by)).await
    }
}

pub(super) async fn stop(site: &Site) {
    let tasks = std::mem::take(&mut *site.tasks.lock().unwrap_or_else(PoisonError::into_inner));
    for task in tasks {
        task.abort();
        // Cancelled is what it should be.
        let _ = task.await;
    }
}

/// The parts of a site these tasks use: not the site itself, which must be free to end.
pub(super) struct Sweeper {
    ledger: Arc<crate::ledger::Ledger>,
    spool: Arc<crate::spool::Spool>,
    repositories: crate::repo::Repositories,
    subversion: crate::svn::Subversion,
    position: crate::projector::Position,
    views: crate::svn::Views,
    reading: super::code::Reading,
    looks: super::svn_looks::SvnLooks,
    forgotten: Arc<super::gone::Forgotten>,
    may_read: bool,
    jobs: Jobs,
}

impl Sweeper {
    pub(super) fn of(site: &Site) -> Self {
        Self {
            ledger: site.ledger.clone(),
            spool: site.spool.clone(),
            repositories: site.repositories.clone(),
            subversion: site.subversion.clone(),
            position: site.position.clone(),
            views: site.views.clone(),
            reading: site.reading.clone(),
            looks: site.svn_looks.clone(),
            forgotten: site.forgotten.clone(),
            may_read: !site.readable.is_empty(),
            jobs: site.jobs.clone(),
        }
    }

    /// Empties the spool of what every vault has and every repository has taken in, and the disk of what was forgotten and of
    /// views that nobody uses.
    pub(super) async fn once(&self) -> Result<(), Error> {
        let by_all = *self.ledger.log().held_by_all().borrow();
        let behind = [self.repositories.behind_at(), self.subversion.behind_at()];
        let here = behind.into_iter().flatten().fold(self.position.get(), u64::min);
        let (spool, none_behind) = (self.spool.clone(), by_all >= self.ledger.log().size());
        let swept = tokio::task::spawn_blocking(move || {
            spool.sweep(by_all.min(here));
            if none_behind {
                spool.nobody_is_behind();
            }
        });
        swept.await.map_err(|error| Error::internal(error.to_string()))?;
        let places = (&self.repositories, &self.subversion, &self.views);
        self.forgotten.leave(self.ledger.db(), places, &self.spool, (&self.reading, &self.looks)).await?;
        self.views.remove_unused().await
    }
}

async fn sweep(parts: Sweeper) {
    let mut everywhere = parts.ledger.log().held_by_all();
    loop {
        everywhere.mark_unchanged();
        if let Err(error) = parts.jobs.run(Job::Sweep, parts.once()).await {
            tracing::warn!(%error, "the spool could not be swept");
        }
        parts.jobs.next(Job::Sweep, SWEEP_EVERY);
        // Both: vaults move, and so do repositories.
        match tokio::time::timeout(SWEEP_EVERY, everywhere.changed()).await {
            Ok(Err(_)) => return,
            _ => tokio::time::sleep(Duration::from_millis(200)).await,
        }
    }
}

/// After a recovery: fills the repositories nobody has asked for yet, one after the other.
async fn fill(parts: Sweeper) {
    if !parts.may_read {
        return;
    }
    while parts.position.get() == 0 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let repos = match all_repos(parts.ledger.db()).await {
        Ok(repos) => repos,
        Err(error) => return tracing::error!(%error, "the repositories cannot be listed"),
    };
    let is_there = |(id, kind): &(u64, RepoKind)| match kind {
        RepoKind::Git => parts.repositories.marked(*id).is_some(),
        RepoKind::Svn => parts.subversion.is_there(*id),
    };
    let missing: Vec<_> = repos.into_iter().filter(|repo| !is_there(repo)).collect();
    if missing.is_empty() {
        return;
    }
    tracing::info!(repositories = missing.len(), "filling repositories from the vaults");
    // What fails is told where it fails, and here of how many.
    let _ = parts.jobs.run(Job::Fill, fill_all(&parts, missing)).await;
}

async fn fill_all(parts: &Sweeper, missing: Vec<(u64, RepoKind)>) -> Result<(), Error> {
    let (count, mut failed) = (missing.len(), 0);
    for (id, kind) in missing {
        let filled = match kind {
            RepoKind::Git => parts.repositories.open_id(id).await.map(drop),
            RepoKind::Svn => parts.subversion.open_id(id).await.map(drop),
        };
        if let Err(error) = filled {
            failed += 1;
            tracing::warn!(repository = id, %error, "not filled; the next touch tries again");
        }
    }
    if failed > 0 {
        return Err(Error::internal(format!(
            "{failed} of {count} repositories are not filled; the next touch tries again"
        )));
    }
    tracing::info!("all repositories are filled");
    Ok(())
}
