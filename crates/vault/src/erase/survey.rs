//! What there is of the blobs of a list, and whether something else needs one of them.

use super::{EraseError, refused};
use crate::core::Vault;
use crate::store::{Store, StoreError};
use journal::batch::Batch;
use journal::entry::Envelope;
use journal::epoch::Epoch;
use journal::erasure::{EraseList, ErasedBlob, ErasureRecord, Fate};
use journal::note::SignedNote;
use journal::{BlobName, Hash};
use std::collections::{BTreeSet, HashMap};

/// About how many bytes of batches are looked at at a time.
const BATCHES_BYTES: usize = 16 << 20;

/// Each blob of the list in the order of names: how many bytes it has here, or had when the order was carried out `before`.
pub(super) fn survey<S: Store>(
    vault: &Vault<S>,
    list: &EraseList,
    before: Option<&ErasureRecord>,
) -> Result<Vec<ErasedBlob>, EraseError> {
    let names = list.names();
    no_epoch_needs(vault, &names)?;
    let inline = in_batches(vault, list, &names)?;
    let before: HashMap<_, _> = before.iter().flat_map(|record| &record.blobs).map(|blob| (blob.name, blob)).collect();
    let one = |name: &BlobName| -> Result<ErasedBlob, EraseError> {
        let file = vault.store().blob(name)?.map(|(_, bytes)| bytes);
        let bytes = file.or_else(|| inline.get(name).copied());
        Ok(match (bytes, before.get(name)) {
            (Some(bytes), _) => ErasedBlob { name: *name, bytes, fate: Fate::Waits(0) },
            // It was here when the order was first carried out, and went then, whether or not that could be written down.
            (None, Some(known)) if known.fate != Fate::Absent => ErasedBlob { fate: Fate::Erased, ..**known },
            (None, _) => ErasedBlob { name: *name, bytes: 0, fate: Fate::Absent },
        })
    };
    names.iter().map(one).collect()
}

fn no_epoch_needs<S: Store>(vault: &Vault<S>, names: &BTreeSet<BlobName>) -> Result<(), EraseError> {
    for text in vault.epochs() {
        let note: Option<SignedNote> = text.parse().ok();
        let Some(epoch) = note.and_then(|note| note.text().parse::<Epoch>().ok()) else {
            return refused("the statement of an epoch can't be read");
        };
        if let Some(name) = [Some(epoch.data_key), epoch.past].into_iter().flatten().find(|name| names.contains(name)) {
            return refused(format!(
                "blob {name} holds the keys of epoch {}: without it nothing here can be read",
                epoch.epoch
            ));
        }
    }
    Ok(())
}

/// The small blobs of the list that lie within batches, with their bytes. Every entry that names a blob of the list must be in the list with
/// it.
fn in_batches<S: Store>(
    vault: &Vault<S>,
    list: &EraseList,
    names: &BTreeSet<BlobName>,
) -> Result<HashMap<BlobName, u64>, EraseError> {
    let (mut inline, mut from, mut named) = (HashMap::new(), 0, BTreeSet::new());
    while from < vault.size() {
        for bytes in vault.batches(from, BATCHES_BYTES)? {
            let damaged =
                |what: &dyn std::fmt::Display| StoreError::Damaged(format!("the batch of entry {from}: {what}"));
            let batch = Batch::decode(&bytes).map_err(|error| damaged(&error))?;
            for (seq, entry) in (batch.first..).zip(&batch.entries) {
                let envelope = Envelope::parse(entry).map_err(|error| damaged(&error))?;
                for name in envelope.blobs.into_iter().filter(|name| names.contains(name)) {
                    if !list.blobs.contains(&(seq, name)) {
                        return refused(format!(
                            "entry {seq} needs blob {name} too, and the list does not say so: nothing is removed that something else needs"
                        ));
                    }
                    named.insert((seq, name));
                }
            }
            let small = batch.inline.iter().map(|bytes| (BlobName(Hash::of(bytes)), bytes.len() as u64));
            inline.extend(small.filter(|(name, _)| names.contains(name)));
            from = batch.end();
        }
    }
    match list.blobs.iter().find(|(seq, name)| *seq < vault.size() && !named.contains(&(*seq, *name))) {
        Some((seq, name)) => refused(format!("the list says that entry {seq} needs blob {name}, and it does not")),
        None => Ok(inline),
    }
}
