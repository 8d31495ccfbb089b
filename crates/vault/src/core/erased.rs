//! What was erased at a vault by order: the server reads the records, and has no verb that makes one.
//!
//! Invariants:
//! 1. A blob is lawfully missing only when a record names it that this vault's own key signed, of an order with the hash of its list.
//! 2. Such a blob is not taken again, also not within a batch, whose entries and root are the same without it.

use super::Vault;
use crate::store::{Store, StoreError};
use journal::batch::Batch;
use journal::erasure::ErasureRecord;
use journal::note::VerifierKey;
use journal::{BlobName, Hash};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

/// The erasures of a vault.
#[derive(Default)]
pub(super) struct Erased {
    /// The newest record of each order, by the order's hash: when it was signed, and how many blobs wait behind locks.
    records: BTreeMap<Hash, (u64, usize)>,
    /// Each blob, and by which order.
    names: HashMap<BlobName, Hash>,
}

impl Erased {
    /// Reads the store's records. Gives what is wrong with one.
    pub(super) fn read<S: Store + ?Sized>(
        &mut self,
        store: &S,
        vault: &VerifierKey,
    ) -> Result<Option<String>, StoreError> {
        let records = match store.erasures() {
            Err(StoreError::Damaged(what)) => return Ok(Some(what)),
            other => other?,
        };
        for text in records {
            let record = text.parse::<ErasureRecord>().and_then(|record| record.verify().map(|at_s| (record, at_s)));
            match record {
                Ok((record, at_s)) if record.vault == *vault => self.add(&record, at_s),
                Ok(_) => return Ok(Some("a record of an erasure was signed by another vault".to_owned())),
                Err(error) => return Ok(Some(format!("a record of an erasure: {error}"))),
            }
        }
        Ok(None)
    }

    fn add(&mut self, record: &ErasureRecord, at_s: u64) {
        let order = record.order.hash();
        let (_, _, waiting) = record.counts();
        let newest = self.records.entry(order).or_insert((at_s, waiting));
        // What was done once is not undone: of two in one second the one that waits for less.
        *newest = (newest.0.max(at_s), newest.1.min(waiting));
        self.names.extend(record.blobs.iter().map(|blob| (blob.name, order)));
    }

    /// A batch as it is stored: without what was erased.
    pub(super) fn stored<'a>(&self, bytes: &'a [u8], batch: &Batch) -> Cow<'a, [u8]> {
        if self.names.is_empty() {
            return Cow::Borrowed(bytes);
        }
        stripped(batch, &|name| self.names.contains_key(name)).map_or(Cow::Borrowed(bytes), Cow::Owned)
    }

    /// Whether two encoded batches are the same but for what was erased.
    pub(super) fn same(&self, one: &[u8], other: &[u8]) -> bool {
        if one == other {
            return true;
        }
        let (Ok(first), Ok(second)) = (Batch::decode(one), Batch::decode(other)) else { return false };
        self.stored(one, &first) == self.stored(other, &second)
    }
}

/// The encoded batch without these small blobs; None: it has none of them.
pub(crate) fn stripped(batch: &Batch, erased: &dyn Fn(&BlobName) -> bool) -> Option<Vec<u8>> {
    let inline: Vec<_> = batch.inline.iter().filter(|bytes| !erased(&BlobName::of(bytes))).cloned().collect();
    if inline.len() == batch.inline.len() {
        return None;
    }
    // What was decoded and has less in it now is within every limit.
    Batch { inline, ..batch.clone() }.encode().ok()
}

impl<S: Store + ?Sized> Vault<S> {
    /// The order by which a blob was erased here, or will be when its lock runs out.
    pub fn erased(&self, name: &BlobName) -> Option<Hash> {
        self.state.erased.names.get(name).copied()
    }

    /// The orders that erased something here: their hashes, when, and how many blobs of each wait behind locks.
    pub fn erasures(&self) -> impl Iterator<Item = (Hash, u64, usize)> {
        self.state.erased.records.iter().map(|(order, (at_s, waiting))| (*order, *at_s, *waiting))
    }

    /// The newest record of an order that was carried out here.
    ///
    /// # Errors
    /// When the store can't be read.
    pub fn erasure(&self, order: &Hash) -> Result<Option<String>, StoreError> {
        if !self.state.erased.records.contains_key(order) {
            return Ok(None);
        }
        Ok(newest(self.store.erasures()?, order).map(|record| record.to_string()))
    }
}

/// Of several records of an order the newest: what was done once is not undone, whatever the clock said then.
pub(crate) fn newest(records: Vec<String>, order: &Hash) -> Option<ErasureRecord> {
    let records = records.iter().filter_map(|text| text.parse::<ErasureRecord>().ok());
    let of = records.filter(|record| record.order.hash() == *order);
    of.max_by_key(|record| {
        let (_, _, waiting) = record.counts();
        (std::cmp::Reverse(waiting), record.verify().unwrap_or(0))
    })
}
