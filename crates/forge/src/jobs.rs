//! What the site does by itself, and how it went since it was started. A run is no state: none of this is in the journal, and what a run
//! changes has events of its own.

use crate::clock::now_us;
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

macro_rules! jobs {
    ($($name:ident $word:literal, $asked:literal, $title:literal, $about:literal, $when:literal;)*) => {
        /// Something the site does by itself.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Job { $(#[doc = $about] $name,)* }

        impl Job {
            /// Every one, in the order they are shown in.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name in addresses.
            #[must_use]
            pub fn word(self) -> &'static str { match self { $(Self::$name => $word,)* } }

            /// Whether it can be asked for.
            #[must_use]
            pub fn can_be_asked(self) -> bool { match self { $(Self::$name => $asked,)* } }

            /// For people.
            #[must_use]
            pub fn title(self) -> &'static str { match self { $(Self::$name => $title,)* } }

            /// What it does.
            #[must_use]
            pub fn about(self) -> &'static str { match self { $(Self::$name => $about,)* } }

            /// When it is done unasked.
            #[must_use]
            pub fn when(self) -> &'static str { match self { $(Self::$name => $when,)* } }
        }
    };
}

jobs! {
    Drill "drill", true, "Recovery drill", "Rebuilds the site from its vaults in a throw-away place and compares everything.", "once a day";
    Snapshot "snapshot", true, "Snapshot of the database", "Puts the tables into the vaults, so that a recovery replays less.", "as the journal grows";
    Maintain "maintain", true, "Maintenance of repositories", "Git's own housekeeping, and one pack of what came in many for the vaults.", "after 50 pushes or 8 MiB into one";
    Settle "settle", true, "Orders that are due", "Carries out what officers have signed when its delay is over, and closes what expired.", "all the time";
    Sweep "sweep", true, "Sweep of the spool", "Frees what every vault and every repository here has.", "all the time";
    Fill "fill", false, "Filling of repositories", "Brings repositories back from the vaults that nobody has asked for yet.", "after a recovery";
    FillLog "fill-log", false, "The journal before the snapshot", "Brings back entries that a recovery did not need.", "after a recovery";
}

impl Job {
    /// The job of this name.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|job| job.word() == word)
    }
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// When it began, microseconds since 1970.
    pub began_us: i64,
    /// How long it took.
    pub took: Duration,
    /// What kept it from its end.
    pub error: Option<String>,
}

/// A job since the site was started.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobState {
    /// Since when it runs, microseconds since 1970; None: it does not.
    pub running_us: Option<i64>,
    /// The run that ended last.
    pub last: Option<LastRun>,
    /// Runs that ended.
    pub runs: u64,
    /// Of which so many failed.
    pub failures: u64,
    /// When it is looked at next, microseconds since 1970; None: when something happens.
    pub next_us: Option<i64>,
}

/// The states of all jobs. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Jobs(Arc<Mutex<Vec<JobState>>>);

impl Default for Jobs {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(vec![JobState::default(); Job::ALL.len()])))
    }
}

impl Jobs {
    fn states(&self) -> MutexGuard<'_, Vec<JobState>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn all(&self) -> Vec<(Job, JobState)> {
        Job::ALL.iter().copied().zip(self.states().iter().cloned()).collect()
    }

    fn change(&self, job: Job, change: impl FnOnce(&mut JobState)) {
        if let Some(state) = self.states().get_mut(job as usize) {
            change(state);
        }
    }

    /// It is looked at again after this time.
    pub(crate) fn next(&self, job: Job, after: Duration) {
        let after = i64::try_from(after.as_micros()).unwrap_or(i64::MAX);
        self.change(job, |state| state.next_us = Some(now_us().saturating_add(after)));
    }

    /// Does it, and keeps how that went. One that is given up half-way counts as failed.
    pub(crate) async fn run<T, E: Display>(&self, job: Job, doing: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut run =
            Run { jobs: self, job, began: Instant::now(), began_us: now_us(), error: Some("broken off".to_owned()) };
        self.change(job, |state| state.running_us = Some(run.began_us));
        let done = doing.await;
        run.error = done.as_ref().err().map(ToString::to_string);
        drop(run);
        done
    }
}

struct Run<'a> {
    jobs: &'a Jobs,
    job: Job,
    began: Instant,
    began_us: i64,
    error: Option<String>,
}

impl Drop for Run<'_> {
    fn drop(&mut self) {
        let (began_us, took, error) = (self.began_us, self.began.elapsed(), self.error.take());
        self.jobs.change(self.job, |state| {
            state.running_us = None;
            state.runs += 1;
            state.failures += u64::from(error.is_some());
            state.last = Some(LastRun { began_us, took, error });
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(jobs: &Jobs, job: Job) -> JobState {
        jobs.all().into_iter().find(|(found, _)| *found == job).unwrap().1
    }

    #[tokio::test]
    async fn what_ran_is_known_with_how_it_ended() {
        let jobs = Jobs::default();
        assert_eq!(jobs.run(Job::Sweep, async { Ok::<_, String>(7) }).await, Ok(7));
        let failed = jobs.run(Job::Sweep, async { Err::<(), _>("the disk is full") }).await;
        assert_eq!(failed, Err("the disk is full"));
        let seen = state(&jobs, Job::Sweep);
        assert_eq!((seen.runs, seen.failures, seen.running_us), (2, 1, None));
        assert_eq!(seen.last.and_then(|last| last.error).as_deref(), Some("the disk is full"));
        assert_eq!(state(&jobs, Job::Drill), JobState::default());
        assert!(
            Job::ALL
                .iter()
                .enumerate()
                .all(|(at, job)| *job as usize == at && Job::from_word(job.word()) == Some(*job))
        );
    }

    #[tokio::test]
    async fn what_is_given_up_has_failed_and_does_not_run_for_ever() {
        let jobs = Jobs::default();
        let endless = jobs.run(Job::Drill, std::future::pending::<Result<(), String>>());
        let mut endless = Box::pin(endless);
        assert!(futures_util::poll!(&mut endless).is_pending());
        assert!(state(&jobs, Job::Drill).running_us.is_some());
        drop(endless);
        let seen = state(&jobs, Job::Drill);
        assert_eq!((seen.running_us, seen.failures), (None, 1));
        assert_eq!(seen.last.and_then(|last| last.error).as_deref(), Some("broken off"));
    }
}
