//! Blobs that came in batches. The batch that was opened last stays in memory: whoever asks for one of its blobs asks for the next, and a batch of an import
//! has thousands.

use super::Vault;
use crate::store::{Store, StoreError};
use journal::BlobName;
use journal::batch::Batch;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// One batch's blobs by their names; at most as many bytes as a batch has.
#[derive(Debug, Default)]
pub(super) struct Opened(Mutex<Blobs>);

#[derive(Debug, Default)]
struct Blobs {
    /// The entry that the batch begins with; None: none was opened yet.
    first: Option<u64>,
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
        let there = opened.by_name.get(name).filter(|_| opened.first == Some(first));
        if let Some(bytes) = there {
            return Ok(Some(bytes.clone()));
        }
        // By what they are and not by what somebody says that they are.
        let by_name = read()?.into_iter().map(|bytes| (BlobName::of(&bytes), bytes)).collect::<HashMap<_, _>>();
        let found = by_name.get(name).cloned();
        *opened = Blobs { first: Some(first), by_name };
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
        assert_eq!(opened.blob(9, &name("a"), batch(&["c"])).unwrap(), None, "what is not there is looked for again");
        assert_eq!(reads.get(), 3);
        assert!(opened.blob(1, &name("a"), || Err(StoreError::Damaged("x".to_owned()))).is_err());
    }
}
