//! From entries to what a vault stores, and back.

use super::store::EntryRow;
use crate::error::Error;
use crate::event::{Event, Stamp};
use journal::entry::{self, Body, DataKey, Entry, Envelope};
use journal::note::SigningKey;
use journal::{BlobName, Origin, merkle};
use std::collections::BTreeMap;

/// What a log is written with.
pub struct LogKeys {
    /// The log's name.
    pub origin: Origin,
    /// The epoch this site writes in.
    pub epoch: u64,
    /// Signs its checkpoints.
    pub log_key: SigningKey,
    /// The data key of each epoch; that of `epoch` must be among them.
    pub data_keys: BTreeMap<u64, DataKey>,
}

impl std::fmt::Debug for LogKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogKeys").field("origin", &self.origin).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Gives the bytes of an event that are in blobs, in this order.
pub type FetchEvent<'a> = dyn Fn(&[BlobName]) -> Result<Vec<u8>, Error> + 'a;

/// An entry sealed: what the vaults get, and what the journal keeps.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    pub(crate) envelope: Vec<u8>,
    pub(crate) row: EntryRow,
    /// The blobs that hold the event's bytes, if they are too many for an entry.
    pub(crate) overflow: Vec<BlobName>,
}

/// An entry read: what replay applies.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The journal's row.
    pub row: EntryRow,
    /// What happened.
    pub event: Event,
}

impl LogKeys {
    pub(crate) fn data_key(&self, epoch: u64) -> Result<&DataKey, Error> {
        self.data_keys.get(&epoch).ok_or_else(|| Error::internal(format!("the data key of epoch {epoch} is not here")))
    }

    /// Seals an event with these bytes. `overflow` says which blobs hold them, if they are too many for an entry.
    pub(crate) fn seal(
        &self,
        at: &Stamp,
        event: &Event,
        bytes: Vec<u8>,
        overflow: Vec<BlobName>,
    ) -> Result<Sealed, Error> {
        let (body, outside) = match overflow.is_empty() {
            true => (Body::Inline(bytes), None),
            false => (Body::Blob(overflow.clone()), Some(bytes)),
        };
        let entry = entry_of(at, event.kind(), body);
        let envelope = self.envelope(self.epoch, &entry, event)?;
        let leaf_hash = merkle::leaf_hash(&envelope);
        let row = EntryRow { stamp: *at, kind: event.kind(), entry: entry.encode(), event: outside, leaf_hash };
        Ok(Sealed { envelope, row, overflow })
    }

    fn envelope(&self, epoch: u64, entry: &Entry, event: &Event) -> Result<Vec<u8>, Error> {
        let mut needs = event.blobs();
        if let Body::Blob(names) = &entry.body {
            needs.extend(names);
        }
        entry::seal(self.data_key(epoch)?, &self.origin, entry, &needs)
            .map_err(|e| Error::invalid(format!("entry {} is too large to be written: {e}", entry.seq)))
    }

    /// Seals a row of the journal again, which gives the bytes the vaults have; an error that names the entry when it
    /// does not: the row is not what was written.
    pub(crate) fn reseal(&self, epoch: u64, row: &EntryRow) -> Result<Vec<u8>, Error> {
        let envelope = match row.is_skipped() {
            true => row.entry.clone(),
            false => {
                let (entry, event) = read_row(row)?;
                self.envelope(epoch, &entry, &event)?
            }
        };
        if merkle::leaf_hash(&envelope) == row.leaf_hash {
            return Ok(envelope);
        }
        Err(edited(row.stamp.seq, "its bytes are not those the log's tree was made of"))
    }

    /// When a sealed entry was written; its event is not looked at.
    pub(crate) fn time_of(&self, epoch: u64, seq: u64, envelope: &[u8]) -> Result<i64, Error> {
        Ok(self.entry(epoch, seq, envelope)?.time_us)
    }

    /// When a sealed entry says that it was written, and of what kind its event is; None: it doesn't open.
    pub(crate) fn says(&self, epoch: u64, seq: u64, envelope: &[u8]) -> Option<(i64, u32)> {
        self.entry(epoch, seq, envelope).ok().map(|entry| (entry.time_us, entry.kind))
    }

    fn entry(&self, epoch: u64, seq: u64, envelope: &[u8]) -> Result<Entry, Error> {
        let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("entry {seq} cannot be opened: {e}"));
        let parsed = Envelope::parse(envelope).map_err(|e| bad(&e))?;
        let secret = self.data_key(epoch)?.secret(&self.origin, seq);
        parsed.open(&self.origin, seq, &secret).map_err(|e| bad(&e))
    }

    /// As [`LogKeys::open`], of events of these kinds; None: it is of another, and what it has in blobs is not fetched.
    pub(crate) fn open_of_kinds(
        &self,
        epoch: u64,
        seq: u64,
        envelope: &[u8],
        kinds: &[u32],
        fetch: &FetchEvent,
    ) -> Result<Option<Opened>, Error> {
        let entry = self.entry(epoch, seq, envelope)?;
        let wanted = kinds.contains(&entry.kind);
        wanted.then(|| opened(&entry, envelope, fetch)).transpose()
    }

    /// Opens a sealed entry. `fetch` gives the bytes of an event that are in blobs.
    pub fn open(&self, epoch: u64, seq: u64, envelope: &[u8], fetch: &FetchEvent) -> Result<Opened, Error> {
        opened(&self.entry(epoch, seq, envelope)?, envelope, fetch)
    }
}

fn opened(entry: &Entry, envelope: &[u8], fetch: &FetchEvent) -> Result<Opened, Error> {
    let (event, outside) = match &entry.body {
        Body::Inline(bytes) => (Event::decode(entry.kind, bytes)?, None),
        Body::Blob(names) => {
            let bytes = fetch(names)?;
            (Event::decode(entry.kind, &bytes)?, Some(bytes))
        }
    };
    let (stamp, leaf_hash) = (stamp_of(entry), merkle::leaf_hash(envelope));
    let row = EntryRow { stamp, kind: entry.kind, entry: entry.encode(), event: outside, leaf_hash };
    Ok(Opened { row, event })
}

/// Reads a row of the journal; an error that names the entry when its columns and its bytes say different things.
pub(crate) fn read_row(row: &EntryRow) -> Result<(Entry, Event), Error> {
    let seq = row.stamp.seq;
    let entry = Entry::decode(&row.entry).map_err(|e| edited(seq, &e.to_string()))?;
    if stamp_of(&entry) != row.stamp || entry.kind != row.kind {
        return Err(edited(seq, "its columns do not say what its bytes say"));
    }
    let event = match (&entry.body, &row.event) {
        (Body::Inline(bytes), None) => Event::decode(entry.kind, bytes),
        (Body::Blob(_), Some(bytes)) => Event::decode(entry.kind, bytes),
        _ => return Err(edited(seq, "its event is missing, or there twice")),
    };
    Ok((entry, event.map_err(|e| edited(seq, &e.to_string()))?))
}

fn edited(seq: u64, what: &str) -> Error {
    Error::damaged(format!("journal entry {seq} was changed behind the journal's back: {what}"))
}

fn entry_of(at: &Stamp, kind: u32, body: Body) -> Entry {
    Entry { seq: at.seq, time_us: at.time_us, actor: at.actor, credential: at.credential, kind, body }
}

fn stamp_of(entry: &Entry) -> Stamp {
    Stamp { seq: entry.seq, time_us: entry.time_us, actor: entry.actor, credential: entry.credential }
}
