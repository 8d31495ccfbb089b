//! All files of a tree.

use super::handle::Handle;
use super::tree::kind_of;
use super::{GitSource, damaged};
use code::{CodePath, EntryKind, ReadError, RevisionId};
use gix::ObjectId;
use gix::objs::TreeRefIter;
use std::ops::ControlFlow;
use std::sync::Arc;

/// The most paths that are given.
const PATHS_MAX: usize = 200_000;
/// The most bytes that they take.
const PATHS_BYTES_MAX: usize = 32 << 20;
/// The most directories that are read for it.
const DIRECTORIES_MAX: usize = 100_000;
/// How deep directories may be.
const DEPTH_MAX: usize = 512;

pub(super) fn paths(source: &GitSource, at: &RevisionId) -> Result<Arc<Vec<CodePath>>, ReadError> {
    let handle = source.store.handle();
    let root = source.commit_tree(&handle, &source.object_id(at)?)?;
    if let Some(kept) = source.caches.get(&source.store, "paths", root.as_bytes()) {
        return Ok(kept);
    }
    let mut paths = Vec::new();
    let mut bytes = 0;
    each_file(&handle, root, &mut |path, _, _| {
        if let Ok(path) = CodePath::parse(path) {
            bytes += path.as_bytes().len() + size_of::<CodePath>();
            paths.push(path);
        }
        if paths.len() < PATHS_MAX && bytes < PATHS_BYTES_MAX {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    })?;
    let paths = Arc::new(paths);
    source.caches.put(&source.store, "paths", root.as_bytes(), Arc::clone(&paths), bytes);
    Ok(paths)
}

/// Is told of a path, what is there, and its id; says whether to go on.
pub(crate) type EachFile<'a> = &'a mut dyn FnMut(&[u8], EntryKind, &gix::oid) -> ControlFlow<()>;

/// Calls for everything below a tree but directories, in the order of their paths, till it is enough.
pub(crate) fn each_file(handle: &Handle<'_>, tree: ObjectId, call: EachFile<'_>) -> Result<(), ReadError> {
    let mut walk = Walk { handle, call, path: Vec::new(), directories: 0 };
    walk.directory(tree, 0).map(|_| ())
}

struct Walk<'a> {
    handle: &'a Handle<'a>,
    call: EachFile<'a>,
    path: Vec<u8>,
    directories: usize,
}

impl Walk<'_> {
    fn directory(&mut self, tree: ObjectId, depth: usize) -> Result<ControlFlow<()>, ReadError> {
        self.directories += 1;
        if depth > DEPTH_MAX || self.directories > DIRECTORIES_MAX {
            return Ok(ControlFlow::Break(()));
        }
        let mut buffer = Vec::new();
        self.handle.read_tree(&tree, &mut buffer)?;
        for entry in TreeRefIter::from_bytes(&buffer, self.handle.object_hash()) {
            let entry = entry.map_err(damaged)?;
            let length = self.path.len();
            if length > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(entry.filename);
            let flow = match kind_of(entry.mode) {
                EntryKind::Directory => self.directory(entry.oid.to_owned(), depth + 1)?,
                kind => (self.call)(&self.path, kind, entry.oid),
            };
            self.path.truncate(length);
            if flow.is_break() {
                return Ok(flow);
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
