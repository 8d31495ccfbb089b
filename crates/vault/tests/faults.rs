//! A vault on a disk that fails: full, torn, lying, flipped. Never does it sign over a hole.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, tree};
use journal::note::{KeyKind, SigningKey};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use vault::disk::{Disk, RealDisk};
use vault::{DirStore, Put, Refusal, Store as _, Vault};

/// What goes wrong next.
#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// The write fails after so many bytes.
    Torn(usize),
    /// Everything is written, and the fsync reports an error.
    SyncFails,
    /// What is read back differs from what was written.
    ReadBackLies,
    /// Reading fails.
    ReadFails,
    /// A new file has its name, and the fsync of the directory reports an error.
    NameSyncFails,
}

#[derive(Clone)]
struct FaultyDisk {
    fault: Arc<Mutex<Fault>>,
    syncs: Arc<AtomicU64>,
    /// What was made durable by itself.
    synced: Arc<Mutex<Vec<PathBuf>>>,
}

impl FaultyDisk {
    fn new() -> Self {
        Self { fault: Arc::new(Mutex::new(Fault::None)), syncs: Arc::default(), synced: Arc::default() }
    }

    fn next(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn fault(&self) -> Fault {
        *self.fault.lock().unwrap()
    }
}

impl Disk for FaultyDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_dir(path)
    }
    fn create(
        &self,
        path: &Path,
        source: &mut dyn Read,
        check: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<bool> {
        let created = RealDisk.create(path, source, check);
        if self.fault() == Fault::NameSyncFails { Err(io::Error::other("fsync failed")) } else { created }
    }
    fn create_segment(&self, path: &Path) -> io::Result<()> {
        RealDisk.create_segment(path)
    }
    fn append(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        match self.fault() {
            Fault::Torn(count) => {
                RealDisk.append(path, offset, &bytes[..count.min(bytes.len())])?;
                Err(io::Error::from(io::ErrorKind::StorageFull))
            }
            Fault::SyncFails => {
                RealDisk.append(path, offset, bytes)?;
                Err(io::Error::other("fsync failed"))
            }
            _ => RealDisk.append(path, offset, bytes),
        }
    }
    fn sync(&self, path: &Path) -> io::Result<()> {
        if self.fault() == Fault::NameSyncFails {
            return Err(io::Error::other("fsync failed"));
        }
        self.synced.lock().unwrap().push(path.to_owned());
        RealDisk.sync(path)
    }
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = RealDisk.read_at(path, offset, len)?;
        match self.fault() {
            Fault::ReadBackLies => *bytes.last_mut().unwrap() ^= 1,
            Fault::ReadFails => return Err(io::Error::other("read failed")),
            _ => {}
        }
        Ok(bytes)
    }
    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn Read + Send>, u64)>> {
        if self.fault() == Fault::ReadFails { Err(io::Error::other("read failed")) } else { RealDisk.open(path) }
    }
    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        RealDisk.list(path)
    }
    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        RealDisk.free_bytes(path)
    }
}

fn key() -> SigningKey {
    SigningKey::from_seed("a", KeyKind::Cosignature, &[3; 32]).unwrap()
}

fn open(dir: &Path, disk: &FaultyDisk) -> Vault<DirStore<FaultyDisk>> {
    Vault::open(Arc::new(DirStore::open(dir, disk.clone()).unwrap()), key()).unwrap()
}

fn enrolled(dir: &Path, disk: &FaultyDisk, log: &TestLog) -> Vault<DirStore<FaultyDisk>> {
    let mut vault = open(dir, disk);
    let record = &log.epochs[0];
    let name = journal::BlobName::of(&record.data_key);
    Vault::put_blob(vault.store(), &name, &mut record.data_key.as_slice()).unwrap();
    vault.enrol(&record.statement).unwrap();
    vault
}

fn requests(log: &TestLog) -> Vec<Vec<u8>> {
    log.encoded().iter().map(|bytes| bytes.to_vec()).collect()
}

#[test]
fn one_append_is_one_fsync_however_many_batches_it_brings() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, log) = (FaultyDisk::new(), TestLog::new(1));
    let mut vault = enrolled(dir.path(), &disk, &log);
    (0..10).for_each(|n| log.write(3, &format!("{n}")));
    let before = disk.syncs.load(Ordering::Relaxed);
    assert_eq!(vault.append(&requests(&log), 1).unwrap().len(), 10);
    assert_eq!(disk.syncs.load(Ordering::Relaxed) - before, 1);
}

#[test]
fn a_write_that_failed_is_not_signed_for_and_a_second_try_succeeds() {
    for fault in
        [Fault::Torn(0), Fault::Torn(20), Fault::Torn(300), Fault::SyncFails, Fault::ReadBackLies, Fault::ReadFails]
    {
        let dir = tempfile::tempdir().unwrap();
        let (disk, log) = (FaultyDisk::new(), TestLog::new(1));
        let mut vault = enrolled(dir.path(), &disk, &log);
        log.write(2, "good");
        vault.append(&requests(&log), 1).unwrap();
        log.write(2, "on a bad disk");
        disk.next(fault);
        assert!(vault.append(&requests(&log), 1).is_err());
        // Two errors in a row must not make it sign over a hole.
        let second = vault.append(&requests(&log), 1);
        assert!(second.is_err());
        disk.next(Fault::None);
        if vault.damaged().is_some() {
            // Its state could not be read again: only a new start, with a disk that reads, is believed.
            vault = open(dir.path(), &disk);
        }
        assert!(vault.size() == 2 || vault.size() == 4, "a prefix of what was sent");
        assert_eq!(vault.append(&requests(&log), 1).unwrap().len(), 2);
        let again = open(dir.path(), &disk);
        assert_eq!((again.size(), again.root(), again.damaged()), (4, log.root(), None));
    }
}

