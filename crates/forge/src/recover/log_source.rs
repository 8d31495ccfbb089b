//! The log's batches, from whichever vault has them.
//!
//! It is read from the first vault, which is the one with the longest log unless a drill wants another. When that one fails, or gives
//! something that does not verify, the next goes on from the same entry. What was read is one log that the site's keys signed; whether
//! it is the log that the other vaults hold, [`super::agree`] finds out from the roots that are noted here.

use super::survey::Source;
use journal::Hash;
use journal::batch::Batch;
use journal::entry::Envelope;
use journal::merkle::Frontier;
use journal::note::VerifierKey;
use std::collections::BTreeMap;
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vault::{LogReader, ReadError};

/// Batches read ahead.
const AHEAD: usize = 8;

/// Batches as replay wants them. To be read on a thread that may block.
pub(super) struct Batches(mpsc::Receiver<Batch>);

impl Iterator for Batches {
    type Item = Result<Batch, Infallible>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.blocking_recv().map(Ok)
    }
}

impl Batches {
    /// The next one, for who may not block.
    pub(super) async fn recv(&mut self) -> Option<Batch> {
        self.0.recv().await
    }
}

/// How the reading ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What was read and verified.
    pub(super) frontier: Frontier,
    /// The root where it began, and where it passed a size that a vault has cosigned.
    pub(super) roots: BTreeMap<u64, Hash>,
    /// Vaults that failed.
    pub(super) warnings: Vec<String>,
}

/// Reads everything from `frontier` on. Reading ends early when nobody takes the batches any more.
pub(super) fn read(
    sources: &[Source],
    recovery_keys: &[VerifierKey],
    frontier: Frontier,
) -> (Batches, JoinHandle<Ended>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let reading = Reading::new(sources, recovery_keys, frontier);
    (Batches(receiver), tokio::spawn(reading.run(Some(sender), u64::MAX)))
}

/// Reads from the log's beginning until it has `until` entries, for the roots alone.
pub(super) async fn hash(sources: &[Source], recovery_keys: &[VerifierKey], until: u64) -> Ended {
    let mut reading = Reading::new(sources, recovery_keys, Frontier::new());
    reading.sizes.push(until);
    reading.run(None, until).await
}

struct Reading {
    sources: Vec<Source>,
    /// What the vaults have cosigned.
    sizes: Vec<u64>,
    recovery_keys: Vec<VerifierKey>,
    ended: Ended,
}

impl Reading {
    fn new(sources: &[Source], recovery_keys: &[VerifierKey], frontier: Frontier) -> Self {
        let roots = BTreeMap::from([(frontier.size(), frontier.root())]);
        Self {
            sources: sources.to_vec(),
            sizes: sources.iter().map(|source| source.size).collect(),
            recovery_keys: recovery_keys.to_vec(),
            ended: Ended { frontier, roots, warnings: Vec::new() },
        }
    }

    async fn run(mut self, sender: Option<mpsc::Sender<Batch>>, until: u64) -> Ended {
        for source in self.sources.clone() {
            let at = self.ended.frontier.size();
            if source.size > at
                && at < until
                && let Err(error) = self.read_one(&source, sender.as_ref(), until).await
            {
                let name = &source.client.url().name;
                self.ended
                    .warnings
                    .push(format!("vault {name} could be read up to entry {}: {error}", self.ended.frontier.size()));
            }
        }
        self.ended
    }

    async fn read_one(
        &mut self,
        source: &Source,
        sender: Option<&mpsc::Sender<Batch>>,
        until: u64,
    ) -> Result<(), ReadError> {
        let frontier = self.ended.frontier.clone();
        let mut reader = LogReader::open(source.client.clone(), frontier, &self.recovery_keys).await?;
        while self.ended.frontier.size() < until
            && let Some(verified) = reader.next().await?
        {
            self.note_roots(&verified.batch);
            self.ended.frontier = reader.frontier().clone();
            if let Some(sender) = sender
                && sender.send(verified.batch).await.is_err()
            {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A vault's checkpoint may end within what another has as one batch.
    fn note_roots(&mut self, batch: &Batch) {
        if !self.sizes.iter().any(|size| (batch.first + 1..=batch.end()).contains(size)) {
            return;
        }
        let mut tree = self.ended.frontier.clone();
        for bytes in &batch.entries {
            tree.push(Envelope::leaf(bytes));
            if self.sizes.contains(&tree.size()) {
                self.ended.roots.insert(tree.size(), tree.root());
            }
        }
    }
}
