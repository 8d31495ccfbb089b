//! Two texts, line by line, in hunks as `git diff --histogram` makes them.

use super::words;
use code::{Hunk, Line, LineKind};
use gix_imara_diff::{Algorithm, Diff, IndentHeuristic, IndentLevel, Interner, Token};
use std::borrow::Cow;
use std::ops::Range;

/// A text with more lines is not compared.
const LINES_MAX: usize = 500_000;
/// Equal bytes are passed over in pieces of so many.
const CHUNK_BYTES: usize = 256;
/// So many equal lines on either side of what differs are looked at with it.
const MARGIN_LINES: usize = 200;
/// The most bytes of a heading, as in Git.
const HEADING_BYTES_MAX: usize = 80;
/// A tab's width for judging how deep a line stands.
const TAB_COLUMNS: u8 = 8;

/// Whether a text has more lines than are compared.
#[must_use]
pub fn has_too_many(text: &[u8]) -> bool {
    text.len() > LINES_MAX && text.iter().filter(|byte| **byte == b'\n').nth(LINES_MAX).is_some()
}

/// Lines with their line feeds.
fn split(text: &[u8]) -> Vec<&[u8]> {
    text.split_inclusive(|byte| *byte == b'\n').collect()
}

/// What two lines are compared by.
fn comparable(line: &[u8], ignore_space: bool) -> Cow<'_, [u8]> {
    if ignore_space {
        line.iter().copied().filter(|byte| !byte.is_ascii_whitespace() && *byte != 0x0b).collect()
    } else {
        Cow::Borrowed(line)
    }
}

/// What differs between two texts.
#[derive(Debug)]
pub struct Differences<'a> {
    old: Vec<&'a [u8]>,
    new: Vec<&'a [u8]>,
    changes: Vec<Range2>,
}

/// Lines that were replaced by others, either may be none.
#[derive(Debug)]
struct Range2 {
    old: Range<usize>,
    new: Range<usize>,
}

impl<'a> Differences<'a> {
    /// Compares. Takes time with the length of both, whatever is in them.
    #[must_use]
    pub fn between(old: &'a [u8], new: &'a [u8], ignore_space: bool) -> Self {
        Self::by(Algorithm::Histogram, old, new, ignore_space)
    }

    fn by(algorithm: Algorithm, old: &'a [u8], new: &'a [u8], ignore_space: bool) -> Self {
        let (old, new) = (split(old), split(new));
        let mut interner = Interner::new(old.len() + new.len());
        let mut tokens = |lines: &[&'a [u8]]| -> Vec<Token> {
            lines.iter().map(|line| interner.intern(comparable(line, ignore_space))).collect()
        };
        let (before, after) = (tokens(&old), tokens(&new));
        let mut diff = Diff::default();
        diff.compute_with(algorithm, &before, &after, interner.num_tokens());
        let indent = |token: Token| IndentLevel::for_ascii_line(interner[token].iter().copied(), TAB_COLUMNS);
        diff.postprocess_with(&before, &after, IndentHeuristic::new(indent));
        let at = |range: Range<u32>| range.start as usize..range.end as usize;
        let changes = diff.hunks().map(|hunk| Range2 { old: at(hunk.before), new: at(hunk.after) }).collect();
        Self { old, new, changes }
    }

    /// Lines that came.
    #[must_use]
    pub fn added(&self) -> u32 {
        count(self.changes.iter().map(|change| change.new.len()).sum())
    }

    /// Lines that went.
    #[must_use]
    pub fn removed(&self) -> u32 {
        count(self.changes.iter().map(|change| change.old.len()).sum())
    }

