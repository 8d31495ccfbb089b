//! The store over a bucket.
//!
//! ```text
//!   append --put--> read back, hash, lock checked --> acknowledged
//!             |any error
//!             v
//!          unsettled: put again, the same bytes, before anything else is appended or loaded
//! ```
//! A put whose answer was lost may still arrive. Its bytes are therefore put once more until that succeeds, so that the
//! batch is there for sure and a fork of it is refused.

use super::api::{Bucket, Lock, Object, Version};
use super::erased::Retired;
use super::http::Client;
use super::{S3Credentials, S3Url};
use crate::probe::Probe;
use crate::segment::{HEADER_BYTES, Scan, header, scan};
use crate::store::{Judge, OpenBlob, Place, Put, Store, StoreError, Sweep};
use bytes::Bytes;
use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, HashSet};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const FORMAT: &str = concat!(
    "These objects are an Outlast vault, locked in compliance mode. Every name ends in the SHA-256 of the object's bytes: of\n",
    "several versions of a name the one with that hash is right, whatever was written over it. The names here are\n",
    "blob/AA/HEX, segment/FIRST-HEX and epoch/NNNNNNNN-HEX; what is in them is as in a directory:\n\n",
    include_str!("../FORMAT.txt")
);

/// How many requests a load makes at once.
const LOAD_THREADS: usize = 16;
/// How many blobs are put at once: each is in memory, up to 80 MiB.
pub(crate) const BLOBS_AT_ONCE: usize = 4;
/// How much shorter than asked a fresh lock may be: what the two clocks may differ.
const LOCK_SLACK: Duration = Duration::from_secs(3600);

