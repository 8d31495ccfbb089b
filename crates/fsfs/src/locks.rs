//! Locks on files (`db/locks`, by the MD5 of the path).

use crate::error::{FsError, Result};
use crate::fs::Fs;
use crate::hash::Properties;
use md5::{Digest as _, Md5};

/// Locks that are listed at most.
const LOCKS_MAX: usize = 100_000;
/// Directories of locks: the first three digits.
const SHARDS_MAX: usize = 4_096 + 16;

/// A lock on a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lock {
    /// What is locked; with a slash first.
    pub path: Vec<u8>,
    /// The lock's name.
    pub token: String,
    /// Whose it is.
    pub owner: String,
    /// What was said with it.
    pub comment: String,
    /// Since when, as Subversion writes times.
    pub created: String,
    /// Until when, if it ends by itself.
    pub expires: Option<String>,
}

impl Lock {
    /// Reads the file of one; None when it is an index of locks.
    ///
    /// # Errors
    /// When the bytes are neither.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>> {
        let lock = Properties::parse(bytes)?;
        let text = |name: &str| lock.text(name).unwrap_or_default();
        let (Some(path), Some(token)) = (lock.get("path"), lock.text("token")) else { return Ok(None) };
        Ok(Some(Self {
            path: path.to_vec(),
            token,
            owner: text("owner"),
            comment: text("comment"),
            created: text("creation_date"),
            expires: lock.text("expiration_date").filter(|date| !date.is_empty()),
        }))
    }
}

impl Fs {
    /// The lock on a path, if there is one.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn lock(&self, path: &[u8]) -> Result<Option<Lock>> {
        let digest: String = Md5::digest(path).iter().map(|byte| format!("{byte:02x}")).collect();
        self.lock_file(&digest[..3], &digest)
    }

    /// All locks, by path.
    ///
    /// # Errors
    /// When they can't be read, or are too many.
    pub fn locks(&self) -> Result<Vec<Lock>> {
        let mut locks = Vec::new();
        for shard in self.files.names("db/locks", SHARDS_MAX)? {
            for name in self.files.names(&format!("db/locks/{shard}"), LOCKS_MAX)? {
                locks.extend(self.lock_file(&shard, &name)?);
                if locks.len() > LOCKS_MAX {
                    return Err(FsError::TooMuch(format!("there are more than {LOCKS_MAX} locks")));
                }
            }
        }
        locks.sort_by(|a: &Lock, b| a.path.cmp(&b.path));
        Ok(locks)
    }

    fn lock_file(&self, shard: &str, name: &str) -> Result<Option<Lock>> {
        if name.len() != 32 || !name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Ok(None);
        }
        let bytes = self.files.small(&format!("db/locks/{shard}/{name}"))?;
        bytes.map_or(Ok(None), |bytes| Lock::parse(&bytes))
    }
}
