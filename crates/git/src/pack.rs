//! Packs of whole objects (gitformat-pack), made here: without deltas, in one go, each object once.

use crate::{ObjectFormat, ObjectId};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use gix::hash::Kind as Hash;
use gix::objs::Kind;
use std::collections::HashSet;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What a pack begins with: how many objects it has is written at the end.
const HEAD: &[u8] = b"PACK\0\0\0\x02\0\0\0\0";
/// Where that stands.
const COUNT_AT: u64 = 8;
/// How much of a stream is read at a time.
const CHUNK_BYTES: usize = 64 << 10;

/// What an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A state of all files, and what it comes from.
    Commit,
    /// A directory.
    Tree,
    /// A file's content.
    Blob,
    /// A name with words about it.
    Tag,
}

impl From<ObjectKind> for Kind {
    fn from(kind: ObjectKind) -> Self {
        match kind {
            ObjectKind::Commit => Self::Commit,
            ObjectKind::Tree => Self::Tree,
            ObjectKind::Blob => Self::Blob,
            ObjectKind::Tag => Self::Tag,
        }
    }
}

/// A pack in the making, in a file or in memory.
#[derive(Debug)]
pub struct PackWriter<F> {
    hash: Hash,
    ids: HashSet<gix::ObjectId>,
    out: F,
    bytes: u64,
    scratch: Vec<u8>,
}

impl<F: Read + Write + Seek> PackWriter<F> {
    /// An empty one. `out` is empty too.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn new(format: ObjectFormat, mut out: F) -> io::Result<Self> {
        out.write_all(HEAD)?;
        Ok(Self { hash: format.into(), ids: HashSet::new(), out, bytes: HEAD.len() as u64, scratch: Vec::new() })
    }

    /// How many objects are in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.ids.len()
    }

    /// How many bytes it has by now.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Adds an object, once.
    ///
    /// # Errors
    /// Those of `out`; when the object is made to collide with another.
    pub fn add(&mut self, kind: ObjectKind, content: &[u8]) -> io::Result<ObjectId> {
        let id = gix::objs::compute_hash(self.hash, kind.into(), content).map_err(io::Error::other)?;
        if self.ids.insert(id) {
            self.scratch.clear();
            head(kind.into(), content.len() as u64, &mut self.scratch);
            let mut encoder = ZlibEncoder::new(&mut self.scratch, Compression::default());
            encoder.write_all(content)?;
            encoder.finish()?;
            self.out.write_all(&self.scratch)?;
            self.bytes += self.scratch.len() as u64;
        }
        ours(&id)
    }

    /// Adds a blob of any length that is never in memory as a whole.
    ///
    /// # Errors
    /// Those of `out` and `content`; when it has another length than it says.
    pub fn add_stream(&mut self, length: u64, content: &mut dyn Read) -> io::Result<ObjectId> {
        let began = self.bytes;
        let mut hasher = gix::hash::hasher(self.hash);
        hasher.update(format!("blob {length}\0").as_bytes());
        self.scratch.clear();
        head(Kind::Blob, length, &mut self.scratch);
        let mut out = Counting { out: &mut self.out, count: 0 };
        out.write_all(&self.scratch)?;
        let mut encoder = ZlibEncoder::new(&mut out, Compression::default());
        let (mut chunk, mut read) = (vec![0; CHUNK_BYTES], 0);
        loop {
            let count = content.read(&mut chunk)?;
            if count == 0 {
                break;
            }
            hasher.update(&chunk[..count]);
            encoder.write_all(&chunk[..count])?;
            read += count as u64;
        }
        encoder.finish()?;
        self.bytes += out.count;
        if read != length {
            return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{read} bytes came, and not {length}")));
        }
        let id = hasher.try_finalize().map_err(io::Error::other)?;
        if !self.ids.insert(id) {
            // It is there already: what follows overwrites this one.
            self.out.seek(SeekFrom::Start(began))?;
            self.bytes = began;
        }
        ours(&id)
    }

    /// Ends it: its count and its sum. Gives `out`, which has nothing behind it, and how many bytes are the pack's.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn finish(mut self) -> io::Result<(F, u64)> {
        let count = u32::try_from(self.ids.len()).map_err(io::Error::other)?;
        self.out.seek(SeekFrom::Start(COUNT_AT))?;
        self.out.write_all(&count.to_be_bytes())?;
        self.out.seek(SeekFrom::Start(0))?;
        let (mut hasher, mut chunk, mut left) = (gix::hash::hasher(self.hash), vec![0; CHUNK_BYTES], self.bytes);
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
            self.out.read_exact(&mut chunk[..wanted])?;
            hasher.update(&chunk[..wanted]);
            left -= wanted as u64;
        }
        let sum = hasher.try_finalize().map_err(io::Error::other)?;
        self.out.seek(SeekFrom::Start(self.bytes))?;
        self.out.write_all(sum.as_slice())?;
        self.out.flush()?;
        Ok((self.out, self.bytes + sum.as_slice().len() as u64))
    }
}

/// Counts what is written through it.
struct Counting<'a, F> {
    out: &'a mut F,
    count: u64,
}

impl<F: Write> Write for Counting<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.count += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Kind and size: four bits of the size with the kind, then seven in each byte.
fn head(kind: Kind, size: u64, out: &mut Vec<u8>) {
    let kind: u8 = match kind {
        Kind::Commit => 1,
        Kind::Tree => 2,
        Kind::Blob => 3,
        Kind::Tag => 4,
    };
    let mut byte = kind << 4 | low(size, 0x0f);
    let mut rest = size >> 4;
    while rest > 0 {
        out.push(byte | 0x80);
        byte = low(rest, 0x7f);
        rest >>= 7;
    }
    out.push(byte);
}

/// The lowest bits.
fn low(value: u64, mask: u8) -> u8 {
    u8::try_from(value & u64::from(mask)).unwrap_or(mask)
}

fn ours(id: &gix::ObjectId) -> io::Result<ObjectId> {
    ObjectId::from_bytes(id.as_slice()).ok_or_else(|| io::Error::other("an id of another kind"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn a_stream_is_the_blob_it_would_be_in_one_piece_and_is_there_once() {
        let content: Vec<u8> = (0..300_000_u32).flat_map(u32::to_le_bytes).collect();
        let length = content.len() as u64;
        let mut pack = PackWriter::new(ObjectFormat::Sha1, Cursor::new(Vec::new())).unwrap();
        let first = pack.add_stream(length, &mut content.as_slice()).unwrap();
        let bytes = pack.bytes();
        assert_eq!(pack.add_stream(length, &mut content.as_slice()).unwrap(), first);
        assert_eq!(pack.add(ObjectKind::Blob, &content).unwrap(), first);
        assert_eq!((pack.bytes(), pack.count()), (bytes, 1));
        assert!(pack.add_stream(length + 1, &mut content.as_slice()).is_err());
    }
}
