//! The `dir` store: a directory of a local file system.
//!
//! ```text
//! FORMAT                                how to read all this by hand
//! blob/<aa>/<sha-256>                   a blob, named by its hash
//! segment/<number:8>-<first entry:20>   batches, appended (segment.rs has the byte table)
//! epoch/<number:8>                      the statement that starts an epoch
//! erasure/<order>-<sha-256>             the record of what was erased by an order, if anything was
//! ```
//! A segment that ends in a record cut short is never touched again: the next batch begins a new one.

mod unsynced;

use crate::disk::Disk;
use crate::probe::{Probe, probe_directory};
use crate::segment::{HEADER_BYTES, Scan, header, scan};
use crate::store::{Judge, OpenBlob, Place, Put, Store, StoreError};
use journal::batch::Batch;
use journal::{BlobName, Hash};
use sha2::{Digest as _, Sha256};
use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use unsynced::Unsynced;

/// A segment that has reached this many bytes is followed by a new one.
pub(crate) const SEGMENT_BYTES: u64 = 64 << 20;

const FORMAT: &str = include_str!("FORMAT.txt");

/// A store in a directory.
pub struct DirStore<D: Disk> {
    dir: PathBuf,
    disk: D,
    open: Mutex<Open>,
    unsynced: Unsynced,
    /// Directories that are there, durably.
    made: Mutex<HashSet<PathBuf>>,
}

/// The segment that is being appended to; after an error there is none, and the next append begins a new one.
#[derive(Default)]
struct Open {
    current: Option<(u64, u64)>,
    last_number: u64,
    /// Where a failed append began: what can be read there may not be on the disk, though the kernel shows it.
    untrusted: Vec<(u64, u64)>,
}

impl<D: Disk> DirStore<D> {
    /// Opens the store in `dir`, and makes it when there is none.
    ///
    /// # Errors
    /// When the file system can't do what a store needs.
    pub fn open(dir: &Path, disk: D) -> Result<Self, StoreError> {
        for part in ["blob", "segment", "epoch"] {
            disk.create_dir(&dir.join(part))?;
        }
        // A full disk must not keep a vault from starting: what is there is not written again.
        if disk.open(&dir.join("FORMAT"))?.is_none() {
            let mut text = FORMAT.as_bytes();
            disk.create(&dir.join("FORMAT"), &mut text, &mut |_| Ok(()))?;
        }
        let (open, unsynced, made) = Default::default();
        let store = Self { dir: dir.to_owned(), disk, open, unsynced, made };
        let last_number = store.segments()?.last().map_or(0, |(number, _)| *number);
        store.lock().last_number = last_number;
        Ok(store)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn blob_path(&self, name: &BlobName) -> PathBuf {
        let hex = name.to_string();
        self.dir.join("blob").join(&hex[..2]).join(hex)
    }

    /// Makes a directory of the store's. One that is there may not be durable: who made it may not have come so far.
    fn make_dir(&self, directory: &Path) -> io::Result<()> {
        let made = || self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if !made().contains(directory) {
            self.disk.create_dir(directory)?;
            directory.parent().map_or(Ok(()), |parent| self.disk.sync(parent))?;
            made().insert(directory.to_owned());
        }
        Ok(())
    }

    /// The segments by number, with their files.
    fn segments(&self) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let directory = self.dir.join("segment");
        let parse = |name: &String| name.split_once('-').and_then(|(number, _)| number.parse().ok());
        let names = self.disk.list(&directory)?;
        let damaged = |name: &String| StoreError::Damaged(format!("segment/{name} is not a segment's name"));
        names.iter().map(|name| Ok((parse(name).ok_or_else(|| damaged(name))?, directory.join(name)))).collect()
    }

    fn segment_path(&self, number: u64) -> Result<PathBuf, StoreError> {
        let prefix = format!("{number:08}-");
        let names = self.disk.list(&self.dir.join("segment"))?;
        let name = names.into_iter().find(|name| name.starts_with(&prefix));
        let name = name.ok_or_else(|| StoreError::Damaged(format!("segment {number} is missing")))?;
        Ok(self.dir.join("segment").join(name))
    }

    /// The segment to append to: the open one while it has room, else a new one.
    fn writable(&self, open: &mut Open, first: u64) -> Result<(u64, u64), StoreError> {
        if let Some((number, len)) = open.current.filter(|(_, len)| *len < SEGMENT_BYTES) {
            return Ok((number, len));
        }
        let number = open.last_number + 1;
        self.disk.create_segment(&self.dir.join("segment").join(format!("{number:08}-{first:020}")))?;
        open.last_number = number;
        open.current = Some((number, 0));
        Ok((number, 0))
    }

