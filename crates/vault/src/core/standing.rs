//! How another vault stands to the log here: its checkpoint, and what it must have.

use super::Vault;
use crate::store::{Store, StoreError};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::note::{SignedNote, VerifierKey};
use journal::{BlobName, Hash};
use std::collections::BTreeSet;

/// How another vault's checkpoint stands to the log here.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// The log here has the same root at that size.
    Same,
    /// It is beyond what is here, or of an epoch that is not known here yet.
    Ahead,
    /// It is of another site.
    OtherLog,
    /// The site signed two logs.
    Forked {
        /// What is signed here for that size; None: a batch that ends there is not here at all.
        ours: Box<Option<SignedNote>>,
        /// The log's keys.
        keys: Vec<VerifierKey>,
    },
}

/// How many batches are opened for a sample.
const SAMPLE_BATCHES: u64 = 64;

/// A number that a nonce decides.
fn chosen(nonce: &Hash, what: &[u8]) -> u64 {
    let Hash(bytes) = Hash::of(&[&nonce.0[..], what].concat());
    u64::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5], bytes[6], bytes[7]])
}

impl<S: Store + ?Sized> Vault<S> {
    /// Says what was signed here before, as something else than the store remembers it: a store that has less, or another log, is
    /// damaged. A bucket that lists a part of what is in it looks whole by itself.
    ///
    /// # Errors
    /// When the store fails.
    pub fn remember(&mut self, signed: SignedNote) -> Result<(), StoreError> {
        self.signed = Some(signed);
        self.look_back()
    }

    /// Takes note of how far is signed; the checkpoint, when that is further than before.
    pub(crate) fn note_signed(&mut self) -> Option<&SignedNote> {
        let newest = self.state.checkpoint.as_ref().filter(|_| self.damaged().is_none())?;
        if self.signed.as_ref().is_some_and(|signed| signed.text() == newest.text()) {
            return None;
        }
        self.signed = Some(newest.clone());
        self.signed.as_ref()
    }

    pub(super) fn look_back(&mut self) -> Result<(), StoreError> {
        let Some(signed) = &self.signed else { return Ok(()) };
        let has = match self.standing(signed)? {
            Standing::Same => return Ok(()),
            Standing::Ahead => "less than",
            Standing::OtherLog | Standing::Forked { .. } => "another log than",
        };
        let size = signed.text().lines().nth(1).unwrap_or_default();
        if self.state.damaged.is_none() {
            self.state.damaged = Some(format!("it has {has} the {size} entries that were signed here"));
        }
        Ok(())
    }

    /// Some of the blobs that entries below `size` need and that were not erased here, at most `most`, as the nonce decides.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn sample(&self, nonce: &Hash, size: u64, most: usize) -> Result<Vec<BlobName>, StoreError> {
        let within = self.state.batches.partition_point(|(first, _)| *first < size.min(self.size())) as u64;
        let all = within <= SAMPLE_BATCHES;
        let picked: BTreeSet<u64> = match all {
            true => (0..within).collect(),
            false => (0..SAMPLE_BATCHES).map(|at| chosen(nonce, &at.to_be_bytes()) % within).collect(),
        };
        let mut names = BTreeSet::new();
        for at in picked {
            let Some((first, place)) = usize::try_from(at).ok().and_then(|at| self.state.batches.get(at)) else {
                continue;
            };
            let needed = Batch::decode(&self.store.batch(place)?).and_then(|batch| batch.blobs_needed());
            let needed = needed.map_err(|error| StoreError::Damaged(format!("the batch of entry {first}: {error}")))?;
            names.extend(needed.into_iter().filter(|name| self.erased(name).is_none()));
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by_cached_key(|name| chosen(nonce, &name.0.0));
        names.truncate(most);
        Ok(names)
    }

    /// Compares another vault's checkpoint with the log here. A batch is made once and ends at the same entry in every vault.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) fn standing(&self, theirs: &SignedNote) -> Result<Standing, StoreError> {
        let Ok(checkpoint) = theirs.text().parse::<Checkpoint>() else { return Ok(Standing::OtherLog) };
        let keys = self.log_keys();
        match self.epoch() {
            Some((origin, _)) if *origin == checkpoint.origin => {}
            _ => return Ok(Standing::OtherLog),
        }
        // What no key known here signed says nothing yet: it may be of a later epoch.
        if checkpoint.size > self.size() || !keys.iter().any(|key| theirs.verify(key).is_ok()) {
            return Ok(Standing::Ahead);
        }
        let next = self.state.batches.partition_point(|(first, _)| *first < checkpoint.size);
        let Some((_, place)) = next.checked_sub(1).and_then(|at| self.state.batches.get(at)) else {
            return Ok(Standing::Same);
        };
        let damaged = |what: String| StoreError::Damaged(what);
        let batch = Batch::decode(&self.store.batch(place)?).map_err(|error| damaged(error.to_string()))?;
        let (note, ours) = batch.checkpoint().map_err(|error| damaged(error.to_string()))?;
        if (ours.size, ours.root) == (checkpoint.size, checkpoint.root) {
            return Ok(Standing::Same);
        }
        let ours = Box::new((ours.size == checkpoint.size).then_some(note));
        Ok(Standing::Forked { ours, keys })
    }
}
