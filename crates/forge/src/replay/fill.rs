//! Filling in the entries from before a snapshot, while the site runs.

use super::CHUNKS_AHEAD;
use super::apply::Progress;
use super::open::{Fetch, Item, Opening, Sent, send_chunks};
use super::skips::{Passing, Skips};
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::log::{self, CheckpointRow, Edges, EntryRow, LogKeys};
use crate::schema;
use journal::batch::Batch;
use journal::merkle::Frontier;
use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};

/// Writes entries that a database made from a snapshot lacks, with their checkpoints and tiles; the tables, which have
/// their effects already, stay as they are. With them the site can feed a vault that was away, make any receipt, and be
/// checked.
///
/// `batches` begin where [`log::unfilled`] begins. They are written in short transactions, between which the writer
/// goes on; what is written stays if it is stopped. At the end the tree is compared with the one the snapshot came
/// with.
pub fn fill<E: std::fmt::Display>(
    db: &Db,
    keys: &LogKeys,
    batches: impl Iterator<Item = Result<Batch, E>> + Send,
    fetch: Fetch,
    progress: Progress,
) -> Result<(), Error> {
    db.write(schema::install)?;
    let Some(gap) = db.read(log::unfilled)? else { return Ok(()) };
    let tree = db.read(|tx| Tree::load(tx, gap.start))?;
    let (skips, last_time_us) = db.read(|tx| Ok::<_, Error>((Skips::known(tx)?, log::time_before(tx, gap.start)?)))?;
    let passing = Passing { skips: Some(&skips), ..Passing::default() };
    let opening = Opening { keys, fetch, passing, last_time_us };
    let within = batches.take_while(|batch| batch.as_ref().map_or(true, |b| b.first < gap.end));
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || send_chunks(opening, within, &sender));
        write_chunks(db, tree, &gap, &receiver, progress)
    })
}

struct Tree {
    frontier: Frontier,
    edges: Edges,
}

impl Tree {
    fn load(tx: &mut Tx, size: u64) -> Result<Self, Error> {
        let edges = log::edges_fetch(tx, size)?.ok_or_else(|| Error::damaged(format!("no tree of size {size}")))?;
        let frontier = Frontier::from_parts(size, edges.peaks()).map_err(|e| Error::damaged(e.to_string()))?;
        Ok(Self { frontier, edges })
    }
}

fn write_chunks(
    db: &Db,
    mut tree: Tree,
    gap: &Range<u64>,
    chunks: &Receiver<Sent>,
    progress: Progress,
) -> Result<(), Error> {
    let mut open = true;
    while open {
        db.write(|tx| {
            // What is committed ends with a batch: from there the next call goes on.
            let mut whole = false;
            while !whole {
                let Ok(chunk) = chunks.recv() else {
                    open = false;
                    break;
                };
                for item in chunk? {
                    whole = matches!(item, Item::Checkpoint(_));
                    tree.write(tx, gap, item)?;
                }
            }
            let size = tree.frontier.size();
            Ok::<_, Error>(log::unfilled_set(tx, size..gap.end.max(size))?)
        })?;
        progress(tree.frontier.size());
    }
    if tree.frontier.size() == gap.end {
        return Ok(());
    }
    Err(Error::damaged(format!("the batches end at entry {}, and {} is wanted", tree.frontier.size(), gap.end)))
}

impl Tree {
    fn write(&mut self, tx: &mut Tx, gap: &Range<u64>, item: Item) -> Result<(), Error> {
        match item {
            Item::Entry(opened) => self.entry(tx, gap, &opened.row),
            Item::Skipped(row) => self.entry(tx, gap, &row),
            Item::Bad(_, bad) => Err(bad.into()),
            Item::Checkpoint(checkpoint) => self.checkpoint(tx, &checkpoint),
        }
    }

    fn entry(&mut self, tx: &mut Tx, gap: &Range<u64>, row: &EntryRow) -> Result<(), Error> {
        let seq = row.stamp.seq;
        if seq != self.frontier.size() || !gap.contains(&seq) {
            return Err(Error::damaged(format!("entry {seq} comes out of order")));
        }
        log::entry_insert(tx, row)?;
        self.frontier.push(row.leaf_hash);
        self.edges.push(row.leaf_hash).iter().try_for_each(|tile| Ok(log::tile_put_full(tx, tile)?))
    }

    fn checkpoint(&self, tx: &mut Tx, checkpoint: &CheckpointRow) -> Result<(), Error> {
        log::checkpoint_put(tx, checkpoint)?;
        let (size, root) = (self.frontier.size(), self.frontier.root());
        match log::checkpoint_fetch(tx, size)? {
            Some(stored) if stored.root == root => Ok(()),
            _ => Err(Error::damaged(format!("the entries before {size} do not lead to the root that was signed"))),
        }
    }
}
