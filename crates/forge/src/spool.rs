//! The spool: sealed blobs on their way to the vaults, each a file named by its hash.
//!
//! ```text
//! put / insert --> kept for who wrote it --named--> needed through entry n --swept--> gone
//!                        `--------dropped unnamed--------------------------------------^
//! ```
//!
//! Invariants:
//! 1. A blob that an entry names is whole and durable: its file and then its directory were synced before anybody was told its name. (After
//!    its file has it: the kernel writes both in one go then, and in two when it is renamed between. What a power cut leaves torn was named
//!    by no entry.)
//! 2. A blob is removed only when every vault has, and this site's own repositories have taken in, all entries that name it; or
//!    when who wrote it gave it up before any entry named it.
//! 3. After a crash nothing is assumed: what lies there is kept until everything the journal then had is held everywhere.
//! 4. The spool holds at most `bytes_max`. When it is full, what would need more room is refused and says which vaults are behind.

mod part;
mod sealer;

pub use part::Lease;
pub use sealer::{LeasedPart, PartWriter};

use crate::error::Error;
use crate::log::BlobSink;
use journal::BlobName;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use vault::seal::{Recipients, seal_blob};

/// Bytes the spool may hold, by default.
pub const SPOOL_BYTES_MAX: u64 = 20 << 30;

/// In the place of an entry's number: kept until no vault is behind.
const FOR_LAGGARDS: u64 = u64::MAX;

/// Where a blob can be had that the spool has no more: another vault.
pub trait Fetch: Send + Sync + 'static {
    /// Writes the blob's bytes into the spool's file; false when nobody has it. Blocks.
    fn fetch(&self, name: &BlobName, into: &mut File) -> Result<bool, Error>;
}

/// The spool of one site.
pub struct Spool {
    dir: PathBuf,
    bytes_max: u64,
    recipients: Recipients,
    state: Mutex<State>,
    temporary: AtomicU64,
    fetch: OnceLock<Arc<dyn Fetch>>,
}

#[derive(Default)]
struct State {
    blobs: HashMap<BlobName, Kept>,
    bytes: u64,
}

#[derive(Clone, Copy)]
struct Kept {
    bytes: u64,
    /// Needed until all entries below this number are everywhere; None: somebody is still busy with it.
    through: Option<u64>,
}

