//! Drills: that the vaults give everything back is tried every day, and each result is signed and kept.
//!
//! | kind | who | with | shows |
//! |---|---|---|---|
//! | full | the site itself, daily | its own keys, a vault's `recover.url` | what the vaults hold, rebuilt, is what the site has: every row, ref, object |
//! | blind | anybody, or the site | a vault's `recover.url`, no key | a vault has every object its checkpoint reaches, each whole |
//! | officer | officers, monthly | the recovery key from its shares, on a clean machine | people can do it without the site |
//!
//! A full drill opens blobs with the site's own key, because the recovery key is not on the site. So it can't show that the
//! recovery key is still to be had: the officer drill does.
//!
//! Invariants:
//! 1. A drill writes nothing but its throw-away directory and, at its end, one entry. No vault hears of it.
//! 2. What is compared is one state: the site's tables as of an entry, and the vaults' as of the same.
//! 3. Also a drill that fails is an entry. One that is missing is an alarm ([`DrillState::alarm`]).

mod blind;
mod command;
mod full;
mod live;
mod officer;
mod query;
mod report;
mod schedule;
mod scratch;

pub use blind::{Blind, blind_drill};
pub use officer::officer_drill;
pub use query::{Drill, DrillState};
pub use report::{DIFFERENCES_KEPT_MAX, DrillReport, DrillReportError};
pub(crate) use schedule::{Drills, run as run_schedule};

/// How old the last good full drill may be: a day, and two hours for one that takes long.
pub const DRILL_AGE_MAX_S: u64 = 26 * 60 * 60;

#[cfg(test)]
mod tests;
