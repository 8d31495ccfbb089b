//! Imports that go on while nobody waits for them.

use forge::import::Imported;
use forge::site::{SvnConverted, SvnImported};
use forge::svn::{LoadProgress, ViewProgress};
use forge::{Error, RepoPath};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Imports that run at once: each is a connection to a stranger, and a Git that indexes.
pub(crate) const IMPORTS_RUNNING_MAX: usize = 4;
/// Of one account.
pub(crate) const IMPORTS_RUNNING_OWN_MAX: usize = 2;
/// Imports that are remembered after their end, until the site is started again.
pub(crate) const IMPORTS_KEPT_MAX: usize = 200;

/// How an import is.
#[derive(Clone, Debug)]
pub(crate) enum State {
    /// It goes on.
    Running,
    /// It is held.
    Done(Done),
    /// It is not; why.
    Failed(String),
}

/// What came in.
#[derive(Clone, Debug)]
pub(crate) enum Done {
    /// Refs of Git.
    Git(Imported),
    /// Revisions of Subversion.
    Svn(SvnImported),
    /// Revisions of Subversion, as Git has them.
    Converted(SvnConverted),
}

/// What is counted while it comes.
#[derive(Clone, Debug)]
pub(crate) enum Counts {
    /// Bytes of a pack.
    Git(Arc<AtomicU64>),
    /// Bytes and revisions of a dump.
    Svn(Arc<LoadProgress>),
    /// Revisions that were made into commits.
    Converting(Arc<ViewProgress>),
}

impl Counts {
    /// What has come, each with its name. Bytes are bytes.
    pub(crate) fn shown(&self, bytes: impl Fn(u64) -> String) -> Vec<(&'static str, String)> {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        match self {
            Self::Git(count) => vec![("Objects that came", bytes(read(count)))],
            Self::Svn(count) => vec![
                ("Of the dump", bytes(read(&count.bytes))),
                ("Revisions loaded", read(&count.loaded).to_string()),
                ("On their way to the vaults", read(&count.sealed).to_string()),
            ],
            Self::Converting(count) => {
                vec![("Revisions converted", format!("{} of {}", read(&count.done), read(&count.of)))]
            }
        }
    }
}

/// An import that is to begin.
pub(crate) struct Begin {
    /// Who begins it; 0: the operator at the machine.
    pub(crate) account: u64,
    /// From where, without a credential.
    pub(crate) from: String,
    /// To where.
    pub(crate) path: RepoPath,
    /// What is counted.
    pub(crate) counts: Counts,
}

/// One import.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// Who began it.
    pub(crate) account: u64,
    /// From where, without a credential.
    pub(crate) from: String,
    /// To where.
    pub(crate) path: String,
    /// What has come.
    pub(crate) counts: Counts,
    /// How it is.
    pub(crate) state: State,
}

impl Job {
    fn runs(&self) -> bool {
        matches!(self.state, State::Running)
    }
}

/// All of them.
#[derive(Debug, Default)]
pub struct Imports(Mutex<BTreeMap<u64, Job>>);

impl Imports {
    fn jobs(&self) -> MutexGuard<'_, BTreeMap<u64, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins one. Its number.
    pub(crate) fn begin(
        imports: &Arc<Self>,
        begin: Begin,
        work: impl Future<Output = Result<Done, Error>> + Send + 'static,
    ) -> Result<u64, Error> {
        let Begin { account, from, path, counts } = begin;
        let mut jobs = imports.jobs();
        let running = jobs.values().filter(|job| job.runs());
        let (all, own) = running.fold((0, 0), |(all, own), job| (all + 1, own + usize::from(job.account == account)));
        if all >= IMPORTS_RUNNING_MAX || own >= IMPORTS_RUNNING_OWN_MAX {
            return Err(Error::conflict("as many imports go on as may: try again when one is done"));
        }
        while jobs.len() >= IMPORTS_KEPT_MAX {
            let Some(oldest) = jobs.iter().find(|(_, job)| !job.runs()).map(|(id, _)| *id) else { break };
            jobs.remove(&oldest);
        }
        let id = jobs.keys().next_back().map_or(1, |last| last + 1);
        jobs.insert(id, Job { account, from, path: path.to_string(), counts, state: State::Running });
        drop(jobs);
        let of = imports.clone();
        let working = tokio::spawn(work);
        tokio::spawn(async move {
            // One that breaks off has ended too: it would count against its account for ever.
            let worked =
                working.await.unwrap_or_else(|error| Err(Error::internal(format!("an import broke off: {error}"))));
            let state = match worked {
                Ok(done) => State::Done(done),
                Err(Error::NoRoom(why)) => State::Failed(why),
                Err(error @ (Error::NotHeldYet { .. } | Error::NoQuorum { .. } | Error::Frozen { .. })) => {
                    State::Failed(error.to_string())
                }
                Err(error) if error.is_ours() => {
                    tracing::error!(%error, "an import failed");
                    State::Failed("the site failed; its log says how".to_owned())
                }
                Err(error) => State::Failed(error.to_string()),
            };
            if let Some(job) = of.jobs().get_mut(&id) {
                job.state = state;
            }
        });
        Ok(id)
    }

    /// One of this account's.
    pub(crate) fn of(&self, account: u64, id: u64) -> Option<Job> {
        self.jobs().get(&id).filter(|job| job.account == account).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_import_that_breaks_off_has_ended() {
        let imports = Arc::new(Imports::default());
        let begin = || Begin {
            account: 7,
            from: "https://example.org/x".to_owned(),
            path: "ann/x".parse().unwrap(),
            counts: Counts::Git(Arc::default()),
        };
        for _ in 0..=IMPORTS_RUNNING_OWN_MAX {
            let id = Imports::begin(&imports, begin(), async { panic!("as it should") }).unwrap();
            while imports.of(7, id).unwrap().runs() {
                tokio::task::yield_now().await;
            }
            assert!(matches!(imports.of(7, id).unwrap().state, State::Failed(_)));
        }
        for _ in 0..IMPORTS_RUNNING_OWN_MAX {
            Imports::begin(&imports, begin(), std::future::pending()).unwrap();
        }
        assert!(Imports::begin(&imports, begin(), std::future::pending()).is_err(), "as many as may");
    }
}
