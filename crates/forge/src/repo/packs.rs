//! Packs and revisions read back: from the spool, or from a vault whose credential allows it.

use crate::error::Error;
use crate::spool::{Fetch, Spool};
use bytes::{Buf as _, Bytes};
use journal::BlobName;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use vault::seal::{Identity, open_blob, open_buffered};

/// Files that are kept for the next blob.
const FILES_MAX: usize = 16;

/// Where small blobs can be had many at a time.
pub trait FetchMany: Fetch {
    /// Those of these blobs that are given together with others, in their order; the rest is for [`Fetch::fetch`]. Blocks.
    fn fetch_many(&self, names: &[BlobName]) -> Vec<Option<Bytes>>;
}

/// Small blobs that were fetched together, sealed: what is read next.
#[derive(Debug, Default)]
pub(crate) struct Together(HashMap<BlobName, Bytes>);

/// Where the plain bytes of blobs can be had.
#[derive(Clone)]
pub struct BlobSource {
    spool: Arc<Spool>,
    identities: Arc<[Identity]>,
    /// The one that opened the last blob: the next is most often of the same epoch, and trying another costs as much as opening.
    opened_last: Arc<AtomicUsize>,
    vaults: Arc<dyn FetchMany>,
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
    pub fn new(spool: Arc<Spool>, identities: Vec<Identity>, vaults: Arc<dyn FetchMany>, temporary: PathBuf) -> Self {
        let opened_last = Arc::default();
        Self { spool, identities: identities.into(), opened_last, vaults, temporary, files: Arc::default() }
    }

    /// The plaintext of a blob. Blocks.
    pub fn open(&self, name: &BlobName) -> Result<Box<dyn Read + Send>, Error> {
        let sealed = match self.spool.file(name)? {
            Some((file, _)) => Sealed { file: Some(file), back_to: None },
            None => self.fetched(name)?,
        };
        let Some(file) = sealed.file.as_ref() else { return Err(Error::internal(format!("blob {name}: no file"))) };
        let plain = self.opened(name, |identity| {
            // The copy shares its place with the file.
            let mut copy = file.try_clone().map_err(|e| failed(name, &e))?;
            copy.rewind().map_err(|e| failed(name, &e))?;
            Ok(open_blob(identity, copy).ok())
        })?;
        Ok(Box::new(Plain { plain, _sealed: sealed }))
    }

    /// What the first identity gives that opens a blob.
    fn opened<T>(&self, name: &BlobName, open: impl Fn(&Identity) -> Result<Option<T>, Error>) -> Result<T, Error> {
        let last = self.opened_last.load(Ordering::Relaxed);
        let others = (0..self.identities.len()).filter(|index| *index != last);
        for (index, identity) in std::iter::once(last).chain(others).filter_map(|i| Some((i, self.identities.get(i)?)))
        {
            if let Some(opened) = open(identity)? {
                self.opened_last.store(index, Ordering::Relaxed);
                return Ok(opened);
            }
        }
        Err(Error::damaged(format!("blob {name} is not sealed for this site")))
    }

    /// Fetches together what of these blobs is small and not in the spool. What does not come this way is fetched when it is read. Blocks.
    pub(crate) fn fetch_together(&self, names: &[BlobName]) -> Result<Together, Error> {
        let mut missing = Vec::with_capacity(names.len());
        for name in names {
            if self.spool.file(name)?.is_none() {
                missing.push(*name);
            }
        }
        if missing.is_empty() {
            return Ok(Together::default());
        }
        let given = self.vaults.fetch_many(&missing);
        Ok(Together(missing.into_iter().zip(given).filter_map(|(name, bytes)| Some((name, bytes?))).collect()))
    }

    /// As [`BlobSource::open`], for what may have been fetched together with others.
    fn open_of(&self, together: &Together, name: &BlobName) -> Result<Box<dyn Read + Send>, Error> {
        let Some(sealed) = together.0.get(name) else { return self.open(name) };
        let plain = self.opened(name, |identity| Ok(open_buffered(identity, sealed.clone().reader()).ok()))?;
        Ok(Box::new(plain))
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
        self.concatenated_of(Arc::default(), parts)
    }

    /// As [`BlobSource::concatenated`], for what may have been fetched together with others.
    pub(crate) fn concatenated_of(&self, together: Arc<Together>, parts: Vec<BlobName>) -> Concatenated {
        Concatenated { source: self.clone(), together, rest: parts.into_iter(), current: None }
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
    together: Arc<Together>,
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
            self.current = Some(Current(self.source.open_of(&self.together, &next).map_err(io::Error::other)?));
        }
    }
}
