//! Which of the files that came were another before: Git's own measure of likeness (`diffcore-delta.c`) and its way to
//! pair files (`diffcore-rename.c`), with a bound.

use super::trees::TreeChange;
use code::ChangeKind;
use gix::ObjectId;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

/// Two files are alike from so many of [`SCORE_MAX`].
const SCORE_MIN: u64 = 30_000;
const SCORE_MAX: u64 = 60_000;
/// So many pairs of files are compared at most; with more, only equal files are paired.
const PAIRS_MAX: usize = 160_000;
/// A larger file is only compared by its id.
pub(crate) const BLOB_BYTES_MAX: u64 = 4 << 20;
/// So many bytes are read at most.
const BYTES_MAX: u64 = 96 << 20;
/// A chunk of a file ends at a line feed, and after so many bytes.
const CHUNK_BYTES: u32 = 64;
/// Chunks are told apart by so many values.
const HASHES: u64 = 107_927;

/// What a file consists of: chunks by hash, with their bytes.
pub(crate) struct Spans {
    chunks: Vec<(u32, u32)>,
    bytes: u64,
}

impl Spans {
    /// Looks through a file.
    pub(crate) fn of(content: &[u8]) -> Self {
        let text = !text::is_binary(content);
        let mut counted: HashMap<u32, u32> = HashMap::with_capacity(content.len() / 32);
        let (mut one, mut two, mut length) = (0_u32, 0_u32, 0_u32);
        let mut bytes = content.iter().peekable();
        let mut end = |one: &mut u32, two: &mut u32, length: &mut u32| {
            // Wraps as Git's unsigned arithmetic does.
            let hash = u64::from(one.wrapping_add(two.wrapping_mul(0x61))) % HASHES;
            *counted.entry(hash as u32).or_default() += *length;
            (*one, *two, *length) = (0, 0, 0);
        };
        while let Some(byte) = bytes.next() {
            if text && *byte == b'\r' && bytes.peek() == Some(&&b'\n') {
                continue;
            }
            let before = one;
            one = (one << 7) ^ (two >> 25);
            two = (two << 7) ^ (before >> 25);
            one = one.wrapping_add(u32::from(*byte));
            length += 1;
            if length >= CHUNK_BYTES || *byte == b'\n' {
                end(&mut one, &mut two, &mut length);
            }
        }
        if length > 0 {
            end(&mut one, &mut two, &mut length);
        }
        let mut chunks: Vec<_> = counted.into_iter().collect();
        chunks.sort_unstable();
        Self { chunks, bytes: content.len() as u64 }
    }

    /// How alike two files are, of [`SCORE_MAX`].
    pub(crate) fn score(&self, new: &Self) -> u64 {
        let (larger, smaller) = (self.bytes.max(new.bytes), self.bytes.min(new.bytes));
        if larger == 0 || larger * (SCORE_MAX - SCORE_MIN) < (larger - smaller) * SCORE_MAX {
            return 0;
        }
        let (mut old, mut copied) = (self.chunks.iter().peekable(), 0_u64);
        for (hash, bytes) in &new.chunks {
            while old.next_if(|(other, _)| other < hash).is_some() {}
            if let Some((_, had)) = old.next_if(|(other, _)| other == hash) {
                copied += u64::from(*bytes.min(had));
            }
        }
        copied * SCORE_MAX / larger
    }
}

/// A file that others may have been made from.
struct Origin {
    change: usize,
    gone: bool,
    used: usize,
}

struct Pair {
    origin: usize,
    score: u64,
}

/// Turns files that came into renames and copies of files that went or changed. `read` gives a file's bytes, or nothing if
/// there are too many.
pub(super) fn detect(
    changes: Vec<TreeChange>,
    deadline: Instant,
    mut read: impl FnMut(&ObjectId) -> Option<Vec<u8>>,
) -> Vec<TreeChange> {
    let is_file = |side: &Option<(gix::objs::tree::EntryMode, ObjectId)>| side.is_some_and(|(mode, _)| mode.is_blob());
    let came: Vec<usize> =
        (0..changes.len()).filter(|at| changes[*at].old.is_none() && changes[*at].new.is_some()).collect();
    let may_be = |at: &usize| changes[*at].old.is_some() && (changes[*at].new.is_none() || is_file(&changes[*at].old));
    let origin = |at| Origin { change: at, gone: changes[at].new.is_none(), used: 0 };
    let mut origins: Vec<Origin> = (0..changes.len()).filter(may_be).map(origin).collect();
    if came.is_empty() || origins.is_empty() {
        return changes;
    }
    let mut pairs: HashMap<usize, Pair> = HashMap::new();
    pair_equal(&changes, &came, &mut origins, &mut pairs);
    let left: Vec<usize> =
        came.into_iter().filter(|at| !pairs.contains_key(at) && is_file(&changes[*at].new)).collect();
    let files = origins.iter().filter(|origin| is_file(&changes[origin.change].old)).count();
    if !left.is_empty() && left.len().saturating_mul(files) <= PAIRS_MAX {
        let candidates = compare(&changes, &left, &origins, deadline, &mut read);
        choose(candidates, &mut origins, &mut pairs);
    }
    apply(changes, origins, &pairs)
}

