//! Reading a repository for people: who may, and how many at once.

use super::Site;
use crate::access::{Authorized, Read};
use crate::error::Error;
use crate::event::repo::RepoKind;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::{Opened, Repo};
use code::{ReadError, Source};
use git::read::{GitSource, ReadCaches};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Reads that run at one time: each keeps a processor busy.
pub const READS_MAX: usize = 16;
/// How long one more waits for its turn.
pub const READ_WAIT: Duration = Duration::from_secs(10);
/// Memory for what is kept of repositories that were read, in bytes.
pub const READ_CACHE_BYTES_MAX: u64 = 96 << 20;

/// What all readers share.
pub(crate) struct Reading {
    caches: Arc<ReadCaches>,
    turns: Arc<Semaphore>,
    /// One repository's history is indexed at a time.
    indexing: Arc<Semaphore>,
}

impl Reading {
    pub(crate) fn new() -> Self {
        Self {
            caches: Arc::new(ReadCaches::new(READ_CACHE_BYTES_MAX)),
            turns: Arc::new(Semaphore::new(READS_MAX)),
            indexing: Arc::new(Semaphore::new(1)),
        }
    }

    /// Brings the index of a history that somebody looks at up to date, in the background. It is a cache: while another is
    /// being made, the next who looks asks again.
    fn index(&self, source: &GitSource) {
        if source.is_empty() || git::read::history_is_indexed(source) {
            return;
        }
        let Ok(turn) = self.indexing.clone().try_acquire_owned() else { return };
        let source = source.clone();
        tokio::task::spawn_blocking(move || {
            if let Err(error) = git::read::index_history(&source) {
                tracing::warn!(%error, "the index of a history could not be made; its pages are slower");
            }
            drop(turn);
        });
    }

    pub(crate) fn caches(&self) -> Arc<ReadCaches> {
        self.caches.clone()
    }
}

/// A repository that somebody may read, at the state its names had when it was opened.
#[derive(Clone)]
pub struct CodeReader {
    proof: Authorized<Read>,
    /// None: a repository of Subversion, of which its own clients are told.
    git: Option<(Opened, GitSource)>,
    turns: Arc<Semaphore>,
}

impl CodeReader {
    /// What it is.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        self.proof.repo()
    }

    /// The right it was opened with.
    #[must_use]
    pub fn proof(&self) -> &Authorized<Read> {
        &self.proof
    }

    /// A number that grows with every change of its names: what was made for one is good while it's the same.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.git.as_ref().map_or(self.repo().seq, |(opened, _)| opened.refs.generation())
    }

    /// The repository on the disk, for what git's own programs do.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is one of Subversion.
    pub fn git(&self) -> Result<&git::Repository, Error> {
        self.git.as_ref().map(|(opened, _)| &*opened.git).ok_or_else(|| not_of_git(self.repo()))
    }

    /// The default branch's short name, whether or not it is there yet.
    #[must_use]
    pub fn default_branch(&self) -> String {
        self.git.as_ref().map_or_else(|| "trunk".to_owned(), |(_, source)| source.default_branch())
    }

    /// Whether there is nothing yet that pages could show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.git.as_ref().is_none_or(|(_, source)| source.is_empty())
    }

    /// Reads, on a thread that may block. It runs to its end also when nobody waits for it any more.
    ///
    /// # Errors
    /// Those of reading; [`Error::Busy`] when too many others read.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Source) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(self.in_turn(|source| read(source)).await??)
    }

    /// Runs what blocks, when it is its turn.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GitSource) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (_, source) = self.git.clone().ok_or_else(|| not_of_git(self.repo()))?;
        let turn = tokio::time::timeout(READ_WAIT, self.turns.clone().acquire_owned()).await;
        let turn = turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Stopping)?;
        let reading = tokio::task::spawn_blocking(move || {
            let done = work(&source);
            drop(turn);
            done
        });
        reading.await.map_err(|e| Error::internal(format!("reading the repository broke off: {e}")))
    }
}

impl std::fmt::Debug for CodeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CodeReader").field("repo", &self.repo().path).finish_non_exhaustive()
    }
}

fn not_of_git(repo: &Repo) -> Error {
    Error::not_found(format!("such a page of {}, which is a repository of Subversion,", repo.path))
}

impl From<ReadError> for Error {
    fn from(e: ReadError) -> Self {
        match e {
            ReadError::NotFound(what) => Self::NotFound(format!("there is no {what} here")),
            ReadError::TooMuch(text) | ReadError::Invalid(text) => Self::Invalid(text),
            ReadError::Damaged(text) => Self::Damaged(text),
            ReadError::Io(e) => Self::internal(e.to_string()),
        }
    }
}

impl Site {
    /// A repository for reading it on pages. Waits while it is being filled from the vaults.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is not there or may not be seen.
    pub async fn code(&self, who: Option<&Principal>, path: &RepoPath) -> Result<CodeReader, Error> {
        let proof = self.authorize::<Read>(who, path).await?;
        let turns = self.reading.turns.clone();
        if proof.repo().kind == RepoKind::Svn {
            return Ok(CodeReader { proof, git: None, turns });
        }
        let opened = self.repositories.open(&proof).await?;
        let (git, refs, caches) = (opened.git.clone(), opened.refs.clone(), self.reading.caches());
        let opening = tokio::task::spawn_blocking(move || GitSource::open(&git, refs, caches));
        let source = opening.await.map_err(|e| Error::internal(format!("opening the repository broke off: {e}")))??;
        self.reading.index(&source);
        Ok(CodeReader { proof, git: Some((opened, source)), turns })
    }
}
