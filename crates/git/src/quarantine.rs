//! Where the objects of a push wait until the push is final: beside the repository's own, seen by none but the push.
//!
//! ```text
//! create --index_pack--> filled --check--> good --migrate--> the repository's objects
//!    '-------- drop, at any point before keep or migrate: removed ------'
//! ```

use crate::child::ChildError;
use crate::repository::{Repository, RepositoryError};
use std::collections::hash_map::RandomState;
use std::fs;
use std::hash::BuildHasher as _;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::process::ChildStdin;

/// What the names of this process's own begin with. Not the process's number: in a container each has the same one, and what
/// a killed one left would be taken for this one's.
static OURS: LazyLock<String> = LazyLock::new(|| format!("{:016x}-", RandomState::new().hash_one(std::process::id())));

/// Whether a quarantine of this name is of a push to this process.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(OURS.as_str())
}

/// A directory of objects.
#[derive(Debug)]
pub struct Quarantine {
    repository: Repository,
    path: PathBuf,
    keep: bool,
}

/// A pack on its way in: its bytes are written to [`Self::stdin`], and [`Self::finish`] tells whether it was good.
#[derive(Debug)]
pub struct IndexPack {
    child: crate::child::GitChild,
    /// Where the pack goes.
    pub stdin: Option<ChildStdin>,
}

impl Quarantine {
    pub(crate) fn create(repository: Repository) -> Result<Self, RepositoryError> {
        static SERIAL: AtomicU64 = AtomicU64::new(0);
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let dir = repository.path().join("quarantine");
        let path = dir.join(format!("{}{serial}", *OURS));
        // One that is there already is another push's: its objects are none of this one's.
        let made = fs::create_dir_all(&dir).and_then(|()| fs::create_dir(&path));
        made.and_then(|()| fs::create_dir(path.join("pack"))).map_err(|error| repository.io(error))?;
        Ok(Self { repository, path, keep: false })
    }

    /// One that was kept under this name.
    pub fn kept(repository: &Repository, name: &str) -> Option<Self> {
        let path = repository.path().join("quarantine").join(name);
        path.is_dir().then(|| Self { repository: repository.clone(), path, keep: true })
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Gives it a name under which it stays, also after a crash, until it is migrated.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn keep(&mut self, name: &str) -> Result<(), RepositoryError> {
        let path = self.repository.path().join("quarantine").join(name);
        fs::rename(&self.path, &path).map_err(|error| self.repository.io(error))?;
        self.path = path;
        self.keep = true;
        Ok(())
    }

    /// Starts taking in a pack.
    ///
    /// # Errors
    /// When the child can't be started.
    pub async fn index_pack(&self, input_bytes_max: u64) -> Result<IndexPack, ChildError> {
        let command = self.repository.command("index-pack").flag("--stdin").flag("--fix-thin").flag(STRICT);
        let command = command.number("--max-input-size=", input_bytes_max).quarantine(&self.path);
        let mut child = command.spawn().await?;
        let stdin = child.stdin.take();
        Ok(IndexPack { child, stdin })
    }

    /// Moves everything into the repository. May be repeated after a crash half-way: what is there already stays.
    ///
    /// # Errors
    /// When the file system fails.
    pub fn migrate(mut self) -> Result<(), RepositoryError> {
        let objects = self.repository.path().join("objects");
        self.move_all(&objects).map_err(|error| self.repository.io(error))?;
        self.keep = false;
        Ok(())
    }

    fn move_all(&self, objects: &Path) -> io::Result<()> {
        let mut files = Vec::new();
        for dir in fs::read_dir(&self.path)? {
            let dir = dir?;
            if dir.file_type()?.is_dir() {
                fs::create_dir_all(objects.join(dir.file_name()))?;
                for file in fs::read_dir(dir.path())? {
                    files.push((dir.file_name(), file?.file_name()));
                }
            }
        }
        // A pack is there once its index is: that comes last.
        files.sort_by_key(|(_, name)| name.as_encoded_bytes().ends_with(b".idx"));
        for (dir, name) in files {
            fs::rename(self.path.join(&dir).join(&name), objects.join(dir).join(name))?;
        }
        Ok(())
    }
}

/// Git's strict checks, less what old and honest repositories are full of and no client is hurt by.
const STRICT: &str = "--strict=missingEmail=warn,missingSpaceBeforeEmail=warn,missingSpaceBeforeDate=warn,badDate=warn,\
zeroPaddedDate=warn,badTimezone=warn,zeroPaddedFilemode=warn,missingNameBeforeEmail=warn,badEmail=warn,\
duplicateEntries=error,missingTaggerEntry=warn,badTagName=warn,nullSha1=warn,extraHeaderEntry=warn";

impl IndexPack {
    /// Its verdict is not wanted any more.
    pub fn stop(&mut self) {
        self.child.stop();
    }

    /// The pack is complete: waits for the verdict.
    ///
    /// # Errors
    /// Git's words on what is wrong with it.
    pub async fn finish(mut self) -> Result<(), ChildError> {
        drop(self.stdin.take());
        if let Some(mut words) = self.child.stdout.take() {
            tokio::io::copy(&mut words, &mut tokio::io::sink()).await?;
        }
        self.child.wait().await
    }
}

impl Drop for Quarantine {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, path = %self.path.display(), "cannot remove a quarantine; it goes at the next start");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ChildLimits, Git, ObjectFormat, RefName};

    #[test]
    fn what_another_process_of_the_same_number_left_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let git = Git::find(ChildLimits::default()).unwrap();
        let repository =
            Repository::create(&git, &dir.path().join("1.git"), ObjectFormat::Sha1, &RefName::main()).unwrap();
        let (ours, place) = (repository.quarantine().unwrap(), repository.path().join("quarantine"));
        let left = place.join(format!("{}-0", std::process::id()));
        fs::create_dir_all(left.join("pack")).unwrap();
        repository.sweep_quarantines(is_ours).unwrap();
        assert_eq!((left.exists(), ours.path().join("pack").exists()), (false, true));
        let next: u64 = ours.path().to_str().unwrap().rsplit_once('-').unwrap().1.parse::<u64>().unwrap() + 1;
        fs::create_dir(place.join(format!("{}{next}", *OURS))).unwrap();
        assert!(repository.quarantine().is_err(), "it is not shared with who made it");
    }
}
