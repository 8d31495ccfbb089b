//! Rebuilding the tables from the journal in the same database: what a comparison is made with.

use super::skips::Skips;
use super::{CHUNK_EVENTS, CHUNKS_AHEAD, TRANSACTION_EVENTS};
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::event::{Event, Stamp};
use crate::log::{self, CheckpointRow, Edges, EntryRow, FullTile, LogKeys};
use crate::schema;
use journal::merkle::Frontier;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Checkpoints read at a time.
const CHECKPOINTS_AT_ONCE: u64 = 4096;

type Sent = Result<Vec<(Stamp, Event)>, Error>;

/// Applies the entries before `size` of `from`'s journal to `into`, which must be empty. Only projections are written
/// there.
///
/// Each entry is sealed again and its hash compared, and the root with the checkpoint's: an edited journal is an
/// error that names the entry. A database made from a snapshot cannot be rebuilt alone, and says so.
pub fn rebuild(from: &Db, keys: &LogKeys, size: u64, into: &Db) -> Result<(), Error> {
    into.write(schema::install)?;
    let (sender, receiver) = sync_channel(CHUNKS_AHEAD);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            if let Err(e) = send_journal(from, keys, size, &sender) {
                let _ = sender.send(Err(e));
            }
        });
        apply(into, &receiver)
    })?;
    into.read(Skips::known).and_then(|known| from.read(|tx| skipped_are_named(tx, size, &known)))
}

/// What is kept as passed over is what a recovery says that it has passed over: nothing else may be left out of the tables so.
pub(super) fn skipped_are_named(tx: &mut Tx, size: u64, known: &Skips) -> Result<(), Error> {
    for seq in log::skipped_list(tx, size)? {
        if !known.contains(seq) {
            let text = "is kept as one that a recovery passed over, and no recovery says so";
            return Err(Error::damaged(format!("journal entry {seq} {text}")));
        }
    }
    Ok(())
}

fn send_journal(from: &Db, keys: &LogKeys, size: u64, sender: &SyncSender<Sent>) -> Result<(), Error> {
    let mut walk =
        Walk { log: from, keys, checkpoints: VecDeque::new(), frontier: Frontier::new(), edges: Edges::default() };
    from.read(|tx| {
        let mut chunk = Vec::new();
        log::leaf_each(tx, 0, size, |row| {
            walk.step(&row)?;
            if row.is_skipped() {
                return Ok(());
            }
            chunk.push((row.stamp, log::read_row(&row)?.1));
            if chunk.len() >= CHUNK_EVENTS {
                sender.send(Ok(std::mem::take(&mut chunk))).map_err(|_| Error::Stopping)?;
            }
            Ok::<_, Error>(())
        })?;
        if walk.frontier.size() != size {
            return Err(Error::damaged(format!("journal entry {} is missing from the database", walk.frontier.size())));
        }
        sender.send(Ok(chunk)).map_err(|_| Error::Stopping)
    })
}

/// The journal read from its beginning, checked against all that was signed and stored about it.
struct Walk<'a> {
    /// Checkpoints and tiles are read in transactions of their own: the entries' rows come one by one in theirs.
    log: &'a Db,
    keys: &'a LogKeys,
    /// Some of those not reached yet.
    checkpoints: VecDeque<CheckpointRow>,
    frontier: Frontier,
    edges: Edges,
}

impl Walk<'_> {
    fn step(&mut self, row: &EntryRow) -> Result<(), Error> {
        let seq = self.frontier.size();
        if row.stamp.seq != seq {
            return Err(gap(seq, row.stamp.seq));
        }
        if self.checkpoints.is_empty() {
            self.checkpoints.extend(self.log.read(|tx| log::checkpoint_list(tx, seq, CHECKPOINTS_AT_ONCE))?);
        }
        let next = self.checkpoints.front();
        let checkpoint = next.ok_or_else(|| Error::damaged(format!("no checkpoint covers entry {seq}")))?;
        self.keys.reseal(checkpoint.epoch, row)?;
        self.frontier.push(row.leaf_hash);
        if self.frontier.size() == checkpoint.size {
            checkpoint_is(checkpoint, &self.frontier)?;
            self.checkpoints.pop_front();
        }
        let full = self.edges.push(row.leaf_hash);
        full.iter().try_for_each(|tile| self.log.read(|tx| stored_tile_is(tx, tile)))
    }
}

/// The stored root and the signed text are this tree's.
fn checkpoint_is(checkpoint: &CheckpointRow, frontier: &Frontier) -> Result<(), Error> {
    let (size, root) = (frontier.size(), frontier.root());
    let signed = checkpoint.signed()?;
    if checkpoint.root != root || signed.root != root || signed.size != size {
        return Err(Error::damaged(format!("the entries before {size} do not lead to the root that was signed")));
    }
    Ok(())
}

fn stored_tile_is(tx: &mut Tx, tile: &FullTile) -> Result<(), Error> {
    if log::tile_stored(tx, tile.level, tile.place)? == tile.hashes {
        return Ok(());
    }
    let text = format!("tile {} of level {} is not what the journal's entries give", tile.place, tile.level);
    Err(Error::damaged(text))
}

fn gap(wanted: u64, found: u64) -> Error {
    if wanted == 0 {
        let text = "it was made from a snapshot, and can be checked when the older entries are filled in from a vault";
        return Error::invalid(format!("this database begins at entry {found}: {text}"));
    }
    Error::damaged(format!("journal entry {wanted} is missing from the database (entry {found} follows)"))
}

fn apply(into: &Db, chunks: &Receiver<Sent>) -> Result<(), Error> {
    let mut open = true;
    while open {
        into.write(|tx| {
            let mut applied = 0;
            while applied < TRANSACTION_EVENTS {
                let Ok(chunk) = chunks.recv() else {
                    open = false;
                    break;
                };
                let chunk = chunk?;
                applied += chunk.len();
                for (at, event) in &chunk {
                    event.apply(tx, at)?;
                }
            }
            Ok::<_, Error>(())
        })?;
    }
    Ok(())
}
