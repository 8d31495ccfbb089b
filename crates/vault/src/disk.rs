//! What a store needs of a file system, as a trait, so that tests count its fsyncs and make it fail.
//!
//! There is nothing here that removes, shortens, renames or overwrites; a test reads this file to see that it stays so.

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// A file system. All calls block.
pub trait Disk: Send + Sync + 'static {
    /// Makes a directory and its parents; durable when it returns.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes a file with all of `source`, whole or not at all: `false` when the name is taken. `check` sees the file's
    /// bytes, read back after they were made durable, before the file gets its name; its error leaves no file.
    fn create(
        &self,
        path: &Path,
        source: &mut dyn Read,
        check: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<bool>;

    /// Makes an empty file for appending; durable when it returns. An error when the name is taken.
    fn create_segment(&self, path: &Path) -> io::Result<()>;

    /// Writes at the end of a file, which is at `offset`, and makes it durable with one fdatasync. After an error any part
    /// of the bytes may be there.
    fn append(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Makes what a file has durable, or which names a directory has.
    fn sync(&self, path: &Path) -> io::Result<()>;

    /// Reads exactly so many bytes.
    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>>;

    /// Opens a file to read it through, with its length; `None` when there is none.
    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn Read + Send>, u64)>>;

    /// The names in a directory, sorted.
    fn list(&self, path: &Path) -> io::Result<Vec<String>>;

    /// How much room is left, in bytes.
    fn free_bytes(&self, path: &Path) -> io::Result<u64>;
}

/// The real one.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

impl Disk for RealDisk {
    fn create_dir(&self, path: &Path) -> io::Result<()> {
        let mut missing: Vec<PathBuf> = Vec::new();
        let mut at = path;
        while !at.is_dir() {
            missing.push(at.to_owned());
            at = parent(at);
        }
        for dir in missing.iter().rev() {
            match std::fs::create_dir(dir) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                other => other?,
            }
            sync_dir(parent(dir))?;
        }
        Ok(())
    }

    fn create(
        &self,
        path: &Path,
        source: &mut dyn Read,
        check: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<bool> {
        let directory = parent(path);
        // A file without a name vanishes by itself when anything goes wrong; linking it is atomic and never replaces.
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        let mut file = File::from(rustix::fs::openat(CWD, directory, flags, Mode::from_raw_mode(0o600))?);
        io::copy(source, &mut file)?;
        file.sync_all()?;
        check(&mut FromStart { file: &file, offset: 0 })?;
        let by_number = format!("/proc/self/fd/{}", file.as_raw_fd());
        match rustix::fs::linkat(CWD, by_number, CWD, path, AtFlags::SYMLINK_FOLLOW) {
            Ok(()) => sync_dir(directory).map(|()| true),
            // Whoever made it may not have come so far as to make its name durable.
            Err(rustix::io::Errno::EXIST) => sync_dir(directory).map(|()| false),
            Err(error) => Err(error.into()),
        }
    }

    fn create_segment(&self, path: &Path) -> io::Result<()> {
        File::options().append(true).create_new(true).open(path)?.sync_all()?;
        sync_dir(parent(path))
    }

    fn append(&self, path: &Path, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::options().append(true).open(path)?;
        if file.metadata()?.len() != offset {
            return Err(io::Error::other("the segment does not end where it should; is another vault writing here?"));
        }
        file.write_all(bytes)?;
        file.sync_data()
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_data()
    }

    fn read_at(&self, path: &Path, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        File::open(path)?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    fn open(&self, path: &Path) -> io::Result<Option<(Box<dyn Read + Send>, u64)>> {
        match File::open(path) {
            Ok(file) => {
                let len = file.metadata()?.len();
                Ok(Some((Box::new(file), len)))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self, path: &Path) -> io::Result<Vec<String>> {
        let mut names = std::fs::read_dir(path)?
            .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        Ok(names)
    }

    fn free_bytes(&self, path: &Path) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(path)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

struct FromStart<'a> {
    file: &'a File,
    offset: u64,
}

impl Read for FromStart<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buf, self.offset)?;
        self.offset += read as u64;
        Ok(read)
    }
}
