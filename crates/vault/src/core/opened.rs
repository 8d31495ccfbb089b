//! Blobs that came in batches. The batches that were opened last stay in memory: whoever asks for one of their blobs asks for the next, and a batch of an import
//! has thousands. Two, because who asks several times at once asks for the end of one and the beginning of the next.

use super::Vault;
use crate::store::{Store, StoreError};
use journal::BlobName;
use journal::batch::Batch;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Batches that stay in memory; each has at most `BATCH_BYTES_MAX`.
const BATCHES_OPEN_MAX: usize = 2;

/// The batches that were opened last, the newest at the end.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Vec<Blobs>>);

/// One batch's blobs by their names.
#[derive(Debug)]
struct Blobs {
    /// The entry that the batch begins with.
    first: u64,
    by_name: HashMap<BlobName, Vec<u8>>,
}

impl Opened {
    /// A blob of the batch that begins with this entry, whose blobs `read` gives. None: it has no such blob.
    ///
    /// # Errors
    /// Those of `read`.
    fn blob(
        &self,
        first: u64,
        name: &BlobName,
        read: impl FnOnce() -> Result<Vec<Vec<u8>>, StoreError>,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let mut opened = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of = opened.iter().position(|batch| batch.first == first);
        // What a batch in memory lacks is looked for again.
        if let Some(bytes) = of.and_then(|at| opened[at].by_name.get(name)) {
            return Ok(Some(bytes.clone()));
        }
        // By what they are and not by what somebody says that they are.
        let by_name = read()?.into_iter().map(|bytes| (BlobName::of(&bytes), bytes)).collect::<HashMap<_, _>>();
        let found = by_name.get(name).cloned();
        if let Some(at) = of.or((opened.len() >= BATCHES_OPEN_MAX).then_some(0)) {
            opened.remove(at);
        }
        opened.push(Blobs { first, by_name });
        Ok(found)
    }
}

impl<S: Store + ?Sized> Vault<S> {
    /// A blob that came in a batch.
    ///
    /// # Errors
    /// When the batch no longer reads as it was stored.
    pub fn inline_blob(&self, name: &BlobName) -> Result<Option<Vec<u8>>, StoreError> {
        self.blob_of(name, &Opened::default())
    }

    /// As [`Vault::inline_blob`], for who reads and asks for no proof: the batch may still be in memory.
    ///
    /// # Errors
    /// The same.
    pub fn inline_blob_opened(&self, name: &BlobName) -> Result<Option<Vec<u8>>, StoreError> {
        self.blob_of(name, &self.opened)
    }

    fn blob_of(&self, name: &BlobName, opened: &Opened) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(index) = self.state.inline.get(name).filter(|_| self.erased(name).is_none()) else { return Ok(None) };
        let (first, place) = self.state.batches[*index];
        let damaged = || StoreError::Damaged(format!("the batch of entry {first}"));
        let read = || Ok(Batch::decode(&self.store.batch(&place)?).map_err(|_| damaged())?.inline);
        opened.blob(first, name, read)?.map(Some).ok_or_else(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[test]
    fn a_batch_is_read_once_for_all_its_blobs() {
        let (opened, reads) = (Opened::default(), Cell::new(0));
        let batch = |texts: &[&str]| {
            let inline = texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
            let reads = &reads;
            move || {
                reads.set(reads.get() + 1);
                Ok(inline)
            }
        };
        let name = |text: &str| BlobName::of(text.as_bytes());
        for text in ["a", "b", "a"] {
            let found = opened.blob(7, &name(text), batch(&["a", "b"])).unwrap();
            assert_eq!(found.as_deref(), Some(text.as_bytes()));
        }
        assert_eq!(reads.get(), 1);
        assert_eq!(opened.blob(9, &name("c"), batch(&["c"])).unwrap().as_deref(), Some(&b"c"[..]));
        assert_eq!(opened.blob(7, &name("a"), batch(&["a", "b"])).unwrap().as_deref(), Some(&b"a"[..]));
        assert_eq!(reads.get(), 2, "the one before is still there");
        assert_eq!(opened.blob(9, &name("a"), batch(&["c"])).unwrap(), None, "what is not there is looked for again");
        assert_eq!(reads.get(), 3);
        assert!(opened.blob(11, &name("d"), batch(&["d"])).unwrap().is_some());
        assert!(opened.blob(7, &name("a"), batch(&["a", "b"])).unwrap().is_some());
        assert_eq!(reads.get(), 5, "of three the oldest is gone");
        assert!(opened.blob(1, &name("a"), || Err(StoreError::Damaged("x".to_owned()))).is_err());
    }
}