/// A store in a bucket.
pub struct S3Store {
    pub(crate) bucket: Bucket,
    pub(super) lock: Duration,
    /// Where it is written for how long all of it was locked when the locks were last looked at.
    pub(super) lock_days: Option<PathBuf>,
    /// Each segment's name and its good version; a place's segment counts from 0 in this list.
    segments: Mutex<Vec<(String, String)>>,
    /// The blobs that this process has read and found good.
    known: Mutex<HashSet<BlobName>>,
    /// The blobs that were erased by order: their locks run out.
    pub(super) erased: Mutex<Retired>,
    /// What was put without a good answer. Locked while something is appended or loaded.
    unsettled: Mutex<Vec<(String, Bytes)>>,
    blobs_under_way: (Mutex<usize>, Condvar),
}

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl S3Store {
    /// Opens the store in a bucket for the vault with this cosigner key.
    ///
    /// # Errors
    /// When the bucket can't be used, or another vault writes there.
    pub fn open(url: S3Url, credentials: S3Credentials, owner: &str) -> Result<Self, StoreError> {
        let store = Self::connect(url, credentials)?;
        store.claim(owner)?;
        store.put_named("FORMAT-", Bytes::from_static(FORMAT.as_bytes()))?;
        Ok(store)
    }

    /// The same, which keeps in a file for how long all of it is locked; without one each lock is asked for at every sweep.
    #[must_use]
    pub fn remembering(self, lock_days: PathBuf) -> Self {
        Self { lock_days: Some(lock_days), ..self }
    }

    /// A store that nothing was asked yet.
    pub(crate) fn connect(url: S3Url, credentials: S3Credentials) -> Result<Self, StoreError> {
        let lock = url.lock;
        let bucket = Bucket::new(Client::new(url, credentials)?);
        let blobs_under_way = (Mutex::new(0), Condvar::new());
        let (lock_days, segments, known, erased, unsettled) = Default::default();
        Ok(Self { bucket, lock, lock_days, segments, known, erased, unsettled, blobs_under_way })
    }

    /// S3 has no reliable compare-and-swap, so two vaults in one place could both believe to be its only writer.
    fn claim(&self, owner: &str) -> Result<(), StoreError> {
        let mut there = false;
        for key in names(self.versions("owner/")?).keys() {
            let Some(hash) = hash_in(key) else { continue };
            let Some((_, bytes)) = self.find(key, &hash)? else { continue };
            if bytes != owner.as_bytes() {
                let other = String::from_utf8_lossy(&bytes).into_owned();
                return Err(StoreError::Unfit(format!(
                    "another vault writes here ({other}): give each vault a prefix of its own, and a vault whose --dir was lost a new one"
                )));
            }
            there = true;
        }
        if there { Ok(()) } else { self.put_named("owner/", Bytes::from(owner.to_owned())).map(|_| ()) }
    }

    pub(crate) fn versions(&self, prefix: &str) -> Result<Vec<Version>, StoreError> {
        self.bucket.versions(prefix).map_err(failed)
    }

    /// Puts bytes under a prefix and their hash, unless they are there.
    pub(crate) fn put_named(&self, prefix: &str, bytes: Bytes) -> Result<(String, String, Bytes), StoreError> {
        let hash = Hash::of(&bytes);
        let key = format!("{prefix}{hash}");
        let (version, back) = self.put_checked(&key, &hash, bytes)?;
        Ok((key, version, back))
    }

    /// Puts an object, reads that version back, and checks its hash and its lock.
    fn put_checked(&self, key: &str, hash: &Hash, bytes: Bytes) -> Result<(String, Bytes), StoreError> {
        let until = self.until();
        let put = match self.bucket.put(key, bytes.clone(), until, true) {
            Err(error) if error.status() == Some(StatusCode::PRECONDITION_FAILED) => {
                if let Some(found) = self.find(key, hash)? {
                    return Ok(found);
                }
                // Somebody else's bytes have the name. A further version does not mind them.
                self.bucket.put(key, bytes, until, false)
            }
            Err(error) if error.status() == Some(StatusCode::NOT_IMPLEMENTED) => {
                self.bucket.put(key, bytes, until, false)
            }
            other => other,
        };
        let version = put.map_err(failed)?.ok_or_else(|| {
            StoreError::Unfit("the bucket keeps no versions: it needs Object Lock, which brings versioning".to_owned())
        })?;
        let missing = || StoreError::Damaged(format!("{key} was stored and is not there"));
        let object = self.bucket.get(key, Some(&version), None).map_err(failed)?.ok_or_else(missing)?;
        if Hash::of(&object.bytes) != *hash {
            return Err(StoreError::Damaged(format!("what was read back of {key} is not what was written")));
        }
        self.check_key(key, &object)?;
        self.check_lock(key, &version, &object, until, LOCK_SLACK)?;
        Ok((version, object.bytes))
    }

    /// Until when an object that is locked now is locked.
    fn until(&self) -> Timestamp {
        later(Timestamp::now(), self.lock)
    }

    fn check_key(&self, key: &str, object: &Object) -> Result<(), StoreError> {
        match &object.foreign_key {
            Some(what) => {
                Err(StoreError::Unfit(format!("{key} is encrypted with {what}: use the service's own keys (SSE-S3)")))
            }
            None => Ok(()),
        }
    }

    fn check_lock(
        &self,
        key: &str,
        version: &str,
        object: &Object,
        until: Timestamp,
        slack: Duration,
    ) -> Result<(), StoreError> {
        let lock = match &object.lock {
            Some(lock) => Some(lock.clone()),
            None => self.bucket.retention(key, version).map_err(failed)?,
        };
        let unfit = |what: String| Err(StoreError::Unfit(format!("{key} {what}")));
        match lock {
            None => unfit("was stored without a lock: the bucket needs Object Lock".to_owned()),
            Some(lock) if lock.mode != "COMPLIANCE" => {
                unfit(format!("is locked in {} mode, which its owner can lift; it must be COMPLIANCE", lock.mode))
            }
            Some(lock) if later(lock.until, slack) < until => {
                unfit(format!("is locked until {} only, and was to be until {until}", lock.until))
            }
            Some(_) => Ok(()),
        }
    }

    /// The version of a name whose bytes have this hash. One whose lock runs out is locked anew.
    fn find(&self, key: &str, hash: &Hash) -> Result<Option<(String, Bytes)>, StoreError> {
        let versions = self.versions(key)?;
        self.find_among(versions.iter().filter(|version| version.key == key), hash)
    }

    pub(crate) fn find_among<'a>(
        &self,
        versions: impl Iterator<Item = &'a Version>,
        hash: &Hash,
    ) -> Result<Option<(String, Bytes)>, StoreError> {
        for Version { key, version_id, .. } in versions {
            let Some(object) = self.bucket.get(key, Some(version_id), None).map_err(failed)? else { continue };
            if Hash::of(&object.bytes) != *hash {
                tracing::warn!(key, version_id, "a version with other bytes than its name says is passed over");
                continue;
            }
            self.check_key(key, &object)?;
            if self.is_retired(key, &object.bytes) {
                return Ok(Some((version_id.clone(), object.bytes)));
            }
            let half = later(Timestamp::now(), self.lock / 2);
            match self.check_lock(key, version_id, &object, half, Duration::ZERO) {
                Err(StoreError::Unfit(_)) => self.renew(key, version_id)?,
                other => other?,
            }
            return Ok(Some((version_id.clone(), object.bytes)));
        }
        Ok(None)
    }

    pub(super) fn renew(&self, key: &str, version: &str) -> Result<(), StoreError> {
        let lock = Lock { mode: "COMPLIANCE".to_owned(), until: self.until() };
        self.bucket.set_retention(key, version, &lock, false).map_err(failed)?;
        match self.bucket.retention(key, version).map_err(failed)? {
            Some(now) if now.mode == lock.mode && later(now.until, LOCK_SLACK) >= lock.until => Ok(()),
            found => Err(StoreError::Unfit(format!("the lock of {key} was renewed and is {found:?}"))),
        }
    }

    /// Puts again what was put without an answer.
    fn settle(&self, unsettled: &mut Vec<(String, Bytes)>) -> Result<(), StoreError> {
        while let Some((key, bytes)) = unsettled.first().cloned() {
            self.put_checked(&key, &Hash::of(&bytes), bytes)?;
            unsettled.remove(0);
        }
        Ok(())
    }

    /// A blob that is good, and known to be from now on.
    fn good_blob(&self, name: &BlobName) -> Result<Option<Bytes>, StoreError> {
        let found = self.find(&blob_key(name), &name.0)?;
        if found.is_some() {
            locked(&self.known).insert(*name);
        }
        Ok(found.map(|(_, bytes)| bytes))
    }

    /// Waits until fewer blobs are in memory.
    fn blob_turn(&self) -> BlobTurn<'_> {
        let (count, changed) = &self.blobs_under_way;
        let count = count.lock().unwrap_or_else(PoisonError::into_inner);
        let mut count =
            changed.wait_while(count, |count| *count >= BLOBS_AT_ONCE).unwrap_or_else(PoisonError::into_inner);
        *count += 1;
        BlobTurn(self)
    }

    /// The bytes of each segment, in order, read by several threads.
    fn segments(&self) -> Result<Vec<(String, String, Bytes)>, StoreError> {
        let names = names(self.versions("segment/")?).into_iter().collect::<Vec<_>>();
        let mut segments = Vec::with_capacity(names.len());
        for some in names.chunks(LOAD_THREADS) {
            let read = std::thread::scope(|scope| {
                let threads = some.iter().map(|(key, versions)| scope.spawn(move || self.segment(key, versions)));
                let threads = threads.collect::<Vec<_>>();
                threads
                    .into_iter()
                    .map(|thread| thread.join().map_err(|_| StoreError::Damaged("a reader panicked".to_owned()))?)
                    .collect::<Result<Vec<_>, _>>()
            })?;
            segments.extend(read.into_iter().flatten());
        }
        Ok(segments)
    }

    fn segment(&self, key: &str, versions: &[Version]) -> Result<Option<(String, String, Bytes)>, StoreError> {
        let Some(hash) = hash_in(key) else {
            tracing::warn!(key, "not a segment's name; passed over");
            return Ok(None);
        };
        match self.find_among(versions.iter(), &hash)? {
            Some((version, bytes)) => Ok(Some((key.to_owned(), version, bytes))),
            None => Err(StoreError::Damaged(format!("no version of {key} has the bytes that its name promises"))),
        }
    }
}