    /// About how many lines the hunks have, no fewer than they do, and how many bytes the lines have that differ.
    #[must_use]
    pub fn shown(&self, context: u32) -> (usize, usize) {
        let around = self.changes.len().saturating_mul(2).saturating_mul(context as usize);
        let lines: usize = self.changes.iter().map(|change| change.old.len() + change.new.len()).sum();
        let bytes = |lines: &[&[u8]]| lines.iter().map(|line| line.len()).sum::<usize>();
        let of_change = |change: &Range2| bytes(&self.old[change.old.clone()]) + bytes(&self.new[change.new.clone()]);
        (lines + around.min(self.old.len() + self.new.len()), self.changes.iter().map(of_change).sum())
    }

    /// The hunks, with so many unchanged lines around each change.
    #[must_use]
    pub fn hunks(&self, context: u32) -> Vec<Hunk> {
        let context = context as usize;
        let mut hunks = Vec::new();
        let mut heading = Heading::default();
        let mut rest = &self.changes[..];
        while let Some(first) = rest.first() {
            let near = |pair: &[Range2]| pair[1].old.start - pair[0].old.end <= context.saturating_mul(2);
            let joined = 1 + rest.windows(2).take_while(|pair| near(pair)).count();
            let (group, later) = rest.split_at(joined);
            hunks.push(self.hunk(group, context, heading.before(&self.old, first.old.start.saturating_sub(context))));
            rest = later;
        }
        hunks
    }

    fn hunk(&self, group: &[Range2], context: usize, heading: Vec<u8>) -> Hunk {
        let (first, last) = (&group[0], &group[group.len() - 1]);
        let before = first.old.start.min(context);
        let after = (self.old.len() - last.old.end).min(context);
        let old = first.old.start - before..last.old.end + after;
        let new = first.new.start - before..last.new.end + after;
        let mut lines = Vec::with_capacity(old.len() + new.len());
        let (mut at_old, mut at_new) = (old.start, new.start);
        for change in group {
            self.unchanged(&mut lines, &mut at_old, &mut at_new, change.old.start);
            self.changed(&mut lines, change);
            (at_old, at_new) = (change.old.end, change.new.end);
        }
        self.unchanged(&mut lines, &mut at_old, &mut at_new, old.end);
        // A side without lines is named by the line before it, as in Git.
        let start = |range: &Range<usize>| count(range.start + usize::from(!range.is_empty()));
        Hunk {
            old_start: start(&old),
            old_lines: count(old.len()),
            new_start: start(&new),
            new_lines: count(new.len()),
            heading,
            lines,
        }
    }

    fn unchanged(&self, lines: &mut Vec<Line>, at_old: &mut usize, at_new: &mut usize, end: usize) {
        while *at_old < end {
            let (text, no_newline) = bare(self.new[*at_new]);
            let (old, new) = (Some(count(*at_old + 1)), Some(count(*at_new + 1)));
            lines.push(Line { kind: LineKind::Context, old, new, text: text.to_vec(), words: Vec::new(), no_newline });
            *at_old += 1;
            *at_new += 1;
        }
    }

