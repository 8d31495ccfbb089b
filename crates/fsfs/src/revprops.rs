//! Properties of revisions, one file each or packed.

use crate::cache::Kind;
use crate::error::{FsError, Result, damaged};
use crate::files::{SMALL_BYTES_MAX, parse};
use crate::fs::Fs;
use crate::hash::Properties;
use crate::svndiff::unpack_zlib;
use std::sync::Arc;

/// The most revisions of a pack of properties.
const PACKED_MAX: u64 = 1 << 20;

impl Fs {
    /// A revision's properties, as they are now: they can be changed later.
    ///
    /// # Errors
    /// When there is no such revision, or they can't be read.
    pub fn revision_properties(&self, rev: u64) -> Result<Properties> {
        for _ in 0..2 {
            if rev == 0 || !(self.format().may_pack_properties() && self.is_packed(rev)) {
                if let Some(bytes) = self.files.small(&self.format().path("revprops", rev))? {
                    return Properties::parse(&bytes);
                }
            } else if let Some(bytes) = self.packed_properties(rev)? {
                return Properties::parse(&bytes);
            }
            self.read_packed()?;
        }
        Err(FsError::NotFound(format!("revision {rev}")))
    }

    /// The manifest names the pack of each revision; a pack is rewritten under another name.
    fn packed_properties(&self, rev: u64) -> Result<Option<Vec<u8>>> {
        let (first, manifest) = self.format().pack_path("revprops", rev, "manifest");
        let Some(manifest) = self.files.small(&manifest)? else { return Ok(None) };
        // Revision 0 is never packed.
        let line = usize::try_from(rev - first.max(1)).unwrap_or(usize::MAX);
        let name = manifest.split(|byte| *byte == b'\n').nth(line).and_then(|name| std::str::from_utf8(name).ok());
        let good = |name: &&str| {
            !name.is_empty() && name.len() < 50 && name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let Some(name) = name.filter(good) else { return damaged("a pack of properties lacks a revision") };
        let (_, path) = self.format().pack_path("revprops", rev, name);
        let Some(pack) = self.files.small(&path)? else { return Ok(None) };
        let pack = unpack_zlib(&pack, usize::try_from(SMALL_BYTES_MAX).unwrap_or(usize::MAX))?;
        in_pack(&pack, rev).map(Some)
    }

    /// As [`Fs::revision_properties`], for what may be a little older: whoever shows a long list.
    ///
    /// # Errors
    /// As there.
    pub fn recent_revision_properties(&self, rev: u64, generation: u64) -> Result<Arc<Properties>> {
        let key = self.key(Kind::RevisionProperties, rev, generation);
        if let Some(kept) = self.caches.get::<Properties>(&key) {
            return Ok(kept);
        }
        let properties = Arc::new(self.revision_properties(rev)?);
        self.caches.put(key, properties.clone(), properties.weight());
        Ok(properties)
    }
}

/// `FIRST`, `COUNT`, the length of each, an empty line, and all of them one after the other.
fn in_pack(pack: &[u8], rev: u64) -> Result<Vec<u8>> {
    let read = || {
        let end = pack.windows(2).position(|pair| pair == b"\n\n")?;
        let mut numbers = pack[..end].split(|byte| *byte == b'\n').map(parse);
        let (first, count) = (numbers.next()??, numbers.next()??);
        let wanted = rev.checked_sub(first).filter(|at| *at < count && count <= PACKED_MAX)?;
        let mut at = end + 2;
        for _ in 0..wanted {
            at = at.checked_add(usize::try_from(numbers.next()??).ok()?)?;
        }
        let size = usize::try_from(numbers.next()??).ok()?;
        Some(pack.get(at..at.checked_add(size)?)?.to_vec())
    };
    read().map_or_else(|| damaged(format!("the properties of revision {rev} are not in their pack")), Ok)
}
