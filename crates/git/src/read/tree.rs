//! Directories.

use super::handle::Handle;
use super::{GitSource, damaged};
use code::{CodePath, Entry, EntryKind, ReadError, RevisionId, Tree};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use gix::objs::tree::{EntryMode, EntryRef};

/// What is at a path of a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    /// What names its content.
    pub(crate) id: ObjectId,
    /// What it is.
    pub(crate) kind: EntryKind,
}

pub(crate) fn kind_of(mode: EntryMode) -> EntryKind {
    use gix::objs::tree::EntryKind as K;
    match mode.kind() {
        K::Tree => EntryKind::Directory,
        K::Commit => EntryKind::Submodule,
        K::Link => EntryKind::Symlink,
        K::Blob => EntryKind::File,
        K::BlobExecutable => EntryKind::Executable,
    }
}

/// The entry of a directory's bytes with this name.
pub(crate) fn entry_of<'a>(
    bytes: &'a [u8],
    hash: gix::hash::Kind,
    name: &[u8],
) -> Result<Option<EntryRef<'a>>, ReadError> {
    for entry in TreeRefIter::from_bytes(bytes, hash) {
        let entry = entry.map_err(damaged)?;
        if entry.filename == name {
            return Ok(Some(entry));
        }
    }
    Ok(None)
}

/// What is at a path below a tree; None: nothing.
pub(crate) fn at_path(handle: &Handle<'_>, tree: ObjectId, path: &CodePath) -> Result<Option<At>, ReadError> {
    let mut at = At { id: tree, kind: EntryKind::Directory };
    let mut buffer = Vec::new();
    for name in path.parts() {
        if at.kind != EntryKind::Directory {
            return Ok(None);
        }
        handle.read_tree(&at.id, &mut buffer)?;
        let Some(entry) = entry_of(&buffer, handle.object_hash(), name)? else { return Ok(None) };
        at = At { id: entry.oid.to_owned(), kind: kind_of(entry.mode) };
    }
    Ok(Some(at))
}

pub(crate) fn no_path(path: &CodePath) -> ReadError {
    ReadError::NotFound(format!("file or directory {:?}", path.shown()))
}

pub(super) fn tree(source: &GitSource, at: &RevisionId, path: &CodePath) -> Result<Tree, ReadError> {
    let handle = source.store.handle();
    let root = source.commit_tree(&handle, &source.object_id(at)?)?;
    let found = at_path(&handle, root, path)?.filter(|found| found.kind == EntryKind::Directory);
    let id = found.ok_or_else(|| no_path(path))?.id;
    let mut buffer = Vec::new();
    handle.read_tree(&id, &mut buffer)?;
    let entries = TreeRefIter::from_bytes(&buffer, handle.object_hash()).map(|entry| {
        let entry = entry.map_err(damaged)?;
        let (name, kind, id) = (entry.filename.to_vec(), kind_of(entry.mode), entry.oid.to_string());
        Ok(Entry { name, kind, id, size: None })
    });
    let mut entries = entries.collect::<Result<Vec<_>, ReadError>>()?;
    entries.sort_by(|a, b| {
        let directory = |entry: &Entry| entry.kind == EntryKind::Directory;
        directory(b).cmp(&directory(a)).then_with(|| a.name.cmp(&b.name))
    });
    Ok(Tree { path: path.clone(), id: id.to_string(), entries })
}
