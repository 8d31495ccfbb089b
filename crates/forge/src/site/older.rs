//! After a recovery from a snapshot: the journal before it is brought back, and the tables are compared with it.
//!
//! The snapshot's rows are what the lost site said of its journal. A row that no entry explains, put there by whoever held that site,
//! would come back with them; once all entries are here, it is found out. A file says that this has not been done yet, so that a
//! restart does not forget it.

use super::Site;
use crate::alarm::AlarmRaise;
use crate::doctor;
use crate::error::Error;
use crate::event::alarm::AlarmRule;
use crate::jobs::{Job, Jobs};
use crate::ledger::Ledger;
use crate::log;
use crate::replay;
use crate::repo::BlobSource;
use crate::writer::{EVENT_BYTES_MAX, Submitter};
use journal::BlobName;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use vault::VaultUrl;

/// How long until what could not be read from the vaults is tried again.
const RETRY_EVERY: Duration = Duration::from_secs(15);
/// The file in the data directory that is there until the rows of a snapshot were compared.
const UNCHECKED_FILE: &str = "rows-unchecked";

/// The parts of a site this takes: not the site itself, which must be free to end.
pub(super) struct Parts {
    ledger: Arc<Ledger>,
    readable: Vec<VaultUrl>,
    blobs: BlobSource,
    jobs: Jobs,
    data: PathBuf,
    is_view: bool,
}

impl Parts {
    pub(super) fn of(site: &Site, is_view: bool) -> Self {
        Self {
            ledger: site.ledger.clone(),
            readable: site.readable.clone(),
            blobs: site.blobs.clone(),
            jobs: site.jobs.clone(),
            data: site.data().to_owned(),
            is_view,
        }
    }

    fn unchecked(&self) -> PathBuf {
        self.data.join(UNCHECKED_FILE)
    }
}

/// Brings back what vaults that are behind and old receipts need, and compares. Ends when there is nothing more to do.
pub(super) async fn bring_back(parts: Parts) {
    if let Err(error) = note(&parts).await {
        tracing::error!(%error, "that the rows are to be compared with the journal could not be noted");
    }
    if !parts.readable.is_empty() {
        fill(&parts).await;
    }
    if !parts.is_view && parts.unchecked().exists() {
        match parts.jobs.run(Job::FillLog, compare(&parts)).await {
            Ok(()) => {}
            Err(error) => {
                tracing::error!(%error, "the rows could not be compared with the journal; the next start tries again")
            }
        }
    }
}

/// While entries are lacking, the rows come from a snapshot.
async fn note(parts: &Parts) -> Result<(), Error> {
    let lacking = parts.ledger.db().read_async(|tx| Ok::<_, Error>(log::unfilled(tx)?)).await?;
    if lacking.is_none() || parts.is_view {
        return Ok(());
    }
    let path = parts.unchecked();
    std::fs::write(&path, "").map_err(|e| Error::internal(format!("{}: {e}", path.display())))
}

async fn fill(parts: &Parts) {
    loop {
        for vault in &parts.readable {
            let (name, blobs) = (vault.name.clone(), parts.blobs.clone());
            let fetch = move |names: &[BlobName]| {
                let mut bytes = Vec::new();
                let read = blobs.concatenated(names.to_vec()).take(EVENT_BYTES_MAX as u64 + 1).read_to_end(&mut bytes);
                match read.map_err(|e| Error::internal(e.to_string()))? {
                    read if read > EVENT_BYTES_MAX => Err(Error::damaged("its event is larger than an event may be")),
                    _ => Ok(bytes),
                }
            };
            let log = parts.ledger.log().clone();
            match parts.jobs.run(Job::FillLog, replay::fill_from(log, vault.clone(), fetch)).await {
                Ok(false) => return,
                Ok(true) => tracing::info!(vault = name, "the journal before the snapshot is back"),
                Err(error) => {
                    tracing::warn!(vault = name, %error, "the journal before the snapshot could not be brought back")
                }
            }
        }
        parts.jobs.next(Job::FillLog, RETRY_EVERY);
        tokio::time::sleep(RETRY_EVERY).await;
    }
}

async fn compare(parts: &Parts) -> Result<(), Error> {
    let (db, keys) = (parts.ledger.db().clone(), parts.ledger.log().clone());
    let scratch = doctor::scratch(&parts.data);
    let checking = tokio::task::spawn_blocking(move || replay::check_in(&db, keys.keys(), &scratch));
    let found = checking.await.map_err(|e| Error::internal(e.to_string()))??;
    if found.is_clean() {
        tracing::info!(
            entries = found.size,
            "the rows that came with the snapshot are those that the journal explains"
        );
    } else {
        let about = format!("this site was recovered from a snapshot whose rows the journal does not explain: {found}");
        tracing::error!(about, "ROWS THAT NO ENTRY EXPLAINS");
        let (rule, subject) = (AlarmRule::RowsUnexplained, String::new());
        parts.ledger.writer().submit(Submitter::default(), AlarmRaise { rule, subject, about }).await?;
    }
    let path = parts.unchecked();
    std::fs::remove_file(&path).map_err(|e| Error::internal(format!("{}: {e}", path.display())))
}
