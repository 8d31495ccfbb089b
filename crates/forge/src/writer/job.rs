//! A submitted command while it is with the writer.

use super::command::{Command, Committed, Decide, Submitter, Urgency};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::oneshot;

/// A command whose output type is known to itself alone.
pub(super) trait Job: Send {
    fn urgency(&self) -> Urgency;
    fn during_lockdown(&self) -> bool;
    fn by(&self) -> Submitter;
    /// Called once. An error is for this job alone, unless it is the database's.
    fn decide(&mut self, tx: &mut Tx, ctx: &Decide) -> Result<Vec<Event>, Error>;
    /// Tells who waits. `Ok` holds the number of its first entry and the one after its last.
    fn answer(self: Box<Self>, outcome: Result<(u64, u64), Error>);
}

pub(super) struct Queued<C: Command> {
    command: Option<C>,
    output: Option<C::Output>,
    by: Submitter,
    reply: oneshot::Sender<Result<Committed<C::Output>, Error>>,
}

type Answer<C> = oneshot::Receiver<Result<Committed<<C as Command>::Output>, Error>>;

impl<C: Command> Queued<C> {
    pub(super) fn new(by: Submitter, command: C) -> (Box<Self>, Answer<C>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Self { command: Some(command), output: None, by, reply }), answer)
    }
}

impl<C: Command> Job for Queued<C> {
    fn urgency(&self) -> Urgency {
        C::URGENCY
    }

    fn during_lockdown(&self) -> bool {
        C::DURING_LOCKDOWN
    }

    fn by(&self) -> Submitter {
        self.by
    }

    fn decide(&mut self, tx: &mut Tx, ctx: &Decide) -> Result<Vec<Event>, Error> {
        let command = self.command.take().ok_or_else(|| Error::internal("a command was decided twice"))?;
        // A command that panics has not written anything: it cannot. The others of its batch must not suffer for it.
        let decided = catch_unwind(AssertUnwindSafe(|| command.decide(&mut tx.read_only(), ctx)));
        let (events, output) = decided.map_err(|_| Error::internal("a command failed in an unforeseen way"))??;
        self.output = Some(output);
        Ok(events)
    }

    fn answer(self: Box<Self>, outcome: Result<(u64, u64), Error>) {
        let Self { output, reply, .. } = *self;
        let outcome = outcome.and_then(|(first_seq, next_seq)| {
            let output = output.ok_or_else(|| Error::internal("a command was not decided"))?;
            Ok(Committed { output, first_seq, next_seq })
        });
        // Who asked may have gone; what was written stays written.
        let _ = reply.send(outcome);
    }
}
