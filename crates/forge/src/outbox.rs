//! What is told to people of what is in the journal, by a channel that may fail: mail, webhooks.
//!
//! ```text
//! journal --collect--> waiting: (entry, address) --deliver--> told
//!         (position)        ^  |--refused: waits, longer each time
//!                           `--'  `--refused [OutboxLimits::tries_max] times: given up, which is an alarm
//! ```
//!
//! Invariants:
//! 1. What is told is read from the journal: nothing is told that is not committed.
//! 2. The position and what waits are one file, written whole before the first message leaves: each is sent at least once, however the
//!    process ends. Sent twice it has the same id both times.
//! 3. Where there is no file, it begins at the journal's end: a recovered site tells nothing that the lost one told.
//! 4. Who takes nothing holds up nobody else.

mod state;
#[cfg(test)]
mod tests;

use crate::clock::now_us;
use crate::db::Tx;
use crate::error::Error;
use crate::event::{Event, Stamp};
use crate::ledger::Ledger;
use crate::log::{checkpoint_last, entry_each, read_row};
use state::{State, Waiting};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the journal is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Entries read at one time.
const ENTRIES_AT_ONCE_MAX: u64 = 500;
/// Messages that wait at one time; beyond it the position stays until some have left.
const WAITING_MAX: usize = 10_000;
/// Microseconds between two tries at most.
const WAIT_MAX_US: i64 = 4 * 60 * 60 * 1_000_000;
/// How long one message may take.
const SEND_TIME_MAX: Duration = Duration::from_secs(60);

/// How hard a channel tries.
#[derive(Clone, Copy, Debug)]
pub struct OutboxLimits {
    /// How often a message is tried before it is given up.
    pub tries_max: u32,
    /// How long after the first failure it is tried again; each time twice as long, four hours at most.
    pub first_wait: Duration,
}

impl Default for OutboxLimits {
    /// Tries over a day and a bit.
    fn default() -> Self {
        Self { tries_max: 16, first_wait: Duration::from_secs(10) }
    }
}

/// A way to tell somebody.
pub(crate) trait Channel: Send + Sync + 'static {
    /// The name of its file.
    const NAME: &'static str;

    /// Whom to tell of this entry; nobody when the channel is not set up.
    fn recipients(&self, tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Vec<String>, Error>;

    /// Tells one of them. What need not be told any more is done.
    fn send(&self, entry: u64, to: &str) -> impl Future<Output = Result<(), Error>> + Send;
}

/// How a channel is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OutboxStatus {
    /// Messages that wait.
    pub waiting: u64,
    /// Messages that left since the start.
    pub sent: u64,
    /// Messages given up since the start.
    pub given_up: u64,
    /// What went wrong last, until something goes well again.
    pub last_error: Option<String>,
}

/// A status that the outbox writes and pages read.
pub(crate) type SharedStatus = Arc<Mutex<OutboxStatus>>;

/// The outbox of one channel.
pub(crate) struct Outbox<C> {
    channel: Arc<C>,
    ledger: Arc<Ledger>,
    file: PathBuf,
    state: State,
    /// The position in the file.
    saved: u64,
    limits: OutboxLimits,
    status: SharedStatus,
}

impl<C: Channel> Outbox<C> {
    /// Where the last one left off, or at the journal's end.
    pub(crate) fn open(data: &Path, ledger: Arc<Ledger>, channel: C, limits: OutboxLimits) -> Result<Self, Error> {
        let file = data.join("outbox").join(C::NAME);
        let end = ledger.db().read(checkpoint_last)?.map_or(0, |checkpoint| checkpoint.size);
        let state = State::open(&file, end)?;
        let status = OutboxStatus { waiting: state.waiting.len() as u64, ..OutboxStatus::default() };
        Ok(Self {
            channel: Arc::new(channel),
            ledger,
            file,
            saved: state.next,
            state,
            limits,
            status: Arc::new(Mutex::new(status)),
        })
    }

    pub(crate) fn status(&self) -> SharedStatus {
        Arc::clone(&self.status)
    }

