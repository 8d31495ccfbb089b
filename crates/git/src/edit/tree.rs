//! A tree in which files are changed: directories are read when something in them is.

use super::pack::Pack;
use super::{EditError, damaged};
use crate::read::handle::Handle;
use code::CodePath;
use gix::ObjectId;
use gix::objs::tree::{EntryKind, EntryMode};
use gix::objs::{Kind, TreeRefIter};
use std::collections::BTreeMap;

/// Directories are at most so deep.
const DEPTH_MAX: usize = 256;

/// A tree that is being changed.
pub(super) struct Tree<'h> {
    handle: &'h Handle<'h>,
    root: Directory,
}

type Directory = BTreeMap<Vec<u8>, Slot>;

/// What a name stands for.
enum Slot {
    /// As it is in the repository, or a file's new content.
    Entry(EntryMode, ObjectId),
    /// A directory that something changes in.
    Open(Directory),
}

impl<'h> Tree<'h> {
    /// A tree as it is; None: an empty one.
    pub(super) fn load(handle: &'h Handle<'h>, tree: Option<ObjectId>) -> Result<Self, EditError> {
        let root = tree.map_or_else(|| Ok(Directory::new()), |tree| open(handle, tree))?;
        Ok(Self { handle, root })
    }

    /// Puts a file.
    pub(super) fn put(&mut self, path: &CodePath, blob: ObjectId, executable: Option<bool>) -> Result<(), EditError> {
        check(path, None)?;
        let name = name_of(path)?;
        let directory = self.directory(path, true)?;
        let mode = match directory.get(name) {
            None => EntryKind::Blob,
            Some(slot) if slot.is_nothing() => EntryKind::Blob,
            Some(slot) => match slot.file_kind(path)? {
                kind @ (EntryKind::Blob | EntryKind::BlobExecutable) => kind,
                EntryKind::Commit => return Err(conflict(path, "another repository is there (a submodule)")),
                _ => return Err(conflict(path, "a symbolic link is there: change the file that it points to")),
            },
        };
        let mode = match executable {
            Some(true) => EntryKind::BlobExecutable,
            Some(false) => EntryKind::Blob,
            None => mode,
        };
        directory.insert(name.to_vec(), Slot::Entry(mode.into(), blob));
        Ok(())
    }

    /// Takes a file out.
    pub(super) fn remove(&mut self, path: &CodePath) -> Result<(EntryMode, ObjectId), EditError> {
        let gone = || EditError::NotFound(path.shown());
        let name = name_of(path)?;
        let directory = self.directory(path, false)?;
        directory.get(name).ok_or_else(gone)?.file_kind(path)?;
        match directory.remove(name) {
            Some(Slot::Entry(mode, id)) => Ok((mode, id)),
            _ => Err(gone()),
        }
    }

    /// Moves a file, with a new content or its own.
    pub(super) fn rename(&mut self, from: &CodePath, to: &CodePath, blob: Option<ObjectId>) -> Result<(), EditError> {
        let (mode, id) = self.remove(from)?;
        check(to, Some(mode))?;
        if blob.is_some() && !mode.is_blob() {
            return Err(conflict(from, "only a file has a content that can be changed"));
        }
        let name = name_of(to)?;
        let directory = self.directory(to, true)?;
        if directory.get(name).is_some_and(|slot| !slot.is_nothing()) {
            return Err(conflict(to, "there is something by this name already"));
        }
        directory.insert(name.to_vec(), Slot::Entry(mode, blob.unwrap_or(id)));
        Ok(())
    }

    /// The directory that a path is in, opened; made if `make`.
    fn directory(&mut self, path: &CodePath, make: bool) -> Result<&mut Directory, EditError> {
        let parts: Vec<&[u8]> = path.parts().collect();
        if parts.len() > DEPTH_MAX {
            return Err(EditError::Name { path: path.shown(), what: "it is too deep" });
        }
        let mut directory = &mut self.root;
        for part in &parts[..parts.len().saturating_sub(1)] {
            if !directory.contains_key(*part) {
                if !make {
                    return Err(EditError::NotFound(path.shown()));
                }
                directory.insert(part.to_vec(), Slot::Open(Directory::new()));
            }
            let Some(slot) = directory.get_mut(*part) else { return Err(EditError::NotFound(path.shown())) };
            if let Slot::Entry(mode, id) = slot {
                if !mode.is_tree() {
                    return Err(conflict(path, "a part of this path is a file, which nothing can be in"));
                }
                *slot = Slot::Open(open(self.handle, *id)?);
            }
            let Slot::Open(inner) = slot else { return Err(EditError::NotFound(path.shown())) };
            directory = inner;
        }
        Ok(directory)
    }

