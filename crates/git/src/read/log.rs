//! History: by time, the newest first, and with a path simplified as `git log -- PATH` does.
//!
//! A file is followed through renames on each line of history for itself, merges included; `git log --follow` keeps one
//! name for all lines and passes over merges. A copy is not followed to what it was copied from, which Git does: a new file
//! that is much like another is not that other one.

use super::GitSource;
use super::bloom::BloomPath;
use super::commits::{Commits, Number};
use super::compare::{Sides, sides};
use super::handle::Handle;
use super::rename;
use super::tree::{At, entry_of, kind_of};
use code::{CodePath, EntryKind, LogQuery, LogStep, ReadError, Revision, RevisionId};
use gix::ObjectId;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// The most revisions in one answer.
const LOG_MAX: u32 = 1_000;
/// The most renames that are followed.
const RENAMES_MAX: usize = 256;
/// The most directories whose entry is remembered in a walk.
const REMEMBERED_MAX: usize = 200_000;
/// The most words that are looked for.
const WORDS_MAX: usize = 16;

/// Gives commits by time, the newest first, each once; those of equal time in the order in which they came.
pub(crate) struct DateWalk<T> {
    queue: BinaryHeap<(i64, Reverse<usize>, Number)>,
    with: HashMap<Number, T>,
    seen: Vec<bool>,
    came: usize,
}

impl<T> Default for DateWalk<T> {
    fn default() -> Self {
        Self { queue: BinaryHeap::new(), with: HashMap::new(), seen: Vec::new(), came: 0 }
    }
}

impl<T> DateWalk<T> {
    /// Adds a commit unless it was added before.
    pub(crate) fn add(&mut self, commits: &Commits<'_>, number: Number, with: T) {
        if self.seen.len() < commits.len() {
            self.seen.resize(commits.len(), false);
        }
        if std::mem::replace(&mut self.seen[number as usize], true) {
            return;
        }
        self.came += 1;
        self.queue.push((commits.get(number).time, Reverse(self.came), number));
        self.with.insert(number, with);
    }

    /// The newest.
    pub(crate) fn next(&mut self) -> Option<(Number, T)> {
        let (_, _, number) = self.queue.pop()?;
        Some((number, self.with.remove(&number)?))
    }
}

/// A path, and what it takes to look for it in many trees.
pub(crate) struct Followed {
    path: CodePath,
    bloom: BloomPath,
    remembered: HashMap<(usize, ObjectId), Option<At>>,
    buffer: Vec<u8>,
}

impl Followed {
    /// To look for this path.
    pub(crate) fn new(path: CodePath) -> Self {
        let bloom = BloomPath::new(path.as_bytes());
        Self { path, bloom, remembered: HashMap::new(), buffer: Vec::new() }
    }

    /// What is at the path in a tree.
    pub(crate) fn at(&mut self, handle: &Handle<'_>, tree: ObjectId) -> Result<Option<At>, ReadError> {
        let mut at = At { id: tree, kind: EntryKind::Directory };
        for (depth, name) in self.path.parts().enumerate() {
            if at.kind != EntryKind::Directory {
                return Ok(None);
            }
            let known = self.remembered.get(&(depth, at.id)).copied();
            let next = match known {
                Some(next) => next,
                None => {
                    handle.read_tree(&at.id, &mut self.buffer)?;
                    let entry = entry_of(&self.buffer, handle.object_hash(), name)?;
                    let next = entry.map(|entry| At { id: entry.oid.to_owned(), kind: kind_of(entry.mode) });
                    if self.remembered.len() >= REMEMBERED_MAX {
                        self.remembered.clear();
                    }
                    self.remembered.insert((depth, at.id), next);
                    next
                }
            };
            let Some(next) = next else { return Ok(None) };
            at = next;
        }
        Ok(Some(at))
    }

    /// Whether a commit surely has the path as its first parent has it, as far as that is noted.
    pub(crate) fn is_surely_same(&self, commits: &Commits<'_>, number: Number) -> bool {
        let bloom = commits.graph().and_then(|graph| graph.bloom.as_ref());
        let noted = bloom.zip(commits.get(number).position);
        noted.is_some_and(|(bloom, position)| !bloom.may_change(position, &self.bloom))
    }
}

/// What became of a commit in a simplified history.
struct Simplified {
    /// It changed the path.
    changed: bool,
    /// Where to go on, with which path.
    parents: Vec<(Number, usize)>,
}

struct Log<'a> {
    source: &'a GitSource,
    handle: &'a Handle<'a>,
    commits: Commits<'a>,
    /// Of a log without what another revision has: what only this one has, and that other revision.
    without: Option<(Sides, Number)>,
    walk: DateWalk<usize>,
    /// The path and what it was called before; more than one only when renames are followed.
    paths: Vec<Followed>,
    follow: bool,
    words: Vec<String>,
    buffer: Vec<u8>,
}

pub(super) fn log(source: &GitSource, at: &RevisionId, query: &LogQuery) -> Result<(Vec<LogStep>, bool), ReadError> {
    let handle = source.store.handle();
    let head = source.object_id(at)?;
    let mut commits = Commits::ordinary(source, &handle);
    let start = commits.meet(&head)?;
    let without = query.without.as_ref().map(|id| source.object_id(id)).transpose()?;
    let without = match without {
        Some(base) => Some((sides(&mut commits, &base, &head)?, commits.meet(&base)?)),
        None => None,
    };
    let words = query.words.as_deref().unwrap_or_default().split_whitespace().take(WORDS_MAX);
    let words = words.map(str::to_lowercase).collect();
    let mut walk = DateWalk::default();
    if without.as_ref().is_none_or(|(sides, _)| sides.is_ahead(start)) {
        walk.add(&commits, start, 0);
    }
    let paths = vec![Followed::new(query.path.clone())];
    let mut log =
        Log { source, handle: &handle, commits, without, walk, paths, follow: query.follow, words, buffer: Vec::new() };
    log.collect(query.skip as usize, query.limit.min(LOG_MAX) as usize)
}

