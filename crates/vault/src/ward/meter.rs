//! How much a site brings in a day.
//!
//! ```text
//!   within the budget --budget spent--> slowed down: blobs wait their turn at a day's rate
//!          ^                                | a quarter more spent: entries wait, too
//!          +------ a day of uptime ---------+
//! ```
//! Nothing is refused: a refused blob would hold up every entry after the one that needs it, revocations too. What a site
//! can add in a day is bounded all the same: the budget, and once more as much at the day's rate.
//!
//! A day is a day of this server's running, not the wall clock's: whoever sets that forward gains nothing.

use std::time::Duration;

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
    /// When what waits may go on, in milliseconds of this process.
    free_at_ms: u64,
}

impl Meter {
    pub(crate) fn new(budget: Budget) -> Self {
        Self { budget, uptime_s: 0, day_began_s: 0, bytes: 0, objects: 0, free_at_ms: 0 }
    }

    /// As it was saved: uptime, the day's beginning, bytes, objects.
    pub(crate) fn parse(budget: Budget, text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        let mut next = || numbers.next()?.ok();
        let (uptime_s, day_began_s, bytes, objects) = (next()?, next()?, next()?, next()?);
        Some(Self { uptime_s, day_began_s, bytes, objects, ..Self::new(budget) })
    }

    pub(crate) fn save(&self) -> String {
        let Self { uptime_s, day_began_s, bytes, objects, .. } = self;
        format!("{uptime_s} {day_began_s} {bytes} {objects}\n")
    }

    /// The server has run for so long since it was last told.
    pub(crate) fn tick(&mut self, seconds: u64) {
        self.uptime_s += seconds;
        if self.uptime_s >= self.day_began_s + DAY_S {
            (self.day_began_s, self.bytes, self.objects) = (self.uptime_s, 0, 0);
        }
    }

    /// Whether the site is being slowed down.
    pub(crate) fn is_spent(&self) -> bool {
        self.over(What::Blob)
    }

    fn over(&self, what: What) -> bool {
        let headroom = if what == What::Entries { self.budget.bytes_day_max / 4 } else { 0 };
        self.bytes > self.budget.bytes_day_max.saturating_add(headroom)
            || (what == What::Blob && self.objects > self.budget.objects_day_max)
    }

    /// Counts what was brought, and says for how long its bringer waits before it goes on.
    pub(crate) fn bring(&mut self, what: What, bytes: u64, objects: u64, now_ms: u64) -> Duration {
        self.bytes = self.bytes.saturating_add(bytes);
        self.objects = self.objects.saturating_add(objects);
        if !self.over(what) {
            return Duration::ZERO;
        }
        let rate = (self.budget.bytes_day_max / DAY_S).max(TRICKLE_BYTES_A_SECOND_MIN);
        let for_bytes = bytes.saturating_mul(1000) / rate;
        let for_objects = objects.saturating_mul(DAY_S * 1000) / self.budget.objects_day_max.max(DAY_S);
        // One queue for all connections: many at once bring no more than one.
        self.free_at_ms = self.free_at_ms.max(now_ms) + for_bytes.max(for_objects);
        Duration::from_millis(self.free_at_ms - now_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: Budget = Budget { bytes_day_max: 1000, objects_day_max: 10 };

    #[test]
    fn within_the_budget_nobody_waits_and_beyond_it_blobs_do() {
        let mut meter = Meter::new(BUDGET);
        assert_eq!(meter.bring(What::Blob, 1000, 1, 0), Duration::ZERO);
        assert!(!meter.is_spent());
        let rate = TRICKLE_BYTES_A_SECOND_MIN;
        assert_eq!(meter.bring(What::Blob, rate, 0, 0), Duration::from_secs(1));
        assert!(meter.is_spent());
        assert_eq!(meter.bring(What::Blob, rate, 0, 0), Duration::from_secs(2), "one queue for all");
        assert_eq!(meter.bring(What::Blob, rate, 0, 5000), Duration::from_secs(1));
    }

    #[test]
    fn entries_have_room_that_blobs_can_not_take() {
        let mut meter = Meter::new(BUDGET);
        meter.bring(What::Blob, 1001, 0, 0);
        assert_eq!(meter.bring(What::Entries, 200, 0, 0), Duration::ZERO);
        assert!(meter.bring(What::Entries, TRICKLE_BYTES_A_SECOND_MIN, 0, 0) > Duration::ZERO, "but not without end");
        let mut meter = Meter::new(BUDGET);
        (0..11).for_each(|_| assert!(meter.bring(What::Blob, 1, 1, 0) < Duration::from_secs(2)));
        assert!(meter.is_spent(), "many small ones are a flood, too");
        assert_eq!(meter.bring(What::Entries, 10, 0, 0), Duration::ZERO);
    }

    #[test]
    fn a_day_is_a_day_of_running_and_survives_a_restart() {
        let mut meter = Meter::new(BUDGET);
        meter.bring(What::Blob, 2000, 3, 0);
        meter.tick(DAY_S - 1);
        let mut meter = Meter::parse(BUDGET, &meter.save()).unwrap();
        assert!(meter.is_spent());
        meter.tick(1);
        assert!(!meter.is_spent());
        assert_eq!((meter.bytes, meter.objects, meter.uptime_s), (0, 0, DAY_S));
        assert!(Meter::parse(BUDGET, "junk").is_none());
    }
}
