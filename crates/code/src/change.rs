//! What differs between two trees.

use crate::{CodePath, EntryKind};

/// What happened to a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came.
    Added,
    /// It went.
    Removed,
    /// Its content or mode changed.
    Modified,
    /// It was called otherwise; the likeness of the two in percent.
    Renamed(u8),
    /// It was made from another that stayed.
    Copied(u8),
}

/// A changed path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What happened.
    pub kind: ChangeKind,
    /// What it was called before; equal to `path` unless renamed or copied.
    pub old_path: CodePath,
    /// What it is called; what it was called when it went.
    pub path: CodePath,
    /// Kind and content's id before.
    pub old: Option<(EntryKind, String)>,
    /// Kind and content's id after.
    pub new: Option<(EntryKind, String)>,
}

/// How to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiffOptions {
    /// Unchanged lines around each change.
    pub context: u32,
    /// Differences in white space alone are none.
    pub ignore_space: bool,
    /// So many files are passed over: their change is listed, without lines.
    pub files_skip: usize,
    /// After these as many have lines; further ones have their change listed and no lines.
    pub files_max: usize,
    /// The lines of files that are only listed are counted all the same.
    pub count_all: bool,
    /// A file with more changed lines is folded: no hunks, `folded`.
    pub file_lines_max: usize,
    /// When so many lines are shown, the rest is folded.
    pub lines_max: usize,
}

impl Default for DiffOptions {
    fn default() -> Self {
        Self {
            context: 3,
            ignore_space: false,
            files_skip: 0,
            files_max: 1_000,
            count_all: true,
            file_lines_max: 1_500,
            lines_max: 20_000,
        }
    }
}

impl DiffOptions {
    /// Whether the file at this place of the list has its lines shown.
    #[must_use]
    pub fn shows(&self, at: usize) -> bool {
        at.checked_sub(self.files_skip).is_some_and(|at| at < self.files_max)
    }
}

/// What a line of a hunk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// In both.
    Context,
    /// Only after.
    Added,
    /// Only before.
    Removed,
}

/// A line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Which side has it.
    pub kind: LineKind,
    /// Its number before, from 1.
    pub old: Option<u32>,
    /// Its number after, from 1.
    pub new: Option<u32>,
    /// Its bytes, without the line feed.
    pub text: Vec<u8>,
    /// Byte ranges of `text` that differ from the line on the other side that it replaces: for marking words. Empty:
    /// all of it, or nothing to compare with.
    pub words: Vec<(u32, u32)>,
    /// The file ends here without a line feed.
    pub no_newline: bool,
}

/// Changed lines with what is around them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hunk {
    /// First line before, from 1 (0: none).
    pub old_start: u32,
    /// Lines before.
    pub old_lines: u32,
    /// First line after.
    pub new_start: u32,
    /// Lines after.
    pub new_lines: u32,
    /// What it is in, as Git finds it: a function's head.
    pub heading: Vec<u8>,
    /// The lines.
    pub lines: Vec<Line>,
}

/// A changed file with its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDiff {
    /// What happened.
    pub change: Change,
    /// One of the sides is not text.
    pub binary: bool,
    /// Bytes before and after; 0 where there is no file.
    pub sizes: (u64, u64),
    /// Lines that came, and that went.
    pub added: u32,
    /// See `added`.
    pub removed: u32,
    /// Too many lines to show unasked: `hunks` is empty.
    pub folded: bool,
    /// The lines.
    pub hunks: Vec<Hunk>,
}

/// A difference in numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files that changed, all of them, shown or not.
    pub files: usize,
    /// Lines that came.
    pub added: u64,
    /// Lines that went.
    pub removed: u64,
    /// Some files' lines were not counted.
    pub uncounted: bool,
}
