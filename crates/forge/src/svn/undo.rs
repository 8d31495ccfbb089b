//! Takes revisions back by a new one, through a session of the site's own: the server and the gate are those of everybody's commits.

use super::session::{SvnRights, SvnSession};
use super::subversion::Subversion;
use crate::access::{Authorized, Write};
use crate::error::Error;
use crate::people::Principal;
use crate::repo::Repo;
use std::os::unix::net::UnixStream;
use svn::{CommitError, Undo};

/// A revision that takes others back.
pub(crate) struct TakeBack {
    pub(crate) repo: Repo,
    pub(crate) undo: Undo,
    /// Who is written down as its author.
    pub(crate) author: String,
    pub(crate) message: String,
    /// The officer whose act it is; None: the operator at the machine.
    pub(crate) officer: Option<Principal>,
}

/// How it went.
pub(crate) enum TakenBack {
    /// By this revision, which is held.
    Revision(u64),
    /// This entry is written and not held yet: it becomes a revision by itself.
    Entry(u64),
}

impl Subversion {
    /// Commits it.
    pub(crate) async fn take_back(&self, take: TakeBack) -> Result<TakenBack, Error> {
        let TakeBack { repo, undo, author, message, officer } = take;
        let location = format!("{}.svn", repo.path);
        let url = format!("svn+ssh://outlast/{location}");
        let rights = SvnRights::Write(Authorized::<Write>::by_site(repo));
        let session: SvnSession = self.session_as((0, &author), &rights, &location, None, officer).await?;
        let finishing = session.finishing();
        let failed = |e: std::io::Error| Error::internal(format!("a session of the site's own: {e}"));
        let (near, far) = UnixStream::pair().map_err(failed)?;
        far.set_nonblocking(true).map_err(failed)?;
        let far = tokio::net::UnixStream::from_std(far).map_err(failed)?;
        let opening = Undo::opening(&url);
        let committing = tokio::task::spawn_blocking(move || undo.commit(near, &url, &message));
        // It ends when the one who commits hangs up; that one says how it went.
        let (_, committed) = tokio::join!(session.serve(far, &opening, std::future::pending()), committing);
        match committed.map_err(|e| Error::internal(format!("taking revisions back broke off: {e}")))? {
            Ok(rev) => Ok(TakenBack::Revision(rev)),
            Err(CommitError::Refused(why)) => match finishing.and_then(|finishing| finishing.unheld()) {
                Some(seq) => Ok(TakenBack::Entry(seq)),
                None => Err(Error::conflict(why)),
            },
            Err(error) => Err(Error::internal(error.to_string())),
        }
    }
}