struct BlobTurn<'a>(&'a S3Store);

impl Drop for BlobTurn<'_> {
    fn drop(&mut self) {
        let (count, changed) = &self.0.blobs_under_way;
        *count.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        changed.notify_one();
    }
}

pub(crate) fn failed(error: super::api::S3Error) -> StoreError {
    StoreError::Io(error.into())
}

pub(crate) fn later(time: Timestamp, by: Duration) -> Timestamp {
    SignedDuration::try_from(by).ok().and_then(|by| time.checked_add(by).ok()).unwrap_or(Timestamp::MAX)
}

pub(crate) fn blob_key(name: &BlobName) -> String {
    let hex = name.to_string();
    format!("blob/{}/{hex}", &hex[..2])
}

/// The hash that a name ends in.
pub(crate) fn hash_in(key: &str) -> Option<Hash> {
    key.get(key.len().checked_sub(64)?..)?.parse().ok()
}

pub(crate) fn names(versions: Vec<Version>) -> BTreeMap<String, Vec<Version>> {
    let mut names: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    versions.into_iter().for_each(|version| names.entry(version.key.clone()).or_default().push(version));
    names
}

impl Store for S3Store {
    fn put_blob(&self, name: &BlobName, source: &mut dyn Read) -> Result<Put, StoreError> {
        let _turn = self.blob_turn();
        let mut bytes = Vec::new();
        source.read_to_end(&mut bytes)?;
        // Before it is sent: what a bucket has locked, nobody can remove.
        if BlobName::of(&bytes) != *name {
            return Err(StoreError::WrongBytes(*name));
        }
        if self.good_blob(name)?.is_some() {
            return Ok(Put::Present);
        }
        self.put_checked(&blob_key(name), &name.0, bytes.into())?;
        locked(&self.known).insert(*name);
        Ok(Put::Stored)
    }

