//! Whose each line is: lines are passed back from version to version until one is found that brought them.

use std::ops::Range;

/// Lines that go together: where they are in the file that is asked about, and in the version that is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    /// The first line in the file that is asked about, from 0.
    pub line: usize,
    /// The same in the version that is looked at.
    pub here: usize,
    /// How many.
    pub count: usize,
}

/// Divides lines into those that the old version has, counted in it, and the others.
#[must_use]
pub fn divide(pieces: &[Piece], replaced: &[(Range<usize>, Range<usize>)]) -> (Vec<Piece>, Vec<Piece>) {
    let (mut passed, mut kept) = (Vec::new(), Vec::new());
    for piece in pieces {
        let end = piece.here + piece.count;
        let mut at = piece.here;
        let part = |from: usize, to: usize, here: usize| Piece {
            line: piece.line + (from - piece.here),
            here,
            count: to - from,
        };
        let first = replaced.partition_point(|(_, new)| new.end <= at);
        // Where the old version's lines are, seen from the new one's, before the next change.
        let mut before = first.checked_sub(1).map_or((0, 0), |last| (replaced[last].0.end, replaced[last].1.end));
        for (old, new) in &replaced[first..] {
            let same_end = new.start.min(end);
            if at < same_end {
                passed.push(part(at, same_end, at - before.1 + before.0));
                at = same_end;
            }
            if at >= end {
                break;
            }
            let changed_end = new.end.min(end);
            if at < changed_end {
                kept.push(part(at, changed_end, at));
                at = changed_end;
            }
            before = (old.end, new.end);
        }
        if at < end {
            passed.push(part(at, end, at - before.1 + before.0));
        }
    }
    (passed, kept)
}
