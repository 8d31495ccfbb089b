//! What a vault watches: how much a site brings, what somebody tries, whether the site is still there. Plain state with
//! the time handed in; `server/ward.rs` drives it.

mod alarms;
mod meter;
mod page;
mod webhook;

pub use alarms::AlarmKind;
pub(crate) use alarms::{Alarms, Message};
pub use meter::Budget;
pub(crate) use meter::{Meter, What};
pub(crate) use page::{Report, html, json, metrics};
pub use webhook::{Webhook, WebhookError};

use std::time::Duration;

/// For how long a site may be silent before its vault raises an alarm.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(15 * 60);

/// How a vault watches.
#[derive(Debug, Clone)]
pub struct WatchConfig {
    /// What a site may bring in a day before it is slowed down.
    pub budget: Budget,
    /// For how long a site may be silent.
    pub silent_after: Duration,
    /// Where alarms go, besides the log, the status page and the metrics.
    pub webhook: Option<Webhook>,
    /// Where the status page is served without TLS, for a proxy in front or a local network.
    pub status_listen: Option<String>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self { budget: Budget::default(), silent_after: SILENT_AFTER, webhook: None, status_listen: None }
    }
}
