//! Removing from a bucket with Object Lock: what is locked in compliance mode nobody removes. It goes once its lock has run out, which
//! nobody renews any more; until then the record says how long.

use super::{EraseError, Hand, refused};
use crate::core::stripped;
use crate::s3::api::Version;
use crate::s3::erased::inline_of;
use crate::s3::store::{blob_key, failed, hash_in, records};
use crate::s3::{S3Credentials, S3Store, S3Url};
use crate::segment::header;
use crate::store::StoreError;
use bytes::Bytes;
use jiff::Timestamp;
use journal::batch::Batch;
use journal::{BlobName, Hash};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// The vault's place in the bucket.
pub(super) struct BucketHand {
    pub(super) url: S3Url,
    pub(super) credentials: S3Credentials,
    /// The vault's cosigner key: nobody else's objects are touched.
    pub(super) owner: String,
    /// What is to go.
    pub(super) names: BTreeSet<BlobName>,
    /// What this machine takes for now.
    pub(super) now: Timestamp,
}

impl Hand for BucketHand {
    type Store = S3Store;

    fn open(&self) -> Result<Arc<S3Store>, EraseError> {
        let store = S3Store::open(self.url.clone(), self.credentials.clone(), &self.owner)?;
        store.retire(self.names.iter().copied());
        Ok(Arc::new(store))
    }

    fn take(&self, store: &S3Store, names: &BTreeSet<BlobName>) -> Result<HashMap<BlobName, u64>, EraseError> {
        let (store, mut waits) = (Taking(store, self.now), HashMap::new());
        for name in names {
            let key = blob_key(name);
            let versions = store.0.versions(&key)?;
            let own: Vec<_> = versions.iter().filter(|version| version.key == key).collect();
            if let Some(until_s) = store.remove(&own)? {
                waits.insert(*name, until_s);
            }
        }
        store.segments(&names.iter().copied().collect(), &mut waits)?;
        Ok(waits)
    }
}

/// The store, with the verb that it has not, and the time.
struct Taking<'a>(&'a S3Store, Timestamp);

impl Taking<'_> {
    /// Each segment that holds one of the blobs is put again without them, and goes itself when it may.
    fn segments(&self, names: &HashSet<BlobName>, waits: &mut HashMap<BlobName, u64>) -> Result<(), EraseError> {
        let mut segments: BTreeMap<String, Vec<Version>> = BTreeMap::new();
        for version in self.0.versions("segment/")? {
            segments.entry(version.key.clone()).or_default().push(version);
        }
        for (key, versions) in &segments {
            let Some(hash) = hash_in(key) else { continue };
            let lost = || StoreError::Damaged(format!("no version of {key} has the bytes that its name promises"));
            let (_, bytes) = self.0.find_among(versions.iter(), &hash)?.ok_or_else(lost)?;
            let inside = inline_of(&bytes, &|name| names.contains(name));
            if inside.is_empty() {
                continue;
            }
            let Some(prefix) = key.strip_suffix(&hash.to_string()) else { continue };
            let anew = Bytes::from(without(&bytes, names)?);
            let hash = Hash::of(&anew);
            // Carried out before, it is there already, and a further version would be locked for as long.
            let there = segments.get(&format!("{prefix}{hash}"));
            if there.map(|versions| self.0.find_among(versions.iter(), &hash)).transpose()?.flatten().is_none() {
                self.0.put_named(prefix, anew)?;
            }
            if let Some(until_s) = self.remove(&versions.iter().collect::<Vec<_>>())? {
                for (name, _) in inside {
                    let latest = waits.entry(name).or_default();
                    *latest = until_s.max(*latest);
                }
            }
        }
        Ok(())
    }

    /// Removes the versions of a name whose locks have run out. Gives until when the others are locked. It is the service whose clock
    /// counts: what it does not let go, whatever this machine's clock says, waits too.
    fn remove(&self, versions: &[&Version]) -> Result<Option<u64>, EraseError> {
        let mut until: Option<Timestamp> = None;
        for Version { key, version_id, .. } in versions {
            let lock = self.0.bucket.retention(key, version_id).map_err(failed)?;
            if let Some(lock) = lock.as_ref().filter(|lock| lock.until > self.1) {
                until = until.max(Some(lock.until));
                continue;
            }
            match (self.0.bucket.delete(key, Some(version_id), false), lock) {
                (Ok(()), _) => {}
                (Err(error), Some(lock)) if error.is_denial() => until = until.max(Some(lock.until)),
                (Err(error), _) => return Err(failed(error).into()),
            }
        }
        // Rounded up: at that second it can be tried.
        Ok(until.map(|until| u64::try_from(until.as_second()).unwrap_or(0) + 1))
    }
}

/// A segment's records without these blobs.
fn without(bytes: &Bytes, names: &HashSet<BlobName>) -> Result<Vec<u8>, EraseError> {
    let mut anew = Vec::with_capacity(bytes.len());
    records(0, bytes, &mut |_, payload| {
        let batch = Batch::decode(payload).map_err(|error| StoreError::Damaged(error.to_string()))?;
        let less = stripped(&batch, &|name| names.contains(name));
        let payload = less.as_deref().unwrap_or(payload);
        anew.extend_from_slice(&header(payload));
        anew.extend_from_slice(payload);
        Ok(())
    })?;
    if Hash::of(&anew) == Hash::of(bytes) {
        refused("a segment could not be written without what was erased")
    } else {
        Ok(anew)
    }
}
