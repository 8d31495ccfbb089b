//! Reading a repository for people: who may, and how many at once.

use super::Site;
use crate::access::{Authorized, Read};
use crate::error::Error;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::repo::{Opened, Repo};
use crate::svn::{SvnBounds, bounds_fetch};
use code::{ArchiveFormat, ReadError, RevisionId, Source};
use git::read::{ArchivePrefix, GitSource, ReadCaches};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use svn::{Readers, SvnSource};
use tokio::io::AsyncRead;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads that run at one time: each keeps a processor busy.
pub const READS_MAX: usize = 16;
/// How long one more waits for its turn.
pub const READ_WAIT: Duration = Duration::from_secs(10);
/// Memory for what is kept of repositories that were read, in bytes: of Git's, and as much of Subversion's.
pub const READ_CACHE_BYTES_MAX: u64 = 96 << 20;

/// What all readers share.
#[derive(Clone)]
pub(crate) struct Reading {
    caches: Arc<Mutex<Caches>>,
    turns: Arc<Semaphore>,
    /// One repository's history is indexed at a time.
    indexing: Arc<Semaphore>,
}

/// What is kept of repositories that were read.
struct Caches {
    git: Arc<ReadCaches>,
    svn: Arc<Readers>,
}

impl Default for Caches {
    fn default() -> Self {
        Self {
            git: Arc::new(ReadCaches::new(READ_CACHE_BYTES_MAX)),
            svn: Arc::new(Readers::new(usize::try_from(READ_CACHE_BYTES_MAX).unwrap_or(usize::MAX))),
        }
    }
}

