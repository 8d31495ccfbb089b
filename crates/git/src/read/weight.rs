//! How much a tree is when it is written out: a dozen objects can name more files than any disk holds, so what writes a tree
//! out asks first.

use super::commit::RawCommit;
use super::damaged;
use super::handle::Handle;
use super::store::Store;
use super::tree::kind_of;
use crate::{ObjectId, Repository};
use code::{EntryKind, ReadError};
use gix::objs::TreeRefIter;
use std::collections::HashMap;

/// The most files and directories that are written out.
pub(super) const ENTRIES_MAX: u64 = 1_000_000;
/// The most bytes of files that are written out.
pub(super) const BYTES_MAX: u64 = 16 << 30;
/// How deep directories may be.
const DEPTH_MAX: usize = 512;

/// Files and directories, and their bytes; more than can be counted is the most that can.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Weight {
    entries: u64,
    bytes: u64,
}

impl Weight {
    fn plus(self, other: Self) -> Self {
        Self { entries: self.entries.saturating_add(other.entries), bytes: self.bytes.saturating_add(other.bytes) }
    }
}

/// Fails when a revision's files are too many or too large to be written out. Each object is looked at once, however often
/// it is named.
pub(super) fn can_be_written_out(repository: &Repository, revision: &ObjectId) -> Result<(), ReadError> {
    let store = Store::open(repository, Store::place(repository.path())?)?;
    let handle = store.handle();
    let mut buffer = Vec::new();
    handle.read_commit(&gix::ObjectId::try_from(revision.as_bytes()).map_err(damaged)?, &mut buffer)?;
    let root = gix::ObjectId::from_hex(RawCommit::parse(&buffer).tree).map_err(damaged)?;
    let Weight { entries, bytes } = Scales { handle: &handle, known: HashMap::new() }.tree(root, 0)?;
    if entries > ENTRIES_MAX {
        return Err(ReadError::TooMuch(format!(
            "this revision has more than {ENTRIES_MAX} files, too many for an archive: clone it"
        )));
    }
    if bytes > BYTES_MAX {
        return Err(ReadError::TooMuch(format!(
            "this revision's files have more than {} GiB, too much for an archive: clone it",
            BYTES_MAX >> 30
        )));
    }
    Ok(())
}

struct Scales<'a> {
    handle: &'a Handle<'a>,
    known: HashMap<gix::ObjectId, Weight>,
}

impl Scales<'_> {
    fn tree(&mut self, id: gix::ObjectId, depth: usize) -> Result<Weight, ReadError> {
        if let Some(weight) = self.known.get(&id) {
            return Ok(*weight);
        }
        if depth > DEPTH_MAX {
            return Err(ReadError::TooMuch(format!("directories are more than {DEPTH_MAX} deep")));
        }
        let mut buffer = Vec::new();
        self.handle.read_tree(&id, &mut buffer)?;
        let mut weight = Weight::default();
        for entry in TreeRefIter::from_bytes(&buffer, self.handle.object_hash()) {
            let entry = entry.map_err(damaged)?;
            let of_entry = match kind_of(entry.mode) {
                EntryKind::Directory => self.tree(entry.oid.to_owned(), depth + 1)?,
                EntryKind::Submodule => Weight::default(),
                _ => self.file(entry.oid.to_owned())?,
            };
            weight = weight.plus(of_entry).plus(Weight { entries: 1, bytes: 0 });
        }
        self.known.insert(id, weight);
        Ok(weight)
    }

    fn file(&mut self, id: gix::ObjectId) -> Result<Weight, ReadError> {
        if let Some(weight) = self.known.get(&id) {
            return Ok(*weight);
        }
        // What is missing is said by what writes the files out.
        let bytes = self.handle.header(id)?.map_or(0, |(_, bytes)| bytes);
        let weight = Weight { entries: 0, bytes };
        self.known.insert(id, weight);
        Ok(weight)
    }
}
