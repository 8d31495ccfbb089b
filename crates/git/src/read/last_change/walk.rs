//! The walk: paths go from commit to parent as long as they stay the same.
//!
//! A path's last change is a function of the commit alone: `last(c) = last(p)` for the first parent `p` that has the same
//! entry, and `c` if none has. (So Git simplifies history.) All paths of a [`Scope`] go together, as sets of numbers that
//! wait at commits.
//!
//! Beside those that are looked for, paths can go from where their last change is known: they go the same ways. Where one
//! that is looked for meets itself known, it is known.

use super::ranges::RangeSet;
use super::scope::Scope;
use super::trees::{Entry, Trees, compare};
use crate::read::GitSource;
use crate::read::bloom::BloomPath;
use crate::read::commits::{Commits, Number};
use crate::read::handle::Handle;
use code::ReadError;
use gix::ObjectId;
use std::collections::{BinaryHeap, HashMap};
use std::time::{Duration, Instant};

/// Paths that are known go so many commits with reading trees to meet those that are looked for.
const KNOWN_STEPS_MAX: u32 = 2_000;
/// So few paths are asked for one by one whether a commit may have changed them, before its trees are read.
const ASKED_MAX: usize = 64;
/// The clock is looked at after so many commits.
const CLOCK_EVERY: u32 = 32;

/// Paths that wait at a commit.
#[derive(Clone, Debug, Default)]
pub(super) struct Waiting {
    pub(super) sought: RangeSet,
    pub(super) known: RangeSet,
}

/// What is found, and what is still on its way: can be kept and gone on with.
#[derive(Clone, Debug)]
pub(super) struct Progress {
    /// By number.
    pub(super) found: Vec<Option<ObjectId>>,
    pub(super) waiting: Vec<(ObjectId, Waiting)>,
}

/// Where the walk is.
pub(super) struct Walk<'w, 'c, 'h, 's> {
    scope: &'w Scope,
    trees: &'w mut Trees<'h, 's>,
    commits: Commits<'c>,
    bloom_path: Option<BloomPath>,
    /// Of each path, where they are of one directory.
    bloom_paths: Vec<BloomPath>,
    heap: BinaryHeap<(u32, i64, Number)>,
    waiting: HashMap<Number, Waiting>,
    /// How many commits something looked for waits at.
    sought_at: usize,
    known_steps: u32,
    found: Vec<Option<ObjectId>>,
    /// What is not found yet.
    open: RangeSet,
}

impl<'w, 'c, 'h, 's> Walk<'w, 'c, 'h, 's> {
    /// Goes on from where it was. `commits_max` bounds memory, `patience` time.
    pub(super) fn new(
        source: &GitSource,
        handle: &'c Handle<'c>,
        scope: &'w Scope,
        trees: &'w mut Trees<'h, 's>,
        progress: Progress,
        commits_max: usize,
    ) -> Result<Self, ReadError> {
        // Its own clock is not used: what is half done would be lost.
        let commits = Commits::new(source, handle, commits_max, Duration::from_secs(24 * 3600));
        let common = scope.common.as_ref().filter(|path| !path.is_empty());
        let bloom_path = common.map(|path| BloomPath::new(path));
        let mut open = RangeSet::default();
        progress.waiting.iter().for_each(|(_, waiting)| open.add(waiting.sought.clone()));
        let mut walk = Self {
            open,
            scope,
            trees,
            commits,
            bloom_path,
            bloom_paths: scope.paths.iter().map(|path| BloomPath::new(path)).collect(),
            heap: BinaryHeap::new(),
            waiting: HashMap::new(),
            sought_at: 0,
            known_steps: 0,
            found: progress.found,
        };
        for (id, waiting) in progress.waiting {
            let number = walk.commits.meet(&id)?;
            walk.put(number, waiting);
        }
        Ok(walk)
    }

    /// Walks till everything is found or it is time to stop. `known` says the last change of a path that is known.
    pub(super) fn run(
        mut self,
        until: Instant,
        known: impl Fn(u32) -> Option<ObjectId>,
    ) -> Result<Progress, ReadError> {
        let mut steps = 0_u32;
        while self.sought_at > 0
            && let Some((_, _, number)) = self.heap.pop()
        {
            let Some(waiting) = self.waiting.remove(&number) else { continue };
            if !waiting.sought.is_empty() {
                self.sought_at -= 1;
            }
            self.step(number, waiting, &known)?;
            steps += 1;
            if steps.is_multiple_of(CLOCK_EVERY) && Instant::now() >= until {
                break;
            }
        }
        let commits = &self.commits;
        let waiting = self.waiting.into_iter().map(|(number, waiting)| (commits.get(number).id, waiting));
        let waiting = if self.sought_at > 0 { waiting.collect() } else { Vec::new() };
        Ok(Progress { found: self.found, waiting })
    }

    fn put(&mut self, number: Number, paths: Waiting) {
        if paths.sought.is_empty() && paths.known.is_empty() {
            return;
        }
        let commit = self.commits.get(number);
        let (generation, time) = (commit.generation, commit.time);
        let mut is_new = false;
        let waiting = self.waiting.entry(number).or_insert_with(|| {
            is_new = true;
            Waiting::default()
        });
        if waiting.sought.is_empty() && !paths.sought.is_empty() {
            self.sought_at += 1;
        }
        waiting.sought.add(paths.sought);
        waiting.known.add(paths.known);
        if is_new {
            self.heap.push((generation, time, number));
        }
    }

