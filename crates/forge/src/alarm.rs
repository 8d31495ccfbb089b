//! Alarms: what an officer must hear of, on every channel there is.
//!
//! ```text
//! an entry that is one by itself (rules) --,
//! what the site sees (watch) -> AlarmRaised --> a row of `alarm` -> mail to officers, webhooks, the vaults' own channels; the page
//! ```
//!
//! Invariants:
//! 1. Which entries are alarms follows from the events and the tables alone ([`record`] is part of applying them).
//! 2. An alarm is written without vaults too, and during a lockdown: it takes nothing that an intruder could want.
//! 3. One alarm of a rule and a subject that the site raises is open at a time: until somebody has seen it, or for a day. What somebody
//!    does is one each time.
//! 4. What a vault is told has no names in it: the rule, and the entry.

mod bulk;
mod channel;
mod command;
mod query;
mod rules;
mod watch;

pub(crate) use bulk::BulkReads;
pub use bulk::{BULK_READ_REPOS_MAX, BULK_READ_WINDOW};
pub(crate) use channel::{HookChannel, VaultChannel, seal_hook, sentence};
pub use command::{ALARM_HOOKS_MAX, ALARM_SILENT_US, AlarmAcknowledge, AlarmHookAdd, AlarmHookRemove, AlarmRaise};
pub(crate) use query::rule_of_entry;
pub use query::{Alarm, AlarmHook, alarm_hook_list, alarm_list};
pub(crate) use rules::record;
pub(crate) use watch::watching;
pub use watch::{DISK_FREE_BYTES_MIN, DISK_FREE_PERCENT_MIN, FLOOD_SHED_MIN, FLOOD_WINDOW, VAULT_SILENT_MAX};
