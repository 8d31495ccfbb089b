//! Alarms: what is wrong now, and what must be told.
//!
//! ```text
//!   quiet --raise--> open (told) --raise again within the hour--> open (counted)
//!                     |    ^-------- raise after an hour: told again
//!                     +--clear, or a day without a further one--> quiet (told)
//! ```

use std::collections::{BTreeMap, VecDeque};

/// How long an open alarm stays silent before it is told again, seconds.
const REMIND_S: u64 = 3600;
/// How long a thing that somebody tried stays open, seconds.
const FORGET_S: u64 = 86_400;
/// How many messages wait for a channel that does not take them.
const OUTBOX_MAX: usize = 64;
/// Alarms of the site that are passed on in an hour.
const NOTICES_HOUR_MAX: usize = 60;

/// What an alarm is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AlarmKind {
    /// The site has not been heard of.
    SiteSilent,
    /// Other entries than those cosigned were offered, or were signed elsewhere.
    Fork,
    /// A site that was superseded writes.
    OldEpoch,
    /// Somebody with a credential tried what vaults do not do.
    ForbiddenVerb,
    /// The store fell to an attack, is damaged, or could not be attacked.
    Store,
    /// The site brings more than its budget.
    Budget,
    /// No full drill was shown for more than a day.
    DrillMissing,
    /// The last full drill found differences.
    DrillFailed,
    /// The site is there and has written nothing for more than a day.
    BatchesMissing,
    /// Another vault of the site could not prove that it has what it signed for.
    PeerLacks,
    /// The locks of a bucket were not renewed for days.
    RenewalMissing,
    /// The site has an alarm of its own, and has it told here too.
    Site,
}

impl AlarmKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::SiteSilent,
        Self::Fork,
        Self::OldEpoch,
        Self::ForbiddenVerb,
        Self::Store,
        Self::Budget,
        Self::DrillMissing,
        Self::DrillFailed,
        Self::BatchesMissing,
        Self::PeerLacks,
        Self::RenewalMissing,
        Self::Site,
    ];

    /// Its name in messages and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SiteSilent => "site-silent",
            Self::Fork => "fork-refused",
            Self::OldEpoch => "old-epoch-refused",
            Self::ForbiddenVerb => "forbidden-verb",
            Self::Store => "store",
            Self::Budget => "budget-spent",
            Self::Site => "site-alarm",
            Self::DrillMissing => "drill-missing",
            Self::DrillFailed => "drill-failed",
            Self::BatchesMissing => "batches-missing",
            Self::PeerLacks => "peer-lacks",
            Self::RenewalMissing => "renewal-missing",
        }
    }

    /// Whether it is a thing that happened, rather than a state that ends by itself.
    fn happened(self) -> bool {
        matches!(self, Self::Fork | Self::OldEpoch | Self::ForbiddenVerb)
    }
}

/// An open alarm.
#[derive(Debug, Clone)]
pub(crate) struct Open {
    /// Since when, seconds since 1970.
    pub(crate) since_s: u64,
    /// What was seen last.
    pub(crate) text: String,
    /// How often.
    pub(crate) count: u64,
    last_s: u64,
    told_s: u64,
}

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) kind: AlarmKind,
    /// Whether it is over.
    pub(crate) over: bool,
    pub(crate) since_s: u64,
    pub(crate) count: u64,
    pub(crate) text: String,
}

/// All alarms of a vault.
#[derive(Debug, Default)]
pub(crate) struct Alarms {
    pub(crate) open: BTreeMap<AlarmKind, Open>,
    /// How often each was raised since the start.
    pub(crate) raised: BTreeMap<AlarmKind, u64>,
    /// When the site's own alarms were told, within the last hour.
    notices: Vec<u64>,
    /// What waits to be told, oldest first.
    pub(crate) outbox: VecDeque<Message>,
}

impl Alarms {
    /// Something is wrong.
    pub(crate) fn raise(&mut self, kind: AlarmKind, text: impl Into<String>, now_s: u64) {
        *self.raised.entry(kind).or_default() += 1;
        let text = text.into();
        let open = self.open.entry(kind).or_insert_with(|| {
            tracing::error!(alarm = kind.as_str(), text, "ALARM");
            Open { since_s: now_s, text: String::new(), count: 0, last_s: now_s, told_s: 0 }
        });
        (open.text, open.last_s) = (text, now_s);
        open.count += 1;
        if open.count == 1 || now_s >= open.told_s.saturating_add(REMIND_S) {
            open.told_s = now_s;
            let message =
                Message { kind, over: false, since_s: open.since_s, count: open.count, text: open.text.clone() };
            self.tell(message);
        }
    }

