//! How another vault's checkpoint stands to the log here.

use super::Vault;
use crate::store::{Store, StoreError};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::note::{SignedNote, VerifierKey};

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

impl<S: Store + ?Sized> Vault<S> {
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
