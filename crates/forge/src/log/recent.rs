//! The newest batches, encoded, so that shipping them reads nothing back.

use std::collections::VecDeque;
use std::sync::Arc;
use vault::EncodedBatch;

/// Bytes of batches kept in memory, by default.
pub const RECENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// A window over the end of the log: what some vault may not have yet.
#[derive(Default)]
pub(super) struct Recent {
    batches: VecDeque<Arc<EncodedBatch>>,
    bytes: usize,
}

impl Recent {
    pub(super) fn push(&mut self, batch: Arc<EncodedBatch>) {
        self.bytes += batch.bytes.len();
        self.batches.push_back(batch);
        while self.bytes > RECENT_BYTES_MAX && self.batches.len() > 1 {
            if let Some(old) = self.batches.pop_front() {
                self.bytes -= old.bytes.len();
            }
        }
    }

    /// Every vault has the entries below `size`.
    pub(super) fn shipped(&mut self, size: u64) {
        while let Some(batch) = self.batches.pop_front_if(|b| b.end() <= size) {
            self.bytes -= batch.bytes.len();
        }
    }

    /// After the log was reloaded from the database nothing here is certain any more.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The batches from the one that begins at `first`, up to `bytes_max` and at least one; None when it is not here.
    pub(super) fn from(&self, first: u64, bytes_max: usize) -> Option<Vec<Arc<EncodedBatch>>> {
        let start = self.batches.binary_search_by_key(&first, |b| b.first).ok()?;
        let mut bytes = 0;
        let fits = |b: &&Arc<EncodedBatch>| {
            bytes += b.bytes.len();
            bytes <= bytes_max || bytes == b.bytes.len()
        };
        Some(self.batches.range(start..).take_while(fits).cloned().collect())
    }
}
