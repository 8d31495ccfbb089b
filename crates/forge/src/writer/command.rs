//! What is submitted to the writer.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;

/// Whether a command waits for vaults to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// Refused when no quorum of vaults can be reached.
    Ordinary,
    /// Admitted without a quorum, and effective when committed: taking a right away must work when all vaults are gone.
    Revocation,
    /// Admitted without a quorum: what a site writes to come to life, before its vaults can be reached.
    Founding,
}

/// Who submits, and with what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Submitter {
    /// The account; None for the site itself.
    pub actor: Option<u64>,
    /// The token or key.
    pub credential: Option<u64>,
}

/// What a command may know when it decides.
#[derive(Clone, Copy, Debug)]
pub struct Decide {
    /// The time of its entries: microseconds since 1970, UTC; never less than an earlier entry's.
    pub now_us: i64,
    /// The number its first event will get. The `i`th gets `next_seq + i`, which is also the id of what it creates.
    pub next_seq: u64,
    /// Who submitted it.
    pub by: Submitter,
}

impl Decide {
    /// The id of what the `i`th event creates.
    #[must_use]
    pub fn id(&self, i: u64) -> u64 {
        self.next_seq + i
    }
}

/// Something somebody wants done.
pub trait Command: Send + 'static {
    /// What the one who submitted it gets when it was done.
    type Output: Send + 'static;

    /// Whether it waits for vaults.
    const URGENCY: Urgency = Urgency::Ordinary;

    /// Whether it is written while the site is locked down: what takes rights away is, and what lets people sign in.
    const DURING_LOCKDOWN: bool = !matches!(Self::URGENCY, Urgency::Ordinary);

    /// Checks whether it may be done, and says as events what it does.
    ///
    /// `tx` shows the tables with everything before it applied, and cannot write. No events: nothing is to be done,
    /// which is no error. It runs on the writer's thread, while everybody else waits: no hashing of passwords, no
    /// files, no network.
    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Self::Output), Error>;
}

/// What came of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed<T> {
    /// The command's own answer.
    pub output: T,
    /// Its first entry. Equal to `next_seq` when nothing was to be done.
    pub first_seq: u64,
    /// The number after its last entry: it is held when `held >= next_seq`.
    pub next_seq: u64,
}