    /// A process that died between write and fsync leaves bytes and names that a reader sees and a power cut takes: what is believed from
    /// now on is made durable first.
    fn make_durable(&self) -> Result<(), StoreError> {
        if let Some((_, newest)) = self.segments()?.last() {
            self.disk.sync(newest)?;
        }
        self.disk.sync(&self.dir)?;
        for part in ["blob", "segment", "epoch", "erasure"].map(|part| self.dir.join(part)) {
            match self.disk.sync(&part) {
                // No order was ever carried out here.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                other => other?,
            }
        }
        let blobs = self.dir.join("blob");
        self.disk.list(&blobs)?.iter().try_for_each(|directory| Ok(self.disk.sync(&blobs.join(directory))?))
    }

    fn append_to(&self, open: &mut Open, batches: &[&[u8]]) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        let first = batches.first().and_then(|bytes| Batch::decode(bytes).ok()).map_or(0, |batch| batch.first);
        let (segment, start) = self.writable(open, first)?;
        let path = self.segment_path(segment)?;
        let mut bytes = Vec::with_capacity(batches.iter().map(|payload| HEADER_BYTES + payload.len()).sum());
        for payload in batches {
            bytes.extend_from_slice(&header(payload));
            bytes.extend_from_slice(payload);
        }
        self.disk.append(&path, start, &bytes)?;
        let back = self.disk.read_at(&path, start, bytes.len())?;
        let mut at = 0;
        let mut places = Vec::new();
        for _ in batches {
            let Scan::Record { payload, next } = scan(&back, at) else {
                return Err(StoreError::Damaged("what was read back is not what was written".to_owned()));
            };
            let offset = start + (at + HEADER_BYTES) as u64;
            places.push((
                Place { segment, offset, len: u32::try_from(payload.len()).unwrap_or(u32::MAX) },
                payload.to_vec(),
            ));
            at = next;
        }
        open.current = Some((segment, start + bytes.len() as u64));
        Ok(places)
    }
}

/// The number of the entry that a segment was begun for.
fn first_of(path: &Path) -> Option<u64> {
    path.file_name()?.to_str()?.split_once('-')?.1.parse().ok()
}

/// Passes bytes on and hashes them.
struct Hashing<'a> {
    source: &'a mut dyn Read,
    hash: Sha256,
}

impl Read for Hashing<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buf)?;
        self.hash.update(&buf[..read]);
        Ok(read)
    }
}

/// The hash of all that a reader gives.
pub(crate) fn hash_of(source: &mut dyn Read) -> io::Result<Hash> {
    let mut hashing = Hashing { source, hash: Sha256::new() };
    let mut buffer = vec![0; 256 << 10];
    while hashing.read(&mut buffer)? > 0 {}
    Ok(Hash(hashing.hash.finalize().into()))
}

impl<D: Disk> Store for DirStore<D> {
    fn put_blob(&self, name: &BlobName, source: &mut dyn Read) -> Result<Put, StoreError> {
        let path = self.blob_path(name);
        let directory = path.parent().unwrap_or(&self.dir);
        self.make_dir(directory)?;
        let mut wrong = false;
        let mut check = |back: &mut dyn Read| {
            wrong = hash_of(back)? != name.0;
            if wrong { Err(io::Error::other("wrong hash")) } else { Ok(()) }
        };
        match self.unsynced.during(directory, || self.disk.create(&path, source, &mut check)) {
            Ok(true) => Ok(Put::Stored),
            Ok(false) => Ok(Put::Present),
            Err(_) if wrong => Err(StoreError::WrongBytes(*name)),
            Err(error) => Err(error.into()),
        }
    }

    fn has_blob(&self, name: &BlobName) -> Result<bool, StoreError> {
        let path = self.blob_path(name);
        if self.disk.open(&path)?.is_none() {
            return Ok(false);
        }
        let directory = path.parent().unwrap_or(&self.dir);
        self.unsynced.settle(directory, || self.disk.sync(directory))?;
        Ok(true)
    }

    fn blob(&self, name: &BlobName) -> Result<Option<OpenBlob>, StoreError> {
        Ok(self.disk.open(&self.blob_path(name))?)
    }

    fn blobs(&self) -> Result<Vec<BlobName>, StoreError> {
        let mut names = Vec::new();
        for directory in self.disk.list(&self.dir.join("blob"))? {
            for file in self.disk.list(&self.dir.join("blob").join(&directory))? {
                let name = file
                    .parse()
                    .map_err(|_| StoreError::Damaged(format!("blob/{directory}/{file} is not a blob's name")))?;
                names.push(name);
            }
        }
        Ok(names)
    }

