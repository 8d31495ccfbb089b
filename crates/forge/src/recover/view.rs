//! A view: the site as it was, for looking and copying from, never for going on.
//!
//! The last batch may reach beyond the wanted entry. Its first entries are then applied without the checkpoint the site signed;
//! the tree that ends there is signed by a key that exists in this directory alone.

use super::erased::{ErasedLater, Search};
use super::rebuild::Rebuilt;
use super::{At, RecoverRequest};
use crate::db::Db;
use crate::error::Error;
use crate::log::{self, CheckpointRow, EntryRow, FetchEvent, Head, LogKeys};
use crate::replay::{Skips, Vet};
use crate::writer::Shipping;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use std::fmt;
use std::path::Path;
use tokio::sync::watch;
use vault::Quorum;

/// The file in a data directory that says that it is a view.
const FILE: &str = "view";

/// What a view shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct View {
    /// Entries that are in it.
    pub entries: u64,
    /// When the last of them was written: microseconds since 1970.
    pub last_time_us: i64,
    /// What is in it and was erased later: vaults that have carried that out have no content of these repositories.
    pub erased: Vec<ErasedLater>,
}

impl View {
    /// What the view in this data directory shows; None: it is a site, or nothing.
    pub fn read(data: &Path) -> Result<Option<Self>, Error> {
        let path = data.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(Error::internal(format!("{}: {e}", path.display()))),
        };
        let number = |line: Option<&str>| line.and_then(|line| line.split_once(' ')?.1.parse().ok());
        let mut lines = text.lines();
        let (entries, time) = (number(lines.next()), number(lines.next()));
        match (entries, time) {
            (Some(entries), Some(time)) => {
                let erased = lines.filter_map(ErasedLater::of_line).collect();
                Ok(Some(Self { entries: u64::try_from(entries).unwrap_or(0), last_time_us: time, erased }))
            }
            _ => Err(Error::damaged(format!("{} does not say what it shows", path.display()))),
        }
    }

    fn write(&self, data: &Path) -> Result<(), Error> {
        let erased: String = self.erased.iter().map(ErasedLater::to_line).collect();
        let text = format!("entries {}\nlast-time-us {}\n{erased}", self.entries, self.last_time_us);
        std::fs::write(data.join(FILE), text).map_err(|e| Error::internal(format!("{}: {e}", data.display())))
    }

    /// Why nothing can be written.
    #[must_use]
    pub fn reason(&self) -> String {
        format!(
            "it is a view of the past, as of entry {}; to undo what came later, change it on the site itself",
            self.entries.saturating_sub(1)
        )
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a VIEW as of entry {}: it serves reads and refuses writes, and no vault hears of it. The site itself is recovered \
             without --at",
            self.entries.saturating_sub(1)
        )?;
        self.erased.iter().try_for_each(|erased| {
            write!(f, "\n{erased}, later than what is shown: a vault that has carried that out does not give it")
        })
    }
}

/// What stands for the vaults in a view: all that is there is held, and nothing more can be written.
pub(crate) struct Past {
    held: watch::Sender<u64>,
    reason: String,
}

impl Past {
    pub(crate) fn new(view: &View) -> Self {
        Self { held: watch::Sender::new(view.entries), reason: view.reason() }
    }
}

impl Shipping for Past {
    fn committed(&self) {}

    fn held(&self) -> watch::Receiver<u64> {
        self.held.subscribe()
    }

    fn trouble(&self) -> Option<String> {
        Some(self.reason.clone())
    }

    fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        Ok(())
    }

    fn follow(&self, _: Quorum) {}

    fn sizes(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}

/// Makes the directory a view.
pub(super) fn settle(request: &RecoverRequest, rebuilt: &Rebuilt) -> Result<View, Error> {
    super::settle::keep_vaults(request)?;
    let erased = rebuilt.erased.clone();
    let view = View { entries: rebuilt.size, last_time_us: rebuilt.last_time_us, erased };
    view.write(&request.to)?;
    rebuilt.temporary.write(&request.to)?;
    Ok(view)
}

