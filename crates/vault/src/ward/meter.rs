//! How much a site brings in a day.
//!
//! ```text
//!   within the budget --budget spent--> slowed down: blobs wait their turn at a day's rate
//!          ^                                | entries spent a quarter as much: they wait in a queue of their own
//!          +------ a day of uptime ---------+
//! ```
//! Nothing is refused: a refused blob would hold up every entry after the one that needs it, revocations too. What a site
//! can add in a day is bounded all the same: the budget, a quarter more of entries, and as much again of each at the day's rate.
//!
//! What was sent and not kept counts for itself: junk takes neither the room of blobs nor that of entries.
//!
//! A day is a day of this server's running, not the wall clock's: whoever sets that forward gains nothing.

use std::time::Duration;

/// How long who is refused waits at most for the answer, once a quarter of the day's bytes was sent for nothing.
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(10);

/// Seconds of uptime in a day.
const DAY_S: u64 = 86_400;
/// However small the budget: below this rate a blob would never arrive in time.
const TRICKLE_BYTES_A_SECOND_MIN: u64 = 256 << 10;

/// What a site may bring in a day before it is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of blobs and entries.
    pub bytes_day_max: u64,
    /// Blobs.
    pub objects_day_max: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { bytes_day_max: 64 << 30, objects_day_max: 1_000_000 }
    }
}

/// What is brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Content: what a flood is made of.
    Blob,
    /// Entries: revocations are among them, so a quarter of the budget more is theirs alone.
    Entries,
    /// What was not kept.
    Refused,
}

/// What one request has brought so far, so that it can be given back.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Brought {
    day_began_s: u64,
    bytes: u64,
    objects: u64,
    queued_ms: u64,
}

/// The count of the day.
#[derive(Debug, Clone)]
pub(crate) struct Meter {
    pub(crate) budget: Budget,
    /// Seconds that this vault has run, over all its starts.
    pub(crate) uptime_s: u64,
    /// The uptime at which the day began.
    day_began_s: u64,
    pub(crate) bytes: u64,
    pub(crate) objects: u64,
    /// Those of the bytes that are entries'.
    entries: u64,
    /// Bytes that were not kept.
    refused: u64,
    /// When what waits of each kind may go on, in milliseconds of this process.
    free_at_ms: [u64; 3],
}

