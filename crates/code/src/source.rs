//! Reading a repository.

use crate::tree::{LastChange, Property};
use crate::{Blame, CodePath, DiffOptions, File, FileDiff, GraphRow, LogQuery, LogStep, NameKind, Named, Revision};
use crate::{RevisionId, Summary, Tree};

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// There is no such revision, name or path.
    #[error("there is no {0} here")]
    NotFound(String),
    /// It is there and too large, or would take too long, to show.
    #[error("{0}")]
    TooMuch(String),
    /// What was asked makes no sense; what to ask instead.
    #[error("{0}")]
    Invalid(String),
    /// The repository could not be read.
    #[error("the repository can't be read: {0}")]
    Damaged(String),
    /// The disk.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// Two revisions, compared.
#[derive(Clone, Debug)]
pub struct Comparison {
    /// Where both came from; None: they have nothing in common, and the trees are compared as they are.
    pub base: Option<RevisionId>,
    /// What `head` has and `base` has not, newest first, up to a bound.
    pub revisions: Vec<Revision>,
    /// How many there are.
    pub ahead: u32,
    /// How many the other side has.
    pub behind: u32,
}

/// What to look for.
#[derive(Clone, Debug)]
pub struct Search {
    /// The text, as it stands there, in any case unless it has a capital.
    pub text: String,
    /// Only below here.
    pub path: CodePath,
    /// At most so many files.
    pub files_max: usize,
}

/// A line in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchLine {
    /// From 1.
    pub number: u32,
    /// Its bytes.
    pub text: Vec<u8>,
    /// Where in them.
    pub ranges: Vec<(u32, u32)>,
}

/// A file in which it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// The file.
    pub path: CodePath,
    /// The lines. Empty when the name itself was what matched.
    pub lines: Vec<SearchLine>,
}

/// What an archive is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// `.tar.gz`
    TarGz,
    /// `.zip`
    Zip,
}

/// Reads one repository, at the state of its names that it was opened with.
///
/// Calls block on the disk; none waits for the network, starts a process for each line, or takes a time that grows with
/// more than what it answers, unless it says so. They may be made from several threads. Ids name content that never changes, so what a call
/// answers for an id can be kept for ever. Implementations keep what is expensive, keyed by ids.
pub trait Source: Send + Sync {
    /// The default branch's short name, whether or not it is there yet.
    fn default_branch(&self) -> String;

    /// Whether there is nothing yet.
    fn is_empty(&self) -> bool;

    /// The revision that a branch, a tag, or a (shortened, from 7 digits) id names; branches before tags. Its id may name a part of
    /// the tree, which then is the root of what is asked with it.
    fn resolve(&self, name: &str) -> Result<Revision, ReadError>;

    /// Splits an address' `NAME/PATH`, where the name may have slashes: the longest name that is there wins. Gives the name as
    /// written, its revision, and the rest.
    fn resolve_with_path(&self, rest: &[u8]) -> Result<(String, Revision, CodePath), ReadError>;

    /// Branches or tags, the newest first; `skip` and `limit` for pages, and how many there are. `filter`: a part of the name.
    /// `ahead_behind`: count against the default branch, which costs a walk for each.
    fn names(
        &self,
        kind: NameKind,
        filter: &str,
        skip: usize,
        limit: usize,
        ahead_behind: bool,
    ) -> Result<(Vec<Named>, usize), ReadError>;

    /// Short names alone, all of them up to a bound of 10,000, sorted.
    fn short_names(&self, kind: NameKind) -> Result<Vec<String>, ReadError>;

    /// A directory.
    fn tree(&self, at: &RevisionId, path: &CodePath) -> Result<Tree, ReadError>;

    /// The last change of each entry of a directory, as far as it could be found within `patience`; those that are not in the
    /// answer will be there when it is asked again.
    fn last_changes(
        &self,
        at: &RevisionId,
        path: &CodePath,
        patience: std::time::Duration,
    ) -> Result<Vec<LastChange>, ReadError>;

    /// The last revision that changed a path.
    fn last_change(&self, at: &RevisionId, path: &CodePath) -> Result<Option<Revision>, ReadError>;

    /// A file; the content only when it has at most `content_bytes_max` bytes.
    fn file(&self, at: &RevisionId, path: &CodePath, content_bytes_max: u64) -> Result<File, ReadError>;

    /// Every file's path, for finding one by its name, up to a bound of 200,000.
    fn paths(&self, at: &RevisionId) -> Result<std::sync::Arc<Vec<CodePath>>, ReadError>;

    /// The history, newest first, and whether there is more.
    fn log(&self, at: &RevisionId, query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError>;

    /// How many revisions there are up to this one.
    fn count(&self, at: &RevisionId) -> Result<u64, ReadError>;

    /// The history of all branches drawn, `skip` rows passed over.
    fn graph(&self, skip: usize, limit: usize) -> Result<(Vec<GraphRow>, bool), ReadError>;

    /// What a revision changed against its first parent.
    fn changes(&self, of: &RevisionId, options: DiffOptions) -> Result<(Vec<FileDiff>, Summary), ReadError>;

    /// The lines of one changed file, however many, of [`Source::diff`] or [`Source::changes`] (`from` None).
    fn file_diff(
        &self,
        from: Option<&RevisionId>,
        to: &RevisionId,
        path: &CodePath,
        options: DiffOptions,
    ) -> Result<FileDiff, ReadError>;

    /// How two revisions are related.
    fn compare(&self, base: &RevisionId, head: &RevisionId, limit: usize) -> Result<Comparison, ReadError>;

    /// What differs between two trees.
    fn diff(
        &self,
        from: &RevisionId,
        to: &RevisionId,
        options: DiffOptions,
    ) -> Result<(Vec<FileDiff>, Summary), ReadError>;

    /// Who wrote each line of a file.
    fn blame(&self, at: &RevisionId, path: &CodePath) -> Result<Blame, ReadError>;

    /// Files in which a text stands. Takes time with the size of the tree.
    fn search(&self, at: &RevisionId, search: &Search) -> Result<Vec<SearchHit>, ReadError>;

    /// Kinds of files by bytes, the largest share first: a language's name and its bytes; and whether `patience` was enough to look
    /// at all that are ever looked at. Kept for each tree.
    fn languages(
        &self,
        at: &RevisionId,
        patience: std::time::Duration,
    ) -> Result<(Vec<(String, u64)>, bool), ReadError>;

    /// Properties of a file or directory, by name; none where nothing keeps them.
    fn properties(&self, _at: &RevisionId, _path: &CodePath) -> Result<Vec<Property>, ReadError> {
        Ok(Vec::new())
    }

    /// Properties of a revision, by name; none where nothing keeps them.
    fn revision_properties(&self, _of: &RevisionId) -> Result<Vec<Property>, ReadError> {
        Ok(Vec::new())
    }
}
