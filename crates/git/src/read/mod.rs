//! Reading a repository for people: [`GitSource`] is [`code::Source`] for Git, with `gix`, without starting a process.
//!
//! # Invariants
//! 1. Names come from the [`RefSnapshot`] that the source was opened with, never from the disk: what it shows is one state.
//! 2. What is kept in [`ReadCaches`] is keyed by ids of content, so it is never wrong; it is dropped when it grows too large.
//! 3. Every walk and every read has a bound. What would go beyond it is [`ReadError::TooMuch`], or an answer that says that
//!    there is more.
//! 4. An id names its object whether or not a ref leads to it still: whoever may read a repository may read what was in it.
//! 5. Text of commits, tags and names of people goes through [`code::visible`]. Replacement refs and grafts are not looked at.

mod archive;
mod blame;
mod bloom;
mod caches;
mod commit;
mod commits;
mod compare;
mod diff;
mod file;
mod graph;
pub(crate) mod handle;
mod languages;
mod last_change;
mod log;
mod names;
mod paths;
mod rename;
mod resolve;
mod search;
pub(crate) mod signature;
mod store;
mod tree;
mod weight;

pub use archive::{Archive, ArchivePrefix, archive};
pub use caches::ReadCaches;
pub(crate) use commit::signature_of;
pub(crate) use diff::of_contents;
pub use diff::{PatchFormat, patch};
pub use last_change::{history_is_indexed, index_history};
pub use signature::{Carried, carried};

use crate::{RefSnapshot, Repository};
use code::{
    Blame, CodePath, Comparison, DiffOptions, File, FileDiff, GraphRow, LastChange, LogQuery, LogStep, NameKind, Named,
    ReadError, Revision, RevisionId, Search, SearchHit, Source, Summary, Tree,
};
use std::sync::Arc;
use std::time::Duration;
use store::Store;

/// One repository at one state of its refs.
#[derive(Clone)]
pub struct GitSource {
    pub(crate) store: Arc<Store>,
    pub(crate) refs: Arc<RefSnapshot>,
    pub(crate) caches: Arc<ReadCaches>,
}

impl GitSource {
    /// Opens a repository for reading. Cheap when it was opened before: what it takes is kept in `caches`.
    ///
    /// # Errors
    /// When there is no repository, or it can't be read.
    pub fn open(repository: &Repository, refs: Arc<RefSnapshot>, caches: Arc<ReadCaches>) -> Result<Self, ReadError> {
        let store = caches.store(repository)?;
        Ok(Self { store, refs, caches })
    }
}

/// What went wrong in the object store.
pub(crate) fn damaged(error: impl std::fmt::Display) -> ReadError {
    ReadError::Damaged(error.to_string())
}

impl Source for GitSource {
    fn default_branch(&self) -> String {
        let head = self.refs.head();
        head.branch().unwrap_or(head.as_str()).to_owned()
    }

    fn is_empty(&self) -> bool {
        names::is_empty(&self.refs)
    }

    fn resolve(&self, name: &str) -> Result<Revision, ReadError> {
        resolve::resolve(self, name)
    }

    fn resolve_with_path(&self, rest: &[u8]) -> Result<(String, Revision, CodePath), ReadError> {
        resolve::resolve_with_path(self, rest)
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
        Ok(names::short_names(self, kind))
    }

    fn tree(&self, at: &RevisionId, path: &CodePath) -> Result<Tree, ReadError> {
        tree::tree(self, at, path)
    }

    fn last_changes(&self, at: &RevisionId, path: &CodePath, patience: Duration) -> Result<Vec<LastChange>, ReadError> {
        last_change::last_changes(self, at, path, patience)
    }

    fn last_change(&self, at: &RevisionId, path: &CodePath) -> Result<Option<Revision>, ReadError> {
        last_change::last_change(self, at, path)
    }

    fn file(&self, at: &RevisionId, path: &CodePath, content_bytes_max: u64) -> Result<File, ReadError> {
        file::file(self, at, path, content_bytes_max)
    }

    fn paths(&self, at: &RevisionId) -> Result<Arc<Vec<CodePath>>, ReadError> {
        paths::paths(self, at)
    }

    fn log(&self, at: &RevisionId, query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError> {
        log::log(self, at, query)
    }

    fn count(&self, at: &RevisionId) -> Result<u64, ReadError> {
        compare::count(self, at)
    }

    fn graph(&self, skip: usize, limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError> {
        graph::graph(self, skip, limit)
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

    fn languages(&self, at: &RevisionId, patience: Duration) -> Result<(Vec<(String, u64)>, bool), ReadError> {
        languages::languages(self, at, patience)
    }
}
