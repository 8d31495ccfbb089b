//! Directories with names in them that may not be durable: what somebody has linked and not synced yet, or failed to sync, everybody
//! sees and a power cut takes.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Those of a store, for as long as it is open: what another process left is made durable before it is believed.
#[derive(Default)]
pub(super) struct Unsynced(Mutex<HashMap<PathBuf, Changes>>);

#[derive(Default, Clone, Copy)]
struct Changes {
    /// How many give something a name at this moment.
    under_way: usize,
    /// How many failed to, and how many of these a later sync has made good.
    failed: u64,
    settled: u64,
}

impl Unsynced {
    /// Does what gives something in a directory its name and makes that durable; an error leaves open whether it is there.
    pub(super) fn during<T>(&self, directory: &Path, change: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.changes().entry(directory.to_owned()).or_default().under_way += 1;
        let done = change();
        if let Some(changes) = self.changes().get_mut(directory) {
            changes.under_way -= 1;
            changes.failed += u64::from(done.is_err());
        }
        done
    }

    /// Makes the names durable that a directory has at this moment, where they may not be.
    pub(super) fn settle(&self, directory: &Path, sync: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
        let before = self.changes().get(directory).copied().unwrap_or_default();
        if before.under_way == 0 && before.failed == before.settled {
            return Ok(());
        }
        sync()?;
        // What has failed meanwhile is for the next to make good.
        if let Some(changes) = self.changes().get_mut(directory) {
            changes.settled = changes.settled.max(before.failed);
        }
        Ok(())
    }

    fn changes(&self) -> MutexGuard<'_, HashMap<PathBuf, Changes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_directory_is_synced_while_a_name_is_made_and_after_one_failed() {
        let (unsynced, syncs) = (Unsynced::default(), Cell::new(0));
        let directory = Path::new("blob/00");
        let sync = || {
            syncs.set(syncs.get() + 1);
            Ok(())
        };
        let settle = || unsynced.settle(directory, sync);
        settle().unwrap();
        assert_eq!(syncs.get(), 0);
        unsynced.during(directory, settle).unwrap();
        assert_eq!(syncs.get(), 1, "linked, and not synced yet");
        settle().unwrap();
        assert_eq!(syncs.get(), 1);
        let fails = || Err::<(), _>(io::Error::other("fsync failed"));
        assert!(unsynced.during(directory, fails).is_err() && unsynced.settle(directory, fails).is_err());
        let meanwhile = || {
            assert!(unsynced.during(directory, fails).is_err());
            Ok(())
        };
        unsynced.settle(directory, meanwhile).unwrap();
        settle().unwrap();
        assert_eq!(syncs.get(), 2, "one failed while it was synced");
        settle().unwrap();
        assert_eq!(syncs.get(), 2);
    }
}
