//! Files below a repository's directory, opened without following links: whoever serves the repository may write in it, and must
//! not make its reader look at anything else.

use crate::error::{FsError, Result, damaged};
use rustix::fs::{Mode, OFlags, ResolveFlags};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::path::Path;

/// The most that is read of a small file: numbers, properties, locks.
pub(crate) const SMALL_BYTES_MAX: u64 = 16 << 20;

/// A repository's directory.
#[derive(Debug)]
pub(crate) struct Files {
    root: File,
}

impl Files {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        Ok(Self { root: File::open(root)? })
    }

    /// What tells this directory from another that took its place.
    pub(crate) fn identity(&self) -> Result<(u64, u64)> {
        let meta = self.root.metadata()?;
        Ok((meta.dev(), meta.ino()))
    }

    /// A file, if it is there.
    pub(crate) fn find(&self, name: &str) -> Result<Option<File>> {
        // NONBLOCK: a pipe in the place of a file must not hold anybody up.
        match self.open_at(name, OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK) {
            Ok(file) if file.metadata()?.is_file() => Ok(Some(file)),
            Ok(_) => damaged(format!("{name} is no file")),
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(FsError::Io(error.into())),
        }
    }

    /// A small file's content, if it is there.
    pub(crate) fn small(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let Some(file) = self.find(name)? else { return Ok(None) };
        let mut bytes = Vec::new();
        file.take(SMALL_BYTES_MAX + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > SMALL_BYTES_MAX {
            return Err(FsError::TooMuch(format!("{name} has more than {SMALL_BYTES_MAX} bytes")));
        }
        Ok(Some(bytes))
    }

    /// A small file that every repository has.
    pub(crate) fn must(&self, name: &str) -> Result<Vec<u8>> {
        self.small(name)?.map_or_else(|| damaged(format!("{name} is missing")), Ok)
    }

    /// The names in a directory; none if it isn't there.
    pub(crate) fn names(&self, name: &str, most: usize) -> Result<Vec<String>> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::DIRECTORY;
        let dir = match self.open_at(name, flags) {
            Ok(dir) => dir,
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Ok(Vec::new()),
            Err(error) => return Err(FsError::Io(error.into())),
        };
        let mut names = Vec::new();
        for entry in rustix::fs::Dir::read_from(&dir).map_err(std::io::Error::from)? {
            let entry = entry.map_err(std::io::Error::from)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > most {
                return Err(FsError::TooMuch(format!("a directory has more than {most} files")));
            }
        }
        names.sort_unstable();
        Ok(names)
    }

    fn open_at(&self, name: &str, flags: OFlags) -> std::result::Result<File, rustix::io::Errno> {
        let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS;
        Ok(File::from(rustix::fs::openat2(&self.root, name, flags, Mode::empty(), resolve)?))
    }
}

/// A number in a file of its own, or a line's first.
pub(crate) fn number(bytes: &[u8], what: &str) -> Result<u64> {
    let text = bytes.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    parse(text).map_or_else(|| damaged(format!("{what} is no number")), Ok)
}

/// A decimal number and nothing else.
pub(crate) fn parse(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 20 || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Bytes of a file from here on, fewer only where `end` is.
pub(crate) fn read_at(file: &File, at: u64, end: u64, most: usize) -> Result<Vec<u8>> {
    let wanted = usize::try_from(end.saturating_sub(at)).unwrap_or(most).min(most);
    let mut bytes = vec![0; wanted];
    match file.read_exact_at(&mut bytes, at) {
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => damaged("a file is shorter than it was"),
        Err(error) => Err(error.into()),
        Ok(()) => Ok(bytes),
    }
}

/// Bytes of a file up to and without a mark, which must come within `most`.
pub(crate) fn read_until(file: &File, at: u64, end: u64, mark: &[u8], most: usize) -> Result<Vec<u8>> {
    let mut size = 512;
    loop {
        let mut bytes = read_at(file, at, end, size.min(most))?;
        if let Some(place) = bytes.windows(mark.len()).position(|part| part == mark) {
            bytes.truncate(place);
            return Ok(bytes);
        }
        if bytes.len() < size || size >= most {
            return damaged(format!("an item at {at} has no end"));
        }
        size *= 4;
    }
}
