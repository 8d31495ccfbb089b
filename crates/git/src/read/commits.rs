//! Commits as a walk meets them: from the commit-graph where they are in it, from their bytes otherwise. Each is met once
//! and then is a number.

use super::commit::RawCommit;
use super::handle::Handle;
use super::store::CommitGraph;
use super::{GitSource, damaged};
use code::ReadError;
use gix::ObjectId;
use gix::commitgraph::Position;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The most commits that one walk meets.
pub(crate) const WALK_COMMITS_MAX: usize = 4_000_000;
/// The longest that one walk takes.
pub(crate) const WALK_TIME_MAX: Duration = Duration::from_secs(10);
/// The clock is looked at after so many commits.
const CLOCK_EVERY: usize = 256;
/// The generation of a commit that is not in the commit-graph: above all that are.
pub(crate) const GENERATION_NONE: u32 = u32::MAX;

/// A commit of a walk.
pub(crate) type Number = u32;

/// What a walk knows of a commit.
#[derive(Clone, Copy)]
pub(crate) struct Commit {
    /// Its id.
    pub(crate) id: ObjectId,
    /// Its tree.
    pub(crate) tree: ObjectId,
    /// When it was committed, seconds.
    pub(crate) time: i64,
    /// More than that of any of its parents; the largest number where it is not known.
    pub(crate) generation: u32,
    /// Its place in the commit-graph.
    pub(crate) position: Option<u32>,
    /// Where its parents are in the walk's list, once they were asked for.
    parents: Option<(u32, u32)>,
}

/// The commits of a walk.
pub(crate) struct Commits<'a> {
    handle: &'a Handle<'a>,
    graph: Option<Arc<CommitGraph>>,
    all: Vec<Commit>,
    edges: Vec<Number>,
    by_id: HashMap<ObjectId, Number>,
    by_position: Vec<Number>,
    /// Parents of commits that came from bytes, until they are asked for.
    named: HashMap<Number, Vec<ObjectId>>,
    buffer: Vec<u8>,
    commits_max: usize,
    until: Instant,
}

impl<'a> Commits<'a> {
    /// A walk that ends with [`ReadError::TooMuch`] when it meets more commits, or takes longer.
    pub(crate) fn new(source: &GitSource, handle: &'a Handle<'a>, commits_max: usize, patience: Duration) -> Self {
        let graph = source.store.graph();
        let in_graph = graph.as_ref().map_or(0, |graph| graph.graph.num_commits() as usize);
        Self {
            handle,
            graph,
            all: Vec::new(),
            edges: Vec::new(),
            by_id: HashMap::new(),
            by_position: vec![0; in_graph],
            named: HashMap::new(),
            buffer: Vec::new(),
            commits_max,
            until: Instant::now() + patience,
        }
    }

    /// A walk with the ordinary bounds.
    pub(crate) fn ordinary(source: &GitSource, handle: &'a Handle<'a>) -> Self {
        Self::new(source, handle, WALK_COMMITS_MAX, WALK_TIME_MAX)
    }

    /// The commit-graph.
    pub(crate) fn graph(&self) -> Option<&Arc<CommitGraph>> {
        self.graph.as_ref()
    }

    /// What is known of a commit.
    pub(crate) fn get(&self, number: Number) -> &Commit {
        &self.all[number as usize]
    }

    /// How many were met.
    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether the walk has taken its time.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.until
    }

    /// Meets a commit.
    pub(crate) fn meet(&mut self, id: &gix::oid) -> Result<Number, ReadError> {
        if let Some(position) = self.graph.as_ref().and_then(|graph| graph.graph.lookup(id)) {
            return self.meet_at(position);
        }
        if let Some(number) = self.by_id.get(id) {
            return Ok(*number);
        }
        self.check()?;
        self.handle.read_commit(id, &mut self.buffer)?;
        let raw = RawCommit::parse(&self.buffer);
        let tree = ObjectId::from_hex(raw.tree).map_err(damaged)?;
        let parents = raw.parents.iter().map(|hex| ObjectId::from_hex(hex)).collect::<Result<Vec<_>, _>>();
        let parents = parents.map_err(damaged)?;
        let (id, time) = (id.to_owned(), raw.seconds());
        let number = self.push(Commit { id, tree, time, generation: GENERATION_NONE, position: None, parents: None });
        self.by_id.insert(id, number);
        self.named.insert(number, parents);
        Ok(number)
    }

    fn meet_at(&mut self, position: Position) -> Result<Number, ReadError> {
        let beyond = || damaged("the commit-graph names a commit beyond its end");
        let known = *self.by_position.get(position.0 as usize).ok_or_else(beyond)?;
        if known != 0 {
            return Ok(known - 1);
        }
        self.check()?;
        let Some(graph) = &self.graph else { return Err(damaged("no commit-graph")) };
        let commit = graph.graph.commit_at(position);
        let time = i64::try_from(commit.committer_timestamp()).unwrap_or(i64::MAX);
        let (id, tree) = (commit.id().to_owned(), commit.root_tree_id().to_owned());
        // Zero is what Git wrote before it knew generations.
        let generation = Some(commit.generation()).filter(|generation| *generation > 0).unwrap_or(GENERATION_NONE);
        let number = self.push(Commit { id, tree, time, generation, position: Some(position.0), parents: None });
        self.by_position[position.0 as usize] = number + 1;
        Ok(number)
    }

    fn check(&self) -> Result<(), ReadError> {
        let late = self.all.len() % CLOCK_EVERY == CLOCK_EVERY - 1 && self.is_late();
        if late || self.all.len() >= self.commits_max {
            return Err(ReadError::TooMuch("the history is too long to look through for this".to_owned()));
        }
        Ok(())
    }

    fn push(&mut self, commit: Commit) -> Number {
        self.all.push(commit);
        Number::try_from(self.all.len() - 1).unwrap_or(Number::MAX)
    }

    /// A commit's first parent.
    pub(crate) fn first_parent(&mut self, number: Number) -> Result<Option<Number>, ReadError> {
        let known = self.get(number);
        if let (None, Some(position), Some(graph)) = (known.parents, known.position, self.graph.clone()) {
            let parent = graph.graph.commit_at(Position(position)).iter_parents().next();
            return parent.map(|parent| self.meet_at(parent.map_err(damaged)?)).transpose();
        }
        Ok(self.parents(number)?.first().copied())
    }

    /// A commit's parents, in order.
    pub(crate) fn parents(&mut self, number: Number) -> Result<Vec<Number>, ReadError> {
        if let Some((start, end)) = self.get(number).parents {
            return Ok(self.edges[start as usize..end as usize].to_vec());
        }
        let parents = match self.get(number).position {
            Some(position) => {
                let Some(graph) = self.graph.clone() else { return Err(damaged("no commit-graph")) };
                let parents = graph.graph.commit_at(Position(position)).iter_parents();
                parents.map(|parent| self.meet_at(parent.map_err(damaged)?)).collect::<Result<Vec<_>, _>>()?
            }
            None => {
                let named = self.named.remove(&number).unwrap_or_default();
                named.iter().map(|id| self.meet(id)).collect::<Result<Vec<_>, _>>()?
            }
        };
        let start = u32::try_from(self.edges.len()).map_err(damaged)?;
        self.edges.extend_from_slice(&parents);
        let end = u32::try_from(self.edges.len()).map_err(damaged)?;
        self.all[number as usize].parents = Some((start, end));
        Ok(parents)
    }
}
