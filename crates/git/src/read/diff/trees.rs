//! Which paths differ between two trees: both are walked side by side, and what has the same id is passed over.

use crate::read::damaged;
use crate::read::handle::Handle;
use code::{ChangeKind, ReadError};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryMode, EntryRef};
use std::cmp::Ordering;
use std::time::Instant;

/// So many paths may differ.
pub(crate) const CHANGES_MAX: usize = 200_000;
/// A tree is at most so deep.
const DEPTH_MAX: usize = 512;

/// A file, link or submodule that differs.
#[derive(Clone, Debug)]
pub(crate) struct TreeChange {
    pub(crate) kind: ChangeKind,
    pub(crate) old_path: Vec<u8>,
    pub(crate) path: Vec<u8>,
    pub(crate) old: Option<(EntryMode, ObjectId)>,
    pub(crate) new: Option<(EntryMode, ObjectId)>,
}

/// Compares two trees; None is the empty one. The answer is sorted by path.
pub(crate) fn compare(
    handle: &Handle<'_>,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    deadline: Instant,
) -> Result<Vec<TreeChange>, ReadError> {
    let mut walk = Walk { handle, deadline, changes: Vec::new(), path: Vec::new(), depth: 0 };
    walk.trees(old, new)?;
    let mut changes = walk.changes;
    changes.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(changes)
}

struct Walk<'h, 's> {
    handle: &'h Handle<'s>,
    deadline: Instant,
    changes: Vec<TreeChange>,
    path: Vec<u8>,
    depth: usize,
}

/// One side's entry.
type Side = Option<(EntryMode, ObjectId)>;

impl Walk<'_, '_> {
    fn trees(&mut self, old: Option<ObjectId>, new: Option<ObjectId>) -> Result<(), ReadError> {
        if self.depth > DEPTH_MAX {
            return Err(ReadError::TooMuch("directories are nested too deep to compare".to_owned()));
        }
        if Instant::now() > self.deadline {
            return Err(ReadError::TooMuch("comparing takes too long".to_owned()));
        }
        let (old, new) = (self.read(old)?, self.read(new)?);
        let kind = self.handle.object_hash();
        let mut left = TreeRefIter::from_bytes(&old, kind).peekable();
        let mut right = TreeRefIter::from_bytes(&new, kind).peekable();
        self.depth += 1;
        loop {
            let order = match (left.peek(), right.peek()) {
                (None, None) => break,
                (Some(Err(error)), _) | (_, Some(Err(error))) => return Err(damaged(error)),
                (Some(Ok(a)), Some(Ok(b))) => order(a, b),
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
            };
            let a = if order == Ordering::Greater { None } else { left.next().and_then(Result::ok) };
            let b = if order == Ordering::Less { None } else { right.next().and_then(Result::ok) };
            self.entries(a, b)?;
        }
        self.depth -= 1;
        Ok(())
    }

    fn read(&self, id: Option<ObjectId>) -> Result<Vec<u8>, ReadError> {
        let mut buffer = Vec::new();
        if let Some(id) = id {
            self.handle.read_tree(&id, &mut buffer)?;
        }
        Ok(buffer)
    }

    fn entries(&mut self, old: Option<EntryRef<'_>>, new: Option<EntryRef<'_>>) -> Result<(), ReadError> {
        let Some(name) = old.as_ref().or(new.as_ref()).map(|entry| entry.filename) else { return Ok(()) };
        let side = |entry: &Option<EntryRef<'_>>| entry.as_ref().map(|entry| (entry.mode, entry.oid.to_owned()));
        let (old, new) = (side(&old), side(&new));
        if old == new {
            return Ok(());
        }
        let length = self.path.len();
        if length > 0 {
            self.path.push(b'/');
        }
        self.path.extend_from_slice(name);
        let tree = |side: Side| side.filter(|(mode, _)| mode.is_tree()).map(|(_, id)| id);
        let file = |side: Side| side.filter(|(mode, _)| !mode.is_tree());
        if tree(old).is_some() || tree(new).is_some() {
            self.trees(tree(old), tree(new))?;
        }
        self.files(file(old), file(new))?;
        self.path.truncate(length);
        Ok(())
    }

    fn files(&mut self, old: Side, new: Side) -> Result<(), ReadError> {
        let kind = match (old, new) {
            (None, None) => return Ok(()),
            (None, Some(_)) => ChangeKind::Added,
            (Some(_), None) => ChangeKind::Removed,
            (Some(_), Some(_)) => ChangeKind::Modified,
        };
        if self.changes.len() >= CHANGES_MAX {
            return Err(ReadError::TooMuch(format!("more than {CHANGES_MAX} files differ")));
        }
        self.changes.push(TreeChange { kind, old_path: self.path.clone(), path: self.path.clone(), old, new });
        Ok(())
    }
}

/// Git's order of entries, in which a directory's name ends with a slash.
fn order(a: &EntryRef<'_>, b: &EntryRef<'_>) -> Ordering {
    let end = |entry: &EntryRef<'_>| if entry.mode.is_tree() { Some(b'/') } else { None };
    let bytes = |entry: &EntryRef<'_>| entry.filename.iter().copied().chain(end(entry)).collect::<Vec<u8>>();
    let length = a.filename.len().min(b.filename.len());
    match a.filename[..length].cmp(&b.filename[..length]) {
        Ordering::Equal if a.filename.len() == b.filename.len() && a.mode.is_tree() == b.mode.is_tree() => {
            Ordering::Equal
        }
        Ordering::Equal => bytes(a).cmp(&bytes(b)),
        other => other,
    }
}
