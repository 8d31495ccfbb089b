//! A batch in the making, inside its transaction.

use super::command::Submitter;
use crate::db::Tx;
use crate::error::Error;
use crate::event::{Event, Stamp};
use crate::log::{self, CheckpointRow, Head, Log, Sealed};
use journal::BlobName;
use journal::batch::BATCH_ENTRIES_MAX;
use journal::checkpoint::Checkpoint;
use journal::entry::INLINE_EVENT_BYTES_MAX;
use journal::policy::Policy;
use vault::Quorum;

/// Events one command may make.
pub const COMMAND_EVENTS_MAX: usize = 128;

/// Bytes of an event.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A batch with this many bytes of entries takes no further command: one more may bring 128 of 64 KiB, and a batch may
/// have 16 MiB.
const DRAFT_BYTES_MAX: usize = 4 * 1024 * 1024;

pub(super) struct Draft<'a> {
    log: &'a Log,
    head: Head,
    first: u64,
    envelopes: Vec<Vec<u8>>,
    bytes: usize,
    blobs: Vec<BlobName>,
    vaults_changed: bool,
}

/// A batch with its checkpoint signed and stored.
pub(super) struct Finished {
    pub(super) head: Head,
    pub(super) checkpoint: CheckpointRow,
    pub(super) envelopes: Vec<Vec<u8>>,
    pub(super) blobs: Vec<BlobName>,
    /// Whose word counts from this batch on, if it says so.
    pub(super) quorum: Option<Quorum>,
}

/// Who must hold what is written from here on. When that can't be told nobody can: nothing is held until it can.
fn quorum(tx: &mut Tx) -> Quorum {
    log::quorum(tx).unwrap_or_else(|error| {
        tracing::error!(%error, "whose word counts cannot be read: nothing is held from here on");
        Quorum::of(Policy::default())
    })
}

impl<'a> Draft<'a> {
    pub(super) fn new(log: &'a Log, head: Head) -> Self {
        let first = head.size();
        Self { log, head, first, envelopes: Vec::new(), bytes: 0, blobs: Vec::new(), vaults_changed: false }
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.head.size()
    }

    pub(super) fn last_time_us(&self) -> i64 {
        self.head.last_time_us
    }

    pub(super) fn is_empty(&self) -> bool {
        self.envelopes.is_empty()
    }

    pub(super) fn is_full(&self) -> bool {
        self.envelopes.len() + COMMAND_EVENTS_MAX > BATCH_ENTRIES_MAX || self.bytes > DRAFT_BYTES_MAX
    }

    /// Seals a command's events. Nothing is written yet, so that an error here is the command's alone.
    pub(super) fn seal(&self, by: Submitter, time_us: i64, events: &[Event]) -> Result<Vec<Sealed>, Error> {
        if events.len() > COMMAND_EVENTS_MAX {
            let text = format!("{} changes at once are too many; at most {COMMAND_EVENTS_MAX}", events.len());
            return Err(Error::invalid(text));
        }
        let sealed = events.iter().zip(self.next_seq()..).map(|(event, seq)| {
            let at = Stamp { seq, time_us, actor: by.actor, credential: by.credential };
            let bytes = event.encode();
            let overflow = self.overflow(&bytes)?;
            self.log.keys().seal(&at, event, bytes, overflow)
        });
        sealed.collect()
    }

    fn overflow(&self, bytes: &[u8]) -> Result<Vec<BlobName>, Error> {
        let len = bytes.len();
        if len > EVENT_BYTES_MAX {
            return Err(Error::invalid(format!("one change of {len} bytes is too large; at most {EVENT_BYTES_MAX}")));
        }
        if len > INLINE_EVENT_BYTES_MAX { Ok(vec![self.log.blobs().put(bytes)?]) } else { Ok(Vec::new()) }
    }

    /// Appends and applies. An error here is the whole batch's.
    pub(super) fn append(&mut self, tx: &mut Tx, sealed: Sealed, event: &Event) -> Result<(), Error> {
        let at = sealed.row.stamp;
        log::entry_insert(tx, &sealed.row)?;
        event.apply(tx, &at)?;
        for tile in self.head.push(sealed.row.leaf_hash) {
            log::tile_put_full(tx, &tile)?;
        }
        self.head.last_time_us = at.time_us;
        if matches!(event, Event::SnapshotTaken(_)) {
            self.head.snapshot_entry = Some(at.seq);
        }
        self.vaults_changed |= matches!(
            event,
            Event::VaultEnrolled(_) | Event::VaultsOrdered(_) | Event::VaultsChanged(_) | Event::VaultsKept(_)
        );
        self.bytes += sealed.envelope.len();
        self.envelopes.push(sealed.envelope);
        self.blobs.extend(event.blobs());
        self.blobs.extend(sealed.overflow);
        Ok(())
    }

    /// Signs the checkpoint and stores it. Invariant 5 of [the writer](super).
    pub(super) fn finish(self, tx: &mut Tx) -> Result<Finished, Error> {
        let keys = self.log.keys();
        let (size, root, epoch) = (self.head.size(), self.head.root(), keys.epoch);
        let signed = Checkpoint::new(keys.origin.clone(), epoch, size, root).sign(&keys.log_key);
        let signed = signed.map_err(|e| Error::internal(format!("the checkpoint of size {size}: {e}")))?;
        let checkpoint = CheckpointRow { size, first: self.first, epoch, root, note: signed.to_string() };
        log::checkpoint_insert(tx, &checkpoint)?;
        let quorum = self.vaults_changed.then(|| quorum(tx));
        Ok(Finished { head: self.head, checkpoint, envelopes: self.envelopes, blobs: self.blobs, quorum })
    }
}