    /// The site has an alarm to tell of. Not on the public page: it is for this vault's owner. Says whether it is passed on: who has the
    /// site's credential can't bury the owner in words.
    pub(crate) fn notice(&mut self, text: String, now_s: u64) -> bool {
        *self.raised.entry(AlarmKind::Site).or_default() += 1;
        self.notices.retain(|at| now_s < at.saturating_add(REMIND_S));
        if self.notices.len() >= NOTICES_HOUR_MAX {
            return false;
        }
        self.notices.push(now_s);
        tracing::error!(alarm = AlarmKind::Site.as_str(), text, "ALARM");
        self.tell(Message { kind: AlarmKind::Site, over: false, since_s: now_s, count: 1, text });
        true
    }

    /// It is right again.
    pub(crate) fn clear(&mut self, kind: AlarmKind) {
        let Some(Open { since_s, count, text, .. }) = self.open.remove(&kind) else { return };
        tracing::info!(alarm = kind.as_str(), "alarm is over");
        self.tell(Message { kind, over: true, since_s, count, text });
    }

    /// Raises or clears, as it is.
    pub(crate) fn set(&mut self, kind: AlarmKind, wrong: Option<String>, now_s: u64) {
        match wrong {
            Some(text) => self.raise(kind, text, now_s),
            None => self.clear(kind),
        }
    }

    /// Forgets what happened long ago.
    pub(crate) fn tick(&mut self, now_s: u64) {
        let old = |open: &Open| now_s >= open.last_s.saturating_add(FORGET_S);
        let over = self.open.iter().filter(|(kind, open)| kind.happened() && old(open)).map(|(kind, _)| *kind);
        over.collect::<Vec<_>>().into_iter().for_each(|kind| self.clear(kind));
    }

    fn tell(&mut self, message: Message) {
        if self.outbox.len() == OUTBOX_MAX {
            self.outbox.pop_front();
        }
        self.outbox.push_back(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_told_once_an_hour_and_when_it_is_over() {
        let mut alarms = Alarms::default();
        (0..100).for_each(|second| alarms.raise(AlarmKind::Budget, "spent", 1000 + second));
        assert_eq!(alarms.outbox.len(), 1);
        assert_eq!(alarms.open[&AlarmKind::Budget].count, 100);
        alarms.raise(AlarmKind::Budget, "spent", 1000 + REMIND_S);
        assert_eq!(alarms.outbox.len(), 2);
        alarms.clear(AlarmKind::Budget);
        alarms.clear(AlarmKind::Budget);
        assert_eq!(alarms.outbox.len(), 3);
        assert!(alarms.outbox[2].over && alarms.open.is_empty());
        assert_eq!(alarms.raised[&AlarmKind::Budget], 101);
    }

    #[test]
    fn what_somebody_tried_stays_open_for_a_day_and_a_state_until_it_ends() {
        let mut alarms = Alarms::default();
        alarms.raise(AlarmKind::Fork, "a fork", 0);
        alarms.raise(AlarmKind::SiteSilent, "silent", 0);
        alarms.tick(FORGET_S - 1);
        assert_eq!(alarms.open.len(), 2);
        alarms.tick(FORGET_S);
        assert_eq!(alarms.open.keys().collect::<Vec<_>>(), [&AlarmKind::SiteSilent]);
    }

    #[test]
    fn the_sites_own_alarms_are_passed_on_each_but_not_without_end() {
        let mut alarms = Alarms::default();
        let passed = (0..100).filter(|n| alarms.notice(format!("alarm {n}"), 1000)).count();
        assert_eq!((passed, alarms.outbox.len()), (NOTICES_HOUR_MAX, NOTICES_HOUR_MAX));
        assert!(alarms.open.is_empty(), "they are not for everybody to see");
        assert!(alarms.notice("later".into(), 1000 + REMIND_S));
    }

    #[test]
    fn a_channel_that_takes_nothing_fills_no_memory() {
        let mut alarms = Alarms::default();
        for _ in 0..100 {
            alarms.raise(AlarmKind::Store, "x", 0);
            alarms.clear(AlarmKind::Store);
        }
        assert_eq!(alarms.outbox.len(), OUTBOX_MAX);
    }
}