    fn has_blob(&self, name: &BlobName) -> Result<bool, StoreError> {
        if locked(&self.known).contains(name) {
            return Ok(true);
        }
        let _turn = self.blob_turn();
        Ok(self.good_blob(name)?.is_some())
    }

    fn blob(&self, name: &BlobName) -> Result<Option<OpenBlob>, StoreError> {
        let _turn = self.blob_turn();
        let key = blob_key(name);
        // What is current is right unless somebody was at work in the bucket; then all versions are looked at.
        let current = self.bucket.get(&key, None, None).map_err(failed)?.map(|object| object.bytes);
        let bytes = match current.filter(|bytes| BlobName::of(bytes) == *name) {
            Some(bytes) => Some(bytes),
            None => self.good_blob(name)?,
        };
        Ok(bytes.map(|bytes| {
            let len = bytes.len() as u64;
            (Box::new(std::io::Cursor::new(bytes)) as Box<dyn Read + Send>, len)
        }))
    }

    fn blobs(&self) -> Result<Vec<BlobName>, StoreError> {
        let keys = names(self.versions("blob/")?);
        Ok(keys.keys().filter_map(|key| hash_in(key)).map(BlobName).collect())
    }

    fn append(&self, batches: &[&[u8]]) -> Result<Vec<(Place, Vec<u8>)>, StoreError> {
        let mut unsettled = locked(&self.unsettled);
        self.settle(&mut unsettled)?;
        let first =
            batches.first().and_then(|bytes| journal::batch::Batch::decode(bytes).ok()).map_or(0, |batch| batch.first);
        let mut bytes = Vec::with_capacity(batches.iter().map(|payload| HEADER_BYTES + payload.len()).sum());
        for payload in batches {
            bytes.extend_from_slice(&header(payload));
            bytes.extend_from_slice(payload);
        }
        let (hash, bytes) = (Hash::of(&bytes), Bytes::from(bytes));
        let key = format!("segment/{first:020}-{hash}");
        let (version, back) = match self.put_checked(&key, &hash, bytes.clone()) {
            Ok(stored) => stored,
            Err(error) => {
                unsettled.push((key, bytes));
                return Err(error);
            }
        };
        let mut segments = locked(&self.segments);
        let segment = segments.len() as u64;
        let mut places = Vec::new();
        records(segment, &back, &mut |place, payload| {
            places.push((place, payload.to_vec()));
            Ok(())
        })?;
        segments.push((key, version));
        Ok(places)
    }

