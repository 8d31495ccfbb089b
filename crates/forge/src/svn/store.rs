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
use svn::{Properties, SvnRepository};
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
        let (seen, missing) = rows.revisions.split_at(rows.revisions.partition_point(|row| row.rev <= there));
        let (mut extras, mut wrote) = (Extras::default(), false);
        for row in seen {
            wrote |= self.content_as_held(repository, row, alone && row.rev == there)?;
            match Found::of(repository, row, held)? {
                Found::AsHeld => {}
                Found::Before => {
                    repository.put_revision_properties(row.rev, &row.properties)?;
                    wrote = true;
                }
                Found::Others => extras.properties.push(row.rev),
            }
        }
        let newest = rows.revisions.last().map_or(0, |row| row.rev);
        if newest < there && alone && !rows.pending {
            extras.revisions = Some((newest + 1, there));
        }
        if !rows.pending && repository.locks()? != rows.locks {
            tracing::warn!("the locks on the disk are not those of the journal; they are set again");
            repository.set_locks(&rows.locks)?;
            wrote = true;
        }
        if wrote {
            repository.sync()?;
        }
        self.roll_forward(repository, missing)?;
        if alone {
            repository.sweep()?;
        }
        Ok(extras)
    }

    /// Puts a revision's content there anew where it is not what was committed: written by a machine whose power went. `whole`: all of
    /// it is read; else its length decides. Whether it was put.
    fn content_as_held(&self, repository: &SvnRepository, row: &RevisionRow, whole: bool) -> io::Result<bool> {
        let is_it = match whole {
            true => lies_there(repository, row),
            false => repository.revision_bytes(row.rev)? == Some(row.bytes),
        };
        if !is_it {
            tracing::warn!(revision = row.rev, "what lies there is not what was committed: it is put anew");
            self.put_content(repository, row)?;
        }
        Ok(!is_it)
    }

    fn put_content(&self, repository: &SvnRepository, row: &RevisionRow) -> io::Result<()> {
        let mut content = Checked::new(self.blobs.concatenated(row.parts.clone()));
        repository.put_content(row.rev, &mut content)?;
        content.must_be(&row.hash, row.rev)
    }

    /// Puts there what is held and missing. It is on the disk before any of it can be seen: a revision that shows is whole, whenever
    /// the power goes. One's file may lie there already, left by the commit that was held back.
    fn roll_forward(&self, repository: &SvnRepository, missing: &[RevisionRow]) -> io::Result<()> {
        let mut last = None;
        let putting = missing.iter().try_for_each(|row| {
            tracing::info!(revision = row.rev, "held, and not yet in the repository: put there");
            if !lies_there(repository, row) {
                self.put_content(repository, row)?;
            }
            repository.put_revision_properties(row.rev, &row.properties)?;
            last = Some(row.rev);
            Ok(())
        });
        if let Some(last) = last {
            repository.sync()?;
            repository.set_youngest(last)?;
        }
        putting
    }
}

/// What lies there as a revision's properties.
enum Found {
    /// What is held, or was when the last change of them was not.
    AsHeld,
    /// What was held before, or what no program of Subversion's leaves: nothing, or bytes that are no properties.
    Before,
    /// What no entry knows.
    Others,
}

impl Found {
    fn of(repository: &SvnRepository, row: &RevisionRow, held: u64) -> io::Result<Self> {
        let properties = match repository.revision_properties(row.rev) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            properties => properties?,
        };
        if properties == row.properties || row.properties_seq >= held {
            return Ok(Self::AsHeld);
        }
        if properties.is_empty() || Properties::parse(&properties).is_err() {
            tracing::warn!(
                revision = row.rev,
                "what lies there is no list of properties: those of the journal are put there"
            );
            return Ok(Self::Before);
        }
        Ok(if row.properties_before.as_ref() == Some(&properties) { Self::Before } else { Self::Others })
    }
}

/// Whether a revision's file is exactly what was committed.
fn lies_there(repository: &SvnRepository, row: &RevisionRow) -> bool {
    let file = repository.revision(row.rev).ok().filter(|(_, bytes)| *bytes == row.bytes);
    file.is_some_and(|(file, _)| {
        let mut content = Checked::new(file);
        io::copy(&mut content, &mut io::sink()).is_ok() && content.must_be(&row.hash, row.rev).is_ok()
    })
}

fn failed(repo: u64, error: &io::Error) -> Error {
    Error::internal(format!("repository {repo}: {error}"))
}

#[cfg(test)]
mod tests;
