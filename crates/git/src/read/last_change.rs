//! The last change of paths.
//!
//! Answers come from memory; from an index on disk of every path of one commit, which [`index_history`] brings up to date
//! after a push; and from walking the commits between the two ([`walk`]). Without an index the whole history is walked, as
//! far as patience goes, and gone on with when it is asked again.
//!
//! # Invariant
//! An answer is that of `git log -1 COMMIT -- PATH`, with or without an index: the index only shortens walks.

mod index;
mod ranges;
mod scope;
mod trees;
mod walk;

use super::GitSource;
use super::caches::lock;
use super::commits::{Commits, WALK_COMMITS_MAX};
use super::handle::Handle;
use code::{CodePath, LastChange, ReadError, Revision, RevisionId};
use gix::{ObjectId, oid};
use index::Index;
use ranges::RangeSet;
use scope::Scope;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use trees::Trees;
use walk::{Progress, Waiting, Walk};

/// The last change of one path is looked for so long.
const PATH_TIME_MAX: Duration = Duration::from_secs(5);
/// An index is made within this.
const INDEX_TIME_MAX: Duration = Duration::from_secs(1800);

/// See [`code::Source::last_changes`].
pub(super) fn last_changes(
    source: &GitSource,
    at: &RevisionId,
    path: &CodePath,
    patience: Duration,
) -> Result<Vec<LastChange>, ReadError> {
    let until = Instant::now() + patience;
    let about = [at.0.as_bytes(), b":", path.as_bytes()].concat();
    if let Some(kept) = source.caches.get::<Vec<LastChange>>(&source.store, "last-changes", &about) {
        return Ok(kept.to_vec());
    }
    let handle = source.store.handle();
    let mut trees = Trees::new(&handle, source.store.hash_kind());
    let commit = source.object_id(at)?;
    let root = source.commit_tree(&handle, &commit)?;
    let tree = directory(&mut trees, &root, path)?.ok_or_else(|| ReadError::NotFound(path.shown()))?;
    let raw = trees.read(&tree)?;
    let names = trees.entries(&raw).map(|entry| Ok(entry?.name)).collect::<Result<Vec<_>, ReadError>>()?;
    let scope = Scope::of_directory(path.as_bytes(), names.iter().copied());
    let ask = Ask { source, handle: &handle, commit, path, names: &names };
    let (found, whole) = ask.find(&mut trees, &raw, &scope, until, &about)?;
    let changes = revisions(source, &handle, &names, &found)?;
    if whole {
        let bytes = changes.iter().map(|(name, revision)| 700 + name.len() + revision.message.len()).sum();
        source.caches.put(&source.store, "last-changes", &about, Arc::new(changes.clone()), bytes);
    }
    Ok(changes)
}

/// See [`code::Source::last_change`].
pub(super) fn last_change(source: &GitSource, at: &RevisionId, path: &CodePath) -> Result<Option<Revision>, ReadError> {
    let handle = source.store.handle();
    let commit = source.object_id(at)?;
    let (Some(name), Some(parent)) = (path.name(), path.parent()) else {
        let id = last_of_root(source, &handle, &commit)?;
        return Ok(Some(source.revision(&handle, &id)?.as_ref().clone()));
    };
    let about = [at.0.as_bytes(), b":", path.as_bytes()].concat();
    if let Some(kept) = source.caches.get::<ObjectId>(&source.store, "last-change", &about) {
        return Ok(Some(source.revision(&handle, &kept)?.as_ref().clone()));
    }
    let mut trees = Trees::new(&handle, source.store.hash_kind());
    let root = source.commit_tree(&handle, &commit)?;
    let Some(tree) = directory(&mut trees, &root, &parent)? else { return Ok(None) };
    if trees.find(&tree, name)?.is_none() {
        return Ok(None);
    }
    let raw = trees.read(&tree)?;
    let mut scope = Scope::of_directory(parent.as_bytes(), std::iter::once(name));
    scope.common = Some(path.as_bytes().to_vec());
    let ask = Ask { source, handle: &handle, commit, path: &parent, names: &[name] };
    let until = Instant::now() + PATH_TIME_MAX;
    let (found, _) = ask.find(&mut trees, &raw, &scope, until, &[b"1:", &about[..]].concat())?;
    let late = || ReadError::TooMuch("the history is too long to find the last change now; try again".to_owned());
    let id = found.first().copied().flatten().ok_or_else(late)?;
    source.caches.put(&source.store, "last-change", &about, Arc::new(id), 64);
    Ok(Some(source.revision(&handle, &id)?.as_ref().clone()))
}