/// What is byte for byte the same; of several, one that went and is not used yet, then one that has the same name.
fn pair_equal(changes: &[TreeChange], came: &[usize], origins: &mut [Origin], pairs: &mut HashMap<usize, Pair>) {
    let mut by_id: HashMap<ObjectId, Vec<usize>> = HashMap::new();
    for (index, origin) in origins.iter().enumerate() {
        if let Some((_, id)) = changes[origin.change].old {
            by_id.entry(id).or_default().push(index);
        }
    }
    for at in came {
        let Some((mode, id)) = changes[*at].new else { continue };
        // An empty file has nothing in common with another.
        if id.is_empty_blob() {
            continue;
        }
        let mut best: Option<(u8, usize)> = None;
        for index in by_id.get(&id).into_iter().flatten().take(16) {
            let origin = &origins[*index];
            let Some((old_mode, _)) = changes[origin.change].old else { continue };
            if old_mode.is_blob() != mode.is_blob() {
                continue;
            }
            let unused = origin.gone && origin.used == 0;
            let score = u8::from(unused) * 2 + u8::from(same_name(&changes[origin.change], &changes[*at]));
            if best.is_none_or(|(other, _)| score > other) {
                best = Some((score, *index));
            }
        }
        if let Some((_, origin)) = best {
            origins[origin].used += 1;
            pairs.insert(*at, Pair { origin, score: SCORE_MAX });
        }
    }
}

fn same_name(a: &TreeChange, b: &TreeChange) -> bool {
    let name = |path: &[u8]| path.rsplit(|byte| *byte == b'/').next().map(<[u8]>::to_vec);
    name(&a.old_path) == name(&b.path)
}

/// How alike: score, same name, destination, origin.
type Candidate = (u64, bool, usize, usize);

fn compare(
    changes: &[TreeChange],
    left: &[usize],
    origins: &[Origin],
    deadline: Instant,
    read: &mut impl FnMut(&ObjectId) -> Option<Vec<u8>>,
) -> Vec<Candidate> {
    let mut bytes_left = BYTES_MAX;
    let mut spans = |id: &ObjectId| {
        let content = if bytes_left == 0 || Instant::now() > deadline { None } else { read(id) };
        content.map(|content| {
            bytes_left = bytes_left.saturating_sub(content.len() as u64);
            Spans::of(&content)
        })
    };
    let of_origins: Vec<Option<Spans>> = origins
        .iter()
        .map(|origin| changes[origin.change].old.filter(|(mode, _)| mode.is_blob()).and_then(|(_, id)| spans(&id)))
        .collect();
    let mut candidates = Vec::new();
    for at in left {
        let Some(new) = changes[*at].new.and_then(|(_, id)| spans(&id)) else { continue };
        let mut best: Vec<Candidate> = Vec::new();
        for (index, old) in of_origins.iter().enumerate() {
            let Some(old) = old else { continue };
            if Instant::now() > deadline {
                return Vec::new();
            }
            let score = old.score(&new);
            if score >= SCORE_MIN {
                best.push((score, same_name(&changes[origins[index].change], &changes[*at]), *at, index));
            }
        }
        // As many as Git keeps for each.
        best.sort_by_key(|candidate| Reverse((candidate.0, candidate.1)));
        best.truncate(4);
        candidates.append(&mut best);
    }
    candidates.sort_by_key(|candidate| Reverse((candidate.0, candidate.1)));
    candidates
}

/// Renames first, so that a file that went is found where it is now; then copies.
fn choose(candidates: Vec<Candidate>, origins: &mut [Origin], pairs: &mut HashMap<usize, Pair>) {
    for copies in [false, true] {
        for (score, _, at, origin) in &candidates {
            let usable = copies || (origins[*origin].gone && origins[*origin].used == 0);
            if usable && !pairs.contains_key(at) {
                origins[*origin].used += 1;
                pairs.insert(*at, Pair { origin: *origin, score: *score });
            }
        }
    }
}

/// Of a file that went and is found in several places, the last is the rename and the others are copies, as in Git.
fn apply(mut changes: Vec<TreeChange>, mut origins: Vec<Origin>, pairs: &HashMap<usize, Pair>) -> Vec<TreeChange> {
    for at in 0..changes.len() {
        let Some(pair) = pairs.get(&at) else { continue };
        let origin = &mut origins[pair.origin];
        origin.used -= 1;
        let percent = u8::try_from(pair.score * 100 / SCORE_MAX).unwrap_or(100);
        let renamed = origin.gone && origin.used == 0;
        let (old, old_path) = (changes[origin.change].old, changes[origin.change].old_path.clone());
        let change = &mut changes[at];
        change.kind = if renamed { ChangeKind::Renamed(percent) } else { ChangeKind::Copied(percent) };
        (change.old, change.old_path) = (old, old_path);
    }
    let moved: HashSet<usize> =
        pairs.values().map(|pair| &origins[pair.origin]).filter(|o| o.gone).map(|o| o.change).collect();
    let mut at = 0;
    changes.retain(|_| {
        at += 1;
        !moved.contains(&(at - 1))
    });
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_of_what_stayed() {
        let lines = |range: std::ops::Range<u32>| range.map(|n| format!("line {n} of it\n")).collect::<String>();
        let (all, half, other) = (Spans::of(lines(0..100).as_bytes()), lines(50..150), lines(1000..1100));
        assert_eq!(all.score(&all), SCORE_MAX);
        let near = all.score(&Spans::of(half.as_bytes())) * 100 / SCORE_MAX;
        assert!((45..=55).contains(&near), "{near}");
        assert_eq!(all.score(&Spans::of(other.as_bytes())), 0);
    }
}