    /// Runs until the site stops.
    pub(crate) async fn run(mut self) {
        loop {
            tokio::time::sleep(LOOK_EVERY).await;
            if let Err(error) = self.step(now_us()).await {
                tracing::warn!(channel = C::NAME, %error, "the outbox stands still");
            }
        }
    }

    /// Looks at what is new, and delivers what is due.
    async fn step(&mut self, now_us: i64) -> Result<(), Error> {
        while self.collect().await? {}
        self.deliver(now_us).await
    }

    /// Reads on in the journal. Says whether there is more.
    async fn collect(&mut self) -> Result<bool, Error> {
        let next = self.state.next;
        if self.state.waiting.len() >= WAITING_MAX {
            return Ok(false);
        }
        let channel = Arc::clone(&self.channel);
        let read = move |tx: &mut Tx| {
            let size = checkpoint_last(tx)?.map_or(0, |checkpoint| checkpoint.size);
            let end = size.min(next.saturating_add(ENTRIES_AT_ONCE_MAX));
            let (mut rows, mut found) = (Vec::new(), Vec::new());
            entry_each(tx, next, end, |row| {
                rows.push(row);
                Ok::<_, Error>(())
            })?;
            for row in &rows {
                let to = channel.recipients(tx, &row.stamp, &read_row(row)?.1)?;
                found.extend(to.into_iter().map(|to| Waiting::new(row.stamp.seq, to)));
            }
            Ok::<_, Error>((end, end < size, found))
        };
        let (end, more, found) = self.ledger.db().read_async(read).await?;
        self.state.next = end;
        // A position that nobody waits behind need not be written each time: what is read again has nobody to tell.
        if !found.is_empty() || end >= self.saved + ENTRIES_AT_ONCE_MAX {
            self.state.waiting.extend(found);
            self.save().await?;
            self.saved = end;
        }
        Ok(more)
    }

    async fn deliver(&mut self, now_us: i64) -> Result<(), Error> {
        let mut at = 0;
        while let Some(waiting) = self.state.waiting.get(at) {
            if waiting.due_us > now_us {
                at += 1;
                continue;
            }
            let (entry, to) = (waiting.entry, waiting.to.clone());
            let sending = tokio::time::timeout(SEND_TIME_MAX, self.channel.send(entry, &to)).await;
            let sent = sending.unwrap_or_else(|_| Err(Error::internal("it took too long")));
            match sent {
                Ok(()) => {
                    self.state.waiting.remove(at);
                    self.well();
                }
                Err(error) if self.failed(at, now_us, &error) => {
                    self.state.waiting.remove(at);
                }
                Err(_) => at += 1,
            }
            self.save().await?;
            let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
            status.waiting = self.state.waiting.len() as u64;
        }
        Ok(())
    }

    fn well(&self) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.sent += 1;
        status.last_error = None;
    }

    /// Notes a failure. Says whether that was the last try.
    fn failed(&mut self, at: usize, now_us: i64, error: &Error) -> bool {
        let Some(waiting) = self.state.waiting.get_mut(at) else { return false };
        waiting.tries += 1;
        let first = i64::try_from(self.limits.first_wait.as_micros()).unwrap_or(WAIT_MAX_US);
        let wait = first.saturating_mul(1 << waiting.tries.saturating_sub(1).min(40)).min(WAIT_MAX_US);
        waiting.due_us = now_us.saturating_add(wait);
        let (entry, tries) = (waiting.entry, waiting.tries);
        let over = tries >= self.limits.tries_max;
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        status.last_error = Some(error.to_string());
        if over {
            status.given_up += 1;
            tracing::error!(channel = C::NAME, entry, tries, %error, "ALARM: somebody could not be told of an entry");
        } else {
            tracing::warn!(channel = C::NAME, entry, tries, %error, "not told yet");
        }
        over
    }

    async fn save(&self) -> Result<(), Error> {
        let (file, text) = (self.file.clone(), self.state.text()?);
        let saving = tokio::task::spawn_blocking(move || state::write(&file, &text));
        saving.await.map_err(|e| Error::internal(e.to_string()))?
    }
}
