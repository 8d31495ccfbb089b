//! What was forgotten leaves the site's disk and memory; of what was erased the spool has nothing either.
//!
//! It follows from the tables and not from having been there: what a crash cut short the next run does, and a run that finds nothing to do
//! reads one table. What pages and doors keep is let go of by whoever listens ([`Site::forgotten`]).

use super::Site;
use super::code::Reading;
use super::svn_looks::SvnLooks;
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::orders::erased_blobs;
use crate::repo::Repositories;
use crate::spool::Spool;
use crate::svn::{Subversion, Views};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What has left already, as far as this process knows.
#[derive(Default)]
pub(crate) struct Forgotten {
    /// Repositories, and whether they were erased then.
    done: Mutex<BTreeSet<(u64, bool)>>,
    times: watch::Sender<u64>,
}

impl Forgotten {
    /// Removes what was forgotten or erased since it was looked last.
    pub(super) async fn leave(
        &self,
        db: &Db,
        (repositories, subversion, views): (&Repositories, &Subversion, &Views),
        spool: &Arc<Spool>,
        (reading, looks): (&Reading, &SvnLooks),
    ) -> Result<(), Error> {
        let forgotten = db.read_async(forgotten).await?;
        let done = self.done.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let new: Vec<_> = forgotten.into_iter().filter(|repo| !done.contains(repo)).collect();
        if new.is_empty() {
            return Ok(());
        }
        let mut left = Vec::new();
        for (repo, erased) in new {
            repositories.forget(repo).await?;
            match views.forget(repo).await {
                // It was told to stop; the next run finds it so.
                Err(Error::Busy) => continue,
                other => other?,
            }
            subversion.forget(repo).await?;
            left.push((repo, erased));
        }
        if left.is_empty() {
            return Ok(());
        }
        if left.iter().any(|(_, erased)| *erased) {
            let (names, spool) = (db.read_async(|tx| Ok::<_, Error>(erased_blobs(tx)?)).await?, spool.clone());
            let forgetting = tokio::task::spawn_blocking(move || spool.forget(&names));
            forgetting.await.map_err(|error| Error::internal(error.to_string()))?;
        }
        reading.clear();
        looks.clear();
        self.times.send_modify(|times| *times += 1);
        tracing::info!(repositories = left.len(), "what was forgotten has left this machine");
        self.done.lock().unwrap_or_else(PoisonError::into_inner).extend(left);
        Ok(())
    }
}

/// The repositories that were forgotten, and whether they were erased.
fn forgotten(tx: &mut Tx) -> Result<Vec<(u64, bool)>, Error> {
    let rows = tx.query("SELECT id, erasure IS NOT NULL FROM emptied_repository ORDER BY id", &[])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

impl Site {
    /// Moves when repositories were forgotten: whatever is kept of any is let go of then.
    #[must_use]
    pub fn forgotten(&self) -> watch::Receiver<u64> {
        self.forgotten.times.subscribe()
    }
}
