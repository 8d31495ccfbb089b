//! Classes of load: what is done for whom, how much of it at one time, and how long others wait for their turn.
//!
//! ```text
//! enter -> working -> left (dropped)
//!    '-> waiting -> working
//!    |      '-- wait_max: shed
//!    '-- queue_max wait already: shed
//! ```
//! Each class has room of its own, so that no number of strangers takes a member's; and no account has more than its share of
//! it, so that no member takes another's.

use super::shares::Shares;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

/// What a request is counted as. Decided before its body is read, by who sends it and what it asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Health, and what the operator's monitoring reads: never made to wait.
    Control,
    /// A member changes something.
    MemberWrite,
    /// A member reads.
    MemberRead,
    /// A stranger reads what costs little.
    Stranger,
    /// A stranger clones or fetches: as a member's Git does too where it is not asked who it is.
    StrangerFetch,
    /// A stranger reads what costs much: who wrote each line, the history of a path, differences, archives, searches.
    StrangerWork,
    /// Somebody tries to sign in, or comes with a credential that is none.
    SignIn,
    /// The same from a browser that has signed in before: who guesses passwords takes none of its turns.
    SignInKnown,
}

impl Class {
    /// All that can be full.
    pub const BOUNDED: [Self; 7] = [
        Self::MemberWrite,
        Self::MemberRead,
        Self::Stranger,
        Self::StrangerFetch,
        Self::StrangerWork,
        Self::SignIn,
        Self::SignInKnown,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::MemberWrite => "member_write",
            Self::MemberRead => "member_read",
            Self::Stranger => "stranger",
            Self::StrangerFetch => "stranger_fetch",
            Self::StrangerWork => "stranger_work",
            Self::SignIn => "sign_in",
            Self::SignInKnown => "sign_in_known",
        }
    }
}

/// How much of a class is done at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassLimits {
    /// Worked on at one time.
    pub permits_max: usize,
    /// Waiting for their turn.
    pub queue_max: usize,
    /// How long one waits.
    pub wait_max: Duration,
}

impl ClassLimits {
    const fn new(permits_max: usize, queue_max: usize, wait_max_ms: u64) -> Self {
        Self { permits_max, queue_max, wait_max: Duration::from_millis(wait_max_ms) }
    }
}

/// How much of each class is done at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadLimits {
    /// Members' writes. Their time is the uplink's and the vaults', not the processor's: hence so many.
    pub member_write: ClassLimits,
    /// Members' reads.
    pub member_read: ClassLimits,
    /// Strangers' cheap reads.
    pub stranger: ClassLimits,
    /// Strangers' clones and fetches.
    pub stranger_fetch: ClassLimits,
    /// Strangers' expensive reads.
    pub stranger_work: ClassLimits,
    /// Attempts to sign in.
    pub sign_in: ClassLimits,
    /// Those of browsers that have signed in before.
    pub sign_in_known: ClassLimits,
}

impl Default for LoadLimits {
    fn default() -> Self {
        Self {
            member_write: ClassLimits::new(256, 256, 10_000),
            member_read: ClassLimits::new(64, 128, 5_000),
            stranger: ClassLimits::new(16, 64, 1_000),
            stranger_fetch: ClassLimits::new(16, 64, 500),
            stranger_work: ClassLimits::new(2, 8, 500),
            sign_in: ClassLimits::new(2, 16, 800),
            sign_in_known: ClassLimits::new(4, 32, 2_000),
        }
    }
}

/// What is under way, by class.
#[derive(Debug)]
pub struct Load {
    gates: [Gate; Class::BOUNDED.len()],
}

#[derive(Debug)]
struct Gate {
    limits: ClassLimits,
    free: Arc<Semaphore>,
    shares: Shares,
    waiting: AtomicUsize,
    admitted: AtomicU64,
    shed: AtomicU64,
}

/// Somebody's turn; dropped when what they asked for is done.
#[derive(Debug)]
pub struct Permit {
    _place: Option<OwnedSemaphorePermit>,
    _share: Option<OwnedSemaphorePermit>,
}

/// There is no room in time: to be told so, and asked to come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many others are asking for the same; try again in a few seconds")]
pub struct Shed {
    /// What was asked for.
    pub class: Class,
}

/// What a class has seen since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Had their turn.
    pub admitted: u64,
    /// Were turned away.
    pub shed: u64,
    /// Are waiting.
    pub waiting: u64,
    /// Are worked on.
    pub working: u64,
}

impl Load {
    /// Nothing under way.
    #[must_use]
    pub fn new(limits: LoadLimits) -> Self {
        let gate = |class| {
            let limits = match class {
                Class::MemberWrite => limits.member_write,
                Class::Control | Class::MemberRead => limits.member_read,
                Class::Stranger => limits.stranger,
                Class::StrangerFetch => limits.stranger_fetch,
                Class::StrangerWork => limits.stranger_work,
                Class::SignIn => limits.sign_in,
                Class::SignInKnown => limits.sign_in_known,
            };
            let permits_max = limits.permits_max.min(Semaphore::MAX_PERMITS);
            let limits = ClassLimits { permits_max, ..limits };
            Gate {
                limits,
                free: Arc::new(Semaphore::new(permits_max)),
                shares: Shares::of(permits_max),
                waiting: AtomicUsize::new(0),
                admitted: AtomicU64::new(0),
                shed: AtomicU64::new(0),
            }
        };
        Self { gates: Class::BOUNDED.map(gate) }
    }

