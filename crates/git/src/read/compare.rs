//! How two revisions are related: painting what each side has, till only what both have is left.

use super::GitSource;
use super::commits::{Commits, GENERATION_NONE, Number};
use super::log::DateWalk;
use code::{Comparison, ReadError, RevisionId};
use gix::ObjectId;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

const BASE: u8 = 1;
const HEAD: u8 = 2;
const BOTH: u8 = BASE | HEAD;
/// Below a commit that both have.
const STALE: u8 = 4;
const QUEUED: u8 = 8;
/// Where it is not known how far commits are from the roots, only when they were made, and clocks go wrong: then so many
/// commits are looked at beyond what seems enough.
const SLOP_COMMITS: usize = 256;
/// A count is made from that of a commit so many steps back at most, if that is known.
const COUNT_STEPS_MAX: usize = 256;
/// The most revisions that a comparison lists.
const COMPARED_MAX: usize = 1_000;

/// Which commits each side has.
pub(crate) struct Sides {
    flags: Vec<u8>,
}

impl Sides {
    fn of(&self, number: Number) -> u8 {
        self.flags.get(number as usize).copied().unwrap_or(0) & BOTH
    }

    /// Whether only the head has this commit.
    pub(crate) fn is_ahead(&self, number: Number) -> bool {
        self.of(number) == HEAD
    }

    fn counts(&self) -> (u32, u32) {
        let count = |side| self.flags.iter().filter(|flags| **flags & BOTH == side).count();
        (u32::try_from(count(HEAD)).unwrap_or(u32::MAX), u32::try_from(count(BASE)).unwrap_or(u32::MAX))
    }

    /// The newest commit that both have and that is below no other such.
    fn merge_base(&self, commits: &Commits<'_>) -> Option<ObjectId> {
        let numbers = (0..).zip(&self.flags).filter(|(_, flags)| **flags & (BOTH | STALE) == BOTH);
        let newest = numbers.max_by_key(|(number, _)| (commits.get(*number).time, Reverse(*number)));
        newest.map(|(number, _)| commits.get(number).id)
    }
}

/// Commits by how far they are from the roots, as far as that is known; by time otherwise.
type Queue = BinaryHeap<(u32, i64, Reverse<Number>)>;

struct Painter<'a, 'b> {
    commits: &'a mut Commits<'b>,
    flags: Vec<u8>,
    queue: Queue,
    /// How many in the queue are not stale.
    open: usize,
    /// How many may be looked at when all are stale.
    slop: usize,
}

impl Painter<'_, '_> {
    /// Adds flags to a commit; if it has any that it had not, it is looked at (again).
    fn paint(&mut self, number: Number, flags: u8) {
        let index = number as usize;
        if self.flags.len() <= index {
            self.flags.resize(self.commits.len().max(index + 1), 0);
        }
        let before = self.flags[index];
        if before & flags == flags {
            return;
        }
        let after = before | flags | QUEUED;
        self.flags[index] = after;
        let was_open = before & QUEUED != 0 && before & STALE == 0;
        let is_open = after & STALE == 0;
        self.open = self.open + usize::from(is_open) - usize::from(was_open);
        if before & QUEUED == 0 {
            let commit = self.commits.get(number);
            self.queue.push((commit.generation, commit.time, Reverse(number)));
        }
    }

    fn run(&mut self) -> Result<(), ReadError> {
        while self.open > 0 || self.slop > 0 {
            self.slop = if self.open > 0 { self.slop } else { self.slop - 1 };
            let Some((generation, _, Reverse(number))) = self.queue.pop() else { break };
            if generation == GENERATION_NONE && self.open > 0 {
                self.slop = SLOP_COMMITS;
            }
            let flags = self.flags[number as usize];
            self.flags[number as usize] = flags & !QUEUED;
            self.open -= usize::from(flags & STALE == 0);
            let pass = if flags & BOTH == BOTH { BOTH | STALE } else { flags & BOTH };
            for parent in self.commits.parents(number)? {
                self.paint(parent, pass);
            }
        }
        Ok(())
    }
}

