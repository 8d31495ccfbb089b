//! The log, its writer and its vaults: everything that is written goes through here.

use crate::db::Db;
use crate::error::Error;
use crate::log::Log;
use crate::writer::{Command, Committed, Shipping, Submitter, Urgency, Writer, WriterLimits, holders, laggards};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long a write waits for a quorum of vaults, by default.
pub const HELD_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a write waits for a quorum of vaults to answer at all, by default: a site that has just started, a vault
/// that restarts.
pub const QUORUM_PATIENCE: Duration = Duration::from_secs(3);

/// How often it looks.
const QUORUM_LOOK_EVERY: Duration = Duration::from_millis(20);

/// Bounds of the writing.
#[derive(Clone, Debug)]
pub struct LedgerLimits {
    /// Those of the writer.
    pub writer: WriterLimits,
    /// How long a write waits for a quorum before it is answered with [`Error::NotHeldYet`].
    pub held_timeout: Duration,
    /// How long a write waits for a quorum to answer before it is refused with [`Error::NoQuorum`].
    pub quorum_patience: Duration,
}

impl Default for LedgerLimits {
    fn default() -> Self {
        Self { writer: WriterLimits::default(), held_timeout: HELD_TIMEOUT, quorum_patience: QUORUM_PATIENCE }
    }
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// The command's own answer.
    pub output: T,
    /// Its first entry; equal to `next_seq` when nothing was to be done.
    pub first_seq: u64,
    /// The number after its last entry.
    pub next_seq: u64,
    /// The vaults that hold it. Empty for a revocation that took effect before they did.
    pub held: Vec<String>,
}

/// A log that is being written: what the site and all its subjects are built on.
#[derive(Debug)]
pub struct Ledger {
    log: Arc<Log>,
    writer: Writer,
    shipping: Shared,
    held_timeout: Duration,
    quorum_patience: Duration,
}

struct Shared(Arc<dyn Shipping>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shipping")
    }
}

impl Ledger {
    /// Starts writing to this log.
    pub fn start(log: Arc<Log>, shipping: Arc<dyn Shipping>, limits: &LedgerLimits) -> Result<Self, Error> {
        let writer = Writer::start(Arc::clone(&log), Arc::clone(&shipping), &limits.writer)?;
        let LedgerLimits { held_timeout, quorum_patience, .. } = *limits;
        Ok(Self { log, writer, shipping: Shared(shipping), held_timeout, quorum_patience })
    }

    /// For reading.
    #[must_use]
    pub fn db(&self) -> &Db {
        self.log.db()
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> &Arc<Log> {
        &self.log
    }

    /// The writer.
    #[must_use]
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// The vaults.
    #[must_use]
    pub fn shipping(&self) -> &Arc<dyn Shipping> {
        &self.shipping.0
    }

    /// Submits a command and waits until a quorum of vaults holds it. What takes rights away is answered when it is
    /// committed, which is when it takes effect.
    ///
    /// [`Error::NotHeldYet`]: it is written, and will be held later. Dropping the future does not take the command
    /// back.
    pub async fn submit<C: Command>(&self, by: Submitter, command: C) -> Result<Answer<C::Output>, Error> {
        if C::URGENCY == Urgency::Ordinary {
            self.quorum_may_come().await;
        }
        let Committed { output, first_seq, next_seq } = self.writer.submit(by, command).await?;
        let held = match C::URGENCY {
            Urgency::Ordinary if next_seq > first_seq => self.held_until(next_seq).await?,
            _ => holders(&*self.shipping.0, next_seq),
        };
        Ok(Answer { output, first_seq, next_seq, held })
    }

    /// Waits a little while no quorum answers and nothing is wrong otherwise. The writer then asks again, and decides.
    async fn quorum_may_come(&self) {
        let until = Instant::now() + self.quorum_patience;
        let shipping = &self.shipping.0;
        while shipping.quorum_reachable().is_err() && shipping.trouble().is_none() && Instant::now() < until {
            tokio::time::sleep(QUORUM_LOOK_EVERY).await;
        }
    }

    /// Waits until all entries below `next_seq` are held; the vaults that hold them.
    pub async fn held_until(&self, next_seq: u64) -> Result<Vec<String>, Error> {
        let mut held = self.shipping.0.held();
        let waiting = held.wait_for(|held| *held >= next_seq);
        match tokio::time::timeout(self.held_timeout, waiting).await {
            Ok(Ok(_)) => Ok(holders(&*self.shipping.0, next_seq)),
            Ok(Err(_)) => Err(Error::Stopping),
            Err(_) => Err(self.not_held_yet(next_seq)),
        }
    }

    fn not_held_yet(&self, next_seq: u64) -> Error {
        let missing = laggards(&*self.shipping.0, next_seq);
        Error::NotHeldYet { seq: next_seq.saturating_sub(1), waited_s: self.held_timeout.as_secs(), missing }
    }

    /// The receipt of an entry, as a file's text.
    pub async fn receipt(&self, seq: u64) -> Result<String, Error> {
        let log = Arc::clone(&self.log);
        let made = tokio::task::spawn_blocking(move || log.receipt(seq)).await;
        made.unwrap_or_else(|e| Err(Error::internal(format!("the receipt of entry {seq}: {e}"))))
    }

    /// Writes what is queued, then stops writing. Blocks.
    pub fn stop(&self) {
        self.writer.stop();
    }
}
