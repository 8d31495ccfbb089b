//! Attacks on a bucket, with the credentials that the vault itself has: who has them is the worst there is.
//!
//! Only objects that the probe itself wrote are attacked, under `probe/`; they stay locked for a day. A setting that could
//! be changed is set back at once.

use super::{Outcome, Probe};
use crate::s3::api::{Bucket, Done, Lock, S3Error, checksums};
use crate::s3::{S3Credentials, S3Store, S3Url};
use crate::store::StoreError;
use bytes::Bytes;
use hyper::StatusCode;
use jiff::{SignedDuration, Timestamp};
use journal::Hash;

/// For how long a probe's objects are locked.
const PROBE_LOCK_HOURS: i64 = 24;

/// Attacks a bucket.
///
/// # Errors
/// When it can't be used at all: no network, no such bucket, wrong credentials.
pub fn probe_bucket(url: S3Url, credentials: S3Credentials) -> Result<Probe, StoreError> {
    Ok(S3Store::connect(url, credentials)?.attack())
}

/// The object that is attacked.
struct Target<'a> {
    bucket: &'a Bucket,
    key: String,
    version: String,
    bytes: Bytes,
    until: Timestamp,
}

impl S3Store {
    /// Attacks the bucket.
    pub(crate) fn attack(&self) -> Probe {
        let bucket = &self.bucket;
        let mut probe = Probe::new(bucket.client().url().to_string());
        let mut random = [0; 32];
        if let Err(error) = getrandom::fill(&mut random) {
            probe.note(true, "write an object and read it back", Outcome::Untried, error.to_string());
            return probe;
        }
        let bytes = Bytes::from(format!("written by a probe, to be attacked: {}", Hash(random)));
        let key = format!("probe/{}", Hash::of(&bytes));
        let until = Timestamp::now() + SignedDuration::from_hours(PROBE_LOCK_HOURS);
        let version = match bucket.put(&key, bytes.clone(), until, true) {
            Ok(Some(version)) => version,
            Ok(None) => {
                let seen = "the bucket keeps no versions: it needs Object Lock, which brings versioning";
                probe.note(true, "write an object and read it back", Outcome::Fell, seen);
                return probe;
            }
            Err(error) => {
                let outcome = if error.is_denial() { Outcome::Fell } else { Outcome::Untried };
                probe.note(true, "write an object and read it back", outcome, error.to_string());
                return probe;
            }
        };
        let target = Target { bucket, key, version, bytes, until };
        target.read_back(&mut probe);
        target.deletes(&mut probe);
        target.locks(&mut probe);
        target.settings(&mut probe);
        target.names(&mut probe);
        target.survives(&mut probe);
        probe
    }
}

/// An attack that a service should refuse.
fn refused(probe: &mut Probe, needed: bool, attack: &'static str, done: Done<()>) -> bool {
    match done {
        Err(error) if error.is_denial() => probe.note(needed, attack, Outcome::Held, words(&error)),
        Err(error) => probe.note(needed, attack, Outcome::Untried, error.to_string()),
        Ok(()) => {
            probe.note(needed, attack, Outcome::Fell, "the service did it");
            return true;
        }
    }
    false
}

fn words(error: &S3Error) -> String {
    match error {
        S3Error::Refused { status, code, .. } if code.is_empty() => format!("refused ({})", status.as_u16()),
        S3Error::Refused { status, code, .. } => format!("refused ({}, {code})", status.as_u16()),
        S3Error::Io(error) => error.to_string(),
    }
}