    fn batch(&self, place: &Place) -> Result<Vec<u8>, StoreError> {
        let index = usize::try_from(place.segment).unwrap_or(usize::MAX);
        let lost = || StoreError::Damaged(format!("segment {} is missing", place.segment));
        let (key, version) = locked(&self.segments).get(index).cloned().ok_or_else(lost)?;
        let first = place.offset - HEADER_BYTES as u64;
        let range = (first, place.offset + u64::from(place.len) - 1);
        let object = self.bucket.get(&key, Some(&version), Some(range)).map_err(failed)?.ok_or_else(lost)?;
        match scan(&object.bytes, 0) {
            Scan::Record { payload, .. } => Ok(payload.to_vec()),
            _ => Err(StoreError::Damaged(format!("the batch at byte {first} of {key}"))),
        }
    }

    fn load(&self, each: &mut Judge<'_>) -> Result<(), StoreError> {
        self.settle(&mut locked(&self.unsettled))?;
        let segments = self.segments()?;
        *locked(&self.segments) = segments.iter().map(|(key, version, _)| (key.clone(), version.clone())).collect();
        for (number, (_, _, bytes)) in (0..).zip(&segments) {
            records(number, bytes, each)?;
        }
        Ok(())
    }

    fn put_epoch(&self, number: u64, statement: &str) -> Result<Put, StoreError> {
        if self.epochs()?.iter().any(|(there, _)| *there == number) {
            return Ok(Put::Present);
        }
        self.put_named(&format!("epoch/{number:08}-"), Bytes::from(statement.to_owned()))?;
        Ok(Put::Stored)
    }

    fn epochs(&self) -> Result<Vec<(u64, String)>, StoreError> {
        let mut epochs = Vec::new();
        for (key, versions) in names(self.versions("epoch/")?) {
            let number = key
                .strip_prefix("epoch/")
                .and_then(|name| name.split_once('-'))
                .and_then(|(number, _)| number.parse().ok());
            let (Some(number), Some(hash)) = (number, hash_in(&key)) else {
                tracing::warn!(key, "not an epoch's name; passed over");
                continue;
            };
            let Some((_, bytes)) = self.find_among(versions.iter(), &hash)? else {
                return Err(StoreError::Damaged(format!("no version of {key} has the bytes that its name promises")));
            };
            let text =
                String::from_utf8(bytes.to_vec()).map_err(|_| StoreError::Damaged(format!("{key} is not text")))?;
            epochs.push((number, text));
        }
        Ok(epochs)
    }

    fn put_erasure(&self, order: &Hash, record: &str) -> Result<Put, StoreError> {
        self.put_named(&format!("erasure/{order}-"), Bytes::from(record.to_owned()))?;
        self.erasure_records().map(|_| Put::Stored)
    }

    fn erasures(&self) -> Result<Vec<String>, StoreError> {
        self.erasure_records()
    }

    fn free_bytes(&self) -> Result<u64, StoreError> {
        Ok(u64::MAX)
    }

    fn probe(&self) -> Probe {
        self.attack()
    }

    fn sweep(&self) -> Result<Sweep, StoreError> {
        self.renew_all()
    }
}

/// The records of a segment, which is there wholly or not at all.
pub(crate) fn records(segment: u64, bytes: &[u8], each: &mut Judge<'_>) -> Result<(), StoreError> {
    let mut at = 0;
    loop {
        match scan(bytes, at) {
            Scan::Record { payload, next } => {
                let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                each(Place { segment, offset: (at + HEADER_BYTES) as u64, len }, payload)?;
                at = next;
            }
            Scan::End => return Ok(()),
            Scan::Torn => return Err(StoreError::Damaged(format!("segment {segment} ends at byte {at}"))),
            Scan::Damaged(what) => return Err(StoreError::Damaged(format!("segment {segment}, byte {at}: {what}"))),
        }
    }
}
