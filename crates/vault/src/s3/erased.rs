//! What was erased by order, in a bucket: a lock in compliance mode can't be lifted by anybody, so what must go is locked no longer than it
//! is. Its lock is not renewed, and when it has run out, the vault's owner removes it (`erase`).

use super::store::{S3Store, hash_in, locked, names, records};
use crate::store::StoreError;
use journal::BlobName;
use journal::batch::Batch;
use journal::erasure::ErasureRecord;
use std::collections::HashSet;

/// What is locked no further.
#[derive(Default)]
pub(super) struct Retired {
    /// What the records name, as they were read last.
    recorded: HashSet<BlobName>,
    /// What is to go before a record can say so.
    ordered: HashSet<BlobName>,
}

impl Retired {
    fn has(&self, name: &BlobName) -> bool {
        self.recorded.contains(name) || self.ordered.contains(name)
    }
}

impl S3Store {
    /// From now on these are locked no further: whoever looks for what must go would else renew its lock.
    pub(crate) fn retire(&self, names: impl IntoIterator<Item = BlobName>) {
        locked(&self.erased).ordered.extend(names);
    }

    /// All records of erasures; from now on what they name is locked no further.
    pub(super) fn erasure_records(&self) -> Result<Vec<String>, StoreError> {
        let mut texts = Vec::new();
        for (key, versions) in names(self.versions("erasure/")?) {
            let Some(hash) = hash_in(&key) else {
                tracing::warn!(key, "not the name of a record of an erasure; passed over");
                continue;
            };
            let lost = || StoreError::Damaged(format!("no version of {key} has the bytes that its name promises"));
            let (_, bytes) = self.find_among(versions.iter(), &hash)?.ok_or_else(lost)?;
            texts.push(String::from_utf8(bytes.to_vec()).map_err(|_| lost())?);
        }
        let read = texts.iter().filter_map(|text| text.parse::<ErasureRecord>().ok());
        locked(&self.erased).recorded = read.flat_map(|record| record.list.names()).collect();
        Ok(texts)
    }

    /// Whether an object is to go: an erased blob, or a segment that holds one. Of such a segment there is another without it.
    pub(crate) fn is_retired(&self, key: &str, bytes: &[u8]) -> bool {
        let erased = locked(&self.erased);
        if erased.recorded.is_empty() && erased.ordered.is_empty() {
            return false;
        }
        match hash_in(key) {
            Some(hash) if key.starts_with("blob/") => erased.has(&BlobName(hash)),
            Some(_) if key.starts_with("segment/") => !inline_of(bytes, &|name| erased.has(name)).is_empty(),
            _ => false,
        }
    }
}

/// Which of the blobs that are wanted are in a segment.
pub(crate) fn inline_of(segment: &[u8], wanted: &dyn Fn(&BlobName) -> bool) -> Vec<(BlobName, u64)> {
    let mut found = Vec::new();
    // What does not read as a segment holds nothing that anybody could find in it.
    let _ = records(0, segment, &mut |_, payload| {
        let inline = Batch::decode(payload).map(|batch| batch.inline).unwrap_or_default();
        let named = inline.iter().map(|bytes| (BlobName::of(bytes), bytes.len() as u64));
        found.extend(named.filter(|(name, _)| wanted(name)));
        Ok(())
    });
    found
}
