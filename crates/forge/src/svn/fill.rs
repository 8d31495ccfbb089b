//! A repository made from what the vaults hold.
//!
//! ```text
//! nothing --files, revisions, properties, locks--> ID.part --syncfs--> ID.part, on the disk --rename--> ID
//!    ^------------------- the next touch, after an error or a crash ----------'
//! ```
//! What lies in `ID.part` is nobody's repository and is removed before the next try. Each revision has the hash that its entry says,
//! or there is no repository.

use super::query::{RevisionRow, SvnRows};
use crate::error::Error;
use crate::repo::{BlobSource, Together};
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use svn::{GenesisFile, Shard, SvnRepository};

/// Threads that fetch and write: as many requests to a vault at one time.
const WORKERS: usize = 8;
/// Bytes of revisions that are asked for with one request, and how many revisions.
const TOGETHER_BYTES: u64 = 1 << 20;
/// See [`TOGETHER_BYTES`].
const TOGETHER_MAX: usize = 256;
/// A larger revision is asked for by itself.
const SMALL_BYTES_MAX: u64 = 256 << 10;

/// Makes the repository in `dir` that these rows describe. Blocks.
///
/// # Errors
/// Those of the disk and of the vaults; [`io::ErrorKind::InvalidData`] when a revision is not what was committed.
pub(super) fn fill(dir: &Path, repo: u64, rows: &SvnRows, blobs: &BlobSource) -> io::Result<()> {
    let (place, part) = (dir.join(repo.to_string()), dir.join(format!("{repo}.part")));
    svn::prepare_directory(dir)?;
    remove(&part)?;
    remove(&place)?;
    let repository = SvnRepository::at(part.clone());
    let file = |(name, bytes): &(String, Vec<u8>)| GenesisFile { name: name.clone(), bytes: bytes.clone() };
    repository.make(&rows.files.iter().map(file).collect::<Vec<_>>())?;
    put_all(&repository, &rows.revisions, blobs)?;
    repository.set_youngest(rows.revisions.last().map_or(0, |row| row.rev))?;
    if !rows.locks.is_empty() {
        repository.set_locks(&rows.locks)?;
    }
    repository.sync()?;
    fs::rename(&part, &place)
}

fn put_all(repository: &SvnRepository, rows: &[RevisionRow], blobs: &BlobSource) -> io::Result<()> {
    let (groups, next) = (together(rows), AtomicUsize::new(0));
    let work = || -> io::Result<()> {
        let mut shard = None;
        while let Some(group) = groups.get(next.fetch_add(1, Ordering::Relaxed)) {
            let put = put_group(repository, &mut shard, group, blobs);
            // Nobody needs the rest any more.
            put.inspect_err(|_| next.store(groups.len(), Ordering::Relaxed))?;
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS.min(groups.len())).map(|_| scope.spawn(work)).collect();
        let ended = |worker: std::thread::ScopedJoinHandle<'_, io::Result<()>>| {
            worker.join().unwrap_or_else(|_| Err(io::Error::other("a worker broke off")))
        };
        workers.into_iter().try_for_each(ended)
    })
}

/// Revisions that follow each other, as many as are asked for together.
fn together(rows: &[RevisionRow]) -> Vec<&[RevisionRow]> {
    let (mut groups, mut rest) = (Vec::new(), rows);
    while !rest.is_empty() {
        let mut bytes = 0;
        let fits = rest.iter().take(TOGETHER_MAX).take_while(|row| {
            bytes += row.bytes;
            bytes <= TOGETHER_BYTES
        });
        let (group, later) = rest.split_at(fits.count().max(1));
        groups.push(group);
        rest = later;
    }
    groups
}

fn put_group(
    repository: &SvnRepository,
    shard: &mut Option<Shard>,
    rows: &[RevisionRow],
    blobs: &BlobSource,
) -> io::Result<()> {
    let small = rows.iter().filter(|row| row.bytes <= SMALL_BYTES_MAX);
    let names: Vec<_> = small.flat_map(|row| row.parts.iter().copied()).collect();
    let fetched: Result<Together, Error> = blobs.fetch_together(&names);
    let fetched = Arc::new(fetched.map_err(io::Error::other)?);
    for row in rows {
        let shard = match shard.take().filter(|shard| shard.takes(row.rev)) {
            Some(open) => shard.insert(open),
            None => shard.insert(repository.shard(row.rev)?),
        };
        let mut content = Checked::new(blobs.concatenated_of(fetched.clone(), row.parts.clone()));
        shard.put(row.rev, &mut content, &row.properties)?;
        content.must_be(&row.hash, row.rev)?;
    }
    Ok(())
}

/// Hashes what is read through it.
pub(super) struct Checked<R> {
    from: R,
    hash: Sha256,
}

impl<R: Read> Checked<R> {
    pub(super) fn new(from: R) -> Self {
        Self { from, hash: Sha256::new() }
    }

    /// That all that was read is what was committed as this revision.
    ///
    /// # Errors
    /// [`io::ErrorKind::InvalidData`] when it is not.
    pub(super) fn must_be(self, hash: &[u8], rev: u64) -> io::Result<()> {
        if self.hash.finalize().as_slice() == hash {
            return Ok(());
        }
        Err(io::Error::new(io::ErrorKind::InvalidData, format!("revision {rev} is not what was committed")))
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let n = self.from.read(buffer)?;
        self.hash.update(&buffer[..n]);
        Ok(n)
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(super) mod tests;
