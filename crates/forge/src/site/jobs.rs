//! What the site does by itself: how it goes, and doing it when an operator asks.

use super::Site;
use super::tasks::Sweeper;
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::jobs::{Job, JobState};
use crate::people::Principal;
use crate::projector::all_repos;
use std::sync::Arc;

impl Site {
    /// Every job, as it went since the site was started.
    pub fn job_list(&self, by: &Principal) -> Result<Vec<(Job, JobState)>, Error> {
        by.needs_operator()?;
        Ok(self.job_states())
    }

    /// As [`Site::job_list`], for the site's own figures.
    #[must_use]
    pub fn job_states(&self) -> Vec<(Job, JobState)> {
        self.jobs.all()
    }

    /// Begins a job now, for an operator. It goes on when nobody waits for it.
    ///
    /// # Errors
    /// [`Error::Conflict`] when it runs already, [`Error::Invalid`] when it can't be asked for.
    pub fn job_begin(self: &Arc<Self>, by: &Principal, job: Job) -> Result<(), Error> {
        by.needs_operator()?;
        if !job.can_be_asked() {
            return Err(Error::invalid(format!("{}: it is done {} and not otherwise", job.title(), job.when())));
        }
        let runs = self.jobs.all().into_iter().any(|(found, state)| found == job && state.running_us.is_some());
        if runs {
            return Err(Error::conflict(format!("{}: it runs already", job.title())));
        }
        let (site, by) = (Arc::downgrade(self), by.clone());
        let running = tokio::spawn(async move {
            let Some(site) = site.upgrade() else { return };
            if let Err(error) = site.job_do(&by, job).await {
                tracing::warn!(job = job.word(), %error, "a job that was asked for failed");
            }
        });
        let mut tasks = self.tasks.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        tasks.retain(|task| !task.is_finished());
        tasks.push(running);
        Ok(())
    }

    async fn job_do(&self, by: &Principal, job: Job) -> Result<(), Error> {
        match job {
            // It keeps its own account, whoever begins it.
            Job::Drill => self.drill(&[], &mut |_| {}).await.map(drop),
            Job::Snapshot => self.snapshot_take_for(by).await.map(drop),
            Job::Maintain => self.jobs.run(job, self.maintain_all()).await,
            Job::Settle => {
                let settled = super::guard::settle(&self.ledger, &self.authenticator, &self.shut, self.rp());
                self.jobs.run(job, settled).await
            }
            Job::Sweep => self.jobs.run(job, Sweeper::of(self).once()).await,
            Job::Fill | Job::FillLog => Ok(()),
        }
    }

    /// One repository after the other; what fails in one is told when all are done.
    async fn maintain_all(&self) -> Result<(), Error> {
        let (maintenance, mut failed) = (self.maintenance(), Vec::new());
        for (id, kind) in all_repos(self.db()).await? {
            if kind == RepoKind::Git
                && let Err(error) = maintenance.maintain(id).await
            {
                failed.push(format!("repository {id}: {error}"));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(Error::internal(failed.join("; "))) }
    }
}
