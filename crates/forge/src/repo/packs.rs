//! Packs read back: from the spool, or from a vault whose credential allows it.

use crate::error::Error;
use crate::spool::{Fetch, Spool};
use journal::BlobName;
use std::fs::File;
use std::io::{self, Read, Seek as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use vault::seal::{Identity, open_blob};

/// Where the plain bytes of blobs can be had.
#[derive(Clone)]
pub struct BlobSource {
    spool: Arc<Spool>,
    identities: Arc<[Identity]>,
    /// The one that opened the last blob: the next is most often of the same epoch, and trying another costs as much as opening.
    opened_last: Arc<AtomicUsize>,
    vaults: Arc<dyn Fetch>,
    temporary: PathBuf,
}

impl BlobSource {
    /// The spool first, then the vaults. What comes from a vault lies in a file of `temporary` while it is read, without a name.
    #[must_use]
    pub fn new(spool: Arc<Spool>, identities: Vec<Identity>, vaults: Arc<dyn Fetch>, temporary: PathBuf) -> Self {
        let opened_last = Arc::default();
        Self { spool, identities: identities.into(), opened_last, vaults, temporary }
    }

    /// The plaintext of a blob. Blocks.
    pub fn open(&self, name: &BlobName) -> Result<Box<dyn Read + Send>, Error> {
        let mut sealed = match self.spool.file(name)? {
            Some((file, _)) => file,
            None => self.fetched(name)?,
        };
        let last = self.opened_last.load(Ordering::Relaxed);
        let others = (0..self.identities.len()).filter(|index| *index != last);
        for (index, identity) in std::iter::once(last).chain(others).filter_map(|i| Some((i, self.identities.get(i)?)))
        {
            sealed.rewind().map_err(|e| failed(name, &e))?;
            let copy = sealed.try_clone().map_err(|e| failed(name, &e))?;
            if let Ok(plain) = open_blob(identity, io::BufReader::with_capacity(1 << 17, copy)) {
                self.opened_last.store(index, Ordering::Relaxed);
                return Ok(boxed(plain));
            }
        }
        Err(Error::damaged(format!("blob {name} is not sealed for this site")))
    }

    fn fetched(&self, name: &BlobName) -> Result<File, Error> {
        let path = self.temporary.join(format!("blob-{name}-{:?}", std::thread::current().id()));
        let mut file = File::options().create(true).truncate(true).read(true).write(true).open(&path);
        // It goes when it is closed, however that comes about.
        let _ = std::fs::remove_file(&path);
        let file = file.as_mut().map_err(|e| failed(name, e))?;
        if self.vaults.fetch(name, file)? {
            return file.try_clone().map_err(|e| failed(name, &e));
        }
        Err(Error::Internal(format!(
            "blob {name} is neither in the spool nor in a vault this site may read; a site reads vaults only with their recover.url, and what officers had erased is nowhere"
        )))
    }

    /// All the plaintext of several blobs, one after the other.
    #[must_use]
    pub fn concatenated(&self, parts: Vec<BlobName>) -> Concatenated {
        Concatenated { source: self.clone(), rest: parts.into_iter(), current: None }
    }
}

fn boxed(plain: impl Read + Send + 'static) -> Box<dyn Read + Send> {
    Box::new(plain)
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
