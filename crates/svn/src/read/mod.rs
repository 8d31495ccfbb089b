//! Reading a repository for people: [`SvnSource`] is [`code::Source`] for Subversion, through `fsfs`, without starting a process.
//!
//! # Names
//! A revision of everything is `r123`. A part of the tree at a revision is `PATH@r123`, as Subversion's own programs write it: its
//! root is that path. `HEAD` is the newest revision; `trunk`, `branches/NAME` and `tags/NAME` are branches and tags, by the usual
//! convention, and stand for that part of the newest revision.
//!
//! # Invariants
//! 1. Nothing newer than the revision that the source was opened with is shown, whatever lies on the disk.
//! 2. Every walk and every read has a bound. What would go beyond it is [`ReadError::TooMuch`].
//! 3. Log messages, authors and names go through [`code::visible`].

mod archive;
mod blame;
mod compare;
mod diff;
mod files;
mod log;
mod names;
mod place;
mod print;
mod search;
mod sent;

pub use archive::{archive, can_be_archived};
pub use print::SvnPrint;
pub use sent::SentFile;

use code::{
    Blame, CodePath, Comparison, DiffOptions, File, FileDiff, GraphRow, LastChange, LogQuery, LogStep, NameKind, Named,
    Property, ReadError, Revision, RevisionId, Search, SearchHit, Source, Summary, Tree,
};
use fsfs::{Caches, Fs, FsError};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Repositories that are kept open.
const OPEN_MAX: usize = 256;

/// What all sources share: what was read before.
#[derive(Debug)]
pub struct Readers {
    caches: Arc<Caches>,
    open: Mutex<HashMap<PathBuf, Arc<Fs>>>,
}

impl Readers {
    /// Keeps at most so many bytes.
    #[must_use]
    pub fn new(bytes_max: usize) -> Self {
        Self { caches: Arc::new(Caches::new(bytes_max)), open: Mutex::default() }
    }

    /// Opens a repository for reading, up to a revision. `generation` is another whenever a revision's properties may have
    /// changed.
    ///
    /// # Errors
    /// When there is no repository, or one that can't be read.
    pub fn open(&self, root: &Path, youngest: u64, generation: u64) -> Result<SvnSource, ReadError> {
        let there = std::fs::metadata(root)?;
        let kept = self.open.lock().unwrap_or_else(PoisonError::into_inner).get(root).cloned();
        if let Some(fs) = kept
            && fs.identity().map_err(unread)? == (there.dev(), there.ino())
        {
            return SvnSource::up_to(fs, youngest, generation);
        }
        let fs = Arc::new(Fs::open(root, self.caches.clone()).map_err(unread)?);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_MAX {
            open.clear();
        }
        open.insert(root.to_owned(), fs.clone());
        drop(open);
        SvnSource::up_to(fs, youngest, generation)
    }
}

/// One repository up to one revision.
#[derive(Clone, Debug)]
pub struct SvnSource {
    pub(crate) fs: Arc<Fs>,
    youngest: u64,
    generation: u64,
}

impl SvnSource {
    /// What is held may not be on the disk yet, and what is on the disk not held.
    fn up_to(fs: Arc<Fs>, held: u64, generation: u64) -> Result<Self, ReadError> {
        let youngest = held.min(fs.youngest().map_err(unread)?);
        Ok(Self { fs, youngest, generation })
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> &str {
        self.fs.uuid()
    }

    /// The newest revision that is shown.
    #[must_use]
    pub fn newest(&self) -> u64 {
        self.youngest
    }

    /// Writes all of it as a dump that `svnadmin load` reads.
    ///
    /// # Errors
    /// When something can't be read or written.
    pub fn dump(&self, out: &mut dyn std::io::Write) -> Result<(), ReadError> {
        self.fs.dump(self.youngest, out).map_err(unread)
    }
}

pub(crate) fn unread(error: FsError) -> ReadError {
    match error {
        FsError::NotFound(what) => ReadError::NotFound(what),
        FsError::TooMuch(text) => ReadError::TooMuch(text),
        FsError::Unsupported(text) => ReadError::Invalid(text),
        FsError::Damaged(text) => ReadError::Damaged(text),
        FsError::Io(error) => ReadError::Io(error),
    }
}

impl Source for SvnSource {
    fn default_branch(&self) -> String {
        names::default_branch(self)
    }