/// Brings the index of a repository's default branch up to date, so that answers about it and about what is near it are
/// there at once. For the background, after each push and when [`history_is_indexed`] says no; may be called at any time
/// and again, does nothing while it is at work on the same repository already. What it writes is a cache: when it is cut
/// off or lost, nothing is wrong.
///
/// # Errors
/// When the repository can't be read or written, or is too large for an index.
pub fn index_history(source: &GitSource) -> Result<(), ReadError> {
    let Some(tip) = default_tip(source)? else { return Ok(()) };
    let Some(_alone) = Alone::on(source.store.path()) else { return Ok(()) };
    let old = current(source);
    if old.as_ref().is_some_and(|index| index.tip() == Some(tip)) {
        return Ok(());
    }
    let handle = source.store.handle();
    let mut trees = Trees::new(&handle, source.store.hash_kind());
    let root = source.commit_tree(&handle, &tip)?;
    let (scope, directories) = Scope::of_everything(&mut trees, root)?;
    let (mut waiting, mut known) = (Vec::new(), HashMap::new());
    if let Some(index) = &old
        && let Some(old_tip) = index.tip()
        // A force push may have left it behind, and maintenance taken it away.
        && let Ok(old_root) = source.commit_tree(&handle, &old_tip)
    {
        for directory in &directories {
            let path = CodePath::parse(&directory.path).map_err(super::damaged)?;
            let raw = trees.read(&directory.tree)?;
            known_in(&mut trees, index, &old_root, &path, &raw, |at, change| {
                known.insert(directory.numbers[at], change);
            })?;
        }
        let mut paths = RangeSet::default();
        known.keys().for_each(|number| paths.insert(*number..number + 1));
        waiting.push((old_tip, Waiting { sought: RangeSet::default(), known: paths }));
    }
    waiting.push((tip, Waiting { sought: RangeSet::of(scope.all()), known: RangeSet::default() }));
    let progress = Progress { found: vec![None; scope.all().len()], waiting };
    let walk = Walk::new(source, &handle, &scope, &mut trees, progress, WALK_COMMITS_MAX)?;
    let done = walk.run(Instant::now() + INDEX_TIME_MAX, |number| known.get(&number).copied())?;
    let late = || ReadError::TooMuch("the history is too long to know the last change of each file".to_owned());
    let found = done.found.into_iter().collect::<Option<Vec<_>>>().ok_or_else(late)?;
    let blocks = directories.iter().map(|directory| {
        let changes = directory.numbers.iter().map(|number| found[*number as usize]).collect();
        (directory.path.as_slice(), directory.tree.as_ref(), changes)
    });
    let bytes = index::write(source.store.path(), &tip, blocks)?;
    if let Some(index) = index::read(bytes, tip.kind().len_in_bytes()) {
        keep(source, Arc::new(index));
    }
    Ok(())
}

/// Whether the index of the default branch is up to date. Cheap.
#[must_use]
pub fn history_is_indexed(source: &GitSource) -> bool {
    match default_tip(source) {
        Ok(Some(tip)) => current(source).is_some_and(|index| index.tip() == Some(tip)),
        _ => true,
    }
}

/// The default branch's commit; None: there is none.
fn default_tip(source: &GitSource) -> Result<Option<ObjectId>, ReadError> {
    let Some(tip) = source.refs.get(source.refs.head()) else { return Ok(None) };
    ObjectId::try_from(tip.peeled.unwrap_or(tip.id).as_bytes()).map(Some).map_err(super::damaged)
}

/// One index of a repository is made at a time.
struct Alone(PathBuf);

/// Repositories of which an index is being made.
static AT_WORK: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());

impl Alone {
    fn on(repository: &Path) -> Option<Self> {
        lock(&AT_WORK).insert(repository.to_owned()).then(|| Self(repository.to_owned()))
    }
}

impl Drop for Alone {
    fn drop(&mut self) {
        lock(&AT_WORK).remove(&self.0);
    }
}

/// The index as it is.
fn current(source: &GitSource) -> Option<Arc<Index>> {
    if let Some(kept) = source.caches.get::<Index>(&source.store, "last-changes-index", b"") {
        return Some(kept);
    }
    let index = Arc::new(Index::load(source.store.path(), source.store.hash_kind().len_in_bytes())?);
    keep(source, Arc::clone(&index));
    Some(index)
}

fn keep(source: &GitSource, index: Arc<Index>) {
    let bytes = index.bytes();
    source.caches.put(&source.store, "last-changes-index", b"", index, bytes);
}

/// The tree of a directory; None if there is none.
fn directory(trees: &mut Trees<'_, '_>, root: &oid, path: &CodePath) -> Result<Option<ObjectId>, ReadError> {
    let mut tree = root.to_owned();
    for part in path.parts() {
        match trees.find(&tree, part)? {
            Some((id, true)) => tree = id,
            _ => return Ok(None),
        }
    }
    Ok(Some(tree))
}

/// What an index knows of a directory's entries that are in its tip as they are in `raw`: their place in `raw`, and the
/// last change.
fn known_in(
    trees: &mut Trees<'_, '_>,
    index: &Index,
    old_root: &oid,
    path: &CodePath,
    raw: &[u8],
    mut found: impl FnMut(usize, ObjectId),
) -> Result<(), ReadError> {
    let Some(old_tree) = directory(trees, old_root, path)? else { return Ok(()) };
    let Some(block) = index.directory(path.as_bytes(), &old_tree) else { return Ok(()) };
    let old_raw = trees.read(&old_tree)?;
    let same = old_raw[..] == *raw;
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    if !same {
        for (at, entry) in trees.entries(raw).enumerate() {
            places.insert(entry?.whole, at);
        }
    }
    for (at_old, entry) in trees.entries(&old_raw).enumerate() {
        let at = if same { Some(at_old) } else { places.get(entry?.whole).copied() };
        if let (Some(at), Some(change)) = (at, index.entry(block, at_old)) {
            found(at, change);
        }
    }
    Ok(())
}

