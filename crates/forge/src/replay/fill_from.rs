//! Filling in from a vault.

use super::fill::fill;
use crate::error::Error;
use crate::log::{self, Log};
use journal::batch::Batch;
use journal::merkle::Frontier;
use journal::note::VerifierKey;
use journal::{BlobName, Hash};
use std::sync::Arc;
use tokio::sync::mpsc;
use vault::{LogReader, VaultClient, VaultUrl};

/// Batches read ahead of what is written.
const AHEAD: usize = 8;

/// Reads what a log made from a snapshot lacks from a vault, whose URL must allow reading, and [fills](fill) it in;
/// true if anything was lacking. For a task in the background: the site goes on writing meanwhile.
///
/// `fetch` gives the plaintext of an event that is in blobs; it may block. After an error the next call, with this
/// vault or another, goes on from there.
pub async fn fill_from(
    log: Arc<Log>,
    vault: VaultUrl,
    fetch: impl Fn(&[BlobName]) -> Result<Vec<u8>, Error> + Send + Sync + 'static,
) -> Result<bool, Error> {
    let Some(lack) = log.db().read_async(lack).await? else { return Ok(false) };
    let name = vault.name.clone();
    let failed = move |e: &dyn std::fmt::Display| Error::internal(format!("reading from vault {name}: {e}"));
    let client = Arc::new(VaultClient::new(vault).map_err(|e| failed(&e))?);
    let mut reader = LogReader::open(client, lack.tree, &lack.recovery_keys).await.map_err(|e| failed(&e))?;
    let (sender, receiver) = mpsc::channel::<Result<Batch, Error>>(AHEAD);
    let writing = tokio::task::spawn_blocking(move || {
        fill(log.db(), log.keys(), Received(receiver), &fetch, &mut |entries| tracing::debug!(entries, "filled in"))
    });
    loop {
        let next = reader.next().await.map_err(|e| failed(&e)).transpose();
        let Some(next) = next.map(|verified| verified.map(|v| v.batch)) else { break };
        let (ends, beyond) = (next.is_err(), next.as_ref().is_ok_and(|batch| batch.end() >= lack.end));
        // Nobody listens any more when the gap is closed, or writing failed: the writer knows which.
        if sender.send(next).await.is_err() || ends || beyond {
            break;
        }
    }
    drop(sender);
    writing.await.map_err(|e| Error::internal(e.to_string()))??;
    Ok(true)
}

struct Lack {
    end: u64,
    tree: Frontier,
    recovery_keys: Vec<VerifierKey>,
}

fn lack(tx: &mut crate::db::Tx) -> Result<Option<Lack>, Error> {
    let Some(gap) = log::unfilled(tx)? else { return Ok(None) };
    let damaged = |e: &dyn std::fmt::Display| Error::damaged(format!("the log before the snapshot: {e}"));
    let edges = log::edges_fetch(tx, gap.start)?.ok_or_else(|| damaged(&"its tree is not here"))?;
    let peaks: Vec<Hash> = edges.peaks();
    let tree = Frontier::from_parts(gap.start, peaks).map_err(|e| damaged(&e))?;
    Ok(Some(Lack { end: gap.end, tree, recovery_keys: log::recovery_keys(tx)? }))
}

struct Received(mpsc::Receiver<Result<Batch, Error>>);

impl Iterator for Received {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.blocking_recv()
    }
}
