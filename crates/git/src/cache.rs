//! The pack cache: an answer to a fetch that was computed once is streamed from a file afterwards, and identical requests
//! that arrive while it is being computed read the growing file.
//!
//! ```text
//! get: absent --> growing (one task computes, all who ask follow) --complete--> whole --evicted--> absent
//!                    '-- the computation fails, or nobody follows any more --------------------------^
//! ```
//! Invariants:
//! 1. A key names one answer: repository, state of the refs, request. Nothing is served across repositories.
//! 2. Only a whole answer of a child that succeeded stays.
//! 3. Whole answers take at most `bytes_max` on disk; the ones that are large and long unused go first.

use bytes::Bytes;
use futures_util::Stream;
use rustix::buffer::spare_capacity;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::watch;

/// How much of a file is read at a time.
const CHUNK_BYTES: usize = 1 << 20;
/// The most answers that are kept; each is an open file.
pub const ENTRIES_MAX: usize = 512;

/// Names an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// The key of a request: `repository` differs between any two repositories, `generation` between any two states of one's
    /// refs, `request` between any two requests that may be answered differently.
    pub fn new(repository: &Path, generation: u64, protocol: u8, request: &[u8]) -> Self {
        let path = repository.as_os_str().as_encoded_bytes();
        let mut hash = Sha256::new();
        hash.update((path.len() as u64).to_be_bytes());
        hash.update(path);
        hash.update(generation.to_be_bytes());
        hash.update([protocol]);
        hash.update(request);
        Self(hash.finalize().into())
    }

    fn file_name(self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Progress {
    bytes: u64,
    end: Option<Result<(), String>>,
}

struct Entry {
    file: Arc<File>,
    progress: watch::Receiver<Progress>,
    used: Mutex<Instant>,
}

/// Answers on disk.
pub struct PackCache {
    dir: PathBuf,
    bytes_max: u64,
    entries: Mutex<HashMap<CacheKey, Arc<Entry>>>,
    hits: AtomicU64,
    misses: AtomicU64,
}

/// Where a computation writes its answer.
pub struct Writer {
    cache: Arc<PackCache>,
    key: CacheKey,
    file: Arc<File>,
    progress: watch::Sender<Progress>,
    ended: bool,
}

/// What [`PackCache::get`] gives: the answer as it comes, and for the first who asks also the pen.
pub enum Lookup {
    /// It is there, or on its way.
    Follow(Reader),
    /// It is for the caller to compute, for whom and for all who follow.
    Compute(Reader, Writer),
}

/// An answer, from its start.
pub struct Reader {
    file: Arc<File>,
    progress: watch::Receiver<Progress>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl PackCache {
    /// A cache in `dir`, emptied: what an earlier process left is of states that nobody vouches for.
    ///
    /// # Errors
    /// When the directory can't be made.
    pub fn open(dir: &Path, bytes_max: u64) -> io::Result<Arc<Self>> {
        if dir.exists() {
            std::fs::remove_dir_all(dir)?;
        }
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        Ok(Arc::new(Self {
            dir: dir.to_owned(),
            bytes_max,
            entries: Mutex::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }))
    }

    /// Answers that were there or on their way.
    pub fn hits(&self) -> u64 {
        self.hits.load(Ordering::Relaxed)
    }

    /// Answers that had to be computed.
    pub fn misses(&self) -> u64 {
        self.misses.load(Ordering::Relaxed)
    }

    /// The answer of this name, or the pen to write it with.
    ///
    /// # Errors
    /// When its file can't be made.
    pub fn get(self: &Arc<Self>, key: CacheKey) -> io::Result<Lookup> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(&key) {
            *lock(&entry.used) = Instant::now();
            self.hits.fetch_add(1, Ordering::Relaxed);
            return Ok(Lookup::Follow(Reader { file: entry.file.clone(), progress: entry.progress.clone() }));
        }
        self.misses.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.join(key.file_name());
        let file = Arc::new(File::options().read(true).write(true).create(true).truncate(true).open(path)?);
        let (sender, receiver) = watch::channel(Progress::default());
        let entry = Entry { file: file.clone(), progress: receiver.clone(), used: Mutex::new(Instant::now()) };
        entries.insert(key, Arc::new(entry));
        let reader = Reader { file: file.clone(), progress: receiver };
        Ok(Lookup::Compute(reader, Writer { cache: self.clone(), key, file, progress: sender, ended: false }))
    }

    fn forget(&self, key: CacheKey) {
        // Under the lock: who asks next makes a file of the same name.
        let mut entries = lock(&self.entries);
        entries.remove(&key);
        // Whoever reads it still has it open.
        if let Err(error) = std::fs::remove_file(self.dir.join(key.file_name())) {
            tracing::debug!(%error, "cannot remove an answer");
        }
    }

    /// Forgets every whole answer: one may be of a repository that must leave no trace.
    pub fn clear(&self) {
        let entries = lock(&self.entries);
        let whole = entries.iter().filter(|(_, entry)| entry.progress.borrow().end.is_some());
        let keys: Vec<_> = whole.map(|(key, _)| *key).collect();
        drop(entries);
        keys.into_iter().for_each(|key| self.forget(key));
    }

    /// Invariant 3.
    fn evict(&self) {
        while let Some(key) = self.worst() {
            self.forget(key);
        }
    }

    /// The answer to go, when there are too many or they take too much: of too many the one longest unused, so that many
    /// small ones do not drive out a large one that is wanted; of too much, the one whose size times age is the largest.
    fn worst(&self) -> Option<CacheKey> {
        let entries = lock(&self.entries);
        let whole = entries.iter().filter_map(|(key, entry)| {
            let progress = entry.progress.borrow();
            progress.end.as_ref().map(|_| (*key, progress.bytes, lock(&entry.used).elapsed()))
        });
        let whole = whole.collect::<Vec<_>>();
        let worst = if whole.iter().map(|(_, bytes, _)| bytes).sum::<u64>() > self.bytes_max {
            whole.into_iter().max_by_key(|(_, bytes, age)| u128::from(*bytes) * (age.as_millis() + 1))
        } else if whole.len() > ENTRIES_MAX {
            whole.into_iter().max_by_key(|(.., age)| *age)
        } else {
            None
        };
        worst.map(|(key, ..)| key)
    }
}

impl Writer {
    /// Adds to the answer. Blocks on the disk's cache, as writing a file does.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)?;
        self.progress.send_modify(|progress| progress.bytes += bytes.len() as u64);
        Ok(())
    }

    /// Whether somebody still wants the answer.
    pub fn wanted(&self) -> bool {
        // One receiver is the entry's own.
        self.progress.receiver_count() > 1
    }

    /// The answer ends here for who reads it, and is not kept: it tells of an error.
    pub fn end_unkept(mut self) {
        self.ended = true;
        self.cache.forget(self.key);
        self.progress.send_modify(|progress| progress.end = Some(Ok(())));
    }

    /// How many bytes it has.
    pub fn bytes(&self) -> u64 {
        self.progress.borrow().bytes
    }

    /// The answer is whole, or will never be.
    pub fn end(mut self, result: Result<(), String>) {
        self.ended = true;
        // Before it is told: who asks after that computes anew.
        if result.is_err() {
            self.cache.forget(self.key);
        }
        self.progress.send_modify(|progress| progress.end = Some(result));
        self.cache.evict();
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        if !self.ended {
            self.cache.forget(self.key);
            self.progress.send_modify(|progress| progress.end = Some(Err("the computation was given up".to_owned())));
        }
    }
}

