//! A dump on its way in: loaded by Subversion's own program where nobody sees it, sealed, and then taken in whole or not at all.
//!
//! ```text
//! dump --> svnadmin load, in DIR/svn/load-N --> revisions sealed into the spool --> one command: repository and revisions
//!                                               `--------------------------------------> held: filled on first touch, as any
//! ```
//! What was loaded is thrown away in every case: a repository on the disk is made from what is held.

use super::command::TakenRevision;
use super::subversion::{Shared, Subversion, child};
use crate::error::Error;
use crate::event::svn::SvnFile;
use futures_util::{StreamExt as _, TryStreamExt as _};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use svn::{LoadError, RemoteDump, RemoteSource, SvnRepository};
use tokio::io::AsyncRead;

/// Revisions of one dump: all of them become visible with one command of the writer.
pub const LOAD_REVISIONS_MAX: u64 = 200_000;
/// How long a load may take in all.
pub const LOAD_TIME_MAX: Duration = Duration::from_secs(12 * 3600);
/// How often, and how many times, what a program left is tried to be removed while it ends.
const REMOVE_EVERY: Duration = Duration::from_millis(500);
const REMOVE_TRIES: u32 = 40;
/// Revisions that are sealed at one time.
pub(super) const SEALS_AT_ONCE: usize = 8;

/// How far a load is.
#[derive(Debug, Default)]
pub struct LoadProgress {
    /// Bytes of the dump that have come.
    pub bytes: AtomicU64,
    /// Revisions that Subversion has loaded.
    pub loaded: AtomicU64,
    /// Of them, those that are on their way to the vaults.
    pub sealed: AtomicU64,
}

/// A dump that was loaded and sealed.
pub(crate) struct Loaded {
    /// What the repository begins with: its UUID is the dump's.
    pub(crate) files: Vec<SvnFile>,
    /// From 1 on.
    pub(crate) revisions: Vec<TakenRevision>,
}

/// Where it is loaded; removed with what is in it.
struct Place(PathBuf);

impl Drop for Place {
    fn drop(&mut self) {
        if fs::remove_dir_all(&self.0).is_ok() || !self.0.exists() {
            return;
        }
        // A program that was told to end may still write there for a moment. What stays is removed when the site is started again.
        let place = self.0.clone();
        std::thread::spawn(move || {
            for _ in 0..REMOVE_TRIES {
                std::thread::sleep(REMOVE_EVERY);
                if fs::remove_dir_all(&place).is_ok() || !place.exists() {
                    return;
                }
            }
        });
    }
}

impl Subversion {
    /// Loads a dump and seals what it holds. `room`: how many bytes its revisions may have, and what to say of more.
    pub(crate) async fn load<R: AsyncRead + Unpin>(
        &self,
        dump: R,
        room: (u64, String),
        progress: &LoadProgress,
    ) -> Result<Loaded, Error> {
        let shared = &self.0;
        shared.engine().await?;
        let place = Place(shared.store_dir().join(format!("load-{}", shared.next_scratch())));
        let programs = shared.programs()?;
        let made = SvnRepository::create(programs, &place.0).await.map_err(child)?;
        let load = made.load(programs).await.map_err(child)?;
        let mut used = 0;
        let committed = |rev| {
            progress.loaded.store(rev, Ordering::Relaxed);
            used += made.revision(rev).map_err(|e| e.to_string())?.1;
            match () {
                () if used > room.0 => Err(room.1.clone()),
                () if rev > LOAD_REVISIONS_MAX => Err(format!("a dump has at most {LOAD_REVISIONS_MAX} revisions")),
                () => Ok(()),
            }
        };
        let feeding = load.feed(dump, &progress.bytes, committed);
        let fed = tokio::time::timeout(LOAD_TIME_MAX, feeding).await;
        fed.map_err(|_| Error::invalid("the dump took too long"))?.map_err(refusal)?;
        shared.seal_all(&made, progress).await
    }
}

impl Subversion {
    /// Begins to read a repository that is somewhere else.
    pub(crate) async fn remote(&self, source: RemoteSource<'_>) -> Result<Remote, Error> {
        let shared = &self.0;
        shared.engine().await?;
        let place = Place(shared.store_dir().join(format!("load-{}", shared.next_scratch())));
        let failed = |e: std::io::Error| Error::internal(format!("reading another repository: {e}"));
        svn::prepare_directory(&place.0).map_err(failed)?;
        let dump = RemoteDump::start(shared.programs()?, &place.0, source).await.map_err(child)?;
        Ok(Remote { dump, _place: place })
    }
}

/// A repository somewhere else, being read; and where the program that does it has its files.
pub(crate) struct Remote {
    dump: RemoteDump,
    _place: Place,
}

impl Remote {
    /// The next piece of its dump. None: it is whole.
    pub(crate) async fn next(&mut self) -> std::io::Result<Option<Vec<u8>>> {
        self.dump.next().await
    }
}

impl Shared {
    async fn seal_all(self: &Arc<Self>, made: &SvnRepository, progress: &LoadProgress) -> Result<Loaded, Error> {
        let failed = |e: std::io::Error| Error::internal(format!("a loaded repository: {e}"));
        let files = made.genesis().map_err(failed)?;
        let youngest = made.youngest().map_err(failed)?;
        let sealing = futures_util::stream::iter((1..=youngest).map(|rev| async move {
            let taken = self.seal_revision(made, rev).await?;
            progress.sealed.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Error>(taken)
        }));
        let revisions = sealing.buffered(SEALS_AT_ONCE).try_collect().await?;
        let files = files.into_iter().map(|file| SvnFile { name: file.name, bytes: file.bytes }).collect();
        Ok(Loaded { files, revisions })
    }

    /// One revision that lies on the disk, sealed.
    pub(super) async fn seal_revision(&self, from: &SvnRepository, rev: u64) -> Result<TakenRevision, Error> {
        let failed = |e: std::io::Error| Error::internal(format!("revision {rev}: {e}"));
        let (file, bytes) = from.revision(rev).map_err(failed)?;
        let properties = from.revision_properties(rev).map_err(failed)?;
        let (parts, hash) = self.seal(file, bytes).await?;
        parts.iter().for_each(|(lease, _)| (self.upload)(lease.name()));
        Ok(TakenRevision { parts, hash, properties })
    }
}

/// What Subversion says of a dump is for who brought it.
fn refusal(error: LoadError) -> Error {
    match error {
        LoadError::Refused(words) => Error::invalid(format!("Subversion does not take this dump: {words}")),
        LoadError::BrokeOff(error) => Error::invalid(format!("the dump broke off: {error}")),
        LoadError::Stopped(why) => Error::NoRoom(why),
        LoadError::Child(error) => child(error),
    }
}
