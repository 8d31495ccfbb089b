//! Batches and entry bundles: any bytes are read or refused, and what is read is within the limits and written again the same.
#![no_main]

use journal::batch::{BATCH_ENTRIES_MAX, Batch, INLINE_BLOB_BYTES_MAX, INLINE_BLOBS_MAX};
use journal::tile::{decode_bundle, encode_bundle};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(batch) = Batch::decode(bytes) {
        assert!((1..=BATCH_ENTRIES_MAX).contains(&batch.entries.len()));
        assert!(batch.inline.len() <= INLINE_BLOBS_MAX);
        assert!(batch.inline.iter().all(|blob| blob.len() <= INLINE_BLOB_BYTES_MAX));
        let again = batch.encode().expect("what was read can be written");
        assert_eq!(Batch::decode(&again).as_ref(), Ok(&batch));
        let _needed = batch.blobs_needed();
        if let Ok((_, checkpoint)) = batch.checkpoint() {
            assert_eq!((&checkpoint.origin, checkpoint.size), (&batch.origin, batch.end()));
        }
    }
    if let Some(entries) = decode_bundle(bytes) {
        assert_eq!(encode_bundle(&entries).as_deref(), Some(bytes));
    }
});