impl Log<'_> {
    fn collect(&mut self, skip: usize, limit: usize) -> Result<(Vec<LogStep>, bool), ReadError> {
        let mut steps = Vec::new();
        let mut found = 0;
        loop {
            match self.step() {
                Ok(None) => return Ok((steps, false)),
                Ok(Some((number, path))) => {
                    found += 1;
                    if found <= skip {
                        continue;
                    }
                    if steps.len() == limit {
                        return Ok((steps, true));
                    }
                    let revision = self.revision(number)?.as_ref().clone();
                    steps.push(LogStep { revision, path: self.paths[path].path.clone() });
                }
                // What was found is better than nothing.
                Err(ReadError::TooMuch(_)) if !steps.is_empty() => return Ok((steps, true)),
                Err(error) => return Err(error),
            }
        }
    }

    fn revision(&self, number: Number) -> Result<Arc<Revision>, ReadError> {
        self.source.revision(self.handle, &self.commits.get(number).id)
    }

    /// The next commit that belongs to the answer.
    fn step(&mut self) -> Result<Option<(Number, usize)>, ReadError> {
        while let Some((number, path)) = self.walk.next() {
            let simplified = self.simplify(number, path)?;
            for (parent, path) in simplified.parents {
                if self.is_wanted(parent) {
                    self.walk.add(&self.commits, parent, path);
                }
            }
            if simplified.changed && self.has_words(number)? {
                return Ok(Some((number, path)));
            }
            if self.commits.is_late() {
                return Err(ReadError::TooMuch("the history is too long to look through for this".to_owned()));
            }
        }
        Ok(None)
    }

    fn is_wanted(&self, number: Number) -> bool {
        self.without.as_ref().is_none_or(|(sides, _)| sides.is_ahead(number))
    }

    /// Whether a parent counts in simplifying: besides those that are wanted, the revision itself that is left out.
    fn counts(&self, number: Number) -> bool {
        self.is_wanted(number) || self.without.as_ref().is_some_and(|(_, base)| *base == number)
    }

    fn has_words(&mut self, number: Number) -> Result<bool, ReadError> {
        if self.words.is_empty() {
            return Ok(true);
        }
        let text = self.source.searched_text(self.handle, &self.commits.get(number).id, &mut self.buffer)?;
        Ok(self.words.iter().all(|word| text.contains(word)))
    }

    /// As Git's default mode (git-log(1), History Simplification): where a parent has the same, only it is gone on with.
    fn simplify(&mut self, number: Number, path: usize) -> Result<Simplified, ReadError> {
        let parents = self.commits.parents(number)?;
        let go_on = |parents: &[Number]| parents.iter().map(|parent| (*parent, path)).collect::<Vec<_>>();
        if self.paths[path].path.is_root() {
            return Ok(Simplified { changed: true, parents: go_on(&parents) });
        }
        let surely_same = !parents.is_empty() && self.paths[path].is_surely_same(&self.commits, number);
        if surely_same && self.counts(parents[0]) {
            return Ok(Simplified { changed: false, parents: go_on(&parents[..1]) });
        }
        let here = self.at(number, path)?;
        if parents.is_empty() {
            return Ok(Simplified { changed: here.is_some(), parents: Vec::new() });
        }
        let (mut changed, mut changed_beyond, mut any_counts) = (false, false, false);
        for parent in &parents {
            let same = self.at(*parent, path)? == here;
            if self.counts(*parent) {
                if same {
                    return Ok(Simplified { changed: false, parents: go_on(&[*parent]) });
                }
                any_counts = true;
                changed = true;
            } else {
                changed_beyond |= !same;
            }
        }
        let changed = if any_counts { changed } else { changed_beyond };
        let parents = self.followed(number, &parents, path, here)?;
        Ok(Simplified { changed, parents })
    }

    fn at(&mut self, number: Number, path: usize) -> Result<Option<At>, ReadError> {
        let tree = self.commits.get(number).tree;
        self.paths[path].at(self.handle, tree)
    }

    /// The parents, each with what the path was called there.
    fn followed(
        &mut self,
        number: Number,
        parents: &[Number],
        path: usize,
        here: Option<At>,
    ) -> Result<Vec<(Number, usize)>, ReadError> {
        let mut followed = Vec::with_capacity(parents.len());
        for parent in parents {
            let mut called = path;
            if let Some(here) = here.filter(|here| self.follow && here.kind != EntryKind::Directory)
                && self.paths.len() <= RENAMES_MAX
                && self.at(*parent, path)?.is_none()
            {
                let (old, new) = (self.commits.get(*parent).tree, self.commits.get(number).tree);
                if let Some(before) = rename::before(self.handle, old, new, &self.paths[path].path, here)? {
                    called = self.paths.iter().position(|known| known.path == before).unwrap_or(self.paths.len());
                    if called == self.paths.len() {
                        self.paths.push(Followed::new(before));
                    }
                }
            }
            followed.push((*parent, called));
        }
        Ok(followed)
    }
}
