//! Files of revisions, one each or packed, and where in them an item is.

use crate::cache::Kind;
use crate::error::{FsError, Result, damaged};
use crate::files::{parse, read_at};
use crate::fs::Fs;
use crate::index::Index;
use std::fs::File;
use std::sync::Arc;

/// The most bytes of the last line of a revision with places (two numbers).
const TRAILER_BYTES_MAX: u64 = 64;
/// The number of a revision's root, with logical addressing.
const ROOT_ITEM: u64 = 2;
/// The number of a revision's list of changes.
const CHANGES_ITEM: u64 = 1;

/// A file that has a revision, or the revisions of a shard.
#[derive(Debug)]
pub(crate) struct RevFile {
    pub(crate) file: File,
    size: u64,
    index: Option<Index>,
    /// The shard's first revision, and where each begins: packed, with physical addressing.
    manifest: Option<(u64, Vec<u64>)>,
    /// What the cache knows it by: the first revision, and whether it is packed.
    key: u64,
}

/// Some bytes of a file.
#[derive(Clone, Debug)]
pub(crate) struct Section {
    pub(crate) file: Arc<RevFile>,
    pub(crate) at: u64,
    pub(crate) end: u64,
}

impl Section {
    /// The bytes from here on, as many as there are up to that.
    pub(crate) fn peek(&self, most: usize) -> Result<Vec<u8>> {
        read_at(&self.file.file, self.at, self.end, most)
    }
}

impl std::io::Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        use std::os::unix::fs::FileExt as _;
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.file.read_at(&mut buffer[..left], self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Fs {
    fn rev_file(&self, rev: u64) -> Result<Arc<RevFile>> {
        for _ in 0..2 {
            let packed = self.is_packed(rev);
            let (key, name) = if packed {
                let (first, name) = self.format().pack_path("revs", rev, "pack");
                (first << 1 | 1, name)
            } else {
                (rev << 1, self.format().path("revs", rev))
            };
            let kept = self.key(Kind::File, key, 0);
            if let Some(kept) = self.caches.get::<RevFile>(&kept) {
                return Ok(kept);
            }
            if let Some(file) = self.files.find(&name)? {
                let opened = Arc::new(self.opened(file, rev, packed, key)?);
                self.caches.put(kept, opened.clone(), 1);
                return Ok(opened);
            }
            // It may have been packed since.
            self.read_packed()?;
        }
        Err(FsError::NotFound(format!("revision {rev}")))
    }

    fn opened(&self, file: File, rev: u64, packed: bool, key: u64) -> Result<RevFile> {
        let size = file.metadata()?.len();
        if self.format().logical {
            let (index, end) = Index::read(&file, size)?;
            return Ok(RevFile { file, size: end, index: Some(index), manifest: None, key });
        }
        let manifest = if packed {
            let (first, name) = self.format().pack_path("revs", rev, "manifest");
            let text = self.files.must(&name)?;
            let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
            let starts: Option<Vec<u64>> = lines.map(parse).collect();
            Some((first, starts.map_or_else(|| damaged("the manifest of a pack is none"), Ok)?))
        } else {
            None
        };
        Ok(RevFile { file, size, index: None, manifest, key })
    }

    /// Where an item is, up to the end of what it could take.
    pub(crate) fn locate(&self, rev: u64, item: u64) -> Result<Section> {
        let file = self.rev_file(rev)?;
        let (at, end) = match &file.index {
            Some(index) => (self.indexed(&file, index, rev, item)?, file.size),
            None => {
                let (start, end) = file.bounds(rev)?;
                (start.saturating_add(item), end)
            }
        };
        if at >= end {
            return damaged(format!("item {item} of revision {rev} is outside its file"));
        }
        Ok(Section { file, at, end })
    }

    fn indexed(&self, file: &RevFile, index: &Index, rev: u64, item: u64) -> Result<u64> {
        let none = || FsError::Damaged(format!("revision {rev} has no item {item}"));
        let (page, entry) = index.page_of(rev, item).ok_or_else(none)?;
        let key = self.key(Kind::Page, file.key, page as u64);
        let entries = match self.caches.get::<Vec<u64>>(&key) {
            Some(entries) => entries,
            None => {
                let entries = Arc::new(index.entries(&file.file, page)?);
                self.caches.put(key, entries.clone(), entries.len() * 8 + index.weight().min(1024));
                entries
            }
        };
        entries.get(entry).copied().ok_or_else(none)
    }

    /// Where the root and the changes of a revision are.
    pub(crate) fn root_and_changes(&self, rev: u64) -> Result<(u64, u64)> {
        if self.format().logical {
            return Ok((ROOT_ITEM, CHANGES_ITEM));
        }
        let file = self.rev_file(rev)?;
        let (start, end) = file.bounds(rev)?;
        let from = end.saturating_sub(TRAILER_BYTES_MAX).max(start);
        let tail = read_at(&file.file, from, end, TRAILER_BYTES_MAX as usize)?;
        let read = || {
            let line = tail.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n').next()?;
            let space = line.iter().position(|byte| *byte == b' ')?;
            Some((parse(&line[..space])?, parse(&line[space + 1..])?))
        };
        read().map_or_else(|| damaged(format!("revision {rev} does not end as one")), Ok)
    }
}

impl RevFile {
    /// Where a revision begins and ends, with physical addressing.
    fn bounds(&self, rev: u64) -> Result<(u64, u64)> {
        let Some((first, starts)) = &self.manifest else { return Ok((0, self.size)) };
        let at = usize::try_from(rev - first).unwrap_or(usize::MAX);
        let start = starts.get(at).copied();
        let end = starts.get(at + 1).copied().unwrap_or(self.size);
        match start {
            Some(start) if start < end && end <= self.size => Ok((start, end)),
            _ => damaged(format!("revision {rev} is not in its pack")),
        }
    }
}
