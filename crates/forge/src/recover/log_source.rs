//! The log's batches, from whichever vault has them.
//!
//! It is read from the vault with the longest log. When that one fails, or gives something that does not verify, the next goes on
//! from the same entry: what was verified needs no vault's word any more.

use super::survey::{Source, Survey};
use journal::batch::Batch;
use journal::merkle::Frontier;
use journal::note::VerifierKey;
use std::convert::Infallible;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use vault::{LogReader, ReadError, VerifiedBatch};

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

/// How the reading ended.
#[derive(Debug)]
pub(super) struct Ended {
    /// What was read and verified.
    pub(super) frontier: Frontier,
    /// Vaults that failed or showed another log.
    pub(super) warnings: Vec<String>,
}

/// Reads everything from `frontier` on. Reading ends early when nobody takes the batches any more.
pub(super) fn read(survey: &Survey, frontier: Frontier) -> (Batches, JoinHandle<Ended>) {
    let (sender, receiver) = mpsc::channel(AHEAD);
    let reading = Reading {
        sources: survey.sources.clone(),
        recovery_keys: survey.recovery_keys.clone(),
        ended: Ended { frontier, warnings: Vec::new() },
        sender,
    };
    (Batches(receiver), tokio::spawn(reading.run()))
}

struct Reading {
    sources: Vec<Source>,
    recovery_keys: Vec<VerifierKey>,
    ended: Ended,
    sender: mpsc::Sender<Batch>,
}

impl Reading {
    async fn run(mut self) -> Ended {
        for source in self.sources.clone() {
            if source.size > self.ended.frontier.size()
                && let Err(error) = self.read_one(&source).await
            {
                let name = &source.client.url().name;
                self.ended
                    .warnings
                    .push(format!("vault {name} could be read up to entry {}: {error}", self.ended.frontier.size()));
            }
        }
        self.ended
    }

    async fn read_one(&mut self, source: &Source) -> Result<(), ReadError> {
        let frontier = self.ended.frontier.clone();
        let mut reader = LogReader::open(source.client.clone(), frontier, &self.recovery_keys).await?;
        while let Some(verified) = reader.next().await? {
            self.ended.frontier = reader.frontier().clone();
            self.compare(&verified);
            if self.sender.send(verified.batch).await.is_err() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// All vaults must have cosigned one log.
    fn compare(&mut self, verified: &VerifiedBatch) {
        let at = &verified.checkpoint;
        for other in self.sources.iter().filter(|other| other.size == at.size && other.root != at.root) {
            let name = &other.client.url().name;
            let text =
                format!("vault {name} has cosigned ANOTHER LOG of {} entries: the lost site's key signed two", at.size);
            self.ended.warnings.push(text);
        }
    }
}