    fn append(&self, batches: &[&[u8]]) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        let mut open = self.lock();
        let result = self.append_to(&mut open, batches);
        if result.is_err() {
            // Nobody knows what is at the end of this segment now: it stays as it is, and isn't believed.
            let at = open.current.take();
            open.untrusted.extend(at);
        }
        result
    }

    fn batch(&self, place: &Place) -> Result<Vec<u8>, StoreError> {
        let path = self.segment_path(place.segment)?;
        let start = place.offset - HEADER_BYTES as u64;
        let bytes = self.disk.read_at(&path, start, HEADER_BYTES + place.len as usize)?;
        match scan(&bytes, 0) {
            Scan::Record { payload, .. } => Ok(payload.to_vec()),
            _ => Err(StoreError::Damaged(format!("the batch at byte {start} of segment {}", place.segment))),
        }
    }

    fn load(&self, each: &mut Judge<'_>) -> Result<(), StoreError> {
        let mut open = self.lock();
        open.current = None;
        self.make_durable()?;
        let segments = self.segments()?;
        let mut end = 0;
        for (at, (segment, path)) in segments.iter().enumerate() {
            let segment = *segment;
            // A segment is begun where the log ends. What an earlier one has from there on was never acknowledged: the
            // storage reported an error, or gave back other bytes.
            let next_begins = segments.get(at + 1).and_then(|(_, path)| first_of(path));
            let Some((mut reader, len)) = self.disk.open(path)? else { continue };
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            reader.read_to_end(&mut bytes)?;
            if let Some((_, end)) = open.untrusted.iter().find(|(number, _)| *number == segment) {
                bytes.truncate(usize::try_from(*end).unwrap_or(usize::MAX));
                open.last_number = segment;
            }
            let mut at = 0;
            loop {
                match scan(&bytes, at) {
                    Scan::Record { payload, next } => {
                        let batch = Batch::decode(payload).ok();
                        if batch.as_ref().is_none_or(|batch| next_begins.is_none_or(|next| batch.first < next)) {
                            let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                            each(Place { segment, offset: (at + HEADER_BYTES) as u64, len }, payload)?;
                            end = end.max(batch.map_or(0, |batch| batch.end()));
                        }
                        at = next;
                    }
                    Scan::End => {
                        let untrusted = open.untrusted.iter().any(|(number, _)| *number == segment);
                        open.current = if untrusted { None } else { Some((segment, at as u64)) };
                        break;
                    }
                    Scan::Torn => {
                        open.current = None;
                        break;
                    }
                    Scan::Damaged(what) => {
                        open.current = None;
                        if next_begins == Some(end) {
                            break;
                        }
                        return Err(StoreError::Damaged(format!("segment {segment}, byte {at}: {what}")));
                    }
                }
            }
            open.last_number = segment;
        }
        Ok(())
    }

    fn put_epoch(&self, number: u64, statement: &str) -> Result<Put, StoreError> {
        let mut source = statement.as_bytes();
        let mut check = |back: &mut dyn Read| {
            let mut text = String::new();
            back.read_to_string(&mut text)?;
            if text == statement { Ok(()) } else { Err(io::Error::other("what was read back is not what was written")) }
        };
        let created =
            self.disk.create(&self.dir.join("epoch").join(format!("{number:08}")), &mut source, &mut check)?;
        Ok(if created { Put::Stored } else { Put::Present })
    }

    fn epochs(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let mut epochs = Vec::new();
        for name in self.disk.list(&self.dir.join("epoch"))? {
            let number =
                name.parse().map_err(|_| StoreError::Damaged(format!("epoch/{name} is not an epoch's name")))?;
            let mut text = String::new();
            if let Some((mut reader, _)) = self.disk.open(&self.dir.join("epoch").join(&name))? {
                reader.read_to_string(&mut text)?;
            }
            epochs.push((number, text));
        }
        Ok(epochs)
    }

    fn put_erasure(&self, order: &Hash, record: &str) -> Result<Put, StoreError> {
        let directory = self.dir.join("erasure");
        self.make_dir(&directory)?;
        let hash = Hash::of(record.as_bytes());
        let mut check = |back: &mut dyn Read| {
            if hash_of(back)? == hash {
                Ok(())
            } else {
                Err(io::Error::other("what was read back is not what was written"))
            }
        };
        let created =
            self.disk.create(&directory.join(format!("{order}-{hash}")), &mut record.as_bytes(), &mut check)?;
        Ok(if created { Put::Stored } else { Put::Present })
    }

    fn erasures(&self) -> Result<Vec<String>, StoreError> {
        let directory = self.dir.join("erasure");
        let names = match self.disk.list(&directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let mut records = Vec::new();
        for name in names {
            let mut bytes = Vec::new();
            if let Some((mut reader, _)) = self.disk.open(&directory.join(&name))? {
                reader.read_to_end(&mut bytes)?;
            }
            let good = name.ends_with(&format!("-{}", Hash::of(&bytes)));
            let text = String::from_utf8(bytes).ok().filter(|_| good);
            records.push(text.ok_or_else(|| StoreError::Damaged(format!("erasure/{name} is not what was stored")))?);
        }
        Ok(records)
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.disk.free_bytes(&self.dir)?)
    }

    fn probe(&self) -> Probe {
        probe_directory(&self.dir, &self.disk)
    }
}
