//! Imports that go on while nobody waits for them.

use forge::import::{ImportFrom, Imported};
use forge::{Error, Principal, Site};
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
    Done(Imported),
    /// It is not; why.
    Failed(String),
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
    bytes: Arc<AtomicU64>,
    pub(crate) state: State,
}

impl Job {
    /// Bytes of objects that have come.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

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
    pub(crate) fn begin(imports: &Arc<Self>, site: Arc<Site>, by: Principal, from: ImportFrom) -> Result<u64, Error> {
        let mut jobs = imports.jobs();
        let running = jobs.values().filter(|job| job.runs());
        let (all, own) = running.fold((0, 0), |(all, own), job| (all + 1, own + usize::from(job.account == by.user())));
        if all >= IMPORTS_RUNNING_MAX || own >= IMPORTS_RUNNING_OWN_MAX {
            return Err(Error::conflict("as many imports go on as may: try again when one is done"));
        }
        while jobs.len() >= IMPORTS_KEPT_MAX {
            let Some(oldest) = jobs.iter().find(|(_, job)| !job.runs()).map(|(id, _)| *id) else { break };
            jobs.remove(&oldest);
        }
        let id = jobs.keys().next_back().map_or(1, |last| last + 1);
        let (url, path, bytes) = (from.url.to_string(), from.path.to_string(), from.bytes.clone());
        jobs.insert(id, Job { account: by.user(), from: url, path, bytes, state: State::Running });
        drop(jobs);
        let of = imports.clone();
        tokio::spawn(async move {
            let state = match site.import_from(Some(&by), from).await {
                Ok(imported) => State::Done(imported),
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
