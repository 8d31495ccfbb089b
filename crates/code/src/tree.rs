//! Directories and files.

use crate::{CodePath, Revision};

/// What an entry of a directory is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntryKind {
    /// A directory.
    Directory,
    /// Another repository at a revision of its own (Git's submodule, Subversion's external).
    Submodule,
    /// A symbolic link; its content is where it points.
    Symlink,
    /// A file.
    File,
    /// A file that may be run.
    Executable,
}

/// One entry of a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the directory: bytes, no slash.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// What names its content: an object id, for a submodule the revision it is at.
    pub id: String,
    /// Bytes of a file; None where it would have to be read to know, and for what is no file.
    pub size: Option<u64>,
}

/// A directory of a revision: directories first, then by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Where.
    pub path: CodePath,
    /// What names its content: equal ids are equal directories.
    pub id: String,
    /// What is in it.
    pub entries: Vec<Entry>,
}

/// What to make of a file's bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// Text, in UTF-8 or something close to it.
    Text,
    /// Something else.
    Binary,
    /// A Git LFS pointer to content kept elsewhere.
    LfsPointer {
        /// SHA-256 of the content, hex.
        oid: String,
        /// Bytes of the content.
        size: u64,
    },
    /// A symbolic link to this place, as it stands there.
    Symlink(Vec<u8>),
    /// A submodule: where it comes from, if `.gitmodules` says so, and the revision.
    Submodule {
        /// The address.
        url: Option<String>,
        /// The revision.
        revision: String,
    },
}

/// A file of a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Where.
    pub path: CodePath,
    /// What names its content.
    pub id: String,
    /// File or executable, symlink, submodule.
    pub entry: EntryKind,
    /// What to make of it.
    pub kind: FileKind,
    /// How many bytes it has.
    pub size: u64,
    /// The bytes; None when there are more than were asked for.
    pub content: Option<Vec<u8>>,
}

/// The last change of a directory's entry: what a listing shows beside the name.
pub type LastChange = (Vec<u8>, Revision);

/// A property of a file, a directory or a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Property {
    /// Its name, made visible.
    pub name: String,
    /// Its bytes.
    pub value: Vec<u8>,
}