    fn is_empty(&self) -> bool {
        self.youngest == 0
    }

    fn resolve(&self, name: &str) -> Result<Revision, ReadError> {
        names::resolve(self, name)
    }

    fn resolve_with_path(&self, rest: &[u8]) -> Result<(String, Revision, CodePath), ReadError> {
        names::resolve_with_path(self, rest)
    }

    fn names(
        &self,
        kind: NameKind,
        filter: &str,
        skip: usize,
        limit: usize,
        ahead_behind: bool,
    ) -> Result<(Vec<Named>, usize), ReadError> {
        names::names(self, kind, filter, skip, limit, ahead_behind)
    }

    fn short_names(&self, kind: NameKind) -> Result<Vec<String>, ReadError> {
        names::short_names(self, kind)
    }

    fn tree(&self, at: &RevisionId, path: &CodePath) -> Result<Tree, ReadError> {
        files::tree(self, at, path)
    }

    fn last_changes(&self, at: &RevisionId, path: &CodePath, _: Duration) -> Result<Vec<LastChange>, ReadError> {
        files::last_changes(self, at, path)
    }

    fn last_change(&self, at: &RevisionId, path: &CodePath) -> Result<Option<Revision>, ReadError> {
        files::last_change(self, at, path)
    }

    fn file(&self, at: &RevisionId, path: &CodePath, content_bytes_max: u64) -> Result<File, ReadError> {
        files::file(self, at, path, content_bytes_max)
    }

    fn paths(&self, at: &RevisionId) -> Result<Arc<Vec<CodePath>>, ReadError> {
        search::paths(self, at)
    }

    fn log(&self, at: &RevisionId, query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError> {
        log::log(self, at, query)
    }

    fn count(&self, at: &RevisionId) -> Result<u64, ReadError> {
        Ok(self.place(at)?.rev)
    }

    fn graph(&self, skip: usize, limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError> {
        log::graph(self, skip, limit)
    }

    fn changes(&self, of: &RevisionId, options: DiffOptions) -> Result<(Vec<FileDiff>, Summary), ReadError> {
        diff::changes(self, of, options)
    }

    fn file_diff(
        &self,
        from: Option<&RevisionId>,
        to: &RevisionId,
        path: &CodePath,
        options: DiffOptions,
    ) -> Result<FileDiff, ReadError> {
        diff::file_diff(self, from, to, path, options)
    }

    fn compare(&self, base: &RevisionId, head: &RevisionId, limit: usize) -> Result<Comparison, ReadError> {
        compare::compare(self, base, head, limit)
    }

    fn diff(
        &self,
        from: &RevisionId,
        to: &RevisionId,
        options: DiffOptions,
    ) -> Result<(Vec<FileDiff>, Summary), ReadError> {
        diff::diff(self, from, to, options)
    }

    fn blame(&self, at: &RevisionId, path: &CodePath) -> Result<Blame, ReadError> {
        blame::blame(self, at, path)
    }

    fn search(&self, at: &RevisionId, search: &Search) -> Result<Vec<SearchHit>, ReadError> {
        search::search(self, at, search)
    }

    fn languages(
        &self,
        at: &RevisionId,
        patience: std::time::Duration,
    ) -> Result<(Vec<(String, u64)>, bool), ReadError> {
        search::languages(self, at, patience)
    }

    fn properties(&self, at: &RevisionId, path: &CodePath) -> Result<Vec<Property>, ReadError> {
        files::properties(self, at, path)
    }

    fn revision_properties(&self, of: &RevisionId) -> Result<Vec<Property>, ReadError> {
        files::revision_properties(self, of)
    }
}
