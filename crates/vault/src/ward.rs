//! What a vault watches: how much a site brings, what somebody tries, whether the site is still there. Plain state with
//! the time handed in; `server/ward.rs` drives it.

mod alarms;
mod drill;
mod incidents;
mod meter;
mod page;
mod webhook;

pub use alarms::AlarmKind;
pub(crate) use alarms::{Alarms, Message};
pub(crate) use drill::{DRILL_BYTES_MAX, DrillKept, DrillSeen};
pub(crate) use incidents::{INCIDENTS_BYTES_MAX, Incident, IncidentsSeen};
pub use meter::Budget;
pub(crate) use meter::{Brought, Meter, What};
pub(crate) use page::{Report, html, json, metrics};
pub use webhook::{Webhook, WebhookError};

use crate::url::PeerUrl;
use std::time::Duration;

/// For how long a site may be silent before its vault raises an alarm.
pub(crate) const SILENT_AFTER: Duration = Duration::from_secs(15 * 60);

/// For how long there may be no full drill, and no batch, before a vault raises an alarm: a day, and a little. A site that is
/// well drills every day, and each drill is an entry.
pub(crate) const OVERDUE_AFTER: Duration = Duration::from_secs(26 * 3600);
/// How often a vault asks its peers what they have signed.
pub(crate) const GOSSIP_EVERY: Duration = Duration::from_secs(60);

/// How often it asks them to prove that they have it.
pub(crate) const AUDIT_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How often a vault attacks its own store and renews what runs out.
pub(crate) const PROBE_EVERY: Duration = Duration::from_secs(24 * 3600);
/// How soon it tries again when the store could not be attacked, or fell.
pub(crate) const PROBE_AGAIN: Duration = Duration::from_secs(60);
/// After how long without a renewal an alarm is raised: one may fail and be tried again.
pub(crate) const RENEWAL_MISSING_AFTER: Duration = Duration::from_secs(3 * 24 * 3600);

/// How a vault watches.
#[derive(Debug, Clone)]
pub struct WatchConfig {
    /// What a site may bring in a day before it is slowed down.
    pub budget: Budget,
    /// For how long a site may be silent.
    pub silent_after: Duration,
    /// For how long there may be no full drill, and no batch.
    pub overdue_after: Duration,
    /// Other vaults of the same site, to compare with.
    pub peers: Vec<PeerUrl>,
    /// How often they are asked.
    pub gossip_every: Duration,
    /// How often they are asked to prove that they have what they signed for.
    pub audit_every: Duration,
    /// How often it attacks its own store, and how soon again when that fell or could not be attacked.
    pub probe_every: Duration,
    /// See [`WatchConfig::probe_every`].
    pub probe_again: Duration,
    /// For how long the locks of a bucket may not have been renewed.
    pub renewal_missing_after: Duration,
    /// Where alarms go, besides the log, the status page and the metrics.
    pub webhook: Option<Webhook>,
    /// Where the status page is served without TLS, for a proxy in front or a local network.
    pub status_listen: Option<String>,
}

impl Default for WatchConfig {
    fn default() -> Self {
        Self {
            budget: Budget::default(),
            silent_after: SILENT_AFTER,
            overdue_after: OVERDUE_AFTER,
            peers: Vec::new(),
            gossip_every: GOSSIP_EVERY,
            audit_every: AUDIT_EVERY,
            probe_every: PROBE_EVERY,
            probe_again: PROBE_AGAIN,
            renewal_missing_after: RENEWAL_MISSING_AFTER,
            webhook: None,
            status_listen: None,
        }
    }
}
