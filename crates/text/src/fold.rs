//! Differences of files, as many lines as a page shows.

use crate::kind::is_binary;
use crate::lines::{Differences, has_too_many};
use code::{DiffOptions, FileDiff};

/// A larger file is not compared line by line.
pub const FILE_BYTES_MAX: u64 = 8 << 20;
/// So many bytes of lines that differ are shown at most; the rest is folded.
const SHOWN_BYTES_MAX: usize = 8 << 20;
/// Of a single file so many lines are shown at most, however many are asked for.
pub const SHOWN_LINES_MAX: usize = 200_000;

/// Puts lines into the differences of files, one after the other, and folds what is too much.
#[derive(Debug)]
pub struct Folder {
    options: DiffOptions,
    lines_left: usize,
    bytes_left: usize,
}

impl Folder {
    /// For a page that is asked for so.
    #[must_use]
    pub fn new(options: DiffOptions) -> Self {
        Self { options, lines_left: options.lines_max.min(SHOWN_LINES_MAX), bytes_left: SHOWN_BYTES_MAX }
    }

    /// Puts the lines of two texts into a file's difference.
    pub fn lines(&mut self, diff: &mut FileDiff, (old, new): (&[u8], &[u8]), shown: bool) {
        diff.binary = is_binary(old) || is_binary(new);
        diff.folded = !diff.binary && (has_too_many(old) || has_too_many(new));
        if diff.binary || diff.folded {
            return;
        }
        let differences = Differences::between(old, new, self.options.ignore_space);
        (diff.added, diff.removed) = (differences.added(), differences.removed());
        let changed = diff.added as usize + diff.removed as usize;
        let (lines, bytes) = differences.shown(self.options.context);
        let fits = changed <= self.options.file_lines_max && lines <= self.lines_left && bytes <= self.bytes_left;
        diff.folded = !(shown && fits);
        if !diff.folded {
            diff.hunks = differences.hunks(self.options.context);
            self.bytes_left -= bytes;
            self.lines_left -= diff.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>().min(lines);
        }
    }
}
