//! A session of Subversion over SSH: one client, one repository, a server of its own.
//!
//! The server's token at the gate is the session's: so it is known whose act it is without one having to wait for its turn, as
//! requests over HTTP do.

use super::gate::Finishing;
use super::subversion::{Shared, Subversion, child};
use crate::access::{Authorized, Read, Write};
use crate::error::Error;
use crate::people::Principal;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use svn::ra_svn::{HOOK_FAILURE, NOT_AUTHORIZED, failure};
use svn::{Session, Tunnel};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _};

/// What somebody may do in a repository.
pub(crate) enum SvnRights {
    /// Read, and why not more.
    Read(Authorized<Read>, String),
    /// Commit too.
    Write(Authorized<Write>),
}

impl SvnRights {
    /// The repository's id.
    pub(crate) fn repo(&self) -> &crate::repo::Repo {
        match self {
            Self::Read(proof, _) => proof.repo(),
            Self::Write(proof) => proof.repo(),
        }
    }

    /// Whether these are no other rights than those.
    pub(crate) fn are_those(&self, others: &Self) -> bool {
        self.repo().id == others.repo().id
            && matches!((self, others), (Self::Read(..), Self::Read(..)) | (Self::Write(_), Self::Write(_)))
    }
}

/// A session that is open.
pub(crate) struct SvnSession {
    tunnel: Tunnel,
    refusal: Refusal,
    entered: Entered,
    moved: AtomicU64,
}

/// Where it is found out why something was refused.
enum Refusal {
    May(Arc<Finishing>),
    MayNot(String),
}

/// Its place among the sessions; given back when it is dropped.
struct Entered {
    shared: Arc<Shared>,
    id: u64,
    account: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut sessions = self.shared.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.open.remove(&self.id);
        if let Some(count) = sessions.of_account.get_mut(&self.account) {
            *count -= 1;
            if *count == 0 {
                sessions.of_account.remove(&self.account);
            }
        }
    }
}

impl Subversion {
    /// What a server says first, whichever repository it will be about.
    pub(crate) async fn greeting(&self) -> Result<Vec<u8>, Error> {
        let engine = self.0.engine().await?;
        engine.greeting().await.map(<[u8]>::to_vec).map_err(child)
    }

    /// Opens a session. `location`: `OWNER/NAME.svn` as the client writes it. `authz`: the rules of paths that its server asks.
    pub(crate) async fn session(
        &self,
        who: &Principal,
        rights: &SvnRights,
        location: &str,
        authz: Option<&str>,
    ) -> Result<SvnSession, Error> {
        self.session_as((who.user(), who.name()), rights, location, authz, None).await
    }

    /// As [`Subversion::session`], for an account (0: the site itself, for an officer of whom it is an act) under a name that
    /// revisions have as their author's.
    pub(super) async fn session_as(
        &self,
        (account, name): (u64, &str),
        rights: &SvnRights,
        location: &str,
        authz: Option<&str>,
        officer: Option<Principal>,
    ) -> Result<SvnSession, Error> {
        match rights {
            SvnRights::Read(proof, _) => self.open(proof).await?,
            SvnRights::Write(proof) => self.open(proof).await?,
        };
        let entered = self.enter(account, name, rights)?;
        let refusal = match rights {
            SvnRights::Read(_, why) => Refusal::MayNot(why.clone()),
            SvnRights::Write(proof) => {
                let finishing = Arc::new(Finishing::new(proof.clone()).of_officer(officer));
                let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
                sessions.open.insert(entered.id, finishing.clone());
                Refusal::May(finishing)
            }
        };
        let writes = matches!(refusal, Refusal::May(_));
        let session = Session { id: entered.id, user: name, location, writes, authz };
        let tunnel = self.0.engine().await?.tunnel(rights.repo().id, session).await.map_err(child)?;
        let tunnel =
            tunnel.ok_or_else(|| Error::NoRoom("too many sessions of Subversion are open; try again later".into()))?;
        Ok(SvnSession { tunnel, refusal, entered, moved: AtomicU64::new(0) })
    }

    fn enter(&self, account: u64, name: &str, rights: &SvnRights) -> Result<Entered, Error> {
        let max = self.0.limits.account_sessions_max;
        let mut sessions = self.0.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        let count = sessions.of_account.entry(account).or_default();
        if *count >= max {
            return Err(Error::NoRoom(format!("{max} sessions of {name} are open at once; close some first")));
        }
        *count += 1;
        sessions.last += 1;
        tracing::debug!(repository = rights.repo().id, session = sessions.last, "a session of Subversion opens");
        Ok(Entered { shared: self.0.clone(), id: sessions.last, account })
    }
}

impl SvnSession {
    /// What it may make visible; None: it may only read.
    pub(super) fn finishing(&self) -> Option<Arc<Finishing>> {
        match &self.refusal {
            Refusal::May(finishing) => Some(finishing.clone()),
            Refusal::MayNot(_) => None,
        }
    }

    /// Serves the client until either side ends, `stop` resolves, or nothing moves any more.
    pub(crate) async fn serve<C>(self, client: C, opening: &[u8], stop: impl Future<Output = ()>) -> io::Result<()>
    where
        C: AsyncRead + AsyncWrite + Unpin,
    {
        let Self { tunnel, refusal, entered, moved } = self;
        let better = |code| match &refusal {
            Refusal::May(finishing) => finishing.take_refusal().map(|why| format!("outlast: {why}")),
            Refusal::MayNot(why) => (code == NOT_AUTHORIZED).then(|| format!("outlast: {why}")),
        };
        let idle_max = entered.shared.limits.session_idle_max;
        tokio::select! {
            served = tunnel.relay(client, opening, better, &moved) => served,
            () = stop => Err(io::Error::other("it may not be used any more")),
            () = idle(&moved, idle_max) => Err(io::Error::other("nothing moved in it for too long")),
        }
    }
}

/// Resolves when nothing was counted for so long.
async fn idle(moved: &AtomicU64, max: Duration) {
    let mut before = u64::MAX;
    loop {
        let now = moved.load(Ordering::Relaxed);
        if now == before {
            return;
        }
        before = now;
        tokio::time::sleep(max).await;
    }
}

/// Tells a client why there is no session, in the way it shows to people.
pub(crate) async fn tell<C: AsyncWrite + Unpin>(mut client: C, error: &Error) -> io::Result<()> {
    if error.is_ours() {
        tracing::error!(%error, "a session of Subversion could not be opened");
    }
    client.write_all(&failure(HOOK_FAILURE, &format!("outlast: {error}"))).await?;
    client.shutdown().await
}
