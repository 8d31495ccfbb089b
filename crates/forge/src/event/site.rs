//! The site itself: its beginning, its epochs, the snapshots of its database.

use super::{ApplyError, Payload, Stamp, wire};
use crate::db::{Tx, Value};
use journal::BlobName;
use journal::epoch::Epoch;
use journal::note::SignedNote;
use minicbor::{Decode, Encode};

/// The first entry of every journal.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SiteStarted {
    /// The log's name, for ever.
    #[n(0)]
    pub origin: String,
    /// The age recipient everything is encrypted to, besides the site's own; several with spaces between them.
    #[n(1)]
    pub recovery_recipient: String,
    /// The key (vkey text) that alone may sign a new epoch; of several each.
    #[n(2)]
    pub recovery_key: String,
}

impl Payload for SiteStarted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql =
            "INSERT INTO site (id, origin, recovery_recipient, recovery_key, started_us) VALUES (?1, ?2, ?3, ?4, ?5)";
        let (origin, recipient, key) = (&self.origin, &self.recovery_recipient, &self.recovery_key);
        tx.execute(sql, &[at.seq.into(), origin.into(), recipient.into(), key.into(), at.time_us.into()])?;
        Ok(())
    }
}

/// A place began to write the journal: at the beginning, and after each recovery.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct EpochStarted {
    /// From 1, each higher than the last.
    #[n(0)]
    pub epoch: u64,
    /// The statement signed by the recovery key, as the vaults hold it.
    #[n(1)]
    pub statement: String,
    /// The sealed data key of the epoch.
    #[cbor(n(2), with = "wire::blob")]
    pub data_key: BlobName,
    /// The age recipient of the site that writes in this epoch.
    #[n(3)]
    pub site_recipient: String,
}

impl EpochStarted {
    /// What the statement says.
    fn read(&self) -> Option<Epoch> {
        self.statement.parse::<SignedNote>().ok()?.text().parse().ok()
    }
}

impl Payload for EpochStarted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO epoch (number, seq, statement, data_key, site_recipient, started_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let values: [Value; 6] = [
            self.epoch.into(),
            at.seq.into(),
            (&self.statement).into(),
            (&self.data_key).into(),
            (&self.site_recipient).into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        let Some(epoch) = self.read() else { return Ok(()) };
        let recipients: Vec<_> = epoch.recovery.iter().filter_map(|key| key.recipient.clone()).collect();
        // The first form of a statement names none: the keys are what they were.
        if !recipients.is_empty() {
            let keys: Vec<_> = epoch.recovery.iter().map(|key| key.verifier.to_string()).collect();
            let sql = "UPDATE site SET recovery_recipient = ?1, recovery_key = ?2";
            tx.execute(sql, &[recipients.join(" ").into(), keys.join(" ").into()])?;
        }
        Ok(())
    }

    fn blobs(&self) -> Vec<BlobName> {
        [self.data_key].into_iter().chain(self.read().and_then(|epoch| epoch.past)).collect()
    }
}

/// A part of something larger than one blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Part {
    /// The blob.
    #[cbor(n(0), with = "wire::blob")]
    pub blob: BlobName,
    /// Bytes of plaintext in it.
    #[n(1)]
    pub bytes: u64,
}

/// The database's tables as of an entry are in these blobs.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SnapshotTaken {
    /// Entries applied in it: those with seq < `through`.
    #[n(0)]
    pub through: u64,
    /// Its parts, in order.
    #[n(1)]
    pub parts: Vec<Part>,
}

impl Payload for SnapshotTaken {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO snapshot (id, through, taken_us) VALUES (?1, ?2, ?3)";
        tx.execute(sql, &[at.seq.into(), self.through.into(), at.time_us.into()])?;
        for (i, part) in self.parts.iter().enumerate() {
            let sql = "INSERT INTO snapshot_part (snapshot, part, blob, bytes) VALUES (?1, ?2, ?3, ?4)";
            tx.execute(sql, &[at.seq.into(), (i as u64).into(), (&part.blob).into(), part.bytes.into()])?;
        }
        Ok(())
    }

    fn blobs(&self) -> Vec<BlobName> {
        self.parts.iter().map(|p| p.blob).collect()
    }
}