/// A commit, and the last change of some paths of it by number.
type Known = (ObjectId, HashMap<u32, ObjectId>);

/// A question about entries of a directory.
struct Ask<'a, 'h> {
    source: &'a GitSource,
    handle: &'a Handle<'h>,
    commit: ObjectId,
    path: &'a CodePath,
    names: &'a [&'a [u8]],
}

impl Ask<'_, '_> {
    /// The last change of each name, and whether all were found.
    fn find(
        &self,
        trees: &mut Trees<'_, '_>,
        raw: &[u8],
        scope: &Scope,
        until: Instant,
        about: &[u8],
    ) -> Result<(Vec<Option<ObjectId>>, bool), ReadError> {
        let (source, known) = (self.source, self.known(trees, raw)?);
        let before = source.caches.get::<Progress>(&source.store, "last-changes-progress", about);
        let mut progress = before.map_or_else(|| self.start(scope), |progress| progress.as_ref().clone());
        if let Some((tip, known)) = &known {
            let mut paths = RangeSet::default();
            known.keys().for_each(|number| paths.insert(*number..number + 1));
            progress.waiting.push((*tip, Waiting { sought: RangeSet::default(), known: paths }));
        }
        let known = known.map(|(_, known)| known).unwrap_or_default();
        let walk = Walk::new(source, self.handle, scope, trees, progress, WALK_COMMITS_MAX)?;
        let mut done = walk.run(until, |number| known.get(&number).copied())?;
        let whole = done.waiting.is_empty();
        let found = done.found.clone();
        // By the next time another index may be there, that knows other things.
        done.waiting.iter_mut().for_each(|(_, waiting)| waiting.known = RangeSet::default());
        done.waiting.retain(|(_, waiting)| !waiting.sought.is_empty());
        if !whole {
            let bytes = done.found.len() * 40 + done.waiting.len() * 200;
            source.caches.put(&source.store, "last-changes-progress", about, Arc::new(done), bytes);
        }
        Ok((found, whole))
    }

    fn start(&self, scope: &Scope) -> Progress {
        let sought = Waiting { sought: RangeSet::of(scope.all()), known: RangeSet::default() };
        Progress { found: vec![None; scope.all().len()], waiting: vec![(self.commit, sought)] }
    }

    /// What the index knows of the names, and of which commit.
    fn known(&self, trees: &mut Trees<'_, '_>, raw: &[u8]) -> Result<Option<Known>, ReadError> {
        let Some(index) = current(self.source) else { return Ok(None) };
        let Some(tip) = index.tip() else { return Ok(None) };
        // What was indexed may be gone since.
        let Ok(root) = self.source.commit_tree(self.handle, &tip) else { return Ok(None) };
        let numbers: HashMap<&[u8], u32> = self.names.iter().copied().zip(0..).collect();
        let names = trees.entries(raw).map(|entry| Ok(entry?.name)).collect::<Result<Vec<_>, ReadError>>()?;
        let mut known = HashMap::new();
        known_in(trees, &index, &root, self.path, raw, |at, change| {
            if let Some(number) = names.get(at).and_then(|name| numbers.get(name)) {
                known.insert(*number, change);
            }
        })?;
        Ok(Some((tip, known)))
    }
}

/// Each name with the revision that was found for it.
fn revisions(
    source: &GitSource,
    handle: &Handle<'_>,
    names: &[&[u8]],
    found: &[Option<ObjectId>],
) -> Result<Vec<LastChange>, ReadError> {
    let mut read: HashMap<ObjectId, Arc<Revision>> = HashMap::new();
    let mut changes = Vec::with_capacity(names.len());
    for (name, id) in names.iter().zip(found) {
        let Some(id) = id else { continue };
        let revision = match read.get(id) {
            Some(revision) => Arc::clone(revision),
            None => {
                let revision = source.revision(handle, id)?;
                read.insert(*id, Arc::clone(&revision));
                revision
            }
        };
        changes.push((name.to_vec(), revision.as_ref().clone()));
    }
    Ok(changes)
}

/// The last revision in which anything changed: an empty commit is none.
fn last_of_root(source: &GitSource, handle: &Handle<'_>, commit: &oid) -> Result<ObjectId, ReadError> {
    let mut commits = Commits::ordinary(source, handle);
    let mut at = commits.meet(commit)?;
    loop {
        let parents = commits.parents(at)?;
        let tree = commits.get(at).tree;
        match parents.into_iter().find(|parent| commits.get(*parent).tree == tree) {
            Some(parent) => at = parent,
            None => return Ok(commits.get(at).id),
        }
    }
}
