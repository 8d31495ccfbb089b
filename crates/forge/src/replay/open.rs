//! Opening sealed batches: the half of a replay that runs on a thread of its own.

use super::CHUNK_EVENTS;
use crate::error::Error;
use crate::log::{CheckpointRow, LogKeys, Opened};
use journal::BlobName;
use journal::batch::Batch;
use std::sync::mpsc::SyncSender;

/// Gives the bytes of an event that is in blobs.
pub type Fetch<'a> = &'a (dyn Fn(&[BlobName]) -> Result<Vec<u8>, Error> + Sync);

/// The entries of some batches, opened, and their checkpoints.
#[derive(Default)]
pub(super) struct Chunk {
    pub(super) entries: Vec<Opened>,
    pub(super) checkpoints: Vec<CheckpointRow>,
}

pub(super) type Sent = Result<Chunk, Error>;

/// Opens and decodes. Ends when the batches do, or when nobody listens any more.
pub(super) fn send_chunks<E: std::fmt::Display>(
    keys: &LogKeys,
    batches: impl Iterator<Item = Result<Batch, E>>,
    fetch: Fetch,
    sender: &SyncSender<Sent>,
) {
    let mut chunk = Chunk::default();
    for batch in batches {
        let opened = batch.map_err(|e| Error::damaged(e.to_string())).and_then(|b| open(keys, &b, fetch, &mut chunk));
        if let Err(e) = opened {
            let _ = sender.send(Err(e));
            return;
        }
        if chunk.entries.len() >= CHUNK_EVENTS {
            let full = std::mem::take(&mut chunk);
            if sender.send(Ok(full)).is_err() {
                return;
            }
        }
    }
    let _ = sender.send(Ok(chunk));
}

fn open(keys: &LogKeys, batch: &Batch, fetch: Fetch, chunk: &mut Chunk) -> Result<(), Error> {
    let (_, checkpoint) = batch.checkpoint().map_err(|e| Error::damaged(e.to_string()))?;
    for (envelope, seq) in batch.entries.iter().zip(batch.first..) {
        chunk.entries.push(keys.open(batch.epoch, seq, envelope, &fetch)?);
    }
    let (size, first, epoch, root) = (checkpoint.size, batch.first, batch.epoch, checkpoint.root);
    chunk.checkpoints.push(CheckpointRow { size, first, epoch, root, note: batch.checkpoint.clone() });
    Ok(())
}
