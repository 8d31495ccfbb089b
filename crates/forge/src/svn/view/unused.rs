//! Views that nobody has fetched for long leave the disk. They are made again at the next fetch, with the same ids.
//!
//! When a view was used last is the time of its directory, so that a restart does not forget it.

use super::{Slot, Views};
use crate::error::Error;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime};

/// How long a view is kept that nobody fetches, unless the configuration says otherwise.
pub const VIEW_UNUSED_MAX: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How often is looked for such views at least, and how often a use is noted on the disk at most.
const LOOK_EVERY_MAX: Duration = Duration::from_secs(60 * 60);
/// With a short limit it is looked and noted so often within it.
const LOOKS: u32 = 4;
/// What a view's directory is called while it is being removed.
pub(in crate::svn) const PREFIX: &str = "unused-";

/// When a view was used.
#[derive(Default)]
pub(super) struct Uses {
    last: Option<Instant>,
    noted: Option<Instant>,
}

impl Slot {
    pub(super) fn touch(&self) {
        super::lock(&self.uses).last = Some(Instant::now());
    }

    /// Whether somebody has it or had it just now. Beside who asks, only the table may know the slot then.
    fn is_used(&self, unused_max: Duration) -> bool {
        let recently = super::lock(&self.uses).last.is_some_and(|last| last.elapsed() < unused_max);
        let held = self.state.borrow().shown.as_ref().is_some_and(|shown| Arc::strong_count(&shown.opened.git) > 1);
        recently || held || self.making.load(Ordering::Acquire) || self.tidying.load(Ordering::Acquire)
    }
}

impl Views {
    fn look_every(&self) -> Duration {
        let every = self.0.unused_max / LOOKS;
        if every.is_zero() { LOOK_EVERY_MAX } else { every.min(LOOK_EVERY_MAX) }
    }

    /// Notes on the disk that a view was used, unless that was done a moment ago.
    pub(super) async fn note_use(&self, repo: u64, slot: &Slot) {
        {
            let mut uses = super::lock(&slot.uses);
            if uses.noted.is_some_and(|noted| noted.elapsed() < self.look_every()) {
                return;
            }
            uses.noted = Some(Instant::now());
        }
        let path = self.0.dir.join(repo.to_string());
        let noting = tokio::task::spawn_blocking(move || File::open(path)?.set_modified(SystemTime::now()));
        let noted = noting.await.unwrap_or_else(|e| Err(io::Error::other(e)));
        if let Err(error) = noted {
            tracing::warn!(repository = repo, %error, "cannot note that a Git view is used; it may be removed and made again");
        }
    }

    /// Removes the views that nobody has used for so long as the configuration says; zero: never.
    ///
    /// # Errors
    /// When one can't be removed.
    pub(crate) async fn remove_unused(&self) -> Result<(), Error> {
        {
            let mut looked = super::lock(&self.0.looked);
            let is_due = looked.is_none_or(|last| last.elapsed() >= self.look_every());
            if self.0.unused_max.is_zero() || !is_due {
                return Ok(());
            }
            *looked = Some(Instant::now());
        }
        let views = self.clone();
        let removing = tokio::task::spawn_blocking(move || views.remove_each_unused());
        removing.await.map_err(|error| Error::internal(error.to_string()))?
    }

    fn remove_each_unused(&self) -> Result<(), Error> {
        for entry in fs::read_dir(&self.0.dir).into_iter().flatten().flatten() {
            let repo = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok());
            let modified = entry.metadata().and_then(|metadata| metadata.modified());
            let (Some(repo), Ok(modified)) = (repo, modified) else { continue };
            // A time that is to come is of a clock that was set back.
            let unused = modified.elapsed().unwrap_or_default();
            if unused < self.0.unused_max {
                continue;
            }
            if let Some(gone) = self.take_away(repo, &entry.path())? {
                crate::repo::remove_dir(&gone)?;
                let days = unused.as_secs() / (24 * 60 * 60);
                tracing::info!(repository = repo, days, "nobody fetched this Git view; the next fetch makes it again");
            }
        }
        Ok(())
    }

    /// Takes a view out of the way, and gives where it is now; None: it is being used. Who comes now makes a new one.
    fn take_away(&self, repo: u64, path: &Path) -> Result<Option<PathBuf>, Error> {
        let gone = self.0.dir.join(format!("{PREFIX}{repo}"));
        crate::repo::remove_dir(&gone)?;
        let mut slots = self.slots();
        let is_used = |slot: &Arc<Slot>| Arc::strong_count(slot) > 1 || slot.is_used(self.0.unused_max);
        if slots.get(&repo).is_some_and(is_used) {
            return Ok(None);
        }
        slots.remove(&repo);
        let failed = |error| Error::internal(format!("{} cannot be removed: {error}", path.display()));
        fs::rename(path, &gone).map(|()| Some(gone)).map_err(failed)
    }
}