    fn changed(&self, lines: &mut Vec<Line>, change: &Range2) {
        let texts = |lines: &[&'a [u8]]| lines.iter().map(|line| bare(line).0).collect::<Vec<_>>();
        let (old, new) = (texts(&self.old[change.old.clone()]), texts(&self.new[change.new.clone()]));
        let (old_words, new_words) = words::of_block(&old, &new);
        for (at, words) in change.old.clone().zip(old_words) {
            let (text, no_newline) = bare(self.old[at]);
            let (kind, old) = (LineKind::Removed, Some(count(at + 1)));
            lines.push(Line { kind, old, new: None, text: text.to_vec(), words, no_newline });
        }
        for (at, words) in change.new.clone().zip(new_words) {
            let (text, no_newline) = bare(self.new[at]);
            let (kind, new) = (LineKind::Added, Some(count(at + 1)));
            lines.push(Line { kind, old: None, new, text: text.to_vec(), words, no_newline });
        }
    }
}

/// Lines, counted from 0, that were replaced by others, in order: as `git blame` compares.
#[must_use]
pub fn replaced(old: &[u8], new: &[u8]) -> Vec<(Range<usize>, Range<usize>)> {
    let start = same_lines_before(old, new);
    let (old, new, skipped) = (&old[start..], &new[start..], line_feeds(&old[..start]));
    let end = same_lines_after(old, new);
    let differences = Differences::by(Algorithm::Myers, &old[..old.len() - end], &new[..new.len() - end], false);
    let moved = |range: Range<usize>| range.start + skipped..range.end + skipped;
    differences.changes.into_iter().map(|change| (moved(change.old), moved(change.new))).collect()
}

/// How many bytes of whole lines at the beginning are the same and need not be looked at. Some of those that are the same
/// are: a change may be moved up among them.
fn same_lines_before(old: &[u8], new: &[u8]) -> usize {
    let pairs = old.chunks(CHUNK_BYTES).zip(new.chunks(CHUNK_BYTES));
    let same = (pairs.take_while(|(a, b)| a == b).count() * CHUNK_BYTES).min(old.len()).min(new.len());
    let feeds = old[..same].iter().enumerate().rev().filter(|(_, byte)| **byte == b'\n');
    feeds.map(|(at, _)| at + 1).nth(MARGIN_LINES).unwrap_or(0)
}

/// The same at the end.
fn same_lines_after(old: &[u8], new: &[u8]) -> usize {
    let pairs = old.rchunks(CHUNK_BYTES).zip(new.rchunks(CHUNK_BYTES));
    let same = (pairs.take_while(|(a, b)| a == b).count() * CHUNK_BYTES).min(old.len()).min(new.len());
    let feeds = old[old.len() - same..].iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    feeds.map(|(at, _)| same - at - 1).nth(MARGIN_LINES).unwrap_or(0)
}

fn line_feeds(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

/// A line without its line feed, and whether it has none.
fn bare(line: &[u8]) -> (&[u8], bool) {
    line.strip_suffix(b"\n").map_or((line, true), |text| (text, false))
}

fn count(lines: usize) -> u32 {
    u32::try_from(lines).unwrap_or(u32::MAX)
}

/// A text without the beginning of a character that was cut off.
fn whole_characters(text: &[u8]) -> &[u8] {
    match std::str::from_utf8(text) {
        Err(error) if error.error_len().is_none() => &text[..error.valid_up_to()],
        _ => text,
    }
}

/// Finds what a hunk is in: the nearest line before it that begins with a letter, `_` or `$`, in the old text. A hunk
/// before which there is none since the last has the last one's.
#[derive(Default)]
struct Heading {
    found: Vec<u8>,
    seen: usize,
}

impl Heading {
    fn before(&mut self, old: &[&[u8]], start: usize) -> Vec<u8> {
        let heads = |line: &&&[u8]| line.first().is_some_and(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'$'));
        if let Some(line) = old.get(self.seen..start).and_then(|lines| lines.iter().rev().find(heads)) {
            self.found = whole_characters(&line[..line.len().min(HEADING_BYTES_MAX)]).trim_ascii_end().to_vec();
        }
        self.seen = start;
        self.found.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_passed_over_changes_nothing(
            before in prop::collection::vec(0_u8..40, 0..900),
            old in prop::collection::vec(0_u8..6, 0..8),
            new in prop::collection::vec(0_u8..6, 0..8),
            after in prop::collection::vec(0_u8..40, 0..900),
        ) {
            let text = |middle: &[u8]| -> Vec<u8> {
                let lines = before.iter().chain(middle).chain(&after);
                lines.flat_map(|line| format!("{}line {line}\n", " ".repeat(usize::from(line % 3))).into_bytes()).collect()
            };
            let (old, new) = (text(&old), text(&new));
            let mut lines = split(&old);
            for (gone, came) in replaced(&old, &new).into_iter().rev() {
                lines.splice(gone, split(&new)[came].iter().copied());
            }
            prop_assert_eq!(lines.concat(), new);
        }
    }
}