    /// Waits for one's turn. An account has [`ACCOUNT_SHARE`] of a class's room at the most.
    ///
    /// # Errors
    /// [`Shed`] at once when too many wait already, and after the class's `wait_max`.
    pub async fn enter(&self, class: Class, account: Option<u64>) -> Result<Permit, Shed> {
        let Some(gate) = self.gate(class) else { return Ok(Permit { _place: None, _share: None }) };
        let permit = gate.enter(account).await;
        let counter = if permit.is_some() { &gate.admitted } else { &gate.shed };
        counter.fetch_add(1, Ordering::Relaxed);
        permit.ok_or(Shed { class })
    }

    /// What a class has seen.
    #[must_use]
    pub fn counts(&self, class: Class) -> Counts {
        let Some(gate) = self.gate(class) else { return Counts::default() };
        Counts {
            admitted: gate.admitted.load(Ordering::Relaxed),
            shed: gate.shed.load(Ordering::Relaxed),
            waiting: gate.waiting.load(Ordering::Relaxed) as u64,
            working: (gate.limits.permits_max - gate.free.available_permits()) as u64,
        }
    }

    fn gate(&self, class: Class) -> Option<&Gate> {
        let place = Class::BOUNDED.iter().position(|bounded| *bounded == class)?;
        self.gates.get(place)
    }
}

impl Gate {
    async fn enter(&self, account: Option<u64>) -> Option<Permit> {
        let deadline = Instant::now() + self.limits.wait_max;
        let share = match account {
            Some(account) => Some(timeout_at(deadline, self.shares.enter(account)).await.ok()??),
            None => None,
        };
        Some(Permit { _place: Some(self.place(deadline).await?), _share: share })
    }

    async fn place(&self, deadline: Instant) -> Option<OwnedSemaphorePermit> {
        if let Ok(place) = self.free.clone().try_acquire_owned() {
            return Some(place);
        }
        let waits = Waiting::new(&self.waiting, self.limits.queue_max)?;
        let place = timeout_at(deadline, self.free.clone().acquire_owned()).await;
        drop(waits);
        place.ok()?.ok()
    }
}

/// A place in the queue; given back however the wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize, max: usize) -> Option<Self> {
        let waiting = Self(count);
        // Counted first: so that no more than `max` ever see that there is room.
        let before = count.fetch_add(1, Ordering::Relaxed);
        (before < max).then_some(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(wait_max_ms: u64) -> Load {
        let one = ClassLimits::new(1, 1, wait_max_ms);
        Load::new(LoadLimits { stranger_work: one, ..LoadLimits::default() })
    }

    #[tokio::test]
    async fn a_full_class_sheds_and_another_does_not_notice() {
        let load = load(50);
        let working = load.enter(Class::StrangerWork, None).await.unwrap();
        assert_eq!(load.enter(Class::StrangerWork, None).await.unwrap_err().class, Class::StrangerWork);
        load.enter(Class::Stranger, None).await.unwrap();
        load.enter(Class::MemberWrite, Some(1)).await.unwrap();
        load.enter(Class::Control, None).await.unwrap();
        let counts = load.counts(Class::StrangerWork);
        assert_eq!((counts.admitted, counts.shed, counts.working, counts.waiting), (1, 1, 1, 0));
        drop(working);
        load.enter(Class::StrangerWork, None).await.unwrap();
    }

    #[tokio::test]
    async fn one_waits_for_its_turn_and_the_next_is_shed_at_once() {
        // Whoever has to wait here waits longer than any test may take.
        let load = Arc::new(load(600_000));
        let working = load.enter(Class::StrangerWork, None).await.unwrap();
        let waiting = tokio::spawn({
            let load = load.clone();
            async move { load.enter(Class::StrangerWork, None).await }
        });
        tokio::task::yield_now().await;
        assert_eq!(load.counts(Class::StrangerWork).waiting, 1);
        assert!(load.enter(Class::StrangerWork, None).await.is_err(), "the queue is full");
        drop(working);
        assert!(waiting.await.unwrap().is_ok());
        assert_eq!(load.counts(Class::StrangerWork).waiting, 0);
    }

    #[tokio::test]
    async fn one_account_takes_no_others_turn() {
        let four = ClassLimits::new(4, 4, 50);
        let load = Load::new(LoadLimits { member_write: four, ..LoadLimits::default() });
        let of = async |account| load.enter(Class::MemberWrite, Some(account)).await;
        let held = (of(1).await.unwrap(), of(1).await.unwrap());
        assert!(of(1).await.is_err(), "half is its share");
        let others = (of(2).await.unwrap(), of(3).await.unwrap());
        assert!(of(4).await.is_err(), "all is taken");
        drop((held, others));
        of(1).await.unwrap();
    }
}
