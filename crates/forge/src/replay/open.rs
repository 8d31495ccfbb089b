//! Opening sealed batches: the half of a replay that runs on a thread of its own.

use super::CHUNK_EVENTS;
use super::skips::{BadEntry, Passing};
use crate::error::Error;
use crate::log::{CheckpointRow, EntryRow, LogKeys, Opened};
use journal::BlobName;
use journal::batch::Batch;
use std::sync::mpsc::SyncSender;

/// Gives the bytes of an event that is in blobs; an error where they are more than an event may have.
pub type Fetch<'a> = &'a (dyn Fn(&[BlobName]) -> Result<Vec<u8>, Error> + Sync);

/// Bytes of events in one chunk, besides those of its last: entries may name large blobs over and over.
const CHUNK_BYTES: usize = 32 * 1024 * 1024;

/// What batches are made of, in their order.
#[derive(Debug)]
pub(super) enum Item {
    /// An entry to be applied.
    Entry(Box<Opened>),
    /// One that is passed over.
    Skipped(EntryRow),
    /// One that can't be read; the row is that of one that is passed over.
    Bad(EntryRow, BadEntry),
    /// The end of a batch.
    Checkpoint(CheckpointRow),
}

/// Some of them.
pub(super) type Chunk = Vec<Item>;

pub(super) type Sent = Result<Chunk, Error>;

/// Opens and decodes. Ends when the batches do, or when nobody listens any more.
pub(super) fn send_chunks<E: std::fmt::Display>(
    opening: Opening,
    batches: impl Iterator<Item = Result<Batch, E>>,
    sender: &SyncSender<Sent>,
) {
    let mut sending = Sending { opening, sender, chunk: Chunk::new(), bytes: 0 };
    for batch in batches {
        match batch.map_err(|e| Error::damaged(e.to_string())).and_then(|batch| sending.batch(&batch)) {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                if sending.flush() {
                    let _ = sender.send(Err(error));
                }
                return;
            }
        }
    }
    sending.flush();
}

/// What entries are opened with.
pub(super) struct Opening<'a> {
    pub(super) keys: &'a LogKeys,
    pub(super) fetch: Fetch<'a>,
    pub(super) passing: Passing<'a>,
    /// When the entry before the first was written.
    pub(super) last_time_us: i64,
}

impl Opening<'_> {
    fn open(&mut self, epoch: u64, seq: u64, envelope: &[u8]) -> Item {
        let skipped = EntryRow::skipped(seq, self.last_time_us, envelope);
        if self.passing.skips(seq) {
            return Item::Skipped(skipped);
        }
        match self.keys.open(epoch, seq, envelope, &self.fetch) {
            Ok(opened) => {
                self.last_time_us = opened.row.stamp.time_us;
                Item::Entry(Box::new(opened))
            }
            Err(error) => {
                let says = self.keys.says(epoch, seq, envelope);
                Item::Bad(skipped, BadEntry::unread(seq, says, &error))
            }
        }
    }
}

struct Sending<'a> {
    opening: Opening<'a>,
    sender: &'a SyncSender<Sent>,
    chunk: Chunk,
    bytes: usize,
}

impl Sending<'_> {
    /// False: nobody listens any more.
    fn batch(&mut self, batch: &Batch) -> Result<bool, Error> {
        let (_, checkpoint) = batch.checkpoint().map_err(|e| Error::damaged(e.to_string()))?;
        for (envelope, seq) in batch.entries.iter().zip(batch.first..) {
            let item = self.opening.open(batch.epoch, seq, envelope);
            if let Item::Entry(opened) = &item {
                self.bytes += opened.row.event.as_ref().map_or(0, Vec::len);
            }
            self.chunk.push(item);
            if self.bytes >= CHUNK_BYTES && !self.flush() {
                return Ok(false);
            }
        }
        let (size, first, epoch, root) = (checkpoint.size, batch.first, batch.epoch, checkpoint.root);
        self.chunk.push(Item::Checkpoint(CheckpointRow { size, first, epoch, root, note: batch.checkpoint.clone() }));
        Ok(self.chunk.len() < CHUNK_EVENTS || self.flush())
    }

    fn flush(&mut self) -> bool {
        self.bytes = 0;
        self.sender.send(Ok(std::mem::take(&mut self.chunk))).is_ok()
    }
}
