//! Taking in a repository of Subversion from a dump.

use super::Site;
use super::people::submitter;
use crate::error::Error;
use crate::event::repo::{Format, Visibility};
use crate::names::RepoPath;
use crate::people::Principal;
use crate::quota::room_for_new;
use crate::repo::command::RepoCreate;
use crate::repo::query::repo_fetch;
use crate::svn::{Keep, LoadProgress, SvnImport};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::io::AsyncRead;

/// What a dump becomes here.
#[derive(Clone, Debug)]
pub struct SvnImportTo {
    /// Where.
    pub path: RepoPath,
    /// Who may see it; None: as the site's settings have it.
    pub visibility: Option<Visibility>,
    /// Counts while it comes.
    pub progress: Arc<LoadProgress>,
}

/// What was taken in from a dump.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SvnImported {
    /// The repository.
    pub path: String,
    /// Its newest revision.
    pub youngest: u64,
}

impl Site {
    /// Takes in a dump, as `svnadmin dump` and `svnrdump dump` write it, as a new repository of `by` (None: the operator at the
    /// machine) with the dump's UUID, authors and dates. Returns when all of it is held; till then nobody sees any of it, and after
    /// an error nothing is there.
    ///
    /// # Errors
    /// [`Error::Invalid`] with Subversion's own words for a dump that it does not take; [`Error::Conflict`] when the name is taken;
    /// [`Error::NoRoom`] over quota.
    pub async fn svn_import<R: AsyncRead + Unpin>(
        &self,
        by: Option<&Principal>,
        to: SvnImportTo,
        dump: R,
    ) -> Result<SvnImported, Error> {
        self.writability()?;
        let SvnImportTo { path, visibility, progress } = to;
        let mut create =
            RepoCreate { path, format: Format::Sha1, visibility, branch: None, by: by.cloned(), svn: None };
        // Who may not hears that before a byte is read.
        let asked = create.clone();
        let room = self.db().read_async(move |tx| {
            let namespace = asked.check(tx)?;
            Ok::<_, Error>(room_for_new(tx, namespace)?)
        });
        let loaded = self.subversion.load(dump, room.await?, &progress).await?;
        create.svn = Some(loaded.files);
        let youngest = loaded.revisions.len() as u64;
        let (keep, path) = (self.subversion.keep(), create.path.clone());
        let command = SvnImport { create, revisions: loaded.revisions };
        let done = match self.ledger.submit(submitter(by), command).await {
            Err(Error::NotHeldYet { seq, waited_s, missing }) => {
                self.make_when_held(path, seq + 1, keep);
                return Err(Error::NotHeldYet { seq, waited_s, missing });
            }
            done => done?,
        };
        // Here, while what it is made from is in the spool.
        self.subversion.open_id(done.output.id).await?;
        tracing::info!(
            repository = done.output.id,
            bytes = progress.bytes.load(Ordering::Relaxed),
            youngest,
            "a dump was taken in"
        );
        Ok(SvnImported { path: done.output.path, youngest })
    }
    /// Puts on the disk what was taken in and is held by too few vaults as yet, when enough hold it.
    fn make_when_held(&self, path: RepoPath, through: u64, keep: Keep) {
        let (db, subversion, mut held) = (self.db().clone(), self.subversion.clone(), self.ledger.shipping().held());
        tokio::spawn(async move {
            if held.wait_for(|held| *held >= through).await.is_err() {
                return;
            }
            let found = db.read_async(move |tx| Ok::<_, Error>(repo_fetch(tx, &path)?)).await;
            let made = match found {
                Ok(Some(repo)) => subversion.open_id(repo.id).await.map(drop),
                other => other.map(drop),
            };
            if let Err(error) = made {
                tracing::error!(%error, "taken in, and not on the disk; it is tried again at the next start");
            }
            drop(keep);
        });
    }
}
