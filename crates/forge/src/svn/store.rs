//! Repositories on the disk as projections of the held journal: `DIR/svn/ID/repo`.
//!
//! ```text
//! absent --fill (fill.rs)--------------------------------------------------------> as of H
//! there  --compare: behind? roll forward. Ahead? say so, and it is captured------> as of H
//! ```

use super::fill::{Checked, fill};
use super::query::{RevisionRow, SvnRows, rows_fetch, youngest_below};
use crate::db::Db;
use crate::error::Error;
use crate::recover::Erased;
use crate::repo::BlobSource;
use std::io;
use std::path::PathBuf;
use std::time::Instant;
use svn::SvnRepository;
use tokio::sync::watch;

/// Where repositories lie and what they are made from.
#[derive(Clone)]
pub(crate) struct SvnStore {
    pub(crate) dir: PathBuf,
    pub(crate) db: Db,
    pub(crate) blobs: BlobSource,
    pub(crate) held: watch::Receiver<u64>,
    pub(crate) erased: Erased,
}

/// What is on the disk and in no entry.
#[derive(Debug, Default)]
pub(super) struct Extras {
    /// Revisions from this one to this one.
    pub(super) revisions: Option<(u64, u64)>,
    /// Revisions with properties that no entry knows.
    pub(super) properties: Vec<u64>,
}

impl SvnStore {
    /// Where a repository lies or would lie.
    pub(crate) fn repository(&self, repo: u64) -> SvnRepository {
        SvnRepository::at(self.dir.join(repo.to_string()))
    }

    /// Whether it is on the disk, and lacks something that is held.
    pub(super) async fn is_behind(&self, repo: u64) -> Result<bool, Error> {
        let repository = self.repository(repo);
        if !repository.exists() {
            return Ok(false);
        }
        let held = *self.held.borrow();
        let there = repository.youngest().map_err(|e| failed(repo, &e))?;
        let wanted = self.db.read_async(move |tx| youngest_below(tx, repo, held)).await?;
        Ok(there < wanted)
    }

    /// Brings it up to the held journal. `alone`: nobody else has it open, so that what was left half done can go.
    pub(super) async fn bring_up(&self, repo: u64, alone: bool) -> Result<Extras, Error> {
        let store = self.clone();
        let working = tokio::task::spawn_blocking(move || {
            let repository = store.repository(repo);
            if repository.exists() {
                return store.reconcile(repo, &repository, alone);
            }
            let (rows, _) = store.rows(repo)?;
            tracing::info!(repository = repo, revisions = rows.revisions.len(), "filling a Subversion repository");
            let began = Instant::now();
            fill(&store.dir, repo, &rows, &store.blobs).map_err(|e| failed(repo, &e))?;
            let (bytes, took_ms) =
                (rows.revisions.iter().map(|row| row.bytes).sum::<u64>(), began.elapsed().as_millis());
            tracing::info!(repository = repo, bytes, took_ms, "the Subversion repository is filled");
            Ok(Extras::default())
        });
        let brought = working.await.map_err(|e| Error::internal(format!("repository {repo}: {e}")))?;
        brought.map_err(|error| self.erased.explain(repo, error))
    }

    /// What the held journal says of it. Blocks.
    fn rows(&self, repo: u64) -> Result<(SvnRows, u64), Error> {
        let held = *self.held.borrow();
        let rows = self.db.read(|tx| rows_fetch(tx, repo, held))?;
        Ok((rows.ok_or(Error::NotHeldYet { seq: repo, waited_s: 0, missing: Vec::new() })?, held))
    }

    /// As [`SvnStore::bring_up`], for who has no journal to write into.
    pub(crate) async fn fill_only(&self, repo: u64) -> Result<SvnRepository, Error> {
        self.bring_up(repo, true).await?;
        Ok(self.repository(repo))
    }

    fn put(&self, repository: &SvnRepository, row: &RevisionRow) -> io::Result<()> {
        let mut content = Checked::new(self.blobs.concatenated(row.parts.clone()));
        repository.put_revision(row.rev, &mut content, &row.properties)?;
        content.must_be(&row.hash, row.rev)
    }

    /// The journal is read under the repository's own lock: whatever was allowed before has happened then, or never will.
    fn reconcile(&self, repo: u64, repository: &SvnRepository, alone: bool) -> Result<Extras, Error> {
        let lock = repository.write_lock().map_err(|e| failed(repo, &e))?;
        let (rows, held) = self.rows(repo)?;
        let compared = self.compare(repository, &rows, held, alone);
        drop(lock);
        compared.map_err(|e| failed(repo, &e))
    }

    fn compare(&self, repository: &SvnRepository, rows: &SvnRows, held: u64, alone: bool) -> io::Result<Extras> {
        let there = repository.youngest()?;
        let mut extras = Extras::default();
        for row in &rows.revisions {
            if row.rev > there {
                tracing::info!(revision = row.rev, "held, and not yet in the repository: put there");
                self.roll_forward(repository, row)?;
                continue;
            }
            let properties = repository.revision_properties(row.rev)?;
            if properties == row.properties || row.properties_seq >= held {
                continue;
            }
            if row.properties_before.as_ref() == Some(&properties) {
                repository.put_revision_properties(row.rev, &row.properties)?;
            } else {
                extras.properties.push(row.rev);
            }
        }
        let newest = rows.revisions.last().map_or(0, |row| row.rev);
        if newest < there && alone && !rows.pending {
            extras.revisions = Some((newest + 1, there));
        }
        if !rows.pending && repository.locks()? != rows.locks {
            tracing::warn!("the locks on the disk are not those of the journal; they are set again");
            repository.set_locks(&rows.locks)?;
        }
        if alone {
            repository.sweep()?;
        }
        Ok(extras)
    }

    /// The file may lie there already, left by the commit that was held back.
    fn roll_forward(&self, repository: &SvnRepository, row: &RevisionRow) -> io::Result<()> {
        let left = repository.revision(row.rev).ok().filter(|(_, bytes)| *bytes == row.bytes);
        let is_it = left.is_some_and(|(file, _)| {
            let mut content = Checked::new(file);
            io::copy(&mut content, &mut io::sink()).is_ok() && content.must_be(&row.hash, row.rev).is_ok()
        });
        if is_it {
            repository.put_revision_properties(row.rev, &row.properties)?;
        } else {
            self.put(repository, row)?;
        }
        repository.set_youngest(row.rev)
    }
}

fn failed(repo: u64, error: &io::Error) -> Error {
    Error::internal(format!("repository {repo}: {error}"))
}
