//! The writer's thread.
//!
//! ```text
//!            next_jobs            write_batch ok
//! waiting ---------------> batch -----------------> waiting (head moved)
//!    ^                       | any failure
//!    `------- reload <-------'    (head unknown until it is read from the database again)
//! ```

use super::admission::{Admission, Unheld};
use super::clock::Clock;
use super::command::Decide;
use super::draft::{Draft, Finished};
use super::job::Job;
use super::shipping::Shipping;
use crate::db::Tx;
use crate::error::Error;
use crate::lockdown;
use crate::log::{Head, Log};
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use vault::Quorum;

/// Commands taken into one batch.
const BATCH_JOBS_MAX: usize = 512;

/// After this long without a command, cosignatures that came meanwhile are written.
const IDLE: Duration = Duration::from_secs(1);

pub(super) enum Message {
    Job(Box<dyn Job>),
    Stop,
}

pub(super) struct Thread {
    pub(super) log: Arc<Log>,
    pub(super) shipping: Arc<dyn Shipping>,
    pub(super) queue: Receiver<Message>,
    pub(super) queued: Arc<AtomicUsize>,
    pub(super) unheld_wait_max: Duration,
    pub(super) clock: Clock,
    /// None after a failure, until it is read from the database again.
    pub(super) head: Option<Head>,
    pub(super) unheld: Unheld,
    /// Taken from the queue, but the batch was full.
    pub(super) carried: VecDeque<Box<dyn Job>>,
    pub(super) stopping: bool,
}

type Outcome = Result<(u64, u64), Error>;

/// What a batch's transaction leaves: how each job fared, and the batch if anything was written.
struct Written {
    outcomes: Vec<Outcome>,
    finished: Option<Finished>,
    cosignatures: Vec<(u64, String)>,
}

impl Thread {
    pub(super) fn run(mut self) {
        while !(self.stopping && self.carried.is_empty()) {
            let jobs = self.next_jobs();
            if !jobs.is_empty() || self.log.has_cosignatures() {
                self.batch(jobs);
            }
        }
    }

