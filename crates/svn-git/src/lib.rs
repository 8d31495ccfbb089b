//! A repository of Subversion as one of Git: made from its files, kept up revision by revision.
//!
//! ```text
//! revision r -> what it changed (fsfs) -> branches that it touches (layout) -> a tree and a commit for each (tree, commit)
//!            -> one pack for many revisions (git::pack), taken in by Git -> what was made of what is noted (state) -> refs
//! ```
//!
//! # Invariants
//! 1. What is made follows from the revisions, their author, date and message, and [`How`] alone: the same history gives the same
//!    ids, at every time and on every machine. No version of this program makes others: a test has some written down.
//! 2. A commit's tree has the files of its branch in its revision, with their bytes as they are stored; nothing is added. Not
//!    there: directories without files, and names that Git keeps for itself.
//! 3. The directory is a cache. What is noted in it was taken in by Git before, so that it can be cut off anywhere and go on; what
//!    is damaged in it is made again.
//! 4. Everything is bounded ([`ViewLimits`]): what goes beyond is an error, and nothing is shown of it.
//!
//! Not looked at: externals, keywords, line ends on checkout, ignored names, and other properties than `svn:executable`,
//! `svn:special` and `svn:mergeinfo`.

mod authors;
mod commit;
mod convert;
mod layout;
mod merge;
mod state;
mod tree;
mod view;

pub use authors::{Authors, AuthorsError};
pub use fsfs::Fs;
pub use layout::{Layout, LayoutError, Parts};
pub use view::{Progress, View, ViewLimits, authors_of};

/// Bytes that are kept of what was read while one view is made.
const CACHE_BYTES_MAX: usize = 32 << 20;

/// Opens the repository of Subversion in a directory. What is read of it is kept apart from what pages read.
///
/// # Errors
/// When there is none.
pub fn open(root: &std::path::Path) -> Result<std::sync::Arc<Fs>, ViewError> {
    Ok(std::sync::Arc::new(Fs::open(root, std::sync::Arc::new(fsfs::Caches::new(CACHE_BYTES_MAX)))?))
}

/// How a history is made into another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct How {
    /// Which paths are branches and tags.
    pub layout: Layout,
    /// Who the authors are.
    pub authors: Authors,
}

/// Why there is no view.
#[derive(Debug, thiserror::Error)]
pub enum ViewError {
    /// The repository of Subversion could not be read.
    #[error(transparent)]
    Fs(#[from] fsfs::FsError),
    /// That of Git could not be written.
    #[error(transparent)]
    Git(#[from] git::RepositoryError),
    /// The disk failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A bound was met.
    #[error("{0}")]
    TooMuch(String),
    /// It was told to stop.
    #[error("it was stopped")]
    Stopped,
}
