//! Removing from a directory: files of blobs go; a segment that holds small blobs is written anew without them and put in its place.
//!
//! The file system forgets the bytes, as it does with any file that is removed. What a disk, a snapshot or a copy of the directory still has
//! is its owner's to see to.

use super::{EraseError, Hand, refused};
use crate::core::stripped;
use crate::dir::DirStore;
use crate::disk::{Disk, RealDisk};
use crate::segment::{Scan, header, scan};
use journal::BlobName;
use journal::batch::Batch;
use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A segment that is written anew. It lies beside the segments, because what is among them must be one.
const PART: &str = "erasing";

/// What an erasure needs of a file system besides [`Disk`]: the verbs that take away, which no store has.
pub trait Eraser: Disk {
    /// Removes a file; `false` when there is none. Durable once [`Eraser::sync_dir`] of its directory has returned.
    ///
    /// # Errors
    /// When it is there and stays.
    fn remove(&self, path: &Path) -> io::Result<bool>;

    /// Puts a file in the place of another: `part` is written whole, made durable, read back, and only then renamed to `path`. A crash leaves
    /// one or the other whole, perhaps with `part` beside them. Durable once [`Eraser::sync_dir`] of its directory has returned.
    ///
    /// # Errors
    /// When it can't be written, or what is read back is something else: then `path` is what it was.
    fn replace(&self, path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()>;

    /// Makes durable which names a directory has. One that is not there has none.
    ///
    /// # Errors
    /// When the system refuses.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
}

impl Eraser for RealDisk {
    fn remove(&self, path: &Path) -> io::Result<bool> {
        match fs::remove_file(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn replace(&self, path: &Path, part: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::options().write(true).create(true).truncate(true).mode(0o600).open(part)?;
        file.write_all(bytes)?;
        file.set_permissions(fs::metadata(path)?.permissions())?;
        file.sync_all()?;
        // The old one is all that there is of these entries here until the new one is known to be good.
        if fs::read(part)? != bytes {
            return Err(io::Error::other("what was read back of a segment is not what was written"));
        }
        fs::rename(part, path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        match File::open(path) {
            Ok(directory) => directory.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Takes out of a store in a directory.
pub struct DirectoryHand<D: Eraser> {
    dir: PathBuf,
    disk: D,
}

impl<D: Eraser> DirectoryHand<D> {
    /// Of the store in this directory.
    pub fn new(dir: &Path, disk: D) -> Self {
        Self { dir: dir.to_owned(), disk }
    }

    /// Removes these blobs; what is not there any more is no error.
    ///
    /// # Errors
    /// When the file system fails: then any part of them may be gone.
    pub fn remove(&self, names: &BTreeSet<BlobName>) -> Result<(), EraseError> {
        let mut changed = BTreeSet::new();
        for name in names {
            let hex = name.to_string();
            let directory = self.dir.join("blob").join(&hex[..2]);
            self.disk.remove(&directory.join(&hex))?;
            // Also when it was gone already: a crash may have come before that was durable.
            changed.insert(directory);
        }
        changed.iter().try_for_each(|directory| self.disk.sync_dir(directory))?;
        self.segments(names)
    }

    fn segments(&self, names: &BTreeSet<BlobName>) -> Result<(), EraseError> {
        let directory = self.dir.join("segment");
        for name in self.disk.list(&directory)? {
            let path = directory.join(name);
            let mut bytes = Vec::new();
            if let Some((mut file, _)) = self.disk.open(&path)? {
                file.read_to_end(&mut bytes)?;
            }
            if let Some(anew) = without(&bytes, names, &path)? {
                self.disk.replace(&path, &self.dir.join(PART), &anew)?;
            }
        }
        Ok(self.disk.sync_dir(&directory)?)
    }
}

impl<D: Eraser + Clone> Hand for DirectoryHand<D> {
    type Store = DirStore<D>;

    fn open(&self) -> Result<Arc<DirStore<D>>, EraseError> {
        Ok(Arc::new(DirStore::open(&self.dir, self.disk.clone())?))
    }

    fn take(&self, _: &DirStore<D>, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError> {
        self.remove(names)?;
        Ok(HashMap::new())
    }
}

/// A segment without these blobs; None: it can stay as it is. What stands behind its last record was never acknowledged, and may be the
/// beginning of a batch that holds one: it goes too.
fn without(bytes: &[u8], names: &BTreeSet<BlobName>, path: &Path) -> Result<Option<Vec<u8>>, EraseError> {
    let (mut anew, mut changed, mut at) = (Vec::with_capacity(bytes.len()), false, 0);
    loop {
        match scan(bytes, at) {
            Scan::Record { payload, next } => {
                let Ok(batch) = Batch::decode(payload) else {
                    return refused(format!("{}, byte {at}: a record that is no batch", path.display()));
                };
                let less = stripped(&batch, &|name| names.contains(name));
                changed |= less.is_some();
                let payload = less.as_deref().unwrap_or(payload);
                anew.extend_from_slice(&header(payload));
                anew.extend_from_slice(payload);
                at = next;
            }
            Scan::End => break,
            Scan::Torn | Scan::Damaged(_) => {
                changed = true;
                break;
            }
        }
    }
    Ok(changed.then_some(anew))
}
