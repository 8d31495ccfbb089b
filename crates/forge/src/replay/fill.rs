//! Filling in the entries from before a snapshot, while the site runs.

use super::CHUNKS_AHEAD;
use super::apply::Progress;
use super::open::{Chunk, Fetch, Sent, send_chunks};
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::log::{self, Edges, LogKeys};
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
    let within = batches.take_while(|batch| batch.as_ref().map_or(true, |b| b.first < gap.end));
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || send_chunks(keys, within, fetch, &sender));
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
    for chunk in chunks {
        let chunk = chunk?;
        db.write(|tx| write_chunk(tx, &mut tree, gap, &chunk))?;
        progress(tree.frontier.size());
    }
    if tree.frontier.size() == gap.end {
        return Ok(());
    }
    Err(Error::damaged(format!("the batches end at entry {}, and {} is wanted", tree.frontier.size(), gap.end)))
}

fn write_chunk(tx: &mut Tx, tree: &mut Tree, gap: &Range<u64>, chunk: &Chunk) -> Result<(), Error> {
    for entry in &chunk.entries {
        if entry.row.stamp.seq != tree.frontier.size() || !gap.contains(&entry.row.stamp.seq) {
            return Err(Error::damaged(format!("entry {} comes out of order", entry.row.stamp.seq)));
        }
        log::entry_insert(tx, &entry.row)?;
        tree.frontier.push(entry.row.leaf_hash);
        for tile in tree.edges.push(entry.row.leaf_hash) {
            log::tile_put_full(tx, &tile)?;
        }
    }
    for checkpoint in &chunk.checkpoints {
        log::checkpoint_put(tx, checkpoint)?;
    }
    let (size, root) = (tree.frontier.size(), tree.frontier.root());
    log::unfilled_set(tx, size..gap.end)?;
    match log::checkpoint_fetch(tx, size)? {
        Some(checkpoint) if checkpoint.root == root => Ok(()),
        _ => Err(Error::damaged(format!("the entries before {size} do not lead to the root that was signed"))),
    }
}