impl Meter {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, uptime_s: 0, day_began_s: 0, bytes: 0, objects: 0, entries: 0, refused: 0, free_at_ms: [0; 3] }
    }

    /// As it was saved: uptime, the day's beginning, bytes, objects, and the entries' bytes, which an older release leaves out.
    pub(crate) fn parse(budget: Budget, text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (uptime_s, day_began_s, bytes, objects) = (next()?, next()?, next()?, next()?);
        let entries = next().unwrap_or(0);
        Some(Self { uptime_s, day_began_s, bytes, objects, entries, ..Self::new(budget) })
    }

    pub(crate) fn save(&self) -> String {
        let Self { uptime_s, day_began_s, bytes, objects, entries, .. } = self;
        format!("{uptime_s} {day_began_s} {bytes} {objects} {entries}\n")
    }

    /// The server has run for so long since it was last told.
    pub(crate) fn tick(&mut self, seconds: u64) {
        self.uptime_s += seconds;
        if self.uptime_s >= self.day_began_s + DAY_S {
            let (budget, uptime_s) = (self.budget, self.uptime_s);
            *self = Self { uptime_s, day_began_s: uptime_s, ..Self::new(budget) };
        }
    }

    /// Whether the site is being slowed down.
    pub(crate) fn is_spent(&self) -> bool {
        self.over(What::Blob)
    }

    fn over(&self, what: What) -> bool {
        let quarter = self.budget.bytes_day_max / 4;
        let spent = self.bytes > self.budget.bytes_day_max;
        match what {
            What::Blob => spent || self.objects > self.budget.objects_day_max,
            What::Entries => spent && self.entries > quarter,
            What::Refused => self.refused > quarter,
        }
    }

    /// How long what is brought now would wait for what was brought before it.
    pub(crate) fn wait(&self, what: What, now_ms: u64) -> Duration {
        let waits = if self.over(what) { self.free_at_ms[what as usize].saturating_sub(now_ms) } else { 0 };
        Duration::from_millis(waits)
    }

    /// Counts what was brought, and says for how long its bringer waits before it goes on: no longer than the day.
    pub(crate) fn bring(
        &mut self,
        brought: &mut Brought,
        what: What,
        bytes: u64,
        objects: u64,
        now_ms: u64,
    ) -> Duration {
        match what {
            What::Refused => self.refused = self.refused.saturating_add(bytes),
            _ => self.bytes = self.bytes.saturating_add(bytes),
        }
        self.objects = self.objects.saturating_add(objects);
        self.entries = self.entries.saturating_add(if what == What::Entries { bytes } else { 0 });
        if brought.day_began_s != self.day_began_s {
            *brought = Brought { day_began_s: self.day_began_s, ..Brought::default() };
        }
        brought.bytes += bytes;
        brought.objects += objects;
        if !self.over(what) {
            return Duration::ZERO;
        }
        let rate = (self.budget.bytes_day_max / DAY_S).max(TRICKLE_BYTES_A_SECOND_MIN);
        let for_bytes = bytes.saturating_mul(1000) / rate;
        let for_objects = objects.saturating_mul(DAY_S * 1000) / self.budget.objects_day_max.max(DAY_S);
        let ends_ms = now_ms
            + match what {
                What::Refused => REFUSED_WAIT_MAX.as_secs() * 1000,
                _ => (self.day_began_s + DAY_S).saturating_sub(self.uptime_s) * 1000,
            };
        // One queue for all connections: many at once bring no more than one.
        let before = self.free_at_ms[what as usize].max(now_ms);
        let free_at_ms = before.saturating_add(for_bytes.max(for_objects)).min(ends_ms).max(before);
        brought.queued_ms += free_at_ms - before;
        self.free_at_ms[what as usize] = free_at_ms;
        Duration::from_millis(free_at_ms - now_ms)
    }

    /// What a request brought of a blob was not kept: it broke off, or was refused. It counts with what is refused instead.
    pub(crate) fn give_back(&mut self, brought: Brought, now_ms: u64) -> Duration {
        if brought.day_began_s == self.day_began_s {
            self.bytes = self.bytes.saturating_sub(brought.bytes);
            self.objects = self.objects.saturating_sub(brought.objects);
            let free_at_ms = &mut self.free_at_ms[What::Blob as usize];
            *free_at_ms = free_at_ms.saturating_sub(brought.queued_ms);
        }
        match brought.bytes {
            0 => Duration::ZERO,
            bytes => self.bring(&mut Brought::default(), What::Refused, bytes, 0, now_ms),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { bytes_day_max: 1000, objects_day_max: 10 };

    fn bring(meter: &mut Meter, what: What, bytes: u64, objects: u64, now_ms: u64) -> Duration {
        meter.bring(&mut Brought::default(), what, bytes, objects, now_ms)
    }

    #[test]
    fn within_the_budget_nobody_waits_and_beyond_it_blobs_do() {
        let mut meter = Meter::new(BUDGET);
        assert_eq!(bring(&mut meter, What::Blob, 1000, 1, 0), Duration::ZERO);
        assert!(!meter.is_spent());
        let rate = TRICKLE_BYTES_A_SECOND_MIN;
        assert_eq!(bring(&mut meter, What::Blob, rate, 0, 0), Duration::from_secs(1));
        assert!(meter.is_spent());
        assert_eq!(bring(&mut meter, What::Blob, rate, 0, 0), Duration::from_secs(2), "one queue for all");
        assert_eq!(bring(&mut meter, What::Blob, rate, 0, 5000), Duration::from_secs(1));
    }

    #[test]
    fn entries_have_room_that_blobs_can_not_take() {
        let mut meter = Meter::new(BUDGET);
        bring(&mut meter, What::Blob, 1001, 0, 0);
        assert_eq!(bring(&mut meter, What::Entries, 200, 0, 0), Duration::ZERO);
        assert_eq!(meter.wait(What::Entries, 0), Duration::ZERO);
        assert!(
            bring(&mut meter, What::Entries, TRICKLE_BYTES_A_SECOND_MIN, 0, 0) > Duration::ZERO,
            "but not without end"
        );
        assert_eq!(
            (meter.wait(What::Entries, 0), meter.wait(What::Entries, 1000)),
            (Duration::from_secs(1), Duration::ZERO)
        );
        let mut meter = Meter::new(BUDGET);
        (0..11).for_each(|_| assert!(bring(&mut meter, What::Blob, 1, 1, 0) < Duration::from_secs(2)));
        assert!(meter.is_spent(), "many small ones are a flood, too");
        assert_eq!(bring(&mut meter, What::Entries, 10, 0, 0), Duration::ZERO);
    }

    #[test]
    fn what_blobs_wait_for_entries_do_not() {
        let mut meter = Meter::new(BUDGET);
        assert!(bring(&mut meter, What::Blob, 100 * TRICKLE_BYTES_A_SECOND_MIN, 0, 0) >= Duration::from_secs(99));
        assert_eq!((meter.wait(What::Entries, 0), bring(&mut meter, What::Entries, 100, 0, 0)), Default::default());
        assert!(bring(&mut meter, What::Entries, TRICKLE_BYTES_A_SECOND_MIN, 0, 0) < Duration::from_secs(2));
    }

    #[test]
    fn what_was_not_kept_takes_nobodys_room() {
        let mut meter = Meter::new(BUDGET);
        let mut brought = Brought::default();
        let waits = meter.bring(&mut brought, What::Blob, 50 * TRICKLE_BYTES_A_SECOND_MIN, 1, 0);
        assert!(waits >= Duration::from_secs(49) && meter.is_spent());
        assert_eq!(
            meter.give_back(brought, 0),
            REFUSED_WAIT_MAX,
            "who sends junk waits for the answer, and not for long"
        );
        assert!(!meter.is_spent());
        assert_eq!((meter.bytes, meter.objects, meter.wait(What::Blob, 0)), (0, 0, Duration::ZERO));
        assert_eq!(bring(&mut meter, What::Blob, 1000, 1, 0), Duration::ZERO);
        assert_eq!(bring(&mut meter, What::Entries, 200, 0, 0), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_longer_than_the_day() {
        let mut meter = Meter::new(BUDGET);
        meter.tick(DAY_S - 60);
        for _ in 0..10 {
            let waits = bring(&mut meter, What::Blob, 100 * TRICKLE_BYTES_A_SECOND_MIN, 0, 5000);
            assert_eq!(waits, Duration::from_secs(60));
        }
        meter.tick(60);
        assert_eq!(bring(&mut meter, What::Blob, 1000, 1, 65_000), Duration::ZERO);
        assert_eq!(bring(&mut meter, What::Blob, TRICKLE_BYTES_A_SECOND_MIN, 0, 6000), Duration::from_secs(1));
    }

    #[test]
    fn a_day_is_a_day_of_running_and_survives_a_restart() {
        let mut meter = Meter::new(BUDGET);
        bring(&mut meter, What::Blob, 2000, 3, 0);
        meter.tick(DAY_S - 1);
        let mut meter = Meter::parse(BUDGET, &meter.save()).unwrap();
        assert!(meter.is_spent());
        meter.tick(1);
        assert!(!meter.is_spent());
        assert_eq!((meter.bytes, meter.objects, meter.uptime_s), (0, 0, DAY_S));
        assert!(Meter::parse(BUDGET, "junk").is_none());
    }
}
