//! Who wrote each line, as `git blame` has it.
//!
//! All lines begin at the revision that is asked about. A commit passes lines on to the parent that has them; what no
//! parent has, it wrote. If a parent has the very same file, it gets everything; a file that no parent has by this name is
//! looked for under another.

use super::commits::{Commits, Number, WALK_COMMITS_MAX};
use super::diff::tree_changes;
use super::handle::Handle;
use super::tree::{At, at_path, no_path};
use super::{GitSource, bloom::BloomPath};
use code::{Blame, BlameHunk, ChangeKind, CodePath, EntryKind, ReadError, RevisionId};
use gix::ObjectId;
use gix::objs::Kind;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};
use text::{Piece, divide};

/// It takes at most so long.
const TIME_MAX: Duration = Duration::from_secs(10);
/// A larger file is not looked into.
const FILE_BYTES_MAX: u64 = 8 << 20;
/// So many bytes of versions of the file are compared at most.
const BYTES_MAX: u64 = 2 << 30;
/// The clock is looked at after so many commits that changed the file, or that did not.
const CLOCK_EVERY: usize = 64;
const CLOCK_EVERY_PASSED: usize = 4_096;

/// See [`code::Source::blame`].
pub(super) fn blame(source: &GitSource, at: &RevisionId, path: &CodePath) -> Result<Blame, ReadError> {
    let about = [at.0.as_bytes(), b":", path.as_bytes()].concat();
    if let Some(kept) = source.caches.get::<Blame>(&source.store, "blame", &about) {
        return Ok(kept.as_ref().clone());
    }
    let handle = source.store.handle();
    let lines = {
        let mut walk = Walk::new(source, &handle);
        walk.start(at, path)?;
        walk.run()?
    };
    let blame = Arc::new(answer(source, &handle, path, lines)?);
    let bytes =
        blame.hunks.len() * 64 + blame.revisions.iter().map(|revision| 700 + revision.message.len()).sum::<usize>();
    source.caches.put(&source.store, "blame", &about, Arc::clone(&blame), bytes);
    Ok(blame.as_ref().clone())
}

/// A version of the file: a commit and what the file is called in it.
type Suspect = (Number, usize);

/// Lines by the first: how many, whose, and what the file was called.
type Lines = BTreeMap<usize, (usize, ObjectId, CodePath)>;

struct Walk<'a> {
    source: &'a GitSource,
    handle: &'a Handle<'a>,
    commits: Commits<'a>,
    paths: Vec<(CodePath, BloomPath)>,
    heap: BinaryHeap<(u32, i64, Suspect)>,
    pieces: HashMap<Suspect, Vec<Piece>>,
    /// What the file is in a version, where that was found out already.
    ids: HashMap<Suspect, ObjectId>,
    lines: Lines,
    until: Instant,
    bytes_left: u64,
    /// The version that was looked at last, which is often the next one's parent.
    last: Option<(ObjectId, Arc<Vec<u8>>)>,
}

impl<'a> Walk<'a> {
    fn new(source: &'a GitSource, handle: &'a Handle<'a>) -> Self {
        Self {
            source,
            handle,
            commits: Commits::new(source, handle, WALK_COMMITS_MAX, TIME_MAX),
            paths: Vec::new(),
            heap: BinaryHeap::new(),
            pieces: HashMap::new(),
            ids: HashMap::new(),
            lines: Lines::new(),
            until: Instant::now() + TIME_MAX,
            bytes_left: BYTES_MAX,
            last: None,
        }
    }

    fn start(&mut self, at: &RevisionId, path: &CodePath) -> Result<(), ReadError> {
        let number = self.commits.meet(&self.source.object_id(at)?)?;
        let id = self.file(number, path)?.ok_or_else(|| no_path(path))?;
        let (_, size) = self.handle.header(id)?.ok_or_else(|| no_path(path))?;
        if size > FILE_BYTES_MAX {
            return Err(ReadError::TooMuch(format!("{} is too large to ask who wrote its lines", path.shown())));
        }
        let content = self.content(id)?;
        if text::is_binary(&content) {
            return Err(ReadError::Invalid(format!("{} is not text: it has no lines to ask about", path.shown())));
        }
        if text::has_too_many(&content) {
            return Err(ReadError::TooMuch(format!("{} has too many lines to ask who wrote each", path.shown())));
        }
        let count = content.split_inclusive(|byte| *byte == b'\n').count();
        let path = self.path_number(path);
        self.put((number, path), [Piece { line: 0, here: 0, count }]);
        Ok(())
    }

