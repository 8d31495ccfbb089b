//! Packs read back: from the spool, or from a vault whose credential allows it.

use crate::error::Error;
use crate::spool::{Fetch, Spool};
use journal::BlobName;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vault::seal::{Identity, open_blob};

/// Files that are kept for the next blob.
const FILES_MAX: usize = 16;

/// Where the plain bytes of blobs can be had.
#[derive(Clone)]
pub struct BlobSource {
    spool: Arc<Spool>,
    identities: Arc<[Identity]>,
    /// The one that opened the last blob: the next is most often of the same epoch, and trying another costs as much as opening.
    opened_last: Arc<AtomicUsize>,
    vaults: Arc<dyn Fetch>,
    temporary: PathBuf,
    /// Files for what is fetched, used again and again: some file systems take long to make a file after one was removed.
    files: Arc<Mutex<Vec<File>>>,
}

/// A sealed blob while it is read. A file that was lent goes back.
struct Sealed {
    file: Option<File>,
    back_to: Option<Arc<Mutex<Vec<File>>>>,
}

impl Drop for Sealed {
    fn drop(&mut self) {
        let Some((mut file, files)) = self.file.take().zip(self.back_to.take()) else { return };
        let mut files = files.lock().unwrap_or_else(PoisonError::into_inner);
        if files.len() < FILES_MAX && file.set_len(0).is_ok() && file.rewind().is_ok() {
            files.push(file);
        }
    }
}

/// A blob's plaintext, and what it is read from.
struct Plain<R> {
    plain: R,
    _sealed: Sealed,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.plain.read(buffer)
    }
}

impl BlobSource {
    /// The spool first, then the vaults. What comes from a vault lies in a file of `temporary` while it is read, without a name.
    #[must_use]
    pub fn new(spool: Arc<Spool>, identities: Vec<Identity>, vaults: Arc<dyn Fetch>, temporary: PathBuf) -> Self {
        let opened_last = Arc::default();
        Self { spool, identities: identities.into(), opened_last, vaults, temporary, files: Arc::default() }
    }

    /// The plaintext of a blob. Blocks.
    pub fn open(&self, name: &BlobName) -> Result<Box<dyn Read + Send>, Error> {
        let sealed = match self.spool.file(name)? {
            Some((file, _)) => Sealed { file: Some(file), back_to: None },
            None => self.fetched(name)?,
        };
        let Some(mut file) = sealed.file.as_ref() else { return Err(Error::internal(format!("blob {name}: no file"))) };
        let last = self.opened_last.load(Ordering::Relaxed);
        let others = (0..self.identities.len()).filter(|index| *index != last);
        for (index, identity) in std::iter::once(last).chain(others).filter_map(|i| Some((i, self.identities.get(i)?)))
        {
            file.rewind().map_err(|e| failed(name, &e))?;
            let copy = file.try_clone().map_err(|e| failed(name, &e))?;
            if let Ok(plain) = open_blob(identity, io::BufReader::with_capacity(1 << 17, copy)) {
                self.opened_last.store(index, Ordering::Relaxed);
                return Ok(Box::new(Plain { plain, _sealed: sealed }));
            }
        }
        Err(Error::damaged(format!("blob {name} is not sealed for this site")))
    }

    fn fetched(&self, name: &BlobName) -> Result<Sealed, Error> {
        let lent = self.files.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut file = match lent {
            Some(file) => file,
            None => self.file(name).map_err(|e| failed(name, &e))?,
        };
        if self.vaults.fetch(name, &mut file)? {
            return Ok(Sealed { file: Some(file), back_to: Some(self.files.clone()) });
        }
        Err(Error::Internal(format!(
            "blob {name} is neither in the spool nor in a vault this site may read; a site reads vaults only with their recover.url"
        )))
    }

    /// A file that has no name any more: it goes when it is closed, however that comes about.
    fn file(&self, name: &BlobName) -> io::Result<File> {
        let path = self.temporary.join(format!("blob-{name}-{:?}", std::thread::current().id()));
        let file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
        let _ = std::fs::remove_file(&path);
        file
    }

    /// All the plaintext of several blobs, one after the other.
    #[must_use]
    pub fn concatenated(&self, parts: Vec<BlobName>) -> Concatenated {
        Concatenated { source: self.clone(), rest: parts.into_iter(), current: None }
    }
}

fn failed(name: &BlobName, e: &io::Error) -> Error {
    Error::internal(format!("blob {name}: {e}"))
}

impl std::fmt::Debug for BlobSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlobSource").field("spool", &self.spool).finish_non_exhaustive()
    }
}

/// Several blobs read as one stream; each is fetched when it is its turn.
#[derive(Debug)]
pub struct Concatenated {
    source: BlobSource,
    rest: std::vec::IntoIter<BlobName>,
    current: Option<Current>,
}

struct Current(Box<dyn Read + Send>);

impl std::fmt::Debug for Current {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Current")
    }
}

impl Read for Concatenated {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            if let Some(Current(part)) = &mut self.current {
                let n = part.read(buffer)?;
                if n > 0 || buffer.is_empty() {
                    return Ok(n);
                }
            }
            let Some(next) = self.rest.next() else { return Ok(0) };
            self.current = Some(Current(self.source.open(&next).map_err(io::Error::other)?));
        }
    }
}
