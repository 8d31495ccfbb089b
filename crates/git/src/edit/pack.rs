//! A pack of whole objects (gitformat-pack): without deltas, as large as its parts, and made in one go.

use super::{EditError, damaged};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::ObjectId;
use gix::hash::Kind as Hash;
use gix::objs::Kind;
use std::collections::HashSet;
use std::io::Write as _;

/// A pack in the making.
pub(super) struct Pack {
    hash: Hash,
    ids: HashSet<ObjectId>,
    bytes: Vec<u8>,
}

impl Pack {
    pub(super) fn new(hash: Hash) -> Self {
        // How many objects there are is known at the end.
        Self { hash, ids: HashSet::new(), bytes: b"PACK\0\0\0\x02\0\0\0\0".to_vec() }
    }

    /// Adds an object, once.
    pub(super) fn add(&mut self, kind: Kind, content: &[u8]) -> Result<ObjectId, EditError> {
        let id = gix::objs::compute_hash(self.hash, kind, content).map_err(damaged)?;
        if self.ids.insert(id) {
            self.head(kind, content.len());
            let mut encoder = ZlibEncoder::new(&mut self.bytes, Compression::default());
            encoder.write_all(content).and_then(|()| encoder.finish().map(drop)).map_err(damaged)?;
        }
        Ok(id)
    }

    /// Kind and size: four bits of the size with the kind, then seven in each byte.
    fn head(&mut self, kind: Kind, size: usize) {
        let kind: u8 = match kind {
            Kind::Commit => 1,
            Kind::Tree => 2,
            Kind::Blob => 3,
            Kind::Tag => 4,
        };
        let mut byte = kind << 4 | low(size, 0x0f);
        let mut rest = size >> 4;
        while rest > 0 {
            self.bytes.push(byte | 0x80);
            byte = low(rest, 0x7f);
            rest >>= 7;
        }
        self.bytes.push(byte);
    }

    /// The pack's bytes.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, EditError> {
        let count = u32::try_from(self.ids.len()).map_err(damaged)?;
        self.bytes[8..12].copy_from_slice(&count.to_be_bytes());
        let mut hasher = gix::hash::hasher(self.hash);
        hasher.update(&self.bytes);
        let sum = hasher.try_finalize().map_err(damaged)?;
        self.bytes.extend_from_slice(sum.as_slice());
        Ok(self.bytes)
    }
}

/// The lowest bits.
fn low(value: usize, mask: u8) -> u8 {
    u8::try_from(value & usize::from(mask)).unwrap_or(mask)
}
