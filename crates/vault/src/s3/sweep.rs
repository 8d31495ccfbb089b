//! Renewing the locks of what is in a bucket.

use super::api::Lock;
use super::store::{S3Store, failed, hash_in, later};
use crate::server::write_private;
use crate::store::{Store as _, StoreError, Sweep};
use jiff::Timestamp;
use journal::Hash;

impl S3Store {
    /// Renews every lock of which less than half is left.
    ///
    /// What was written of late is taken for locked as long as one is locked now, and its lock is not asked for; but for the first
    /// time after that was made longer: what is there is locked as it was then.
    pub(super) fn renew_all(&self) -> Result<Sweep, StoreError> {
        let half = later(Timestamp::now(), self.lock / 2);
        let days = format!("{}\n", self.lock.as_secs() / 86_400);
        let swept = self.lock_days.as_ref().and_then(|path| std::fs::read_to_string(path).ok());
        let same = swept.is_some_and(|swept| swept == days);
        let mut sweep = Sweep::default();
        self.erasures()?;
        for version in self.versions("")? {
            let Some(hash) = hash_in(&version.key).filter(|_| !version.key.starts_with("probe/")) else { continue };
            sweep.objects += 1;
            let written: Option<Timestamp> = version.last_modified.parse().ok();
            // A lock in compliance mode can't have been shortened, which the probe makes sure of.
            if same && written.is_some_and(|written| later(written, self.lock) > half) {
                continue;
            }
            let lock = self.bucket.retention(&version.key, &version.version_id).map_err(failed)?;
            let good = |lock: &Lock| lock.mode == "COMPLIANCE" && lock.until >= half;
            if lock.as_ref().is_none_or(|lock| !good(lock)) {
                // Only what is worth keeping: others' bytes under our names would be locked for ever.
                let object = self.bucket.get(&version.key, Some(&version.version_id), None).map_err(failed)?;
                let worth = |bytes: &[u8]| Hash::of(bytes) == hash && !self.is_retired(&version.key, bytes);
                if object.is_some_and(|object| worth(&object.bytes)) {
                    self.renew(&version.key, &version.version_id)?;
                    sweep.renewed += 1;
                }
            }
        }
        if let Some(path) = &self.lock_days {
            write_private(path, days.as_bytes())?;
        }
        Ok(sweep)
    }
}