impl Reader {
    /// Waits until there is a first byte, or none will come: an error that comes before any byte can still be told as one.
    ///
    /// # Errors
    /// The words of the computation that failed.
    pub async fn started(&mut self) -> Result<(), String> {
        let seen = self.progress.wait_for(|progress| progress.bytes > 0 || progress.end.is_some()).await;
        match seen {
            Ok(progress) if progress.bytes == 0 => progress.end.clone().unwrap_or(Ok(())),
            Ok(_) => Ok(()),
            Err(_) => Err("the computation was given up".to_owned()),
        }
    }

    /// The bytes.
    pub fn into_stream(self) -> impl Stream<Item = io::Result<Bytes>> + Send {
        futures_util::stream::unfold(Some((self, 0u64)), |state| async move {
            let (mut reader, offset) = state?;
            match reader.next(offset).await {
                Ok(bytes) if bytes.is_empty() => None,
                Ok(bytes) => {
                    let offset = offset + bytes.len() as u64;
                    Some((Ok(bytes), Some((reader, offset))))
                }
                Err(error) => Some((Err(error), None)),
            }
        })
    }

    async fn next(&mut self, offset: u64) -> io::Result<Bytes> {
        let waited = self.progress.wait_for(|progress| progress.bytes > offset || progress.end.is_some()).await;
        let progress = waited.map_err(|_| io::Error::other("the computation was given up"))?.clone();
        if progress.bytes == offset {
            return match progress.end {
                Some(Err(error)) => Err(io::Error::other(error)),
                _ => Ok(Bytes::new()),
            };
        }
        let count = usize::try_from(progress.bytes - offset).unwrap_or(CHUNK_BYTES).min(CHUNK_BYTES);
        let file = self.file.clone();
        if count <= 64 << 10 {
            return read(&file, offset, count);
        }
        tokio::task::spawn_blocking(move || read(&file, offset, count)).await.map_err(io::Error::other)?
    }
}