    fn run(mut self) -> Result<Lines, ReadError> {
        let mut steps = 0;
        while let Some((_, _, suspect)) = self.heap.pop() {
            let Some(pieces) = self.pieces.remove(&suspect) else { continue };
            let suspect = self.passed_over(suspect)?;
            self.step(suspect, pieces)?;
            steps += 1;
            if steps % CLOCK_EVERY == 0 {
                self.in_time()?;
            }
        }
        Ok(self.lines)
    }

    fn in_time(&self) -> Result<(), ReadError> {
        if Instant::now() > self.until || self.bytes_left == 0 {
            return Err(ReadError::TooMuch("this file's history is too long to know who wrote each line".to_owned()));
        }
        Ok(())
    }

    /// The version from which on the file may have changed: while nothing else waits, commits that did not change it are gone past
    /// without moving what is asked about it.
    fn passed_over(&mut self, (mut number, path): Suspect) -> Result<Suspect, ReadError> {
        let id = self.ids.remove(&(number, path));
        let mut passed = 0;
        while self.heap.is_empty()
            && self.is_unchanged((number, path))
            && let Some(first) = self.commits.first_parent(number)?
        {
            number = first;
            passed += 1;
            if passed % CLOCK_EVERY_PASSED == 0 {
                self.in_time()?;
            }
        }
        if let Some(id) = id {
            self.ids.insert((number, path), id);
        }
        Ok((number, path))
    }

    fn path_number(&mut self, path: &CodePath) -> usize {
        let known = self.paths.iter().position(|(other, _)| other == path);
        known.unwrap_or_else(|| {
            self.paths.push((path.clone(), BloomPath::new(path.as_bytes())));
            self.paths.len() - 1
        })
    }

    fn put(&mut self, suspect: Suspect, pieces: impl IntoIterator<Item = Piece>) {
        let mut pieces = pieces.into_iter().filter(|piece| piece.count > 0).peekable();
        if pieces.peek().is_none() {
            return;
        }
        let commit = self.commits.get(suspect.0);
        let waiting = self.pieces.entry(suspect).or_default();
        if waiting.is_empty() {
            self.heap.push((commit.generation, commit.time, suspect));
        }
        waiting.extend(pieces);
    }

    fn step(&mut self, suspect: Suspect, mut pieces: Vec<Piece>) -> Result<(), ReadError> {
        let (number, path) = suspect;
        let parents = self.commits.parents(number)?;
        if let Some(first) = parents.first()
            && self.is_unchanged(suspect)
        {
            if let Some(id) = self.ids.remove(&suspect) {
                self.ids.insert((*first, path), id);
            }
            self.put((*first, path), pieces);
            return Ok(());
        }
        let name = self.paths[path].0.clone();
        let known = self.ids.remove(&suspect);
        let here = match known {
            Some(id) => id,
            None => self.file(number, &name)?.ok_or_else(|| super::damaged("a file is gone that was there"))?,
        };
        let origins = self.origins(number, &parents, path, here)?;
        for (origin, id) in &origins {
            self.ids.insert(*origin, *id);
        }
        if let Some((origin, _)) = origins.iter().find(|(_, id)| *id == here) {
            self.put(*origin, pieces);
            return Ok(());
        }
        let content = if origins.is_empty() { Arc::default() } else { self.content(here)? };
        for (origin, id) in origins {
            let before = self.content(id)?;
            let (passed, kept) = divide(&pieces, &text::replaced(&before, &content));
            self.put(origin, passed);
            pieces = kept;
        }
        let commit = self.commits.get(number).id;
        for piece in pieces {
            self.lines.insert(piece.line, (piece.count, commit, name.clone()));
        }
        Ok(())
    }

