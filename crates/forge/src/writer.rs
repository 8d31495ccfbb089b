//! The one writer: everything that changes state goes through here, one batch after another.
//!
//! ```text
//! submit -> queue -> [ admit -> decide -> append -> apply ]* -> sign checkpoint -> commit -> wake shippers -> answer
//! ```
//!
//! Invariants:
//! 1. A batch is one database transaction: its entries, their effects on the tables and its checkpoint are all there or
//!    none is.
//! 2. A command that is refused writes nothing and refuses no other.
//! 3. An event that cannot be applied is a bug: the whole batch is rolled back and nobody in it is told that it
//!    happened.
//! 4. After any failure of the database the log's size and frontier are read anew from it before the next batch.
//! 5. A size is signed once: the checkpoint is in the batch's own transaction, and its note is never made again.
//! 6. Nothing random or from a clock is read while applying: the time is in the entry.

mod admission;
mod clock;
mod command;
mod draft;
mod job;
mod shipping;
mod thread;

pub use clock::Clock;
pub use command::{Command, Committed, Decide, Submitter, Urgency};
pub use draft::{COMMAND_EVENTS_MAX, EVENT_BYTES_MAX};
pub use shipping::Shipping;
pub(crate) use shipping::{holders, laggards};

use crate::error::Error;
use crate::log::{Head, Log};
use job::Queued;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
use thread::{Message, Thread};

/// Bounds of the writer.
#[derive(Clone, Debug)]
pub struct WriterLimits {
    /// Commands that may wait for the writer.
    pub queue_max: usize,
    /// Ordinary commands are refused while an older batch has waited longer than this for a quorum.
    pub unheld_wait_max: Duration,
    /// Where entries' times come from.
    pub clock: Clock,
}

impl Default for WriterLimits {
    fn default() -> Self {
        Self { queue_max: 4096, unheld_wait_max: Duration::from_secs(8), clock: Clock::default() }
    }
}

/// The one writer. There is one for each journal: the caller sees to that, with a lock on the data directory.
pub struct Writer {
    queue: SyncSender<Message>,
    queued: Arc<AtomicUsize>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("queued", &self.queued()).finish_non_exhaustive()
    }
}

impl Writer {
    /// Starts the writer's thread on this log.
    pub fn start(log: Arc<Log>, shipping: Arc<dyn Shipping>, limits: &WriterLimits) -> Result<Self, Error> {
        let head = log.db().read(Head::load)?;
        let (queue, receiver) = sync_channel(limits.queue_max);
        let queued = Arc::new(AtomicUsize::new(0));
        let mut unheld = admission::Unheld::default();
        unheld.committed(head.size(), std::time::Instant::now());
        let thread = Thread {
            log,
            shipping,
            queue: receiver,
            queued: Arc::clone(&queued),
            unheld_wait_max: limits.unheld_wait_max,
            clock: limits.clock.clone(),
            head: Some(head),
            unheld,
            carried: std::collections::VecDeque::new(),
            stopping: false,
        };
        let spawned = std::thread::Builder::new().name("writer".into()).spawn(move || thread.run());
        let handle = spawned.map_err(|e| Error::internal(format!("the writer could not be started: {e}")))?;
        Ok(Self { queue, queued, thread: Mutex::new(Some(handle)) })
    }

    /// Submits a command and waits until it is committed (not: until it is held) or refused.
    ///
    /// Dropping the future does not take the command back.
    pub async fn submit<C: Command>(&self, by: Submitter, command: C) -> Result<Committed<C::Output>, Error> {
        let (job, answer) = Queued::new(by, command);
        self.queued.fetch_add(1, Ordering::Relaxed);
        if let Err(e) = self.queue.try_send(Message::Job(job)) {
            self.queued.fetch_sub(1, Ordering::Relaxed);
            return Err(match e {
                TrySendError::Full(_) => Error::Busy,
                TrySendError::Disconnected(_) => Error::Stopping,
            });
        }
        answer.await.map_err(|_| Error::Stopping)?
    }

    /// Commands waiting.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued.load(Ordering::Relaxed)
    }

    /// Writes what is queued, then stops. Blocks; later submissions are refused.
    pub fn stop(&self) {
        let handle = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(handle) = handle {
            // Both fail only when the thread has ended already.
            let _ = self.queue.send(Message::Stop);
            let _ = handle.join();
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
pub(crate) mod tests;
