//! An export in one file, for its owner: made beside, and sent as a tar archive while it is read.
//!
//! The format is ustar; a name that is too long for it goes before its file as GNU tar writes it, which all readers know.

use super::Subject;
use super::files::failed;
use crate::access::Administer;
use crate::error::Error;
use crate::people::Proved;
use crate::site::Site;
use bytes::Bytes;
use futures_util::Stream;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, mpsc};

/// Archives that are made and sent at once: each takes as much of the disk as what is in it.
pub const ARCHIVES_MAX: usize = 2;
/// Bytes sent at a time.
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces read ahead of what is taken.
const AHEAD: usize = 4;
/// A tar archive is made of blocks of so many bytes.
const BLOCK_BYTES: usize = 512;
/// Bytes of a name in a block.
const NAME_BYTES: usize = 100;
/// Under the data directory: where archives are made.
const DIR: &str = "export";

static TURN: Semaphore = Semaphore::const_new(ARCHIVES_MAX);
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Removes what archives left that were being made when the site last ended: nobody can finish them, and each is made anew when it is
/// asked for again. For when the site starts.
pub(crate) fn sweep(data: &Path) {
    let dir = data.join(DIR);
    match fs::remove_dir_all(&dir) {
        Ok(()) => tracing::info!(dir = %dir.display(), "what exports left that were cut short is removed"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(%error, dir = %dir.display(), "what exports left could not be removed"),
    }
}

/// The directory that is sent; it goes with the last that reads it.
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, dir = %self.0.display(), "what an export left could not be removed");
        }
    }
}

impl Site {
    /// A repository for who administers it, or all that an account has for itself, as a tar archive: what `outlast import` and
    /// `git clone` read.
    ///
    /// # Errors
    /// [`Error::NotFound`] for what is not theirs. [`Error::Conflict`] when as many are made as may.
    pub async fn export_archive(
        &self,
        by: &Proved,
        subject: Subject,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + 'static, Error> {
        match &subject {
            Subject::Repository(path) => drop(self.authorize::<Administer>(Some(by.who()), path).await?),
            Subject::Owner(name) if name.as_str().eq_ignore_ascii_case(by.who().name()) => {}
            other => return Err(Error::not_found(other)),
        }
        let turn = TURN.try_acquire().map_err(|_| Error::conflict("others are exporting: try again in a minute"))?;
        let dir = self.data().join(DIR);
        let made = dir.join(format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed)));
        fs::create_dir_all(&made).map_err(failed(&made))?;
        let made = Arc::new(Made(made));
        self.export(&subject, &made.0).await?;
        let (pieces, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = send(&made.0, &pieces) {
                // The reader sees an archive that is cut short, and an error.
                let _ = pieces.blocking_send(Err(error));
            }
            drop((made, turn));
        });
        Ok(futures_util::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|piece| (piece, receiver))
        }))
    }
}

type Pieces = mpsc::Sender<io::Result<Bytes>>;

fn put(pieces: &Pieces, bytes: Vec<u8>) -> io::Result<()> {
    pieces.blocking_send(Ok(bytes.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
}

/// Everything below `dir`, in the order of its names.
fn send(dir: &Path, pieces: &Pieces) -> io::Result<()> {
    let mut dirs = vec![dir.to_owned()];
    while let Some(next) = dirs.pop() {
        let mut entries = fs::read_dir(&next)?.collect::<io::Result<Vec<_>>>()?;
        entries.sort_by_key(fs::DirEntry::file_name);
        for entry in entries {
            let path = entry.path();
            let name = format!("export/{}", path.strip_prefix(dir).unwrap_or(&path).display());
            if entry.file_type()?.is_dir() {
                // An empty one, as Git's are now and then, must be there too.
                put(pieces, headers(&format!("{name}/"), 0, b'5'))?;
                dirs.push(path);
            } else {
                send_file(&path, &name, pieces)?;
            }
        }
    }
    put(pieces, vec![0; 2 * BLOCK_BYTES])
}

fn send_file(path: &Path, name: &str, pieces: &Pieces) -> io::Result<()> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    put(pieces, headers(name, len, b'0'))?;
    let mut left = len;
    while left > 0 {
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; want];
        file.read_exact(&mut piece)?;
        left -= want as u64;
        put(pieces, piece)?;
    }
    let rest = (len % BLOCK_BYTES as u64) as usize;
    if rest == 0 { Ok(()) } else { put(pieces, vec![0; BLOCK_BYTES - rest]) }
}

/// The blocks before a file's bytes.
fn headers(name: &str, len: u64, kind: u8) -> Vec<u8> {
    let mut blocks = Vec::new();
    if name.len() > NAME_BYTES {
        blocks.extend(header("././@LongLink", name.len() as u64 + 1, b'L'));
        blocks.extend(name.as_bytes());
        blocks.resize((blocks.len() + 1).next_multiple_of(BLOCK_BYTES), 0);
    }
    blocks.extend(header(&name[..name.floor_char_boundary(NAME_BYTES)], len, kind));
    blocks
}

fn header(name: &str, len: u64, kind: u8) -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut field = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    field(0, name.as_bytes());
    field(100, if kind == b'5' { b"0000700\0" } else { b"0000600\0" });
    field(108, b"0000000\0");
    field(116, b"0000000\0");
    field(124, format!("{len:011o}\0").as_bytes());
    // No time: the same export is the same bytes.
    field(136, b"00000000000\0");
    field(148, b"        ");
    field(156, &[kind]);
    field(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_an_export_left_that_was_cut_short_goes_when_the_site_starts() {
        let data = tempfile::tempdir().unwrap();
        super::sweep(data.path());
        std::fs::create_dir_all(data.path().join("export/41-0/repositories")).unwrap();
        std::fs::write(data.path().join("kept"), "x").unwrap();
        super::sweep(data.path());
        assert!(!data.path().join("export").exists() && data.path().join("kept").exists());
    }
}