/// Batches up to the wanted entry; the first entries of the one that goes beyond are kept for [`Cut::apply_rest`].
pub(super) struct Cut<'a, I> {
    at: At,
    keys: &'a LogKeys,
    skips: &'a Skips,
    batches: I,
    rest: Option<Batch>,
    /// The batch in which it ends, whole.
    last: Option<Batch>,
    done: bool,
}

impl<'a, I> Cut<'a, I> {
    pub(super) fn new(at: At, keys: &'a LogKeys, skips: &'a Skips, batches: I) -> Self {
        Self { at, keys, skips, batches, rest: None, last: None, done: false }
    }

    /// How many of a batch's entries are wanted.
    fn wanted(&self, batch: &Batch) -> Result<usize, Error> {
        match self.at {
            At::Entry(last) if last < batch.first => Ok(0),
            At::Entry(last) => {
                let count = usize::try_from(last - batch.first).unwrap_or(usize::MAX).saturating_add(1);
                Ok(count.min(batch.entries.len()))
            }
            At::Time(last_us) => {
                let entries = batch.entries.iter().zip(batch.first..).enumerate();
                for (i, (envelope, seq)) in entries.filter(|(_, (_, seq))| !self.skips.contains(*seq)) {
                    // Only the time is wanted here: what lies in blobs is not fetched.
                    if self.keys.time_of(batch.epoch, seq, envelope)? > last_us {
                        return Ok(i);
                    }
                }
                Ok(batch.entries.len())
            }
        }
    }

    /// Applies what is wanted of the last batch, and signs the tree that ends there.
    pub(super) fn apply_rest(&self, database: &Db, fetch: &FetchEvent, vet: Vet) -> Result<(), Error> {
        let Some(batch) = &self.rest else { return Ok(()) };
        database.write(|tx| {
            let mut head = Head::load(tx)?;
            let first = head.size();
            for (envelope, seq) in batch.entries.iter().zip(batch.first..) {
                let (row, event) = if self.skips.contains(seq) {
                    (EntryRow::skipped(seq, head.last_time_us, envelope), None)
                } else {
                    let opened = self.keys.open(batch.epoch, seq, envelope, fetch)?;
                    vet(&opened).map_err(|why| Error::damaged(format!("entry {seq}: {why}")))?;
                    (opened.row, Some(opened.event))
                };
                head.last_time_us = row.stamp.time_us;
                log::entry_insert(tx, &row)?;
                if let Some(event) = event {
                    event.apply(tx, &row.stamp)?;
                }
                for tile in head.push(row.leaf_hash) {
                    log::tile_put_full(tx, &tile)?;
                }
            }
            let (origin, epoch) = (self.keys.origin.clone(), self.keys.epoch);
            let checkpoint = Checkpoint::new(origin, epoch, head.size(), head.root());
            let note = checkpoint.sign(&self.keys.log_key).map_err(|e| Error::internal(e.to_string()))?.to_string();
            let row = CheckpointRow { size: head.size(), first, epoch, root: head.root(), note };
            Ok(log::checkpoint_insert(tx, &row)?)
        })
    }
}

impl<I: Iterator<Item = Result<Batch, std::convert::Infallible>>> Cut<'_, I> {
    /// What of the view's content was erased later: the log is read to its end.
    pub(super) fn erased_later(self, database: &Db, fetch: &FetchEvent) -> Result<Vec<ErasedLater>, Error> {
        let Some(last) = self.last else { return Ok(Vec::new()) };
        let shown = database.read(Head::load)?.size();
        let mut search = Search::new(self.keys, self.skips, fetch);
        search.look(&last, shown)?;
        for batch in self.batches {
            let Ok(batch) = batch;
            search.look(&batch, shown)?;
        }
        search.end(database)
    }
}

impl<I: Iterator<Item = Result<Batch, std::convert::Infallible>>> Iterator for &mut Cut<'_, I> {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let Ok(mut batch) = self.batches.next()?;
        let wanted = match self.wanted(&batch) {
            Ok(wanted) => wanted,
            Err(error) => return Some(Err(error)),
        };
        if wanted == batch.entries.len() {
            return Some(Ok(batch));
        }
        self.done = true;
        self.last = Some(batch.clone());
        batch.entries.truncate(wanted);
        self.rest = (wanted > 0).then_some(batch);
        None
    }
}