#[test]
fn a_blob_whose_name_may_not_be_durable_is_not_there_until_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let disk = FaultyDisk::new();
    let store = DirStore::open(dir.path(), disk.clone()).unwrap();
    let name = journal::BlobName::of(b"bytes");
    let put = || Vault::put_blob(&store, &name, &mut &b"bytes"[..]);
    let directory = dir.path().join("blob").join(&name.to_string()[..2]);
    // Its directory is there, and durable.
    store.put_blob(&name, &mut &b"others"[..]).unwrap_err();
    assert!(disk.synced.lock().unwrap().contains(&dir.path().join("blob")));
    disk.next(Fault::NameSyncFails);
    assert!(put().is_err() && directory.join(name.to_string()).exists());
    assert!(put().is_err() && store.has_blob(&name).is_err(), "what is seen may not be durable");
    disk.next(Fault::None);
    disk.synced.lock().unwrap().clear();
    assert_eq!(put().unwrap(), Put::Present);
    assert_eq!(*disk.synced.lock().unwrap(), [directory]);
    assert!(store.has_blob(&name).unwrap());
    assert_eq!(disk.synced.lock().unwrap().len(), 1, "once is enough");
}

#[test]
fn an_epoch_that_failed_to_be_stored_and_may_be_there_ends_the_one_before() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, log) = (FaultyDisk::new(), TestLog::new(1));
    let mut vault = enrolled(dir.path(), &disk, &log);
    log.write(2, "good");
    vault.append(&requests(&log), 1).unwrap();
    let next = log.recovered(2);
    let record = &next.epochs[1];
    let data_key = journal::BlobName::of(&record.data_key);
    Vault::put_blob(vault.store(), &data_key, &mut record.data_key.as_slice()).unwrap();
    disk.next(Fault::NameSyncFails);
    assert!(vault.start_epoch(&record.statement).is_err());
    log.write(1, "by the lost site");
    assert!(vault.append(&requests(&log), 1).is_err());
    disk.next(Fault::None);
    assert!(matches!(vault.append(&requests(&log), 1), Err(Refusal::OldEpoch { .. })));
    vault.start_epoch(&record.statement).unwrap();
    let again = open(dir.path(), &disk);
    assert_eq!((again.size(), again.epoch().map(|(_, number)| number), again.damaged()), (2, Some(2), None));
}

#[test]
fn a_store_cut_off_anywhere_in_its_last_record_goes_on_and_loses_nothing_before() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, log) = (FaultyDisk::new(), TestLog::new(1));
    let mut vault = enrolled(dir.path(), &disk, &log);
    log.write(1, "first");
    vault.append(&requests(&log), 1).unwrap();
    let (segment, whole) =
        tree(dir.path()).into_iter().find(|(path, _)| path.to_string_lossy().contains("segment")).unwrap();
    log.write(1, "second");
    vault.append(&requests(&log), 1).unwrap();
    drop(vault);
    let both = std::fs::read(&segment).unwrap();
    for cut in (whole.len() + 1..both.len()).step_by(13) {
        let copy = tempfile::tempdir().unwrap();
        for (path, bytes) in tree(dir.path()) {
            let to = copy.path().join(path.strip_prefix(dir.path()).unwrap());
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            let bytes = if path == segment { &both[..cut] } else { &bytes[..] };
            std::fs::write(to, bytes).unwrap();
        }
        let mut vault = open(copy.path(), &disk);
        assert_eq!((vault.size(), vault.damaged()), (1, None), "cut at {cut}");
        vault.append(&requests(&log), 1).unwrap();
        assert_eq!(open(copy.path(), &disk).root(), log.root(), "cut at {cut}");
    }
}

#[test]
fn every_flipped_byte_is_found_and_nothing_is_signed_over_it() {
    let dir = tempfile::tempdir().unwrap();
    let (disk, log) = (FaultyDisk::new(), TestLog::new(1));
    let mut vault = enrolled(dir.path(), &disk, &log);
    log.write(2, "first");
    log.write(1, "second");
    vault.append(&requests(&log), 1).unwrap();
    drop(vault);
    let files = tree(dir.path());
    for (path, bytes) in files.iter().filter(|(path, _)| path.to_string_lossy().contains("segment")) {
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x20;
            std::fs::write(path, &flipped).unwrap();
            let mut vault = open(dir.path(), &disk);
            assert!(vault.damaged().is_some(), "byte {place}");
            assert!(vault.checkpoint(1).is_none(), "byte {place}");
            let refused = vault.append(&requests(&log), 1);
            assert!(matches!(refused, Err(Refusal::Damaged(_))), "byte {place}");
        }
        std::fs::write(path, bytes).unwrap();
    }
    for (path, bytes) in files.iter().filter(|(path, _)| path.to_string_lossy().contains("epoch/")) {
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 1;
            std::fs::write(path, &flipped).unwrap();
            let opened = Vault::open(Arc::new(DirStore::open(dir.path(), disk.clone()).unwrap()), key());
            assert!(opened.map_or(true, |vault| vault.damaged().is_some()), "byte {place} of an epoch");
        }
        std::fs::write(path, bytes).unwrap();
    }
}

#[test]
fn the_store_has_no_verb_that_takes_away() {
    for file in ["src/disk.rs", "src/dir.rs", "src/store.rs", "src/segment.rs", "src/core.rs"] {
        let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
        for verb in
            ["remove_file", "remove_dir", "rename(", "set_len", "unlink", "ftruncate", ".truncate(true)", "write(true)"]
        {
            assert!(!text.contains(verb), "{file} has {verb}");
        }
    }
}
