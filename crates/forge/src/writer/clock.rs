//! The writer's clock: the site's.

use crate::clock::now_us;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// What the writer takes the time from. It is the [site's](crate::now_us); a test moves its own copy on, which no setting can.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Microseconds since 1970, UTC.
    #[must_use]
    pub fn now_us(&self) -> i64 {
        now_us().saturating_add(self.0.load(Ordering::Relaxed))
    }

    /// From now on it is so much later.
    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX), Ordering::Relaxed);
    }
}
