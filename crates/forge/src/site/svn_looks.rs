//! What was found out for a request of Subversion, for the next of the same client: a checkout, and a commit of many files, are thousands of
//! requests.
//!
//! Invariant: who may what follows from the tables, and they change with the journal alone. What was found is believed while the
//! journal has not grown by one entry and no more of it is held, and for a second at most, because credentials expire by the clock.
//! A revocation is an entry: it is seen by the first request after it.

use super::moment::Moment;
use crate::access::{Authorized, Read, Write};
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::Repo;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use svn::{HttpServer, SvnSource};

/// For how long what was found is believed at most.
const BELIEVED_MAX: Duration = Duration::from_secs(1);
/// Clients and repositories that are remembered at one time.
const LOOKS_MAX: usize = 256;

/// The right that somebody has shown to have.
#[derive(Clone)]
pub(super) enum May {
    Read(Authorized<Read>),
    Write(Authorized<Write>),
}

impl May {
    pub(super) fn repo(&self) -> &Repo {
        match self {
            Self::Read(proof) => proof.repo(),
            Self::Write(proof) => proof.repo(),
        }
    }
}

struct Look {
    moment: Moment,
    at: Instant,
    who: Option<Principal>,
    may: May,
    /// Not kept running by this.
    server: Weak<HttpServer>,
    whole: Option<Whole>,
}

/// All of a repository, for who may read all of it; None: who asks may not.
pub(super) type Whole = Option<SvnSource>;

/// What somebody wants of a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Wants {
    /// To read it.
    Reading,
    /// To change it.
    Writing,
}

/// By account (0: nobody), address, and what is wanted.
type Key = (u64, RepoPath, Wants);

/// What was found out for each.
#[derive(Clone, Default)]
pub(super) struct SvnLooks(Arc<Mutex<HashMap<Key, Look>>>);

impl std::fmt::Debug for SvnLooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SvnLooks")
    }
}

fn key(who: Option<&Principal>, path: &RepoPath, wants: Wants) -> Key {
    (who.map_or(0, Principal::user), path.clone(), wants)
}

impl SvnLooks {
    /// What was found for the same client with the same credential, if nothing can have changed since.
    pub(super) fn found(
        &self,
        moment: Moment,
        who: Option<&Principal>,
        path: &RepoPath,
        wants: Wants,
    ) -> Option<(May, Arc<HttpServer>)> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let look = looks.get(&key(who, path, wants))?;
        if look.moment != moment || look.who.as_ref() != who || look.at.elapsed() > BELIEVED_MAX {
            return None;
        }
        let server = look.server.upgrade().filter(|server| server.is_running())?;
        server.touch();
        Some((look.may.clone(), server))
    }

    /// Keeps what was found.
    pub(super) fn keep(
        &self,
        moment: Moment,
        who: Option<&Principal>,
        path: &RepoPath,
        wants: Wants,
        may: &May,
        server: &Arc<HttpServer>,
    ) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if looks.len() >= LOOKS_MAX {
            looks.clear();
        }
        let (who, may, server) = (who.cloned(), may.clone(), Arc::downgrade(server));
        let key = key(who.as_ref(), path, wants);
        looks.insert(key, Look { moment, at: Instant::now(), who, may, server, whole: None });
    }

    /// Lets go of all of it, and of what was read of repositories.
    pub(super) fn clear(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// What was [kept](Self::keep_whole) beside it; None: nothing was.
    pub(super) fn whole(&self, moment: Moment, account: u64, path: &RepoPath) -> Option<Whole> {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(&(account, path.clone(), Wants::Reading)).filter(|look| look.moment == moment)?.whole.clone()
    }

    /// Keeps beside what was found of a client whether it may read all of the repository, and then the repository.
    pub(super) fn keep_whole(&self, moment: Moment, account: u64, path: &RepoPath, whole: &Whole) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get_mut(&(account, path.clone(), Wants::Reading)).filter(|look| look.moment == moment)
        {
            look.whole = Some(whole.clone());
        }
    }
}
