//! A thread's handle on a repository: reading objects, with bounds.

use super::damaged;
use super::store::Store;
use code::ReadError;
use gix::ObjectId;
use gix::objs::{Find as _, Kind};
use gix::odb::pack;
use std::collections::HashMap;
use std::ops::Deref;

/// The most bytes of a commit or a tag that is looked at.
pub(crate) const COMMIT_BYTES_MAX: u64 = 16 << 20;
/// The most bytes of a directory that is looked at: about a million entries.
pub(crate) const TREE_BYTES_MAX: u64 = 64 << 20;
/// Bytes of bases of deltas that a handle keeps.
const PACK_ENTRY_BYTES_MAX: usize = 12 << 20;

/// A handle; it goes back to its store when it is dropped.
pub(crate) struct Handle<'a> {
    store: &'a Store,
    repo: Option<gix::Repository>,
}

impl<'a> Handle<'a> {
    pub(super) fn new(store: &'a Store, repo: gix::Repository) -> Self {
        Self { store, repo: Some(repo) }
    }

    /// An object of this kind into `buffer`. `what` is for the one who asked.
    pub(crate) fn read(
        &self,
        id: &gix::oid,
        kind: Kind,
        bytes_max: u64,
        buffer: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let missing = || ReadError::NotFound(format!("{kind} {id}"));
        let found = self.objects.try_find(id, buffer).map_err(damaged)?.ok_or_else(missing)?;
        if found.kind != kind {
            return Err(missing());
        }
        if found.data.len() as u64 > bytes_max {
            return Err(ReadError::TooMuch(format!("{kind} {id} is too large to show")));
        }
        Ok(())
    }

    /// A commit's bytes.
    pub(crate) fn read_commit(&self, id: &gix::oid, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        self.read(id, Kind::Commit, COMMIT_BYTES_MAX, buffer)
    }

    /// A directory's bytes.
    pub(crate) fn read_tree(&self, id: &gix::oid, buffer: &mut Vec<u8>) -> Result<(), ReadError> {
        if id.is_empty_tree() {
            buffer.clear();
            return Ok(());
        }
        self.read(id, Kind::Tree, TREE_BYTES_MAX, buffer)
    }

    /// Kind and size of an object.
    pub(crate) fn header(&self, id: ObjectId) -> Result<Option<(Kind, u64)>, ReadError> {
        let header = self.try_find_header(id).map_err(damaged)?;
        Ok(header.map(|header| (header.kind(), header.size())))
    }
}

impl Deref for Handle<'_> {
    type Target = gix::Repository;
    #[expect(clippy::expect_used, reason = "it is only taken when the handle is dropped")]
    fn deref(&self) -> &gix::Repository {
        self.repo.as_ref().expect("there until drop")
    }
}

impl Drop for Handle<'_> {
    fn drop(&mut self) {
        if let Some(repo) = self.repo.take() {
            self.store.put_back(repo);
        }
    }
}

/// Decoded entries of packs, so that a chain of deltas is not undone from its beginning for each object. When it is full it
/// is emptied: cheaper than to know what is used.
#[derive(Default)]
pub(super) struct PackEntries {
    entries: HashMap<(u32, u64), (Kind, usize, Vec<u8>)>,
    bytes: usize,
}

impl pack::cache::DecodeEntry for PackEntries {
    fn put(&mut self, pack_id: u32, offset: u64, data: &[u8], kind: Kind, compressed_size: usize) {
        if data.len() > PACK_ENTRY_BYTES_MAX / 4 {
            return;
        }
        if self.bytes + data.len() > PACK_ENTRY_BYTES_MAX {
            self.entries.clear();
            self.bytes = 0;
        }
        self.bytes += data.len();
        self.entries.insert((pack_id, offset), (kind, compressed_size, data.to_vec()));
    }

    fn get(&mut self, pack_id: u32, offset: u64, out: &mut Vec<u8>) -> Option<(Kind, usize)> {
        let (kind, compressed_size, data) = self.entries.get(&(pack_id, offset))?;
        out.clear();
        out.extend_from_slice(data);
        Some((*kind, *compressed_size))
    }
}
