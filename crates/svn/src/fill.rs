//! Where repositories lie, and revisions of one that is being made.
//!
//! Nobody else has it open, and it gets its own name only when it is whole and on the disk ([`SvnRepository::sync`]). So a file is made
//! under its final name at once, and nothing is flushed before the end; what a crash leaves is under no repository's name.

use crate::child;
use crate::repository::{SHARD, SvnRepository};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The directories of a thousand revisions and of their properties, open.
#[derive(Debug)]
pub struct Shard {
    number: u64,
    revs: File,
    revprops: File,
    /// What is read and not yet written.
    buffer: Vec<u8>,
}

/// Bytes of a revision that are written at once.
const WRITE_BYTES: usize = 128 << 10;

/// Makes the directory in which repositories lie: nobody but this program and its children enters it.
///
/// # Errors
/// Those of the disk.
pub fn prepare_directory(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::set_permissions(dir, Permissions::from_mode(0o700))?;
    spread(dir);
    child::give(dir)
}

/// Tells ext4 that what lies in a directory belongs together and not with the rest: each repository gets a part of the disk of its own. Beside
/// others' files it would look at every inode that was freed in the last minutes, for each file that it makes. Other file systems do
/// not know the flag, and need it not.
fn spread(dir: &Path) {
    let set = File::open(dir).and_then(|dir| {
        let flags = rustix::fs::ioctl_getflags(&dir)?;
        Ok(rustix::fs::ioctl_setflags(&dir, flags | rustix::fs::IFlags::TOPDIR)?)
    });
    if let Err(error) = set {
        tracing::debug!(dir = %dir.display(), %error, "repositories are not kept apart on the disk");
    }
}

impl SvnRepository {
    /// Where a revision of this repository is put while the repository is made. The directories are made if they are not there.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn shard(&self, rev: u64) -> io::Result<Shard> {
        let number = rev / SHARD;
        let open = |kind: &str| {
            self.make_shard(kind, rev)?;
            self.open_with(&format!("{kind}/{number}"), OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC)
        };
        let (revs, revprops) = (open("db/revs")?, open("db/revprops")?);
        Ok(Shard { number, revs, revprops, buffer: Vec::new() })
    }
}

impl Shard {
    /// Whether a revision belongs here.
    #[must_use]
    pub fn takes(&self, rev: u64) -> bool {
        rev / SHARD == self.number
    }

    /// Puts a revision and its properties here, which must not be there. They are durable after [`SvnRepository::sync`].
    ///
    /// # Errors
    /// Those of the disk and of reading.
    pub fn put(&mut self, rev: u64, content: &mut dyn Read, properties: &[u8]) -> io::Result<()> {
        let name = rev.to_string();
        let mut file = create(&self.revs, &name, 0o444)?;
        loop {
            self.buffer.clear();
            let read = Read::take(&mut *content, WRITE_BYTES as u64).read_to_end(&mut self.buffer)?;
            file.write_all(&self.buffer)?;
            if read < WRITE_BYTES {
                break;
            }
        }
        create(&self.revprops, &name, 0o644)?.write_all(properties)
    }
}

/// A new file of the children's user, with exactly this mode whatever the process masks.
fn create(dir: &File, name: &str, mode: u32) -> io::Result<File> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = File::from(rustix::fs::openat(dir, name, flags, Mode::from_raw_mode(mode))?);
    if let Some(id) = child::owner() {
        std::os::unix::fs::fchown(&file, Some(id), Some(id))?;
    }
    if file.metadata()?.permissions().mode() & 0o777 != mode {
        file.set_permissions(Permissions::from_mode(mode))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_is_put_whole_with_its_modes_and_only_once() {
        let dir = tempfile::tempdir().unwrap();
        let repository = SvnRepository::at(dir.path().to_owned());
        for kind in ["db/revs", "db/revprops"] {
            fs::create_dir_all(repository.root().join(kind)).unwrap();
        }
        let content: Vec<u8> = (0..WRITE_BYTES * 2 + 7).map(|i| i.to_le_bytes()[0]).collect();
        let mut shard = repository.shard(1999).unwrap();
        assert!(shard.takes(1000) && !shard.takes(2000) && !shard.takes(999));
        shard.put(1999, &mut content.as_slice(), b"END\n").unwrap();
        let (rev, properties) =
            (repository.root().join("db/revs/1/1999"), repository.root().join("db/revprops/1/1999"));
        assert!(fs::read(&rev).unwrap() == content);
        assert_eq!(fs::read(&properties).unwrap(), b"END\n");
        let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&rev), mode(&properties)), (0o444, 0o644));
        assert!(shard.put(1999, &mut &b"other"[..], b"END\n").is_err());
        assert!(fs::read(&rev).unwrap() == content);
    }

    #[test]
    fn nothing_is_put_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let repository = SvnRepository::at(dir.path().to_owned());
        fs::create_dir_all(repository.root().join("db/revprops")).unwrap();
        fs::create_dir_all(dir.path().join("elsewhere/0")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), repository.root().join("db/revs")).unwrap();
        assert!(repository.shard(1).is_err());
    }
}
