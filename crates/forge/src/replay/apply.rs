//! Replaying sealed batches: a recovery, a drill.

use super::open::{Chunk, Fetch, Sent, send_chunks};
use super::{CHUNKS_AHEAD, TRANSACTION_EVENTS};
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::log::{self, Head, LogKeys, Opened};
use crate::schema;
use journal::Hash;
use journal::batch::Batch;
use std::sync::mpsc::{Receiver, sync_channel};

/// What was replayed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// The first entry of it.
    pub first: u64,
    /// The number after the last.
    pub size: u64,
    /// The tree's root at that size.
    pub root: Hash,
}

/// Called after each transaction with the number of entries applied so far in this log.
pub type Progress<'a> = &'a mut dyn FnMut(u64);

/// Applies batches to a database that ends where they begin: an empty one, or one loaded from a snapshot.
///
/// The caller vouches for the batches (`vault::read_log` verifies their chain and signatures); here it is checked that
/// the entries follow one another and lead to each checkpoint's root. `fetch` gives the bytes of an event that is in
/// blobs. What was committed before an error stays: the next call may go on from there.
pub fn replay<E: std::fmt::Display>(
    db: &Db,
    keys: &LogKeys,
    batches: impl Iterator<Item = Result<Batch, E>> + Send,
    fetch: Fetch,
    progress: Progress,
) -> Result<Replayed, Error> {
    db.write(schema::install)?;
    let head = db.write(Head::load)?;
    let first = head.size();
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    let head = std::thread::scope(|scope| {
        scope.spawn(move || send_chunks(keys, batches, fetch, &sender));
        apply_chunks(db, head, &receiver, progress)
    })?;
    Ok(Replayed { first, size: head.size(), root: head.root() })
}

fn apply_chunks(db: &Db, mut head: Head, chunks: &Receiver<Sent>, progress: Progress) -> Result<Head, Error> {
    let mut open = true;
    while open {
        head = db.write(|tx| {
            let mut applied = 0;
            while applied < TRANSACTION_EVENTS {
                let Ok(chunk) = chunks.recv() else {
                    open = false;
                    break;
                };
                let chunk = chunk?;
                applied += chunk.entries.len();
                apply_chunk(tx, &mut head, &chunk)?;
            }
            Ok::<_, Error>(head.clone())
        })?;
        progress(head.size());
    }
    Ok(head)
}

fn apply_chunk(tx: &mut Tx, head: &mut Head, chunk: &Chunk) -> Result<(), Error> {
    for entry in &chunk.entries {
        apply_one(tx, head, entry)?;
    }
    for checkpoint in &chunk.checkpoints {
        log::checkpoint_insert(tx, checkpoint)?;
    }
    // Invariant 3: the last checkpoint of a chunk is where its entries end.
    match chunk.checkpoints.last() {
        Some(last) if last.size != head.size() || last.root != head.root() => {
            Err(Error::damaged(format!("the entries before {} do not lead to the root that was signed", last.size)))
        }
        _ => Ok(()),
    }
}

fn apply_one(tx: &mut Tx, head: &mut Head, entry: &Opened) -> Result<(), Error> {
    let at = entry.row.stamp;
    if at.seq != head.size() {
        return Err(Error::damaged(format!("entry {} comes where entry {} must", at.seq, head.size())));
    }
    log::entry_insert(tx, &entry.row)?;
    entry.event.apply(tx, &at)?;
    for tile in head.push(entry.row.leaf_hash) {
        log::tile_put_full(tx, &tile)?;
    }
    head.last_time_us = at.time_us;
    if matches!(entry.event, crate::Event::SnapshotTaken(_)) {
        head.snapshot_entry = Some(at.seq);
    }
    Ok(())
}