    /// The versions in the parents, each content once: by the same name where there is one, else by another.
    fn origins(
        &mut self,
        number: Number,
        parents: &[Number],
        path: usize,
        here: ObjectId,
    ) -> Result<Vec<(Suspect, ObjectId)>, ReadError> {
        let name = self.paths[path].0.clone();
        let mut origins: Vec<Option<(Suspect, ObjectId)>> = Vec::with_capacity(parents.len());
        for parent in parents {
            origins.push(self.file(*parent, &name)?.map(|id| ((*parent, path), id)));
        }
        let same = origins.iter().flatten().any(|(_, id)| *id == here);
        for (origin, parent) in origins.iter_mut().zip(parents).filter(|(origin, _)| origin.is_none() && !same) {
            let (old, new) = (self.commits.get(*parent).tree, self.commits.get(number).tree);
            let changes = tree_changes(self.source, self.handle, Some(old), Some(new))?;
            let renamed = |kind| matches!(kind, ChangeKind::Renamed(_));
            let found = changes.iter().find(|change| change.path == name.as_bytes() && renamed(change.kind));
            if let Some((change, id)) = found.and_then(|change| Some((change, change.old?.1))) {
                let before = CodePath::parse(&change.old_path).map_err(super::damaged)?;
                *origin = Some(((*parent, self.path_number(&before)), id));
            }
        }
        let mut once: Vec<(Suspect, ObjectId)> = Vec::new();
        for origin in origins.into_iter().flatten() {
            if !once.iter().any(|(_, id)| *id == origin.1) {
                once.push(origin);
            }
        }
        Ok(once)
    }

    /// Whether the commit-graph knows that the file is as in the first parent.
    fn is_unchanged(&self, (number, path): Suspect) -> bool {
        let Some(position) = self.commits.get(number).position else { return false };
        let bloom = self.commits.graph().and_then(|graph| graph.bloom.as_ref());
        bloom.is_some_and(|bloom| !bloom.may_change(position, &self.paths[path].1))
    }

    fn file(&self, number: Number, path: &CodePath) -> Result<Option<ObjectId>, ReadError> {
        let found = at_path(self.handle, self.commits.get(number).tree, path)?;
        let is_file = |at: &At| matches!(at.kind, EntryKind::File | EntryKind::Executable | EntryKind::Symlink);
        Ok(found.filter(is_file).map(|at| at.id))
    }

    fn content(&mut self, id: ObjectId) -> Result<Arc<Vec<u8>>, ReadError> {
        if let Some((last, content)) = &self.last
            && *last == id
        {
            return Ok(Arc::clone(content));
        }
        let mut content = Vec::new();
        self.handle.read(&id, Kind::Blob, FILE_BYTES_MAX * 2, &mut content)?;
        self.bytes_left = self.bytes_left.saturating_sub(content.len() as u64);
        let content = Arc::new(content);
        self.last = Some((id, Arc::clone(&content)));
        Ok(content)
    }
}

fn answer(source: &GitSource, handle: &Handle<'_>, path: &CodePath, lines: Lines) -> Result<Blame, ReadError> {
    let mut blame = Blame { revisions: Vec::new(), hunks: Vec::new() };
    let mut numbers: HashMap<ObjectId, usize> = HashMap::new();
    for (line, (count, commit, name)) in lines {
        let revision = match numbers.get(&commit) {
            Some(number) => *number,
            None => {
                blame.revisions.push(source.revision(handle, &commit)?.as_ref().clone());
                numbers.insert(commit, blame.revisions.len() - 1);
                blame.revisions.len() - 1
            }
        };
        let small = |count: usize| u32::try_from(count).map_err(super::damaged);
        let name = (name != *path).then_some(name);
        match blame.hunks.last_mut() {
            Some(last) if last.revision == revision && last.path == name => last.lines += small(count)?,
            _ => blame.hunks.push(BlameHunk { line: small(line + 1)?, lines: small(count)?, revision, path: name }),
        }
    }
    Ok(blame)
}
