//! What a file was called before: of the files that went, the one with the same content, or the most like it.

use super::damaged;
use super::handle::Handle;
use super::tree::{At, kind_of};
use code::{CodePath, EntryKind, ReadError};
use gix::ObjectId;
use gix::objs::{Kind, TreeRefIter};
use std::collections::HashMap;

/// The most files that went which are looked at.
const WENT_MAX: usize = 5_000;
/// The most directories that are compared for it.
const DIRECTORIES_MAX: usize = 20_000;
/// How deep directories may be.
const DEPTH_MAX: usize = 512;
/// The most files whose content is compared.
const COMPARED_MAX: usize = 200;
/// Larger files are only found again unchanged.
const COMPARED_BYTES_MAX: u64 = 1 << 20;
/// A file so like another, in percent, was that other one; Git's default.
pub(crate) const LIKENESS_MIN: u8 = 50;
/// A piece of a file that is compared ends with a line, or after so many bytes; as in Git.
const PIECE_BYTES_MAX: usize = 64;

/// What the file at `path` of the tree `new` was called in the tree `old`, where it is not.
pub(crate) fn before(
    handle: &Handle<'_>,
    old: ObjectId,
    new: ObjectId,
    path: &CodePath,
    here: At,
) -> Result<Option<CodePath>, ReadError> {
    let mut went = Went { handle, files: Vec::new(), directories: 0 };
    went.compare(Some(old), Some(new), &mut Vec::new(), 0)?;
    let same_name = |file: &(Vec<u8>, ObjectId)| file.0.rsplit(|byte| *byte == b'/').next() == path.name();
    let mut files = went.files;
    files.sort_by_key(|file| !same_name(file));
    let same = files.iter().find(|(_, id)| *id == here.id);
    if let Some((before, _)) = same {
        return Ok(CodePath::parse(before).ok());
    }
    Ok(most_like(handle, &files, here)?.and_then(|before| CodePath::parse(&before).ok()))
}

fn most_like(handle: &Handle<'_>, files: &[(Vec<u8>, ObjectId)], here: At) -> Result<Option<Vec<u8>>, ReadError> {
    let size_of = |id| Ok::<_, ReadError>(handle.header(id)?.filter(|(kind, _)| *kind == Kind::Blob).map(|h| h.1));
    let Some(size) = size_of(here.id)?.filter(|size| (1..=COMPARED_BYTES_MAX).contains(size)) else { return Ok(None) };
    let (mut content, mut buffer) = (Vec::new(), Vec::new());
    handle.read(&here.id, Kind::Blob, COMPARED_BYTES_MAX, &mut content)?;
    let pieces = Pieces::of(&content);
    let mut best: Option<(u8, &[u8])> = None;
    let mut compared = 0;
    for (path, id) in files {
        let Some(other) = size_of(*id)? else { continue };
        if compared >= COMPARED_MAX || other.min(size) * 100 < other.max(size) * u64::from(LIKENESS_MIN) {
            continue;
        }
        compared += 1;
        handle.read(id, Kind::Blob, COMPARED_BYTES_MAX * 2, &mut buffer)?;
        let likeness = pieces.likeness(&Pieces::of(&buffer));
        if likeness >= LIKENESS_MIN && best.is_none_or(|(most, _)| likeness > most) {
            best = Some((likeness, path));
        }
    }
    Ok(best.map(|(_, path)| path.to_vec()))
}

/// A file's content in pieces: how many bytes of each there are.
pub(crate) struct Pieces<'a> {
    bytes: HashMap<&'a [u8], usize>,
    total: usize,
}

impl<'a> Pieces<'a> {
    /// Takes a content apart.
    pub(crate) fn of(content: &'a [u8]) -> Self {
        let mut bytes = HashMap::new();
        let mut rest = content;
        while !rest.is_empty() {
            let look = &rest[..rest.len().min(PIECE_BYTES_MAX)];
            let end = look.iter().position(|byte| *byte == b'\n').map_or(look.len(), |at| at + 1);
            *bytes.entry(&rest[..end]).or_default() += end;
            rest = &rest[end..];
        }
        Self { bytes, total: content.len() }
    }

    /// How alike two contents are, in percent: the bytes that both have of those that the larger has.
    pub(crate) fn likeness(&self, other: &Pieces<'_>) -> u8 {
        let common: usize =
            self.bytes.iter().map(|(piece, n)| (*n).min(other.bytes.get(piece).copied().unwrap_or(0))).sum();
        let larger = self.total.max(other.total).max(1);
        u8::try_from(common * 100 / larger).unwrap_or(100)
    }
}

/// Finds the files that are in one tree and not in another.
struct Went<'a> {
    handle: &'a Handle<'a>,
    files: Vec<(Vec<u8>, ObjectId)>,
    directories: usize,
}

impl Went<'_> {
    fn compare(
        &mut self,
        old: Option<ObjectId>,
        new: Option<ObjectId>,
        path: &mut Vec<u8>,
        depth: usize,
    ) -> Result<(), ReadError> {
        self.directories += 1;
        if old == new || depth > DEPTH_MAX || self.directories > DIRECTORIES_MAX {
            return Ok(());
        }
        let old = self.entries(old)?;
        let new = self.entries(new)?.into_iter().collect::<HashMap<_, _>>();
        for (name, at) in old {
            let other = new.get(&name);
            let length = path.len();
            if length > 0 {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            let directory = |at: &At| (at.kind == EntryKind::Directory).then_some(at.id);
            match directory(&at) {
                Some(old) => self.compare(Some(old), other.and_then(directory), path, depth + 1)?,
                None if other.is_none() && at.kind != EntryKind::Submodule && self.files.len() < WENT_MAX => {
                    self.files.push((path.clone(), at.id));
                }
                None => {}
            }
            path.truncate(length);
        }
        Ok(())
    }

    fn entries(&self, tree: Option<ObjectId>) -> Result<Vec<(Vec<u8>, At)>, ReadError> {
        let Some(tree) = tree else { return Ok(Vec::new()) };
        let mut buffer = Vec::new();
        self.handle.read_tree(&tree, &mut buffer)?;
        let entries = TreeRefIter::from_bytes(&buffer, self.handle.object_hash()).map(|entry| {
            let entry = entry.map_err(damaged)?;
            Ok((entry.filename.to_vec(), At { id: entry.oid.to_owned(), kind: kind_of(entry.mode) }))
        });
        entries.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn likeness_is_the_part_that_both_have() {
        let likeness = |a: &str, b: &str| Pieces::of(a.as_bytes()).likeness(&Pieces::of(b.as_bytes()));
        assert_eq!(likeness("a\nb\nc\nd\n", "a\nb\nc\nd\n"), 100);
        assert_eq!(likeness("a\nb\nc\nd\n", "a\nb\nx\ny\n"), 50);
        assert_eq!(likeness("a\na\n", "a\n"), 50);
        assert_eq!(likeness("", ""), 0);
    }
}
