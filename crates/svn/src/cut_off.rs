//! Transactions of commits that were cut off: what was sent lies on the disk, and nobody goes on with it.
//!
//! A client may hang up in the middle, and a server may be ended: over HTTP nothing is taken away then. Whoever is still sending touches
//! what it sends into; every door ends a connection on which nothing moves long before a transaction is given up here. So none is taken
//! from under a commit, whichever server is at it.

use crate::repository::SvnRepository;
use rustix::fs::OFlags;
use std::fs::{self, Metadata};
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Removes, from all repositories below `base` and again and again, transactions that were untouched for so long.
pub(crate) async fn remove_again_and_again(base: PathBuf, idle_max: Duration) {
    loop {
        tokio::time::sleep(idle_max / 4).await;
        let base = base.clone();
        // It can only break off as the process does.
        let _ = tokio::task::spawn_blocking(move || remove_all(&base, idle_max)).await;
    }
}

fn remove_all(base: &Path, idle_max: Duration) {
    for entry in fs::read_dir(base).into_iter().flatten().flatten() {
        if entry.file_name().to_str().is_none_or(|name| name.parse::<u64>().is_err()) {
            continue;
        }
        let dir = entry.path();
        match SvnRepository::at(dir.clone()).remove_cut_off(idle_max) {
            Ok(0) => {}
            Ok(removed) => {
                tracing::info!(dir = %dir.display(), removed, "transactions of commits that were cut off are gone")
            }
            Err(error) => tracing::warn!(dir = %dir.display(), %error, "transactions could not be removed"),
        }
    }
}

impl SvnRepository {
    /// Removes transactions that were untouched for so long; how many.
    fn remove_cut_off(&self, idle_max: Duration) -> io::Result<u64> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let open = |name: &str| match self.open_with(name, flags) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            dir => dir.map(Some),
        };
        let (Some(transactions), Some(contents)) = (open("db/transactions")?, open("db/txn-protorevs")?) else {
            return Ok(0);
        };
        // Through what was opened: a server that puts a link in the place of a directory leads nowhere.
        let below = |dir: &fs::File| PathBuf::from(format!("/proc/self/fd/{}", dir.as_raw_fd()));
        let (transactions, contents) = (below(&transactions), below(&contents));
        let mut removed = 0;
        for entry in fs::read_dir(&transactions)? {
            let name = entry?.file_name();
            let Some(name) = name.to_str().and_then(|name| name.strip_suffix(".txn")) else { continue };
            let place = transactions.join(format!("{name}.txn"));
            let files = ["rev", "rev-lock"].map(|kind| contents.join(format!("{name}.{kind}")));
            if !is_idle(&place, &files, idle_max)? {
                continue;
            }
            // In the order in which Subversion does it: what breaks off in the middle is found again.
            files.iter().try_for_each(|file| gone(fs::remove_file(file)))?;
            gone(fs::remove_dir_all(&place))?;
            removed += 1;
        }
        Ok(removed)
    }
}

/// Whether nothing of a transaction was touched for so long.
fn is_idle(place: &Path, files: &[PathBuf], idle_max: Duration) -> io::Result<bool> {
    let idle = |about: &Metadata| {
        let touched = about.modified().unwrap_or_else(|_| SystemTime::now());
        touched.elapsed().is_ok_and(|idle| idle > idle_max)
    };
    for path in files.iter().map(PathBuf::as_path).chain([place]) {
        match fs::symlink_metadata(path) {
            Ok(about) if !idle(&about) => return Ok(false),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    for entry in fs::read_dir(place)? {
        if !idle(&entry?.metadata()?) {
            return Ok(false);
        }
    }
    Ok(true)
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;

    const MAX: Duration = Duration::from_secs(3600);

    /// A repository with a transaction none of which was touched for two hours.
    fn repository(dir: &Path) -> (SvnRepository, Vec<PathBuf>) {
        let repository = SvnRepository::at(dir.to_owned());
        let db = repository.root().join("db");
        fs::create_dir_all(db.join("transactions/7-a.txn")).unwrap();
        fs::create_dir(db.join("txn-protorevs")).unwrap();
        let files = ["transactions/7-a.txn/changes", "txn-protorevs/7-a.rev", "txn-protorevs/7-a.rev-lock"];
        files.iter().for_each(|name| fs::write(db.join(name), "sent").unwrap());
        let all: Vec<_> = files.iter().chain(&["transactions/7-a.txn"]).map(|name| db.join(name)).collect();
        for path in &all {
            File::open(path).unwrap().set_modified(SystemTime::now() - 2 * MAX).unwrap();
        }
        (repository, all)
    }

    #[test]
    fn what_nobody_touches_goes_with_all_that_was_sent() {
        let dir = tempfile::tempdir().unwrap();
        let (repository, all) = repository(dir.path());
        fs::create_dir(repository.root().join("db/transactions/8-b.txn")).unwrap();
        assert_eq!(repository.remove_cut_off(3 * MAX).unwrap(), 0);
        assert_eq!(repository.remove_cut_off(MAX).unwrap(), 1);
        assert!(all.iter().all(|path| !path.exists()));
        assert!(repository.root().join("db/transactions/8-b.txn").is_dir(), "somebody has just begun");
    }

    #[test]
    fn what_somebody_touches_at_any_place_stays() {
        for touched in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let (repository, all) = repository(dir.path());
            File::open(&all[touched]).unwrap().set_modified(SystemTime::now()).unwrap();
            assert_eq!(repository.remove_cut_off(MAX).unwrap(), 0, "{}", all[touched].display());
            assert!(all.iter().all(|path| path.exists()));
        }
    }

    #[test]
    fn nothing_is_removed_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (repository, all) = repository(dir.path());
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(repository.root().join("db"), &elsewhere).unwrap();
        std::os::unix::fs::symlink(&elsewhere, repository.root().join("db")).unwrap();
        assert!(repository.remove_cut_off(MAX).is_err());
        assert!(all.iter().all(|path| path.exists()));
    }
}