    fn step(
        &mut self,
        number: Number,
        mut waiting: Waiting,
        known: &impl Fn(u32) -> Option<ObjectId>,
    ) -> Result<(), ReadError> {
        if !waiting.known.is_empty() && !waiting.sought.is_empty() {
            let met = waiting.sought.and(&waiting.known);
            for path in met.numbers() {
                self.found[path as usize] = known(path);
            }
            self.open.subtract(&met);
            waiting.sought.subtract(&met);
            waiting.known.subtract(&met);
        }
        // What is found meanwhile needs nobody who knows it.
        waiting.known = waiting.known.and(&self.open);
        if waiting.sought.is_empty() {
            self.known_steps += 1;
            if self.known_steps > KNOWN_STEPS_MAX || self.sought_at == 0 {
                return Ok(());
            }
        }
        let parents = self.commits.parents(number)?;
        if self.passes_whole(number, &parents, &waiting) {
            self.put(parents[0], waiting);
            return Ok(());
        }
        let tree = self.commits.get(number).tree;
        for parent in parents {
            if waiting.sought.is_empty() && waiting.known.is_empty() {
                return Ok(());
            }
            let parent_tree = self.commits.get(parent).tree;
            let mut differ = Waiting::default();
            if parent_tree != tree {
                self.differing(&tree, Some(parent_tree), 0, &waiting, &mut differ)?;
            }
            waiting.sought.subtract(&differ.sought);
            waiting.known.subtract(&differ.known);
            self.put(parent, std::mem::replace(&mut waiting, differ));
        }
        let id = self.commits.get(number).id;
        waiting.sought.numbers().for_each(|path| self.found[path as usize] = Some(id));
        self.open.subtract(&waiting.sought);
        Ok(())
    }

    /// Whether the commit-graph knows that the one directory is as in the first parent, or at least each path that waits.
    fn passes_whole(&self, number: Number, parents: &[Number], waiting: &Waiting) -> bool {
        let Some(position) = self.commits.get(number).position.filter(|_| !parents.is_empty()) else { return false };
        let Some(bloom) = self.commits.graph().and_then(|graph| graph.bloom.as_ref()) else { return false };
        if self.bloom_path.as_ref().is_some_and(|path| !bloom.may_change(position, path)) {
            return true;
        }
        let few = |set: &RangeSet| set.few(ASKED_MAX).is_some();
        if self.bloom_paths.is_empty() || !few(&waiting.sought) || !few(&waiting.known) {
            return false;
        }
        let mut paths = waiting.sought.numbers().chain(waiting.known.numbers());
        paths.all(|path| self.bloom_paths.get(path as usize).is_some_and(|path| !bloom.may_change(position, path)))
    }

    /// Those of the waiting paths that a parent does not have just so.
    fn differing(
        &mut self,
        tree: &gix::oid,
        parent: Option<ObjectId>,
        node: usize,
        waiting: &Waiting,
        differ: &mut Waiting,
    ) -> Result<(), ReadError> {
        let raw = self.trees.read(tree)?;
        let raw_parent = parent.map(|id| self.trees.read(&id)).transpose()?;
        let entries = self.trees.entries(&raw);
        let other = self.trees.entries(raw_parent.as_deref().unwrap_or_default());
        let scope = self.scope;
        if let Some((name, child)) = scope.node(node).only().filter(|(_, child)| child.number.is_none()) {
            return self.on_the_way(tree, parent, (name, child.node), waiting, differ);
        }
        compare(entries, other, |entry: Entry<'_>, other| {
            let Some(child) = scope.node(node).child(entry.name) else { return Ok(()) };
            if let Some(number) = child.number {
                if waiting.sought.contains(number) {
                    differ.sought.insert(number..number + 1);
                }
                if waiting.known.contains(number) {
                    differ.known.insert(number..number + 1);
                }
            }
            let Some(below) = child.node.filter(|_| entry.is_tree()) else { return Ok(()) };
            let range = scope.node(below).below.clone();
            if waiting.sought.touches(range.clone()) || waiting.known.touches(range) {
                self.differing(entry.id, other, below, waiting, differ)?;
            }
            Ok(())
        })
    }

    /// Goes into the one directory that is looked into.
    fn on_the_way(
        &mut self,
        tree: &gix::oid,
        parent: Option<ObjectId>,
        (name, node): (&[u8], Option<usize>),
        waiting: &Waiting,
        differ: &mut Waiting,
    ) -> Result<(), ReadError> {
        let Some(node) = node else { return Ok(()) };
        let directory = |found: Option<(ObjectId, bool)>| found.filter(|(_, is_tree)| *is_tree).map(|(id, _)| id);
        let Some(here) = directory(self.trees.find(tree, name)?) else { return Ok(()) };
        let there = match parent {
            Some(parent) => directory(self.trees.find(&parent, name)?),
            None => None,
        };
        if there == Some(here) {
            return Ok(());
        }
        self.differing(&here, there, node, waiting, differ)
    }
}
