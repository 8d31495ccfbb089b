//! Replaying sealed batches: a recovery, a drill.

use super::open::{Chunk, Fetch, Item, Opening, Sent, send_chunks};
use super::skips::{BadEntry, Passing};
use super::{CHUNKS_AHEAD, TRANSACTION_EVENTS};
use crate::db::{Db, DbError, Tx};
use crate::error::Error;
use crate::log::{self, CheckpointRow, EntryRow, Head, LogKeys, Opened};
use crate::schema;
use journal::Hash;
use journal::batch::Batch;
use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};

/// What was replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The first entry of it.
    pub first: u64,
    /// The number after the last.
    pub size: u64,
    /// The tree's root at that size.
    pub root: Hash,
    /// With [`Passing::bad_max`]: entries that do not replay.
    pub bad: Vec<BadEntry>,
}

/// Called after each transaction with the number of entries applied so far in this log.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// Applies batches to a database that ends where they begin: an empty one, or one loaded from a snapshot.
///
/// The caller vouches for the batches (`vault::read_log` verifies their chain and signatures); here it is checked that
/// the entries follow one another and lead to each checkpoint's root. `fetch` gives the bytes of an event that is in
/// blobs. What was committed before an error stays: the next call may go on from there, unless bad entries were looked for.
pub fn replay<E: std::fmt::Display>(
    db: &Db,
    keys: &LogKeys,
    batches: impl Iterator<Item = Result<Batch, E>> + Send,
    fetch: Fetch,
    passing: Passing,
    progress: Progress,
) -> Result<Replayed, Error> {
    db.write(schema::install)?;
    let head = db.write(Head::load)?;
    let first = head.size();
    let opening = Opening { keys, fetch, passing, last_time_us: head.last_time_us };
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    let mut applying = Applying { head, passing, bad: BTreeMap::new() };
    std::thread::scope(|scope| {
        scope.spawn(move || send_chunks(opening, batches, &sender));
        if passing.bad_max > 0 {
            applying.search(db, &receiver, progress)
        } else {
            applying.run(db, &receiver, progress)
        }
    })?;
    let (size, root) = (applying.head.size(), applying.head.root());
    Ok(Replayed { first, size, root, bad: applying.bad.into_values().collect() })
}

/// Why a chunk could not be applied.
enum Stop {
    Bad(Box<BadEntry>),
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<DbError> for Stop {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Stop> for Error {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Bad(bad) => (*bad).into(),
            Stop::Failed(error) => error,
        }
    }
}

struct Applying<'a> {
    head: Head,
    passing: Passing<'a>,
    /// What was found, and is passed over.
    bad: BTreeMap<u64, BadEntry>,
}

impl Applying<'_> {
    fn run(&mut self, db: &Db, chunks: &Receiver<Sent>, progress: Progress) -> Result<(), Error> {
        let mut open = true;
        while open {
            db.write(|tx| {
                let (mut applied, mut whole) = (0, true);
                // What is committed ends with a batch: from there the next call goes on.
                while applied < TRANSACTION_EVENTS || !whole {
                    let Ok(chunk) = chunks.recv() else {
                        open = false;
                        break;
                    };
                    let chunk = chunk?;
                    applied += chunk.len();
                    whole = matches!(chunk.last(), None | Some(Item::Checkpoint(_)));
                    self.apply(tx, &chunk)?;
                }
                Ok::<_, Stop>(())
            })?;
            progress(self.head.size());
        }
        Ok(())
    }

    /// Passes over what does not replay. An event that fails may have written half of what it should: its chunk is rolled back, and
    /// applied again without it.
    fn search(&mut self, db: &Db, chunks: &Receiver<Sent>, progress: Progress) -> Result<(), Error> {
        while let Ok(chunk) = chunks.recv() {
            let (chunk, before) = (chunk?, self.head.clone());
            loop {
                match db.write(|tx| self.apply(tx, &chunk)) {
                    Ok(()) => break,
                    Err(Stop::Bad(bad)) if self.bad.len() < self.passing.bad_max => {
                        self.head = before.clone();
                        self.bad.insert(bad.seq, *bad);
                    }
                    Err(stop) => return Err(stop.into()),
                }
            }
            progress(self.head.size());
        }
        Ok(())
    }

    fn apply(&mut self, tx: &mut Tx, chunk: &Chunk) -> Result<(), Stop> {
        for item in chunk {
            match item {
                Item::Entry(opened) => self.entry(tx, opened)?,
                Item::Skipped(row) => self.insert(tx, row)?,
                Item::Bad(row, _) if self.bad.contains_key(&row.stamp.seq) => self.insert(tx, row)?,
                Item::Bad(_, bad) => return Err(Stop::Bad(Box::new(bad.clone()))),
                Item::Checkpoint(checkpoint) => self.checkpoint(tx, checkpoint)?,
            }
        }
        Ok(())
    }

    fn entry(&mut self, tx: &mut Tx, entry: &Opened) -> Result<(), Stop> {
        let at = entry.row.stamp;
        if self.bad.contains_key(&at.seq) {
            return Ok(self.insert(tx, &self.passed_over(&at, entry))?);
        }
        self.insert(tx, &entry.row)?;
        let kind = entry.row.kind;
        if let Some(why) = self.passing.vet.and_then(|vet| vet(entry).err()) {
            return Err(Stop::Bad(Box::new(BadEntry::vetted(&at, kind, why))));
        }
        if let Err(error) = entry.event.apply(tx, &at) {
            return Err(Stop::Bad(Box::new(BadEntry::unapplied(&at, kind, error)?)));
        }
        self.head.last_time_us = at.time_us;
        if matches!(entry.event, crate::Event::SnapshotTaken(_)) {
            self.head.snapshot_entry = Some(at.seq);
        }
        Ok(())
    }

    /// The row keeps the leaf's hash: where bad entries are looked for nothing is kept, and the envelope is not at hand.
    fn passed_over(&self, at: &crate::event::Stamp, entry: &Opened) -> EntryRow {
        EntryRow {
            leaf_hash: entry.row.leaf_hash,
            ..EntryRow::skipped(at.seq, self.head.last_time_us, &entry.row.entry)
        }
    }

    fn insert(&mut self, tx: &mut Tx, row: &EntryRow) -> Result<(), Error> {
        let (seq, next) = (row.stamp.seq, self.head.size());
        if seq != next {
            return Err(Error::damaged(format!("entry {seq} comes where entry {next} must")));
        }
        log::entry_insert(tx, row)?;
        for tile in self.head.push(row.leaf_hash) {
            log::tile_put_full(tx, &tile)?;
        }
        Ok(())
    }

    /// Invariant 3.
    fn checkpoint(&self, tx: &mut Tx, checkpoint: &CheckpointRow) -> Result<(), Error> {
        if (checkpoint.size, checkpoint.root) != (self.head.size(), self.head.root()) {
            let size = checkpoint.size;
            return Err(Error::damaged(format!("the entries before {size} do not lead to the root that was signed")));
        }
        Ok(log::checkpoint_insert(tx, checkpoint)?)
    }
}
