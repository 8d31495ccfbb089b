//! The site's keys, in `DIR/keys`, and the recovery key's one appearance.
//!
//! ```text
//! DIR/recovery-key.txt        0600  the recovery identity, until somebody moves it away; never read again by a running site
//! DIR/keys/origin                   the log's name
//! DIR/keys/recovery.shares          how many shares of the recovery key it takes, and each one's digest; where officers made it
//! DIR/keys/recovery.pub             recipient and verifier key of each recovery key: all that a site needs of them
//! DIR/keys/site.agekey        0600  the site's own age identity; it follows from the data key
//! DIR/keys/log.key            0600  the epoch, and the seed of the Ed25519 key that signs its checkpoints
//! DIR/keys/epoch/N.statement        the note that started epoch N
//! DIR/keys/view                     only in a view: it starts no epoch and writes to no vault
//! DIR/keys/epoch/N.vault.age        its data key, the very blob the vaults have
//! DIR/keys/epoch/N.past.age         where the recovery keys changed: the data keys before, the very blob the vaults have
//! DIR/keys/epoch/N.datakey.age      the same key for this site's identity: that of an epoch before a recovery was another's
//! ```
//!
//! Invariants:
//! 1. `DIR/keys` is there whole or not at all: it is made beside and renamed.
//! 2. The secret half of the recovery key is in no file but `recovery-key.txt`, and in memory only while an epoch is signed.
//! 3. A log key is used in one epoch alone.

mod epoch;
mod files;
mod identity;
mod past;
mod recovery;
mod shares;
mod start;

pub use epoch::{Founding, NewEpoch, ViewKeys};
pub use past::openers;
pub(crate) use past::past_keys;
pub use recovery::{RECOVERY_FILE, RecoveryKey, public_half};
pub use shares::{Published, SHARE_PREFIX, SHARES_MAX, Share, combine, split};
pub(crate) use start::published;
pub use start::{accept_start, site_start};

use crate::error::Error;
use crate::log::LogKeys;
use crate::ssh::SshPublicKey;
use journal::Origin;
use journal::entry::DataKey;
use journal::epoch::{Epoch, RecoveryPublic};
use journal::note::{KeyKind, SigningKey, VerifierKey};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use vault::EpochRecord;
use vault::seal::{Identity, Recipients};

/// Where a site's keys are, under its data directory.
pub const KEYS_DIR: &str = "keys";

/// The keys of a site.
pub struct Keys {
    origin: Origin,
    epoch: u64,
    log_seed: [u8; 32],
    site: Identity,
    view: bool,
    /// Each with its recipient; any of them opens everything and may start an epoch.
    recovery: Vec<RecoveryPublic>,
    data_keys: BTreeMap<u64, DataKey>,
    records: BTreeMap<u64, EpochRecord>,
}

impl Keys {
    /// Whether a site was begun in this data directory.
    #[must_use]
    pub fn exist(data: &Path) -> bool {
        data.join(KEYS_DIR).is_dir()
    }

    /// The keys of the site in this data directory.
    pub fn open(data: &Path) -> Result<Self, Error> {
        files::read(&data.join(KEYS_DIR))
    }

    /// The log's name.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        &self.origin
    }

    /// The epoch this site writes in.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// The recovery keys, any of which may start the next one. Each has its recipient.
    #[must_use]
    pub fn recovery(&self) -> &[RecoveryPublic] {
        &self.recovery
    }

    /// The keys that may start the next epoch.
    #[must_use]
    pub fn recovery_keys(&self) -> Vec<VerifierKey> {
        self.recovery.iter().map(|key| key.verifier.clone()).collect()
    }

    /// The age recipients of the recovery keys.
    pub fn recovery_recipients(&self) -> impl Iterator<Item = &str> {
        self.recovery.iter().filter_map(|key| key.recipient.as_deref())
    }

    /// The site's own identity: it opens what the site has sealed.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.site
    }

    /// What opens everything this site and those before it have sealed, the newest first.
    pub fn identities(&self) -> Result<Vec<Identity>, Error> {
        self.data_keys.values().rev().map(identity::site_identity).collect()
    }

    /// The seed of the Ed25519 key that the site shows to SSH clients. It follows from the first epoch's data key, which every
    /// recovery brings back: clients know the recovered site for the same.
    pub fn ssh_host_seed(&self) -> Result<[u8; 32], Error> {
        identity::ssh_host_seed(self.first_data_key()?)
    }

    /// What the site knows browsers again by; it follows from the same key.
    pub fn known_devices_secret(&self) -> Result<[u8; 32], Error> {
        identity::known_devices_secret(self.first_data_key()?)
    }

    fn first_data_key(&self) -> Result<&DataKey, Error> {
        self.data_keys.values().next().ok_or_else(|| failed("no epoch's data key is there"))
    }

    /// The public half of that key, for people to compare.
    pub fn ssh_host_key(&self) -> Result<SshPublicKey, Error> {
        let key = ed25519_dalek::SigningKey::from_bytes(&self.ssh_host_seed()?).verifying_key();
        let string = |bytes: &[u8]| [&(bytes.len() as u32).to_be_bytes()[..], bytes].concat();
        SshPublicKey::from_blob(&[string(b"ssh-ed25519"), string(key.as_bytes())].concat())
    }

    /// Whom everything is sealed to.
    pub fn recipients(&self) -> Result<Recipients, Error> {
        recipients(&self.recovery, &self.site)
    }

    /// All epochs as the vaults are told of them, oldest first; the last is this site's.
    #[must_use]
    pub fn records(&self) -> Vec<EpochRecord> {
        self.records.values().cloned().collect()
    }

    /// The keys that may have signed checkpoints, one for each epoch.
    pub fn log_verifiers(&self) -> Result<Vec<VerifierKey>, Error> {
        let notes = self.records.values().map(|record| record.statement.parse()).collect::<Result<Vec<_>, _>>();
        let epochs = Epoch::verify_all(&notes.map_err(failed)?, &self.recovery_keys()).map_err(failed)?;
        Ok(epochs.into_iter().map(|epoch| epoch.log_key).collect())
    }

    fn newest(&self) -> Result<&EpochRecord, Error> {
        self.records.get(&self.epoch).ok_or_else(|| failed("the newest epoch's statement is missing"))
    }

    /// What the log is written with.
    pub fn log_keys(&self) -> Result<LogKeys, Error> {
        let origin = self.origin.clone();
        Ok(LogKeys { origin, epoch: self.epoch, log_key: self.log_key()?, data_keys: self.data_keys.clone() })
    }

    fn log_key(&self) -> Result<SigningKey, Error> {
        log_key(&self.origin, &self.log_seed)
    }
}

/// Signs checkpoints under the log's own name.
pub(crate) fn log_key(origin: &Origin, seed: &[u8; 32]) -> Result<SigningKey, Error> {
    SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, seed).map_err(failed)
}

fn recipients(recovery: &[RecoveryPublic], site: &Identity) -> Result<Recipients, Error> {
    let recovery: Vec<_> = recovery.iter().filter_map(|key| key.recipient.as_deref()).collect();
    Recipients::parse(&recovery.join(" "), &site.recipient()).map_err(failed)
}

pub(crate) fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))?;
    Ok(bytes)
}

fn failed(e: impl std::fmt::Display) -> Error {
    Error::internal(format!("the site's keys: {e}"))
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> Error {
    let path: PathBuf = path.to_owned();
    move |e| Error::internal(format!("{}: {e}", path.display()))
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keys").field("origin", &self.origin).field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
