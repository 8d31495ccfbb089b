//! The log as the shippers read it.

use super::Log;
use super::receipt;
use super::store::{self, CheckpointRow, EntryRow};
use crate::db::Tx;
use crate::error::Error;
use crate::incident::incident_list;
use journal::batch::{BATCH_BYTES_MAX, Batch, INLINE_BLOB_BYTES_MAX, INLINE_BLOBS_MAX};
use journal::entry::{Body, Envelope};
use journal::{BlobName, Hash};
use serde_json::json;
use std::io::Read;
use std::sync::Arc;
use vault::{BlobReader, EncodedBatch, JournalSource, SourceError};

/// Checkpoints read at a time when old batches are made again.
const CHECKPOINTS_AT_ONCE: u64 = 64;

/// Incidents that vaults show, and the notes of each: those that are not over first, and the newest.
const INCIDENTS_TOLD_MAX: u32 = 5;
/// See [`INCIDENTS_TOLD_MAX`].
const INCIDENT_NOTES_TOLD_MAX: usize = 3;

/// Room left in a batch for its own framing.
const FRAMING_BYTES: usize = 64 * 1024;

impl JournalSource for Log {
    fn size(&self) -> u64 {
        Log::size(self)
    }

    fn consistency(&self, old: u64, new: u64) -> Result<Vec<Hash>, SourceError> {
        let proof = self.db.read(|tx| receipt::consistency_proof(tx, old, new));
        proof.map_err(|e| SourceError::new(e.to_string()))
    }

    fn batches_from(&self, first: u64, bytes_max: usize) -> Result<Vec<Arc<EncodedBatch>>, SourceError> {
        if let Some(batches) = self.batches_at_hand(first, bytes_max) {
            return Ok(batches);
        }
        let batches = self.db.read(|tx| self.batches_again(tx, first, bytes_max));
        batches.map_err(|e| SourceError::new(e.to_string()))
    }

    fn batches_at_hand(&self, first: u64, bytes_max: usize) -> Option<Vec<Arc<EncodedBatch>>> {
        self.recent().from(first, bytes_max)
    }

    fn root_at(&self, size: u64) -> Result<Option<Hash>, SourceError> {
        let root = self.db.read(|tx| root_of(tx, size));
        root.map_err(|e| SourceError::new(e.to_string()))
    }

    fn blob(&self, name: &BlobName) -> Result<Option<BlobReader>, SourceError> {
        let sealed = self.blobs.sealed(name).map_err(|e| SourceError::new(e.to_string()))?;
        Ok(sealed.map(|(file, len)| BlobReader::new(file, len)))
    }

    fn drill(&self) -> Option<(u64, String)> {
        let last =
            self.db.read(drill_of).inspect_err(|error| tracing::warn!(%error, "the last drill could not be read"));
        last.ok().flatten()
    }

    fn incidents(&self) -> Option<(u64, String)> {
        let told = self.db.read(|tx| incidents_told(tx, self.keys().origin.as_str()));
        let told = told.inspect_err(|error| tracing::warn!(%error, "incidents could not be read"));
        let (as_of_us, text) = told.ok()??;
        match self.keys().log_key.sign(&text) {
            Ok(note) => Some((as_of_us, note.to_string())),
            Err(error) => {
                tracing::warn!(%error, "what is told of incidents could not be signed");
                None
            }
        }
    }

    fn cosigned(&self, vault: &str, size: u64, line: &str) {
        self.keep_cosignature(vault, size, line);
    }

    fn held_by_all(&self, size: u64) {
        self.recent().shipped(size);
        self.everywhere.send_if_modified(|now| {
            let grown = size > *now;
            *now = size.max(*now);
            grown
        });
    }
}

/// No root is no proof of a fork while the log before a snapshot is not filled in yet.
fn root_of(tx: &mut Tx, size: u64) -> Result<Option<Hash>, Error> {
    if let Some(row) = store::checkpoint_fetch(tx, size)? {
        return Ok(Some(row.root));
    }
    match super::unfilled(tx)?.filter(|gap| gap.contains(&size)) {
        Some(gap) => {
            Err(Error::internal(format!("entries {} to {} are still being brought back", gap.start, gap.end - 1)))
        }
        None => Ok(None),
    }
}

/// What vaults show of incidents (docs/formats/vault.md), and when the last of it was written. `None`: nothing was ever told.
fn incidents_told(tx: &mut Tx, origin: &str) -> Result<Option<(u64, String)>, Error> {
    let newest = tx.query_opt("SELECT noted_us FROM incident_note ORDER BY id DESC LIMIT 1", &[])?;
    let Some(newest) = newest else { return Ok(None) };
    let as_of_us: u64 = newest.get(0)?;
    let mut text = format!("outlast/incidents/v1\n{origin}\nas-of-us {as_of_us}\n");
    for incident in incident_list(tx, INCIDENTS_TOLD_MAX)? {
        let notes = incident.notes.iter().take(INCIDENT_NOTES_TOLD_MAX);
        let notes: Vec<_> = notes.map(|(noted_us, text)| json!({ "noted_us": noted_us, "text": text })).collect();
        let (title, opened_us, resolved_us) = (&incident.title, incident.opened_us, incident.resolved_us);
        let line = json!({ "title": title, "opened_us": opened_us, "resolved_us": resolved_us, "notes": notes });
        text.push_str(&line.to_string());
        text.push('\n');
    }
    Ok(Some((as_of_us, text)))
}

