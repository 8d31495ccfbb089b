//! What time it is for the site: asked here alone, so that a test lets three days pass in a moment.
//!
//! In a release it is the system's time and nothing else. In a development build the variable `OUTLAST_CLOCK_AHEAD` may name a file, in
//! which is by how many seconds the site is ahead of the system: the delays of orders, the sleep of new credentials, the end of sessions
//! and tokens come by so much sooner. What is measured as a duration (time-outs, the watch for a clock that was set) goes on as ever.

use std::time::{SystemTime, UNIX_EPOCH};

/// Microseconds since 1970, UTC.
#[must_use]
pub fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX).saturating_add(ahead_us())
}

#[cfg(debug_assertions)]
fn ahead_us() -> i64 {
    use std::path::PathBuf;
    use std::sync::OnceLock;
    static AHEAD: OnceLock<Option<PathBuf>> = OnceLock::new();
    let Some(file) = AHEAD.get_or_init(|| std::env::var_os("OUTLAST_CLOCK_AHEAD").map(PathBuf::from)) else { return 0 };
    let seconds = std::fs::read_to_string(file).ok().and_then(|text| text.trim().parse::<i64>().ok());
    seconds.unwrap_or(0).saturating_mul(1_000_000)
}

/// No release is ahead of its time.
#[cfg(not(debug_assertions))]
const fn ahead_us() -> i64 {
    0
}
