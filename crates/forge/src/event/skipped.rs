//! What a recovery passed over.

use super::{ApplyError, Payload, Stamp};
use crate::db::Tx;
use crate::replay::{SKIP_RANGES_MAX, Skips};
use journal::Origin;
use journal::note::{NoteError, SignedNote, SigningKey};
use minicbor::{Decode, Encode};
use std::fmt;
use std::str::FromStr;

const HEADER: &str = "outlast-skipped/v1";

/// A recovery applied nothing of these entries: they did not replay. It stands behind the `EpochStarted` of the epoch that the recovery
/// began, and is signed by the recovery key that began it: nobody else can leave out what is in the log.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EntriesSkipped {
    /// The [`SkipStatement`], signed.
    #[n(0)]
    pub statement: String,
}

impl EntriesSkipped {
    /// What it says; None: nothing that can be read. The signature is not checked.
    #[must_use]
    pub fn read(&self) -> Option<SkipStatement> {
        self.statement.parse::<SignedNote>().ok()?.text().parse().ok()
    }
}

impl Payload for EntriesSkipped {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let statement = self.read().ok_or(ApplyError::Missing { seq: at.seq, what: "list of entries" })?;
        for (first, last) in statement.skips.ranges() {
            let sql = "INSERT INTO skipped (first, last, seq) VALUES (?1, ?2, ?3)";
            tx.execute(sql, &[(*first).into(), (*last).into(), at.seq.into()])?;
        }
        Ok(())
    }
}

/// Entries that are passed over, as a recovery key signs it.
///
/// ```text
/// outlast-skipped/v1
/// ORIGIN
/// epoch N              the epoch that begins with this
/// skip FIRST LAST      1 to 1000 of these lines, in order and apart
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkipStatement {
    /// The log.
    pub origin: Origin,
    /// The epoch.
    pub epoch: u64,
    /// The entries.
    pub skips: Skips,
}

impl SkipStatement {
    /// The event.
    ///
    /// # Errors
    /// When there are so many runs that no note holds them.
    pub fn sign(&self, key: &SigningKey) -> Result<EntriesSkipped, NoteError> {
        Ok(EntriesSkipped { statement: key.sign(&self.to_string())?.to_string() })
    }
}

impl fmt::Display for SkipStatement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}\n{}\nepoch {}", self.origin, self.epoch)?;
        self.skips.ranges().iter().try_for_each(|(first, last)| writeln!(f, "skip {first} {last}"))
    }
}

impl FromStr for SkipStatement {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bad = "no list of entries that a recovery passed over";
        let mut lines = text.lines();
        let (header, origin, epoch) = (lines.next(), lines.next(), lines.next());
        let origin = origin.and_then(|line| line.parse().ok()).ok_or(bad)?;
        let epoch = epoch.and_then(|line| line.strip_prefix("epoch ")?.parse().ok()).ok_or(bad)?;
        let range = |line: &str| {
            let (first, last) = line.strip_prefix("skip ")?.split_once(' ')?;
            Some((first.parse().ok()?, last.parse().ok()?))
        };
        let ranges: Vec<(u64, u64)> = lines.map(range).collect::<Option<_>>().ok_or(bad)?;
        let statement = Self { origin, epoch, skips: Skips::of(&ranges) };
        // One form for one list: what was signed is what is read.
        let same = header == Some(HEADER) && statement.to_string() == text;
        if same && (1..=SKIP_RANGES_MAX).contains(&ranges.len()) { Ok(statement) } else { Err(bad) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_one_form() {
        let text = "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 3 3\nskip 9 12\n";
        let read: SkipStatement = text.parse().unwrap();
        assert_eq!((read.epoch, read.skips.ranges()), (2, &[(3, 3), (9, 12)][..]));
        assert_eq!(read.to_string(), text);
        for bad in [
            "outlast-skipped/v1\noutlast/ab\nepoch 2\n",
            "outlast-skipped/v2\noutlast/ab\nepoch 2\nskip 3 3\n",
            "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 3\n",
            "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 9 12\nskip 3 3\n",
            "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 3 3\nskip 4 4\n",
            "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 03 3\n",
            "outlast-skipped/v1\noutlast/ab\nepoch 2\nskip 3 3",
        ] {
            assert!(bad.parse::<SkipStatement>().is_err(), "{bad}");
        }
    }

    #[test]
    fn as_many_runs_as_may_be_go_into_a_note() {
        let far = u64::MAX / 2;
        let ranges: Vec<_> = (0..SKIP_RANGES_MAX as u64).map(|i| (far + i * 10, far + i * 10 + 5)).collect();
        let statement = SkipStatement { origin: "outlast/ab".parse().unwrap(), epoch: 2, skips: Skips::of(&ranges) };
        let key = journal::epoch::recovery_signing_key(&[5; 32], &statement.origin);
        assert_eq!(statement.sign(&key).unwrap().read(), Some(statement));
    }
}