fn read(file: &File, offset: u64, count: usize) -> io::Result<Bytes> {
    // Not zeroed first: of a stream from the page cache that would be a quarter of the work.
    let mut chunk = Vec::with_capacity(count);
    while chunk.len() < count {
        let at = offset + chunk.len() as u64;
        if rustix::io::retry_on_intr(|| rustix::io::pread(file, spare_capacity(&mut chunk), at))? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    // What came beyond it would be sent twice.
    chunk.truncate(count);
    Ok(chunk.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::StreamExt as _;

    fn key(n: u64) -> CacheKey {
        CacheKey::new(Path::new("/r.git"), n, 2, b"request")
    }

    async fn whole(reader: Reader) -> io::Result<Vec<u8>> {
        let mut stream = std::pin::pin!(reader.into_stream());
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(bytes)
    }

    fn compute(cache: &Arc<PackCache>, n: u64) -> (Reader, Writer) {
        match cache.get(key(n)).unwrap() {
            Lookup::Compute(reader, writer) => (reader, writer),
            Lookup::Follow(_) => panic!("it is not there yet"),
        }
    }

    fn follow(cache: &Arc<PackCache>, n: u64) -> Reader {
        match cache.get(key(n)).unwrap() {
            Lookup::Follow(reader) => reader,
            Lookup::Compute(..) => panic!("it is there"),
        }
    }

    #[tokio::test]
    async fn those_who_come_meanwhile_follow_and_those_who_come_later_read() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(dir.path(), 1 << 30).unwrap();
        let (first, mut writer) = compute(&cache, 1);
        writer.write(b"one ").unwrap();
        let second = follow(&cache, 1);
        let following = tokio::spawn(whole(second));
        writer.write(&vec![b'x'; 3 << 20]).unwrap();
        writer.end(Ok(()));
        let expected = [b"one ".to_vec(), vec![b'x'; 3 << 20]].concat();
        assert!(following.await.unwrap().unwrap() == expected);
        assert!(whole(first).await.unwrap() == expected);
        assert!(whole(follow(&cache, 1)).await.unwrap() == expected);
        assert_eq!((cache.hits(), cache.misses()), (2, 1));
    }

    #[tokio::test]
    async fn what_failed_is_an_error_for_all_and_does_not_stay() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(dir.path(), 1 << 30).unwrap();
        let (mut reader, writer) = compute(&cache, 1);
        writer.end(Err("no such object".to_owned()));
        assert_eq!(reader.started().await, Err("no such object".to_owned()));
        let (reader, mut writer) = compute(&cache, 1);
        writer.write(b"half").unwrap();
        drop(writer);
        assert!(whole(reader).await.is_err());
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn the_writer_sees_when_nobody_waits() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(dir.path(), 1 << 30).unwrap();
        let (reader, writer) = compute(&cache, 1);
        let other = follow(&cache, 1);
        drop(reader);
        assert!(writer.wanted());
        drop(other);
        assert!(!writer.wanted());
    }

    #[tokio::test]
    async fn it_stays_within_its_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(dir.path(), 2500).unwrap();
        for n in 0..5 {
            let (_, mut writer) = compute(&cache, n);
            writer.write(&[0; 1000]).unwrap();
            writer.end(Ok(()));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    }

    #[tokio::test]
    async fn nothing_whole_stays_when_it_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(&dir.path().join("cache"), 1 << 20).unwrap();
        let (reader, mut writer) = compute(&cache, 1);
        writer.write(b"whole").unwrap();
        writer.end(Ok(()));
        let (under_way, mut other) = compute(&cache, 2);
        cache.clear();
        assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 1, "what is being made goes on");
        assert_eq!(whole(reader).await.unwrap(), b"whole", "for who reads it already");
        other.write(b"other").unwrap();
        other.end(Ok(()));
        assert_eq!(whole(under_way).await.unwrap(), b"other");
        cache.clear();
        assert_eq!(std::fs::read_dir(dir.path().join("cache")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn many_small_answers_do_not_drive_out_a_large_one_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let cache = PackCache::open(dir.path(), 1 << 30).unwrap();
        let (_, mut writer) = compute(&cache, 0);
        writer.write(&[0; 1 << 20]).unwrap();
        writer.end(Ok(()));
        for n in 1..ENTRIES_MAX as u64 + 20 {
            let (_, mut writer) = compute(&cache, n);
            writer.write(b"small").unwrap();
            writer.end(Ok(()));
            drop(follow(&cache, 0));
        }
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), ENTRIES_MAX);
    }

    #[test]
    fn a_key_is_of_one_repository_one_state_one_request() {
        let base = CacheKey::new(Path::new("/a"), 1, 2, b"r");
        for other in [
            CacheKey::new(Path::new("/b"), 1, 2, b"r"),
            CacheKey::new(Path::new("/a"), 2, 2, b"r"),
            CacheKey::new(Path::new("/a"), 1, 0, b"r"),
            CacheKey::new(Path::new("/a"), 1, 2, b"s"),
        ] {
            assert_ne!(base, other);
        }
    }
}