impl Target<'_> {
    /// A property that is looked at.
    fn holds<T>(
        &self,
        probe: &mut Probe,
        attack: &'static str,
        looked: Done<T>,
        good: impl FnOnce(T) -> Result<String, String>,
    ) {
        match looked.map(good) {
            Ok(Ok(seen)) => probe.note(true, attack, Outcome::Held, seen),
            Ok(Err(seen)) => probe.note(true, attack, Outcome::Fell, seen),
            Err(error) if error.is_denial() => probe.note(true, attack, Outcome::Fell, error.to_string()),
            Err(error) => probe.note(true, attack, Outcome::Untried, error.to_string()),
        }
    }

    fn read_back(&self, probe: &mut Probe) {
        let object = self.bucket.get(&self.key, Some(&self.version), None);
        self.holds(probe, "write an object and read it back", object.as_ref().map_err(again), |object| match object {
            Some(object) if object.bytes == self.bytes => Ok("the same bytes".to_owned()),
            Some(_) => Err("other bytes came back".to_owned()),
            None => Err("it is not there".to_owned()),
        });
        let key = object.ok().flatten().and_then(|object| object.foreign_key);
        self.holds(probe, "read it with nobody else's key", Ok(key), |key| match key {
            None => Ok("no key service, no customer's key".to_owned()),
            Some(key) => Err(format!("it is encrypted with {key}")),
        });
        let lock = self.lock();
        self.holds(probe, "lock it for a day in compliance mode", lock, |lock| match lock {
            None => Err("it has no lock".to_owned()),
            Some(lock) if lock.mode != "COMPLIANCE" => Err(format!("it is in {} mode", lock.mode)),
            Some(lock) if lock.until + SignedDuration::from_secs(60) < self.until => {
                Err(format!("it is locked until {} only", lock.until))
            }
            Some(lock) => Ok(format!("until {}", lock.until)),
        });
    }

    /// Its lock, from the object's own headers, which all services give, or by itself.
    fn lock(&self) -> Done<Option<Lock>> {
        match self.bucket.get(&self.key, Some(&self.version), None)?.and_then(|object| object.lock) {
            Some(lock) => Ok(Some(lock)),
            None => self.bucket.retention(&self.key, &self.version),
        }
    }

    fn deletes(&self, probe: &mut Probe) {
        let done = self.bucket.delete(&self.key, Some(&self.version), false);
        refused(probe, true, "delete it", done.and_then(|()| self.gone()));
        let done = self.bucket.delete(&self.key, Some(&self.version), true);
        refused(probe, true, "delete it, lifting governance mode", done.and_then(|()| self.gone()));
    }

    /// Some services answer a delete well and do nothing. What counts is what is there.
    fn gone(&self) -> Done<()> {
        match self.bucket.get(&self.key, Some(&self.version), None)? {
            None => Ok(()),
            Some(_) => Err(S3Error::Refused {
                status: StatusCode::FORBIDDEN,
                code: "StillThere".to_owned(),
                text: "it was answered well and not done".to_owned(),
            }),
        }
    }

    fn locks(&self, probe: &mut Probe) {
        let soon = Timestamp::now() + SignedDuration::from_hours(1);
        let lock = |mode: &str, until| Lock { mode: mode.to_owned(), until };
        let set = |lock: Lock, bypass| {
            self.bucket.set_retention(&self.key, &self.version, &lock, bypass)?;
            match self.lock()? {
                Some(now) if now.mode == "COMPLIANCE" && now.until + SignedDuration::from_secs(60) >= self.until => {
                    Err(S3Error::Refused {
                        status: StatusCode::FORBIDDEN,
                        code: "Unchanged".to_owned(),
                        text: "it was answered well and not done".to_owned(),
                    })
                }
                _ => Ok(()),
            }
        };
        let mut fell = refused(probe, true, "shorten its lock", set(lock("COMPLIANCE", soon), false));
        fell |= refused(probe, true, "shorten its lock, lifting governance mode", set(lock("COMPLIANCE", soon), true));
        fell |= refused(probe, true, "weaken its lock to governance mode", set(lock("GOVERNANCE", self.until), true));
        let longer = self.until + SignedDuration::from_hours(1);
        let extended = self.bucket.set_retention(&self.key, &self.version, &lock("COMPLIANCE", longer), false);
        let extended = extended.and_then(|()| self.lock());
        self.holds(probe, "extend its lock", extended, |now| match now {
            Some(now) if fell || now.until >= self.until + SignedDuration::from_mins(59) => {
                Ok(format!("until {}", now.until))
            }
            now => Err(format!("it is now {now:?}")),
        });
    }

    fn settings(&self, probe: &mut Probe) {
        let suspended = "<VersioningConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Status>Suspended</Status></VersioningConfiguration>";
        if refused(probe, true, "suspend the bucket's versioning", self.bucket.change_setting("versioning", suspended))
        {
            self.set_back("versioning", &suspended.replace("Suspended", "Enabled"));
        }
        let rule = match self.bucket.setting("object-lock") {
            Ok(text) => text,
            Err(error) => {
                let seen = format!("{}; every object is locked by itself", words(&error));
                probe.note(false, "remove the bucket's default lock", Outcome::Untried, seen);
                return;
            }
        };
        if !rule.contains("<Rule>") {
            let seen = "there is none; every object is locked by itself";
            probe.note(false, "remove the bucket's default lock", Outcome::Held, seen);
            return;
        }
        let none = "<ObjectLockConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
        if refused(probe, false, "remove the bucket's default lock", self.bucket.change_setting("object-lock", none)) {
            self.set_back("object-lock", rule.split_once("?>").map_or(rule.as_str(), |(_, rest)| rest));
        }
    }

    fn set_back(&self, name: &'static str, document: &str) {
        if let Err(error) = self.bucket.change_setting(name, document) {
            tracing::error!(%error, name, "the bucket's setting that the probe changed could not be set back; set it back by hand");
        }
    }

    fn names(&self, probe: &mut Probe) {
        let other = Bytes::from_static(b"other bytes under the same name");
        let again = self.bucket.put(&self.key, other.clone(), self.until, true).map(|_| ());
        refused(probe, false, "use its name again (If-None-Match)", again);
        // Without the condition a service may take it: what was there must stay.
        let over = self.bucket.put(&self.key, other.clone(), self.until, false).map(|_| ());
        self.holds(probe, "write over it", over.and_then(|()| self.there()), |there| there);
        let covered = self.bucket.delete(&self.key, None, false);
        let covered = match covered {
            Err(error) if !error.is_denial() => Err(error),
            _ => self.there(),
        };
        self.holds(probe, "cover it with a delete marker", covered, |there| there);
        let wrong = Hash::of(b"the probe's other object");
        let key = format!("probe/{wrong}");
        let mut headers = checksums(&other);
        headers.retain(|(name, _)| *name != "content-md5");
        headers[0].1 = checksums(b"not these bytes")[1].1.clone();
        refused(
            probe,
            false,
            "store bytes under a wrong SHA-256",
            self.bucket.put_with(&key, other.clone(), headers).map(|_| ()),
        );
        let md5 = vec![("content-md5", checksums(b"not these bytes")[0].1.clone())];
        refused(probe, false, "store bytes under a wrong MD5", self.bucket.put_with(&key, other, md5).map(|_| ()));
    }

    /// Whether the list of versions still leads to the object.
    fn there(&self) -> Done<Result<String, String>> {
        let versions = self.bucket.versions(&self.key)?;
        if !versions.iter().any(|version| version.version_id == self.version) {
            return Ok(Err("the list of versions no longer has it".to_owned()));
        }
        Ok(match self.bucket.get(&self.key, Some(&self.version), None)? {
            Some(object) if object.bytes == self.bytes => Ok("its own version has its bytes".to_owned()),
            _ => Err("its own version has not its bytes".to_owned()),
        })
    }

    fn survives(&self, probe: &mut Probe) {
        let there = self.there();
        self.holds(probe, "after all of this, read it", there, |there| there);
    }
}

/// The same failure, for a second look at the answer.
fn again(error: &S3Error) -> S3Error {
    match error {
        S3Error::Io(error) => S3Error::Io(std::io::Error::new(error.kind(), error.to_string())),
        S3Error::Refused { status, code, text } => {
            S3Error::Refused { status: *status, code: code.clone(), text: text.clone() }
        }
    }
}
