//! The locks on a repository's files, as Subversion keeps them: a file for each, and for each directory above an index of them.

use crate::repository::{SvnRepository, damaged};
use fsfs::Properties;
use md5::{Digest as _, Md5};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

impl SvnRepository {
    /// The locks on its files: the name of each lock's file, and what is in it.
    ///
    /// # Errors
    /// When they can't be read.
    pub fn locks(&self) -> io::Result<BTreeMap<String, Vec<u8>>> {
        let mut locks = BTreeMap::new();
        let shards = match fs::read_dir(self.root().join("db/locks")) {
            // A crash came between taking it away and making it anew.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(locks),
            shards => shards?,
        };
        for shard in shards {
            let shard = shard?;
            if !shard.file_type()?.is_dir() {
                continue;
            }
            for entry in fs::read_dir(shard.path())? {
                let name = entry?.file_name().to_string_lossy().into_owned();
                let Some(bytes) = self.lock(&name)? else { continue };
                locks.insert(name, bytes);
            }
        }
        Ok(locks)
    }

    /// What is in a lock's file, if it is one and no index of locks.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn lock(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        if !is_lock_name(name) {
            return Ok(None);
        }
        match self.small(&lock_path(name)) {
            Ok(bytes) => Ok(is_lock(&bytes).then_some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Makes the locks exactly these, with the indexes that Subversion finds them by.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn set_locks(&self, locks: &BTreeMap<String, Vec<u8>>) -> io::Result<()> {
        self.make_empty("db/locks")?;
        let mut indexes: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
        for (name, lock) in locks {
            let path = Properties::parse(lock).ok().and_then(|lock| lock.text("path")).ok_or_else(|| damaged(name))?;
            let mut above = path.as_str();
            while let Some((parent, _)) = above.rsplit_once('/').filter(|_| above != "/") {
                above = if parent.is_empty() { "/" } else { parent };
                indexes.entry(above.to_owned()).or_default().insert(name);
            }
        }
        // The indexes first: once all locks are there, so is what they are found by, whenever it breaks off.
        for (directory, names) in indexes {
            let children: String = names.iter().map(|name| format!("{name}\n")).collect();
            let text = format!("K 8\nchildren\nV {}\n{children}\nEND\n", children.len());
            self.put_lock_file(&lock_name(&directory), text.as_bytes())?;
        }
        locks.iter().try_for_each(|(name, lock)| self.put_lock_file(name, lock))
    }

    fn put_lock_file(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        if !is_lock_name(name) {
            return Err(damaged(name));
        }
        self.make_directory(&format!("db/locks/{}", &name[..3]))?;
        self.write(&lock_path(name), bytes, 0o644)
    }
}

fn lock_path(name: &str) -> String {
    format!("db/locks/{}/{name}", &name[..3])
}

/// The name of the file that keeps a path's lock, or a directory's index of locks.
fn lock_name(path: &str) -> String {
    Md5::digest(path.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_lock_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

/// Whether the file of this content keeps a lock: an index has only children.
pub(crate) fn is_lock(bytes: &[u8]) -> bool {
    Properties::parse(bytes).is_ok_and(|lock| lock.get("token").is_some() && lock.get("path").is_some())
}