impl Spool {
    /// Opens the spool in `dir`, which is made if absent. `size` is how many entries the journal has.
    pub fn open(dir: &Path, recipients: Recipients, bytes_max: u64, size: u64) -> Result<Self, Error> {
        let failed = |e: io::Error| Error::internal(format!("the spool {}: {e}", dir.display()));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
        let mut state = State::default();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            match entry.file_name().to_str().and_then(|name| name.parse().ok()) {
                Some(name) => {
                    let bytes = entry.metadata().map_err(failed)?.len();
                    state.bytes += bytes;
                    state.blobs.insert(name, Kept { bytes, through: Some(size) });
                }
                // A write that a crash cut short: nobody waits for it any more.
                None => fs::remove_file(entry.path()).map_err(failed)?,
            }
        }
        let (dir, temporary, fetch) = (dir.to_owned(), AtomicU64::new(0), OnceLock::new());
        Ok(Self { dir, bytes_max, recipients, state: Mutex::new(state), temporary, fetch })
    }

    /// Says where blobs can be had that are not here.
    pub fn fetch_from(&self, fetch: Arc<dyn Fetch>) {
        // The first stays: there is one set of vaults.
        let _ = self.fetch.set(fetch);
    }

    /// Whom blobs are sealed to.
    #[must_use]
    pub fn recipients(&self) -> &Recipients {
        &self.recipients
    }

    /// Bytes in it.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.lock().bytes
    }

    /// Puts sealed bytes into the spool, durably. They are given up again when the lease is dropped before it is
    /// [named](Lease::named).
    pub fn insert(self: &Arc<Self>, sealed: &[u8]) -> Result<Lease, Error> {
        let name = BlobName::of(sealed);
        let (path, mut file) = self.temporary_file()?;
        if let Err(e) = file.write_all(sealed) {
            let _ = fs::remove_file(&path);
            return Err(self.failed(&e));
        }
        self.keep(&name, &path, &file, sealed.len() as u64)?;
        Ok(Lease::new(self.clone(), name, sealed.len() as u64))
    }

    /// Seals bytes into one blob of the spool.
    pub fn seal(self: &Arc<Self>, plaintext: &[u8]) -> Result<Lease, Error> {
        let (_, sealed) = seal_blob(&self.recipients, plaintext).map_err(|e| self.failed(&e))?;
        self.insert(&sealed)
    }

    /// The file of a blob and its length.
    pub fn file(&self, name: &BlobName) -> Result<Option<(File, u64)>, Error> {
        match File::open(self.path(name)) {
            Ok(file) => {
                let len = file.metadata().map_err(|e| self.failed(&e))?.len();
                Ok(Some((file, len)))
            }
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(&e)),
        }
    }

    /// Entries below `through` name these blobs, and no later one will.
    pub fn named<'a>(&self, names: impl IntoIterator<Item = &'a BlobName>, through: u64) {
        let mut state = self.lock();
        for name in names {
            if let Some(kept) = state.blobs.get_mut(name) {
                kept.through = Some(through);
            }
        }
    }

    /// Removes what is needed by entries below `everywhere` alone: every vault has them, and so have the repositories here.
    pub fn sweep(&self, everywhere: u64) {
        self.remove_where(|through| through <= everywhere);
    }

    /// Removes what was fetched again for vaults that were behind, now that none is.
    pub fn nobody_is_behind(&self) {
        self.remove_where(|through| through == FOR_LAGGARDS);
    }

    /// Removes blobs that were erased by order, whoever still waits for them.
    pub(crate) fn forget(&self, names: &BTreeSet<BlobName>) {
        let there: Vec<_> = self.lock().blobs.keys().filter(|name| names.contains(name)).copied().collect();
        there.iter().for_each(|name| self.remove(name));
    }

    fn remove_where(&self, over: impl Fn(u64) -> bool) {
        let blobs = self.lock().blobs.clone();
        let over = |kept: &Kept| kept.through.is_some_and(&over);
        blobs.iter().filter(|(_, kept)| over(kept)).for_each(|(name, _)| self.remove(name));
    }

    fn remove(&self, name: &BlobName) {
        match fs::remove_file(self.path(name)) {
            Ok(()) => {}
            Err(e) if e.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(blob = %name, %error, "a blob cannot be removed from the spool");
                return;
            }
        }
        let mut state = self.lock();
        if let Some(kept) = state.blobs.remove(name) {
            state.bytes -= kept.bytes;
        }
    }

    fn temporary_file(&self) -> Result<(PathBuf, File), Error> {
        let path = self.dir.join(format!("writing-{}", self.temporary.fetch_add(1, Ordering::Relaxed)));
        let file = File::options().create_new(true).write(true).open(&path).map_err(|e| self.failed(&e))?;
        Ok((path, file))
    }

    /// Invariant 1. After an error neither the temporary file is there nor the blob.
    fn keep(&self, name: &BlobName, temporary: &Path, file: &File, bytes: u64) -> Result<(), Error> {
        let path = self.path(name);
        let renamed = self.has_room(bytes).and_then(|()| fs::rename(temporary, &path).map_err(|e| self.failed(&e)));
        let at = if renamed.is_ok() { path.as_path() } else { temporary };
        let kept = renamed
            .and_then(|()| file.sync_all().map_err(|e| self.failed(&e)))
            .and_then(|()| self.register(name, bytes));
        if kept.is_err() {
            // What cannot be removed now is removed at the next start, or after it.
            let _ = fs::remove_file(at);
        }
        kept
    }

    /// A file that lies under its name already, written but not yet durable.
    fn adopt(self: &Arc<Self>, name: &BlobName, bytes: u64) -> Result<Lease, Error> {
        let lease = Lease::new(self.clone(), *name, bytes);
        let synced = File::open(self.path(name)).and_then(|file| file.sync_all());
        synced.map_err(|e| self.failed(&e))?;
        self.register(name, bytes)?;
        Ok(lease)
    }

    fn register(&self, name: &BlobName, bytes: u64) -> Result<(), Error> {
        File::open(&self.dir).and_then(|dir| dir.sync_all()).map_err(|e| self.failed(&e))?;
        let mut state = self.lock();
        let before = state.blobs.insert(*name, Kept { bytes, through: None }).map_or(0, |kept| kept.bytes);
        state.bytes = state.bytes - before + bytes;
        Ok(())
    }

    fn has_room(&self, bytes: u64) -> Result<(), Error> {
        let used = self.bytes();
        if used + bytes <= self.bytes_max {
            return Ok(());
        }
        Err(Error::NoRoom(format!(
            "the spool is full ({} of {} MiB wait for vaults that are behind): see which with `outlast doctor`, bring them back, \
             or raise spool_bytes_max",
            used >> 20,
            self.bytes_max >> 20
        )))
    }

    /// A blob that is in other vaults and not here, fetched again: for a vault that is behind after a recovery.
    fn refetch(&self, name: &BlobName) -> Result<Option<(File, u64)>, Error> {
        let Some(fetch) = self.fetch.get() else { return Ok(None) };
        let (path, mut file) = self.temporary_file()?;
        let found = fetch.fetch(name, &mut file);
        if !matches!(found, Ok(true)) {
            let _ = fs::remove_file(&path);
            return found.map(|_| None);
        }
        // Entries name it already: it is whole before it has its name.
        let whole = file.sync_all().and_then(|()| file.metadata());
        let bytes = match whole {
            Ok(whole) => whole.len(),
            Err(e) => {
                let _ = fs::remove_file(&path);
                return Err(self.failed(&e));
            }
        };
        self.keep(name, &path, &file, bytes)?;
        self.named([name], FOR_LAGGARDS);
        self.file(name)
    }

    fn path(&self, name: &BlobName) -> PathBuf {
        self.dir.join(name.to_string())
    }

    fn failed(&self, error: &io::Error) -> Error {
        Error::internal(format!("the spool {}: {error}", self.dir.display()))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BlobSink for Arc<Spool> {
    fn put(&self, plaintext: &[u8]) -> Result<BlobName, Error> {
        Ok(self.seal(plaintext)?.keep_unnamed())
    }

    fn sealed(&self, name: &BlobName) -> Result<Option<(File, u64)>, Error> {
        match self.file(name)? {
            Some(found) => Ok(Some(found)),
            None => self.refetch(name),
        }
    }
}

impl std::fmt::Debug for Spool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Spool").field("dir", &self.dir).field("bytes", &self.bytes()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