    /// Writes what changed; the root's id.
    pub(super) fn write(self, pack: &mut Pack) -> Result<ObjectId, EditError> {
        write(self.root, pack)?.map_or_else(|| pack.add(Kind::Tree, b""), Ok)
    }
}

impl Slot {
    /// A directory of which everything went.
    fn is_nothing(&self) -> bool {
        matches!(self, Self::Open(inner) if inner.values().all(Self::is_nothing))
    }

    /// What file it is; an error if it is a directory.
    fn file_kind(&self, path: &CodePath) -> Result<EntryKind, EditError> {
        match self {
            Self::Entry(mode, _) if !mode.is_tree() => Ok(mode.kind()),
            _ => Err(conflict(path, "a directory is there")),
        }
    }
}

fn conflict(path: &CodePath, what: &'static str) -> EditError {
    EditError::Conflict { path: path.shown(), what }
}

fn name_of(path: &CodePath) -> Result<&[u8], EditError> {
    path.name().ok_or(EditError::Name { path: "/".to_owned(), what: "give the file a name" })
}

fn open(handle: &Handle<'_>, tree: ObjectId) -> Result<Directory, EditError> {
    let mut bytes = Vec::new();
    handle.read_tree(&tree, &mut bytes)?;
    let mut directory = Directory::new();
    for entry in TreeRefIter::from_bytes(&bytes, tree.kind()) {
        let entry = entry.map_err(damaged)?;
        directory.insert(entry.filename.to_vec(), Slot::Entry(entry.mode, entry.oid.to_owned()));
    }
    Ok(directory)
}

/// Writes a directory; None when nothing is left in it.
fn write(directory: Directory, pack: &mut Pack) -> Result<Option<ObjectId>, EditError> {
    let mut entries = Vec::with_capacity(directory.len());
    for (name, slot) in directory {
        let (mode, id) = match slot {
            Slot::Entry(mode, id) => (mode, id),
            Slot::Open(inner) => match write(inner, pack)? {
                Some(id) => (EntryKind::Tree.into(), id),
                None => continue,
            },
        };
        // Git's order, in which a directory's name ends with a slash.
        let key = if mode.is_tree() { [&name[..], b"/"].concat() } else { name.clone() };
        entries.push((key, name, mode, id));
    }
    if entries.is_empty() {
        return Ok(None);
    }
    entries.sort();
    let mut bytes = Vec::new();
    for (_, name, mode, id) in entries {
        bytes.extend_from_slice(format!("{:o} ", mode.value()).as_bytes());
        bytes.extend_from_slice(&name);
        bytes.push(0);
        bytes.extend_from_slice(id.as_slice());
    }
    pack.add(Kind::Tree, &bytes).map(Some)
}

/// Whether a new file may be called so.
fn check(path: &CodePath, mode: Option<EntryMode>) -> Result<(), EditError> {
    let bad = |what| Err(EditError::Name { path: path.shown(), what });
    if path.is_root() {
        return bad("give the file a name");
    }
    let is_link = mode.is_some_and(|mode| mode.is_link());
    for part in path.parts() {
        if !crate::names::entry_is_safe(part, is_link) {
            return bad("Git keeps this name for itself, or some system takes it for one that Git keeps");
        }
        if part.contains(&b'\\') {
            return bad("a backslash divides names on some systems");
        }
        if part.iter().any(u8::is_ascii_control) {
            return bad("a name has no control characters");
        }
        if part.len() > 255 {
            return bad("a part of it is longer than file systems allow (255 bytes)");
        }
    }
    Ok(())
}