    /// Waits for one job, then takes what else has queued up. Empty after [`IDLE`] or when it is time to stop.
    fn next_jobs(&mut self) -> Vec<Box<dyn Job>> {
        let mut jobs: Vec<_> = self.carried.drain(..).collect();
        if jobs.is_empty() {
            match self.queue.recv_timeout(IDLE) {
                Ok(message) => self.take(message, &mut jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => self.stopping = true,
            }
        }
        while jobs.len() < BATCH_JOBS_MAX
            && let Ok(message) = self.queue.try_recv()
        {
            self.take(message, &mut jobs);
        }
        jobs
    }

    fn take(&mut self, message: Message, jobs: &mut Vec<Box<dyn Job>>) {
        match message {
            Message::Job(job) => {
                self.queued.fetch_sub(1, Ordering::Relaxed);
                jobs.push(job);
            }
            Message::Stop => self.stopping = true,
        }
    }

    fn batch(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        let head = match self.head() {
            Ok(head) => head,
            Err(e) => return answer_all(jobs, &e),
        };
        let first = head.size();
        let mut drafted = None;
        let wrote = catch_unwind(AssertUnwindSafe(|| self.write_batch(head, &mut jobs, &mut drafted)));
        let wrote = wrote.unwrap_or_else(|_| Err(Error::internal("the writer failed in an unforeseen way")));
        match wrote {
            Ok(written) => self.committed(jobs, written),
            Err(e) => self.failed(jobs, first, drafted, e),
        }
    }

    /// Invariant 4 of [the writer](super).
    fn head(&mut self) -> Result<Head, Error> {
        if self.head.is_none() {
            let head = self.log.db().write(Head::load)?;
            self.log.reloaded(head.size());
            self.head = Some(head);
        }
        self.head.clone().ok_or_else(|| Error::internal("the end of the log is unknown"))
    }

    /// One transaction. `drafted` gets the size and root it would commit, for when it is unknown whether it did.
    fn write_batch(
        &mut self,
        head: Head,
        jobs: &mut [Box<dyn Job>],
        drafted: &mut Option<Drafted>,
    ) -> Result<Written, Error> {
        let admission = Admission::ask(&*self.shipping, &mut self.unheld, self.unheld_wait_max);
        let log = Arc::clone(&self.log);
        log.db().write(|tx| {
            let (mut draft, mut outcomes) = (Draft::new(&log, head), Vec::new());
            let mut locked = lockdown::in_force(tx)?;
            for job in jobs {
                if draft.is_full() {
                    break;
                }
                let admitted = admission.admit(job.urgency()).and_then(|()| match &locked {
                    Some(locked) if !job.during_lockdown() => Err(Error::Frozen { reason: locked.reason() }),
                    _ => Ok(()),
                });
                outcomes.push(match admitted {
                    Ok(()) => one(tx, &mut draft, &mut **job, &self.clock)?,
                    Err(e) => Err(e),
                });
                // Only such a command begins or ends a lockdown.
                if job.during_lockdown() {
                    locked = lockdown::in_force(tx)?;
                }
            }
            let cosignatures = log.write_cosignatures(tx)?;
            let finished = if draft.is_empty() { None } else { Some(draft.finish(tx)?) };
            *drafted = finished.as_ref().map(|f| Drafted {
                outcomes: outcomes.clone(),
                head: f.head.clone(),
                quorum: f.quorum.clone(),
            });
            Ok(Written { outcomes, finished, cosignatures })
        })
    }

    fn committed(&mut self, mut jobs: Vec<Box<dyn Job>>, written: Written) {
        self.log.forget_cosignatures(&written.cosignatures);
        self.carried.extend(jobs.split_off(written.outcomes.len()));
        if let Some(finished) = written.finished {
            self.publish(finished);
        }
        for (job, outcome) in jobs.into_iter().zip(written.outcomes) {
            job.answer(outcome);
        }
    }

    fn publish(&mut self, finished: Finished) {
        let Finished { head, checkpoint, envelopes, blobs, quorum } = finished;
        let size = checkpoint.size;
        let batch = self.log.encode_batch(checkpoint, envelopes, &blobs, head.snapshot_entry);
        let batch = batch.inspect_err(|e| tracing::error!(error = %e, "a batch cannot be shipped")).ok();
        // Before a vault can have it: nothing that follows may be held by those before alone.
        quorum.into_iter().for_each(|quorum| self.shipping.follow(quorum));
        self.log.publish(size, batch);
        self.unheld.committed(size, Instant::now());
        self.head = Some(head);
        self.shipping.committed();
    }

    /// Nothing is known until the database is asked again: it may have committed, and said otherwise.
    fn failed(&mut self, mut jobs: Vec<Box<dyn Job>>, first: u64, drafted: Option<Drafted>, error: Error) {
        tracing::error!(first, commands = jobs.len(), error = %error, "a batch could not be written");
        self.head = None;
        let now = self.head().inspect_err(|e| tracing::error!(error = %e, "the end of the log cannot be read"));
        let (Some(drafted), Ok(now)) = (drafted, now) else { return answer_all(jobs, &error) };
        if now.size() != drafted.head.size() || now.root() != drafted.head.root() {
            return answer_all(jobs, &error);
        }
        drafted.quorum.into_iter().for_each(|quorum| self.shipping.follow(quorum));
        self.unheld.committed(now.size(), Instant::now());
        self.shipping.committed();
        self.carried.extend(jobs.split_off(drafted.outcomes.len()));
        for (job, outcome) in jobs.into_iter().zip(drafted.outcomes) {
            job.answer(outcome);
        }
    }
}

struct Drafted {
    outcomes: Vec<Outcome>,
    head: Head,
    quorum: Option<Quorum>,
}

/// One command. The inner error is its own (invariant 2), the outer one the whole batch's (invariant 3).
fn one(tx: &mut Tx, draft: &mut Draft, job: &mut dyn Job, clock: &Clock) -> Result<Outcome, Error> {
    let (by, first) = (job.by(), draft.next_seq());
    let now_us = clock.now_us().max(draft.last_time_us());
    let events = match job.decide(tx, &Decide { now_us, next_seq: first, by }) {
        Ok(events) => events,
        // PostgreSQL ends the transaction with the first statement that fails.
        Err(e @ Error::Db(_)) => return Err(e),
        Err(e) => return Ok(Err(e)),
    };
    let sealed = match draft.seal(by, now_us, &events) {
        Ok(sealed) => sealed,
        Err(e) => return Ok(Err(e)),
    };
    for (sealed, event) in sealed.into_iter().zip(&events) {
        draft.append(tx, sealed, event)?;
    }
    Ok(Ok((first, draft.next_seq())))
}

fn answer_all(jobs: Vec<Box<dyn Job>>, error: &Error) {
    for job in jobs {
        job.answer(Err(error.clone()));
    }
}