/// The signed report of the last full drill, and when it began.
fn drill_of(tx: &mut Tx) -> Result<Option<(u64, String)>, Error> {
    let sql = "SELECT started_us, report FROM drill WHERE kind = ?1 ORDER BY id DESC LIMIT 1";
    let row = tx.query_opt(sql, &[crate::event::proof::DrillKind::Full.as_str().into()])?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

impl Log {
    fn batches_again(&self, tx: &mut Tx, first: u64, bytes_max: usize) -> Result<Vec<Arc<EncodedBatch>>, Error> {
        let (mut batches, mut bytes) = (Vec::new(), 0);
        for checkpoint in store::checkpoint_list(tx, first, CHECKPOINTS_AT_ONCE)? {
            if batches.is_empty() && checkpoint.first != first {
                return Err(missing(tx, first)?);
            }
            let batch = self.batch_again(tx, checkpoint)?;
            bytes += batch.bytes.len();
            if bytes > bytes_max && !batches.is_empty() {
                break;
            }
            batches.push(Arc::new(batch));
        }
        Ok(batches)
    }

    /// Invariant 3 of [the log](super).
    fn batch_again(&self, tx: &mut Tx, checkpoint: CheckpointRow) -> Result<EncodedBatch, Error> {
        let (first, size) = (checkpoint.first, checkpoint.size);
        let (mut envelopes, mut blobs, mut next) = (Vec::new(), Vec::new(), first);
        store::leaf_each(tx, first, size, |row| {
            if row.stamp.seq != next {
                return Err(Error::damaged(format!("journal entry {next} is missing from the database")));
            }
            next += 1;
            blobs.extend(blobs_of(&row)?);
            envelopes.push(self.keys.reseal(checkpoint.epoch, &row)?);
            Ok(())
        })?;
        if next != size {
            return Err(missing(tx, next)?);
        }
        let sql = "SELECT max(id) FROM snapshot WHERE id < ?1";
        let snapshot_entry = tx.query_one(sql, &[size.into()])?.get(0)?;
        self.encode_batch(checkpoint, envelopes, &blobs, snapshot_entry)
    }

    /// The batch as it is shipped, with as many small blobs in it as have room.
    pub(crate) fn encode_batch(
        &self,
        checkpoint: CheckpointRow,
        entries: Vec<Vec<u8>>,
        blobs: &[BlobName],
        snapshot_entry: Option<u64>,
    ) -> Result<EncodedBatch, Error> {
        let room = BATCH_BYTES_MAX - FRAMING_BYTES - entries.iter().map(|e| e.len() + 8).sum::<usize>();
        let CheckpointRow { size, first, epoch, root, note } = checkpoint;
        let (origin, inline) = (self.keys.origin.clone(), self.small_blobs(blobs, room));
        let batch = Batch { origin, epoch, first, entries, checkpoint: note, snapshot_entry, inline };
        let encoded =
            EncodedBatch::new(&batch).map_err(|e| Error::internal(format!("the batch from entry {first} on: {e}")))?;
        if encoded.end() == size && encoded.size_root == root {
            return Ok(encoded);
        }
        Err(Error::damaged(format!("the checkpoint of size {size} is not the one that was signed")))
    }

    /// A blob that cannot be read here is left to the shippers, which will say so.
    fn small_blobs(&self, names: &[BlobName], mut room: usize) -> Vec<Vec<u8>> {
        let mut inline = Vec::new();
        for name in names.iter().take(INLINE_BLOBS_MAX) {
            let Ok(Some((file, len))) = self.blobs.sealed(name) else { continue };
            if len > INLINE_BLOB_BYTES_MAX as u64 || len as usize + 8 > room {
                continue;
            }
            let mut bytes = Vec::with_capacity(len as usize);
            if file.take(len).read_to_end(&mut bytes).is_ok_and(|n| n as u64 == len) {
                room -= bytes.len() + 8;
                inline.push(bytes);
            }
        }
        inline
    }
}

/// In the order in which the writer gave them to the batch when it was made.
fn blobs_of(row: &EntryRow) -> Result<Vec<BlobName>, Error> {
    if row.is_skipped() {
        return Ok(Envelope::parse(&row.entry).map(|envelope| envelope.blobs).unwrap_or_default());
    }
    let (entry, event) = super::read_row(row)?;
    let mut blobs = event.blobs();
    if let Body::Blob(names) = entry.body {
        blobs.extend(names);
    }
    Ok(blobs)
}

/// Why an entry that must be there is not.
fn missing(tx: &mut Tx, seq: u64) -> Result<Error, Error> {
    Ok(match store::unfilled(tx)? {
        Some(gap) if gap.contains(&seq) => Error::invalid(format!(
            "the entries {} to {} are not in this database, which was made from a snapshot: only the vaults have them yet",
            gap.start,
            gap.end - 1
        )),
        _ => Error::damaged(format!("journal entry {seq} is missing from the database")),
    })
}
