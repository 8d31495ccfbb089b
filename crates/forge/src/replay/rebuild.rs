//! Rebuilding the tables from the journal in the same database: what a comparison is made with.

use super::{CHUNK_EVENTS, CHUNKS_AHEAD, TRANSACTION_EVENTS};
use crate::db::Db;
use crate::error::Error;
use crate::event::{Event, Stamp};
use crate::log::{self, LogKeys};
use crate::schema;
use journal::merkle::Frontier;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

type Sent = Result<Vec<(Stamp, Event)>, Error>;

/// Applies the entries before `size` of `from`'s journal to `into`, which must be empty. Only projections are written there.
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
    })
}

fn send_journal(from: &Db, keys: &LogKeys, size: u64, sender: &SyncSender<Sent>) -> Result<(), Error> {
    from.read(|tx| {
        let checkpoints = log::checkpoint_list(tx, 0, i64::MAX as u64)?;
        let mut checkpoints = checkpoints.iter().peekable();
        let (mut frontier, mut chunk) = (Frontier::new(), Vec::new());
        log::entry_each(tx, 0, size, |row| {
            let seq = frontier.size();
            if row.stamp.seq != seq {
                return Err(gap(seq, row.stamp.seq));
            }
            while checkpoints.peek().is_some_and(|c| c.size <= seq) {
                checkpoints.next();
            }
            let checkpoint =
                checkpoints.peek().ok_or_else(|| Error::damaged(format!("no checkpoint covers entry {seq}")))?;
            keys.reseal(checkpoint.epoch, &row)?;
            frontier.push(row.leaf_hash);
            if frontier.size() == checkpoint.size && frontier.root() != checkpoint.root {
                let text = format!("the entries before {} do not lead to the root that was signed", checkpoint.size);
                return Err(Error::damaged(text));
            }
            chunk.push((row.stamp, log::read_row(&row)?.1));
            if chunk.len() >= CHUNK_EVENTS {
                sender.send(Ok(std::mem::take(&mut chunk))).map_err(|_| Error::Stopping)?;
            }
            Ok(())
        })?;
        if frontier.size() != size {
            return Err(Error::damaged(format!("journal entry {} is missing from the database", frontier.size())));
        }
        sender.send(Ok(chunk)).map_err(|_| Error::Stopping)
    })
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
