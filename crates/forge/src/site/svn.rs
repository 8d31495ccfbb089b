//! Subversion's door: a repository somebody may use, and the server that serves it.

use super::Site;
use super::moment::Moment;
use super::svn_looks::{May, Wants};
use crate::access::{Write, authorize};
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::log::entries_written;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::Repo;
use crate::site::CodeReader;
use crate::svn::{FinishGuard, SvnLockInfo, entry_of, locks_fetch, path_rules_fetch};
use std::sync::Arc;
use svn::PathRules;
pub use svn::{HttpServer as SvnServer, Packing, SvnSource, Turn as SvnTurn, make_svndiff};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SvnAct {
    /// It reads.
    Read,
    /// It prepares a change, which nobody can see yet.
    Prepare,
    /// It may make something visible: a revision, a property of one, a lock.
    Finish,
}

/// A repository that was opened for one request.
#[derive(Debug)]
pub struct SvnDoor {
    repo: Repo,
    server: Arc<SvnServer>,
    user: String,
    account: u64,
    finish: Option<FinishGuard>,
    /// When it was opened, and under which address.
    moment: Moment,
    path: RepoPath,
}

impl SvnDoor {
    /// What it is.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Its server on this machine. It may be kept for the next request on the same connection; each asks here first.
    #[must_use]
    pub fn server(&self) -> &Arc<SvnServer> {
        &self.server
    }

    /// Whom the server takes the request to be from.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Whose turns at the server it takes; 0: nobody's in particular.
    #[must_use]
    pub fn account(&self) -> u64 {
        self.account
    }

    /// Why what it would have made visible was held back; None: it was not.
    #[must_use]
    pub fn refusal(&self) -> Option<String> {
        self.finish.as_ref().and_then(FinishGuard::refusal)
    }
}

/// The user that servers are told when nobody in particular reads. No account can have the name.
const NOBODY: &str = "-";

/// Locks that are listed at most.
const SVN_LOCKS_SHOWN_MAX: u32 = 1_000;

impl Site {
    /// A repository of Subversion, for one request. Waits while it is filled from the vaults, and for the turn of what may make
    /// something visible.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is not there, may not be seen, or is a repository of Git.
    pub async fn svn(&self, who: Option<&Principal>, path: &RepoPath, act: SvnAct) -> Result<SvnDoor, Error> {
        let moment = self.now();
        let wants = if act == SvnAct::Read { Wants::Reading } else { Wants::Writing };
        let (may, server) = match self.svn_looks.found(moment, who, path, wants) {
            Some(found) => found,
            None => self.svn_look(moment, who, path, wants).await?,
        };
        let repo = may.repo().clone();
        let finish = match may {
            May::Write(proof) if act == SvnAct::Finish => Some(self.subversion.finish(proof).await?),
            _ => None,
        };
        let user = who.map_or(NOBODY, Principal::name).to_owned();
        let account = who.map_or(0, Principal::user);
        Ok(SvnDoor { repo, server, user, account, finish, moment, path: path.clone() })
    }

    /// What somebody may do and the server for it, remembered for the next request. The right and the rules of paths are of one reading.
    async fn svn_look(
        &self,
        moment: Moment,
        who: Option<&Principal>,
        path: &RepoPath,
        wants: Wants,
    ) -> Result<(May, Arc<SvnServer>), Error> {
        let (by, wanted) = (who.cloned(), path.clone());
        let reading = self.db().read_async(move |tx| {
            let may = match wants {
                Wants::Reading => May::Read(authorize(tx, by.as_ref(), &wanted)?),
                Wants::Writing => May::Write(authorize(tx, by.as_ref(), &wanted)?),
            };
            let authz = path_rules_fetch(tx, may.repo().id)?.authz();
            Ok::<_, Error>((may, authz, entries_written(tx)?))
        });
        let (may, authz, as_of) = reading.await?;
        self.must_be(may.repo(), RepoKind::Svn)?;
        let rules = PathRules { text: authz.as_deref(), as_of };
        let server = match &may {
            May::Read(proof) => self.subversion.http(proof, rules).await?,
            May::Write(proof) => self.subversion.http(proof, rules).await?,
        };
        self.svn_looks.keep(moment, who, path, wants, &may, &server);
        Ok((may, server))
    }

    /// All of a repository that was opened for reading, up to the newest revision that is held; None: there are parts that who asks
    /// may not read.
    ///
    /// # Errors
    /// When it can't be read.
    pub async fn svn_whole(&self, door: &SvnDoor) -> Result<Option<SvnSource>, Error> {
        let (moment, account, repo) = (door.moment, door.account, &door.repo);
        if let Some(known) = self.svn_looks.whole(moment, account, &door.path) {
            return Ok(known);
        }
        // As the server behind reads the rules: they are for who administers the repository too.
        let (who, id) = ((account > 0).then_some(account), repo.id);
        let whole =
            match self.db().read_async(move |tx| Ok::<_, Error>(path_rules_fetch(tx, id)?.reads_all(who))).await? {
                true => Some(self.svn_source(repo.id).await?.0),
                false => None,
            };
        self.svn_looks.keep_whole(moment, account, &door.path, &whole);
        Ok(whole)
    }

    /// A repository's rules of paths, as Subversion's servers read them.
    pub(super) async fn svn_authz(&self, repo: u64) -> Result<Option<String>, Error> {
        self.db().read_async(move |tx| Ok(path_rules_fetch(tx, repo)?.authz())).await
    }

    /// Who has locked what in a repository of Subversion: up to 1,000 locks, by path.
    pub async fn svn_locks(&self, code: &CodeReader) -> Result<Vec<SvnLockInfo>, Error> {
        let (repo, held) = (code.repo().id, self.held());
        self.db().read_async(move |tx| locks_fetch(tx, repo, held, SVN_LOCKS_SHOWN_MAX)).await
    }

    /// The entry that a revision of Subversion is; None: there is no such revision, or it is not held.
    pub async fn svn_entry(&self, code: &CodeReader, rev: u64) -> Result<Option<u64>, Error> {
        let (repo, held) = (code.repo().id, self.held());
        self.db().read_async(move |tx| entry_of(tx, repo, rev, held)).await
    }

    /// Breaks a lock, whoever has it: who may commit may do that, as with `svn unlock --force`. Held when it returns; a lock that
    /// is gone already is no error.
    ///
    /// # Errors
    /// Those of authorization and of writing.
    pub async fn svn_break_lock(&self, who: &Principal, path: &RepoPath, name: String) -> Result<(), Error> {
        let proof = self.authorize::<Write>(Some(who), path).await?;
        if !proof.repo().is_svn() {
            return Err(Error::invalid("a repository of Git has no locks"));
        }
        self.subversion.open(&proof).await?;
        self.subversion.break_lock(proof, name).await
    }

    /// Says how a repository of the other kind is used.
    pub(super) fn must_be(&self, repo: &Repo, kind: RepoKind) -> Result<(), Error> {
        if repo.kind == kind {
            return Ok(());
        }
        let (base, path) = (&self.base_url, &repo.path);
        Err(Error::NotFound(match repo.kind {
            RepoKind::Svn => format!("{path} is a repository of Subversion: svn checkout {base}/{path}.svn"),
            RepoKind::Git => format!("{path} is a repository of Git: git clone {base}/{path}.git"),
        }))
    }
}