/// Finds what each side has. All commits that only one side has are among those met.
pub(crate) fn sides(commits: &mut Commits<'_>, base: &gix::oid, head: &gix::oid) -> Result<Sides, ReadError> {
    let (base, head) = (commits.meet(base)?, commits.meet(head)?);
    let mut painter = Painter { commits, flags: Vec::new(), queue: Queue::new(), open: 0, slop: 0 };
    painter.paint(base, BASE);
    painter.paint(head, HEAD);
    painter.run()?;
    Ok(Sides { flags: painter.flags })
}

/// How many commits the head has and the base has not, and the other way round.
pub(super) fn ahead_behind(
    commits: &mut Commits<'_>,
    base: &gix::oid,
    head: &gix::oid,
) -> Result<(u32, u32), ReadError> {
    Ok(sides(commits, base, head)?.counts())
}

pub(super) fn compare(
    source: &GitSource,
    base: &RevisionId,
    head: &RevisionId,
    limit: usize,
) -> Result<Comparison, ReadError> {
    let handle = source.store.handle();
    let (base, head) = (source.object_id(base)?, source.object_id(head)?);
    let mut commits = Commits::ordinary(source, &handle);
    let sides = sides(&mut commits, &base, &head)?;
    let (ahead, behind) = sides.counts();
    let mut walk = DateWalk::default();
    let start = commits.meet(&head)?;
    if sides.is_ahead(start) {
        walk.add(&commits, start, ());
    }
    let mut revisions = Vec::new();
    while revisions.len() < limit.min(COMPARED_MAX)
        && let Some((number, ())) = walk.next()
    {
        revisions.push(source.revision(&handle, &commits.get(number).id)?.as_ref().clone());
        for parent in commits.parents(number)? {
            if sides.is_ahead(parent) {
                walk.add(&commits, parent, ());
            }
        }
    }
    let base = sides.merge_base(&commits).map(|id| RevisionId(id.to_string()));
    Ok(Comparison { base, revisions, ahead, behind })
}

pub(super) fn count(source: &GitSource, at: &RevisionId) -> Result<u64, ReadError> {
    let handle = source.store.handle();
    let id = source.object_id(at)?;
    let known = |id: &ObjectId| source.caches.get::<u64>(&source.store, "count", id.as_bytes()).map(|count| *count);
    if let Some(count) = known(&id) {
        return Ok(count);
    }
    let mut commits = Commits::ordinary(source, &handle);
    let mut step = commits.meet(&id)?;
    let mut nearby = None;
    for _ in 0..COUNT_STEPS_MAX {
        let Some(first) = commits.parents(step)?.first().copied() else { break };
        step = first;
        let id = commits.get(step).id;
        nearby = known(&id).map(|count| (id, count));
        if nearby.is_some() {
            break;
        }
    }
    let count = match nearby {
        Some((base, count)) => count + u64::from(ahead_behind(&mut commits, &base, &id)?.0),
        None => count_all(&mut commits, &id)?,
    };
    source.caches.put(&source.store, "count", id.as_bytes(), Arc::new(count), 8);
    Ok(count)
}

/// Walks everything: meeting a commit is counting it.
fn count_all(commits: &mut Commits<'_>, id: &gix::oid) -> Result<u64, ReadError> {
    let start = commits.meet(id)?;
    let mut seen = vec![false; commits.len()];
    let mut waiting = vec![start];
    seen[start as usize] = true;
    let mut count = 0;
    while let Some(number) = waiting.pop() {
        count += 1;
        let parents = commits.parents(number)?;
        seen.resize(commits.len(), false);
        for parent in parents {
            if !std::mem::replace(&mut seen[parent as usize], true) {
                waiting.push(parent);
            }
        }
    }
    Ok(count)
}
