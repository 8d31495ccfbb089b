//! Trees as bytes, kept while a walk goes on, and what differs between two of them.

use crate::read::damaged;
use crate::read::handle::Handle;
use code::ReadError;
use gix::{ObjectId, oid};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Arc;

/// So many bytes of trees are kept; then none, and it begins again.
const KEPT_BYTES_MAX: usize = 32 << 20;

/// An entry of a tree.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    /// Mode, name and id as they stand there.
    pub(super) whole: &'a [u8],
    pub(super) name: &'a [u8],
    pub(super) id: &'a oid,
}

impl Entry<'_> {
    /// Git's order, in which a directory's name ends with a slash.
    fn order(&self, other: &Self) -> Ordering {
        let length = self.name.len().min(other.name.len());
        let after = |entry: &Self| match entry.name.get(length) {
            Some(byte) => *byte,
            None if entry.is_tree() => b'/',
            None => 0,
        };
        self.name[..length].cmp(&other.name[..length]).then_with(|| after(self).cmp(&after(other)))
    }

    pub(super) fn is_tree(&self) -> bool {
        self.whole.starts_with(b"4") || self.whole.starts_with(b"04")
    }
}

/// Reads trees.
pub(super) struct Trees<'h, 's> {
    pub(super) handle: &'h Handle<'s>,
    kept: HashMap<ObjectId, Arc<[u8]>>,
    bytes: usize,
    id_bytes: usize,
}

impl<'h, 's> Trees<'h, 's> {
    pub(super) fn new(handle: &'h Handle<'s>, hash: gix::hash::Kind) -> Self {
        Self { handle, kept: HashMap::new(), bytes: 0, id_bytes: hash.len_in_bytes() }
    }

    /// A tree's bytes.
    pub(super) fn read(&mut self, id: &oid) -> Result<Arc<[u8]>, ReadError> {
        if let Some(kept) = self.kept.get(id) {
            return Ok(Arc::clone(kept));
        }
        let mut buffer = Vec::new();
        self.handle.read_tree(id, &mut buffer)?;
        let tree: Arc<[u8]> = buffer.into();
        if self.bytes + tree.len() > KEPT_BYTES_MAX {
            self.kept.clear();
            self.bytes = 0;
        }
        self.bytes += tree.len();
        self.kept.insert(id.to_owned(), Arc::clone(&tree));
        Ok(tree)
    }

    /// The entries, in order.
    pub(super) fn entries<'t>(&self, tree: &'t [u8]) -> Entries<'t> {
        Entries { rest: tree, id_bytes: self.id_bytes }
    }

    /// One entry.
    pub(super) fn find(&mut self, tree: &oid, name: &[u8]) -> Result<Option<(ObjectId, bool)>, ReadError> {
        let raw = self.read(tree)?;
        for entry in self.entries(&raw) {
            let entry = entry?;
            if entry.name == name {
                return Ok(Some((entry.id.to_owned(), entry.is_tree())));
            }
        }
        Ok(None)
    }
}

/// See [`Trees::entries`].
#[derive(Clone)]
pub(super) struct Entries<'t> {
    rest: &'t [u8],
    id_bytes: usize,
}

impl<'t> Iterator for Entries<'t> {
    type Item = Result<Entry<'t>, ReadError>;
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some(entry) = self.split() else {
            self.rest = &[];
            return Some(Err(damaged("a directory that ends too early")));
        };
        Some(Ok(entry))
    }
}

impl<'t> Entries<'t> {
    fn split(&mut self) -> Option<Entry<'t>> {
        // Modes have six digits at most.
        let space = self.rest.iter().take(8).position(|byte| *byte == b' ')?;
        let nul = space + 1 + self.rest[space + 1..].iter().position(|byte| *byte == 0)?;
        let end = nul + 1 + self.id_bytes;
        let whole = self.rest.get(..end)?;
        self.rest = &self.rest[end..];
        Some(Entry { whole, name: &whole[space + 1..nul], id: oid::try_from_bytes(&whole[nul + 1..]).ok()? })
    }
}

/// Calls `differs` for each entry of `tree` that `other` does not have just so, with the id of a directory of the same
/// name there.
pub(super) fn compare<'t>(
    tree: Entries<'t>,
    other: Entries<'t>,
    mut differs: impl FnMut(Entry<'t>, Option<ObjectId>) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    let (mut left, mut right) = (tree, other);
    let (mut a, mut b) = (left.next().transpose()?, right.next().transpose()?);
    while let Some(entry) = a {
        let order = b.map_or(Ordering::Less, |other| entry.order(&other));
        if order == Ordering::Less {
            differs(entry, None)?;
        } else if order == Ordering::Equal
            && let Some(other) = b
            && other.whole != entry.whole
        {
            differs(entry, other.is_tree().then(|| other.id.to_owned()))?;
            // Few entries differ: what comes after is mostly the same, and that is found out at once.
            if left.rest == right.rest {
                return Ok(());
            }
        }
        if order.is_ge() {
            b = right.next().transpose()?;
        }
        if order.is_le() {
            a = left.next().transpose()?;
        }
    }
    Ok(())
}
