//! Entries that a replay passes over, and what is said of one that it can't pass.

use crate::db::{DbErrorKind, Tx};
use crate::error::Error;
use crate::event::{ApplyError, EventError, Stamp, kind_name};
use crate::log::Opened;
use std::fmt;

/// Runs of entries that one recovery may pass over: of any length each, since who has written one such entry may have written many.
pub const SKIP_RANGES_MAX: usize = 1000;

/// Entries in runs, in order and apart from one another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Skips(Vec<(u64, u64)>);

impl Skips {
    /// These runs, both ends with them.
    #[must_use]
    pub fn of(ranges: &[(u64, u64)]) -> Self {
        let mut sorted: Vec<_> = ranges.iter().copied().filter(|(first, last)| first <= last).collect();
        sorted.sort_unstable();
        let mut runs: Vec<(u64, u64)> = Vec::with_capacity(sorted.len());
        for (first, last) in sorted {
            match runs.last_mut().filter(|run| first <= run.1.saturating_add(1)) {
                Some(run) => run.1 = run.1.max(last),
                None => runs.push((first, last)),
            }
        }
        Self(runs)
    }

    /// Those that recoveries have passed over, as the journal says.
    pub(crate) fn known(tx: &mut Tx) -> Result<Self, Error> {
        let rows = tx.query("SELECT first, last FROM skipped ORDER BY first", &[])?;
        let ranges = rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<_>, Error>>()?;
        Ok(Self::of(&ranges))
    }

    /// Whether an entry is among them.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let at = self.0.partition_point(|(_, last)| *last < seq);
        self.0.get(at).is_some_and(|(first, _)| *first <= seq)
    }

    /// The runs.
    #[must_use]
    pub fn ranges(&self) -> &[(u64, u64)] {
        &self.0
    }

    /// # Errors
    /// [`Error::Invalid`] where one is not: the log has so many entries.
    pub(crate) fn are_below(&self, size: u64) -> Result<(), Error> {
        match self.0.last() {
            Some((_, last)) if *last >= size => {
                Err(Error::invalid(format!("there is no entry {last} to be skipped: the log has {size} entries")))
            }
            _ => Ok(()),
        }
    }

    /// These and those.
    #[must_use]
    pub fn with(&self, more: &Self) -> Self {
        Self::of(&[&self.0[..], &more.0].concat())
    }

    /// These without those.
    #[must_use]
    pub fn without(&self, less: &Self) -> Self {
        let mut left = Vec::new();
        for &(mut first, last) in &self.0 {
            for &(from, to) in &less.0 {
                if to < first || last < from {
                    continue;
                }
                if first < from {
                    left.push((first, from - 1));
                }
                first = to.saturating_add(1);
            }
            if first <= last {
                left.push((first, last));
            }
        }
        Self(left)
    }
}

impl fmt::Display for Skips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (first, last)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}..{last}")? }
        }
        Ok(())
    }
}

/// What a replay goes by besides the entries.
#[derive(Clone, Copy, Default)]
pub struct Passing<'a> {
    /// Entries that are leaves of the log and nothing else.
    pub skips: Option<&'a Skips>,
    /// Says what is wrong with an event that the tables would take and the log's epochs do not bear out.
    pub vet: Option<Vet<'a>>,
    /// Entries that do not replay are passed over and told, so many at most; otherwise the first of them ends the replay.
    pub bad_max: usize,
}

/// See [`Passing::vet`].
pub type Vet<'a> = &'a (dyn Fn(&Opened) -> Result<(), String> + Sync);

impl Passing<'_> {
    pub(super) fn skips(&self, seq: u64) -> bool {
        self.skips.is_some_and(|skips| skips.contains(seq))
    }
}

/// An entry that does not replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadEntry {
    /// Its number.
    pub seq: u64,
    /// When it was written, microseconds since 1970, and the kind of its event, as far as it says so.
    pub says: Option<(i64, u32)>,
    /// What is wrong.
    pub why: String,
    /// It may be of a newer release.
    pub newer: bool,
}

impl BadEntry {
    pub(super) fn vetted(at: &Stamp, kind: u32, why: String) -> Self {
        Self { seq: at.seq, says: Some((at.time_us, kind)), why, newer: false }
    }

    /// `says`: its time and kind, if it could be opened.
    pub(super) fn unread(seq: u64, says: Option<(i64, u32)>, why: &Error) -> Self {
        let newer = match why {
            Error::Event(EventError::UnknownKind(_)) => true,
            Error::Event(EventError::Malformed { .. }) => false,
            // An entry's own format has a version, too.
            other => says.is_none() && other.to_string().contains("use a newer one"),
        };
        let why = match why {
            Error::Damaged(text) => text.clone(),
            other => other.to_string(),
        };
        Self { seq, says, why, newer }
    }

    /// # Errors
    /// The database failed: that is not the entry's fault.
    pub(super) fn unapplied(at: &Stamp, kind: u32, error: ApplyError) -> Result<Self, Error> {
        use DbErrorKind::{Busy, Connection, Corrupt, Full};
        match error {
            ApplyError::Db(error) if matches!(error.kind(), Busy | Full | Corrupt | Connection) => Err(error.into()),
            error => Ok(Self::vetted(at, kind, error.to_string())),
        }
    }
}

impl From<BadEntry> for Error {
    fn from(bad: BadEntry) -> Self {
        let seq = bad.seq;
        let first = if bad.newer {
            "First try the newest release: what this one does not know, a newer one may"
        } else {
            "First see that all vaults answer, and what `recover --at` shows of the site before that entry"
        };
        Self::damaged(format!(
            "{bad}. It does not replay, so nothing after it does. {first}. `recover --dry-run` lists all entries that do not replay. If \
             it was put there to keep the site from coming back, `recover --skip {seq}` leaves it in the log and applies nothing of it"
        ))
    }
}

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "entry {}", self.seq)?;
        match self.says.map(|(time_us, kind)| (jiff::Timestamp::from_microsecond(time_us), kind)) {
            Some((Ok(time), kind)) => write!(f, " (written {time:.0}, {} event of kind {kind})", kind_name(kind))?,
            Some((Err(_), kind)) => write!(f, " (written at no time there is, event of kind {kind})")?,
            None => {}
        }
        write!(f, ": {}", self.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_joined_taken_away_and_looked_up() {
        let skips = Skips::of(&[(9, 12), (3, 3), (4, 5), (11, 20), (8, 7)]);
        assert_eq!(skips.ranges(), [(3, 5), (9, 20)]);
        assert_eq!(skips.to_string(), "3..5, 9..20");
        let inside: Vec<_> = (0..25).filter(|seq| skips.contains(*seq)).collect();
        assert_eq!(inside, (3..=5).chain(9..=20).collect::<Vec<_>>());
        assert_eq!(skips.without(&Skips::of(&[(4, 4), (9, 10), (15, 99)])).ranges(), [(3, 3), (5, 5), (11, 14)]);
        assert_eq!(skips.without(&Skips::of(&[(0, u64::MAX)])).ranges(), []);
        assert_eq!(skips.with(&Skips::of(&[(6, 8)])).ranges(), [(3, 20)]);
        assert!(!Skips::default().contains(0));
    }
}
