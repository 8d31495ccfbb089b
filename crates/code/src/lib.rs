//! What can be read of a repository, whatever keeps it: the words that Git's and Subversion's readers and the pages share.
//!
//! Plain data and one trait, [`Source`]. Nothing here reads a repository, makes HTML, or knows who asks.
//!
//! # Words
//! A **revision** is a state of the whole tree with what is said of it: a commit, `r123`; or of a part of it, `trunk@r123`. A **name** is what people
//! call one: a branch, a tag. A **path** is bytes between slashes, from the root of the tree.

mod change;
mod history;
mod path;
mod source;
mod text;
mod tree;

pub use change::{Change, ChangeKind, DiffOptions, FileDiff, Hunk, Line, LineKind, Summary};
pub use history::{Blame, BlameHunk, GraphRow, LogQuery, LogStep, NameKind, Named, Person, Revision, RevisionId};
pub use history::{Signature, Time};
pub use path::{CodePath, PATH_BYTES_MAX, PathError};
pub use source::{ArchiveFormat, Comparison, ReadError, Search, SearchHit, SearchLine, Source};
pub use text::visible;
pub use tree::{Entry, EntryKind, File, FileKind, LastChange, Property, Tree};