impl Reading {
    pub(crate) fn new() -> Self {
        Self {
            caches: Arc::default(),
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

    fn kept(&self) -> MutexGuard<'_, Caches> {
        self.caches.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets go of all that is kept. Who reads now goes on with what they have.
    pub(crate) fn clear(&self) {
        *self.kept() = Caches::default();
    }

    pub(crate) fn caches(&self) -> Arc<ReadCaches> {
        self.kept().git.clone()
    }

    fn svn(&self) -> Arc<Readers> {
        self.kept().svn.clone()
    }
}

/// What keeps a repository, opened.
#[derive(Clone)]
enum Kept {
    Git(Opened, GitSource),
    Svn(SvnKept),
}

#[derive(Clone)]
struct SvnKept {
    source: SvnSource,
    default_branch: String,
    /// The entry that last changed anything of it.
    seq: u64,
}

/// A repository that somebody may read, at the state its names had when it was opened.
#[derive(Clone)]
pub struct CodeReader {
    proof: Authorized<Read>,
    kept: Kept,
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
        match &self.kept {
            Kept::Git(opened, _) => opened.refs.generation(),
            Kept::Svn(svn) => svn.seq,
        }
    }

    /// The repository on the disk, for what git's own programs do.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is one of Subversion.
    pub fn git(&self) -> Result<&git::Repository, Error> {
        match &self.kept {
            Kept::Git(opened, _) => Ok(&opened.git),
            Kept::Svn(_) => Err(not_of_git(self.repo())),
        }
    }

    /// The default branch's short name, whether or not it is there yet.
    #[must_use]
    pub fn default_branch(&self) -> String {
        match &self.kept {
            Kept::Git(_, source) => source.default_branch(),
            Kept::Svn(svn) => svn.default_branch.clone(),
        }
    }

    /// Whether there is nothing yet that pages could show.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match &self.kept {
            Kept::Git(_, source) => source.is_empty(),
            Kept::Svn(svn) => svn.source.is_empty(),
        }
    }

    /// Reads, on a thread that may block. It runs to its end also when nobody waits for it any more.
    ///
    /// # Errors
    /// Those of reading; [`Error::Busy`] when too many others read.
    pub async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&dyn Source) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, Error> {
        Ok(match self.kept.clone() {
            Kept::Git(_, source) => self.turn(move || read(&source)).await??,
            Kept::Svn(svn) => self.turn(move || read(&svn.source)).await??,
        })
    }

    /// Runs what blocks, when it is its turn; only for Git.
    pub(super) async fn in_turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&GitSource) -> T + Send + 'static,
    ) -> Result<T, Error> {
        match self.kept.clone() {
            Kept::Git(_, source) => self.turn(move || work(&source)).await,
            Kept::Svn(_) => Err(not_of_git(self.repo())),
        }
    }

    async fn turn<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let turn = self.wait().await?;
        let reading = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(turn);
            done
        });
        reading.await.map_err(|e| Error::internal(format!("reading the repository broke off: {e}")))
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit, Error> {
        let turn = tokio::time::timeout(READ_WAIT, self.turns.clone().acquire_owned()).await;
        turn.map_err(|_| Error::Busy)?.map_err(|_| Error::Stopping)
    }

    /// A revision's files in one, below a directory. Reading it fails at the end if not all of it could be read.
    ///
    /// # Errors
    /// When there is no such revision; [`Error::Busy`] when too many others read.
    pub async fn archive(
        &self,
        id: &RevisionId,
        format: ArchiveFormat,
        prefix: &ArchivePrefix,
    ) -> Result<Box<dyn AsyncRead + Send + Unpin>, Error> {
        let svn = match self.kept.clone() {
            Kept::Git(opened, _) => {
                return Ok(Box::new(git::read::archive(&opened.git, id, format, prefix).await?));
            }
            Kept::Svn(svn) => svn,
        };
        let (weighed, named) = (svn.source.clone(), id.clone());
        self.turn(move || svn::can_be_archived(&weighed, &named)).await??;
        let turn = self.wait().await?;
        let (id, prefix) = (id.clone(), prefix.as_str().to_owned());
        Ok(Box::new(super::written::written(move |out| {
            let done = svn::archive(&svn.source, &id, format, &prefix, out).map_err(std::io::Error::other);
            drop(turn);
            done
        })))
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
        if proof.repo().is_svn() {
            self.must_read_all(who, &proof).await?;
            let svn = self.svn_code(&proof).await?;
            return Ok(CodeReader { proof, kept: Kept::Svn(svn), turns });
        }
        let opened = self.repositories.open(&proof).await?;
        let (git, refs, caches) = (opened.git.clone(), opened.refs.clone(), self.reading.caches());
        let opening = tokio::task::spawn_blocking(move || GitSource::open(&git, refs, caches));
        let source = opening.await.map_err(|e| Error::internal(format!("opening the repository broke off: {e}")))??;
        self.reading.index(&source);
        Ok(CodeReader { proof, kept: Kept::Git(opened, source), turns })
    }

    /// A repository of Subversion up to the newest revision that is held, whatever lies on the disk.
    async fn svn_code(&self, proof: &Authorized<Read>) -> Result<SvnKept, Error> {
        let (source, seq) = self.svn_source(proof.repo().id).await?;
        let naming = tokio::task::spawn_blocking(move || (source.default_branch(), source));
        let named = naming.await.map_err(|e| Error::internal(format!("opening the repository broke off: {e}")))?;
        let (default_branch, source) = named;
        Ok(SvnKept { source, default_branch, seq })
    }

    /// The same for what the site does itself; and the entry that last changed anything of it.
    pub(crate) async fn svn_source(&self, repo: u64) -> Result<(SvnSource, u64), Error> {
        let (repository, held) = (self.subversion.open_id(repo).await?, self.held());
        let SvnBounds { youngest, seq } = self.db().read_async(move |tx| bounds_fetch(tx, repo, held)).await?;
        let readers = self.reading.svn();
        let opening = tokio::task::spawn_blocking(move || readers.open(&repository.root(), youngest, seq));
        let source = opening.await.map_err(|e| Error::internal(format!("opening the repository broke off: {e}")))??;
        Ok((source, seq))
    }
}
