//! The beginning of an epoch: the first of a new site, or the next of a recovered one.

use super::identity::site_identity;
use super::{KEYS_DIR, Keys, RecoveryKey, failed, files, log_key, past, random, recipients, recovery};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::site::{EpochStarted, SiteStarted};
use crate::writer::{Command, Decide, Urgency};
use journal::entry::DataKey;
use journal::epoch::{Epoch, RECOVERY_KEYS_MAX, RecoveryPublic};
use journal::merkle::Frontier;
use journal::order::RecoveryHalf;
use journal::{BlobName, Hash, Origin};
use std::collections::BTreeMap;
use std::path::Path;
use vault::EpochRecord;
use vault::seal::seal_blob;

/// The log as it is where an epoch begins.
#[derive(Clone, Debug)]
pub struct NewEpoch {
    /// The log's name.
    pub origin: Origin,
    /// The epoch's number.
    pub epoch: u64,
    /// Entries before it.
    pub size: u64,
    /// The root over them.
    pub root: Hash,
    /// The epochs before, with their data keys.
    pub earlier: Vec<(EpochRecord, DataKey)>,
    /// The recovery keys from here on, each with its recipient.
    pub recovery: Vec<RecoveryPublic>,
    /// The order by which they are others than before.
    pub order: Option<Hash>,
}

/// What a view is opened with.
#[derive(Clone, Debug)]
pub struct ViewKeys {
    /// The log's name.
    pub origin: Origin,
    /// Its epochs, with their data keys.
    pub earlier: Vec<(EpochRecord, DataKey)>,
    /// Its recovery keys, each with its recipient.
    pub recovery: Vec<RecoveryPublic>,
}

impl Keys {
    /// Begins a site in this data directory: its keys, its first epoch and, unless there is one, its recovery key.
    pub fn create(data: &Path) -> Result<Self, Error> {
        let keys = Self::begin(&recovery::find_or_generate(data)?, &[])?;
        keys.write(data)?;
        Ok(keys)
    }

    /// The keys of a new site, which nobody has seen yet; with `also` further recovery keys.
    pub(super) fn begin(recovery: &RecoveryKey, also: &[RecoveryHalf]) -> Result<Self, Error> {
        if also.len() >= RECOVERY_KEYS_MAX {
            return Err(Error::invalid(format!("a site has from 1 to {RECOVERY_KEYS_MAX} recovery keys")));
        }
        if (1..also.len()).any(|at| also[..at].iter().any(|key| key.signing == also[at].signing)) {
            return Err(Error::invalid("a recovery key is named twice"));
        }
        let name: [u8; 16] = random()?;
        let name: String = name.iter().map(|b| format!("{b:02x}")).collect();
        let origin: Origin = format!("outlast/{name}").parse().map_err(failed)?;
        let also = also.iter().map(|half| RecoveryPublic::new(&origin, &half.signing, &half.recipient));
        let all = [Ok(recovery.public(&origin))].into_iter().chain(also).collect::<Result<Vec<_>, _>>();
        let (root, recovery_keys) = (Frontier::new().root(), all.map_err(failed)?);
        let (earlier, order) = (Vec::new(), None);
        let new = NewEpoch { origin, epoch: 1, size: 0, root, earlier, recovery: recovery_keys, order };
        Self::start_epoch(recovery, new)
    }

    /// New keys for a new epoch, signed by a recovery key. Nothing is written yet, and no vault knows of it.
    pub fn start_epoch(signer: &RecoveryKey, new: NewEpoch) -> Result<Self, Error> {
        let (data_key, log_seed) = (DataKey::new(random()?), random()?);
        let site = site_identity(&data_key)?;
        let recipients = recipients(&new.recovery, &site)?;
        let past = match &new.order {
            Some(_) => {
                let keys: Vec<_> = new.recovery.iter().filter_map(|key| key.recipient.as_deref()).collect();
                Some(past::seal(&keys, &new.earlier)?)
            }
            None => None,
        };
        let (blob_name, data_key_blob) = seal_blob(&recipients, data_key.bytes()).map_err(failed)?;
        let signer = signer.signing_key(&new.origin);
        let statement = Epoch {
            origin: new.origin.clone(),
            epoch: new.epoch,
            size: new.size,
            root: new.root,
            log_key: log_key(&new.origin, &log_seed)?.verifier().clone(),
            data_key: blob_name,
            recovery: stated(&new),
            past: past.as_deref().map(BlobName::of),
            order: new.order,
        };
        let note = statement.sign(&signer).map_err(failed)?.to_string();
        let record = EpochRecord { number: new.epoch, statement: note, data_key: data_key_blob, past };
        let epochs = new.earlier.into_iter().chain([(record, data_key)]);
        let (mut records, mut data_keys) = (BTreeMap::new(), BTreeMap::new());
        for (record, key) in epochs {
            data_keys.insert(record.number, key);
            records.insert(record.number, record);
        }
        Ok(Self {
            origin: new.origin,
            epoch: new.epoch,
            log_seed,
            site,
            view: false,
            recovery: new.recovery,
            data_keys,
            records,
        })
    }

    /// Keys that read all epochs and start none: what they would write in is an epoch that no vault hears of.
    pub(crate) fn view(of: ViewKeys) -> Result<Self, Error> {
        let (data_key, log_seed) = (DataKey::new(random()?), random()?);
        let epoch = of.earlier.iter().map(|(record, _)| record.number).max().unwrap_or(0) + 1;
        let (mut records, mut data_keys) = (BTreeMap::new(), BTreeMap::new());
        let site = site_identity(&data_key)?;
        data_keys.insert(epoch, data_key);
        for (record, key) in of.earlier {
            data_keys.insert(record.number, key);
            records.insert(record.number, record);
        }
        Ok(Self { origin: of.origin, epoch, log_seed, site, view: true, recovery: of.recovery, data_keys, records })
    }

    /// Writes `DIR/keys`, which must not be there. Invariant 1.
    pub fn write(&self, data: &Path) -> Result<(), Error> {
        files::write(self, &data.join(KEYS_DIR))
    }

    /// The events a site or an epoch begins with.
    pub fn founding(&self) -> Result<Founding, Error> {
        let newest = self.newest()?;
        let site = (self.epoch == 1).then(|| SiteStarted {
            origin: self.origin.to_string(),
            recovery_recipient: self.recovery_recipients().collect::<Vec<_>>().join(" "),
            recovery_key: self.recovery_keys().iter().map(ToString::to_string).collect::<Vec<_>>().join(" "),
        });
        let epoch = EpochStarted {
            epoch: self.epoch,
            statement: newest.statement.clone(),
            data_key: BlobName::of(&newest.data_key),
            site_recipient: self.site.recipient(),
        };
        Ok(Founding { site, epoch })
    }
}

/// The keys as the statement names them: one that was always alone is in the first form, which older releases read.
fn stated(new: &NewEpoch) -> Vec<RecoveryPublic> {
    match new.recovery.as_slice() {
        [one] if new.order.is_none() => vec![one.verifier.clone().into()],
        several => several.to_vec(),
    }
}

/// Writes that a site or an epoch has begun, unless that is written already: a start that was cut short goes on here.
#[derive(Clone, Debug)]
pub struct Founding {
    site: Option<SiteStarted>,
    epoch: EpochStarted,
}

impl Command for Founding {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let there = tx.query_opt("SELECT number FROM epoch WHERE number = ?1", &[self.epoch.epoch.into()])?;
        if there.is_some() {
            return Ok((Vec::new(), ()));
        }
        Ok((self.site.map(Event::from).into_iter().chain([self.epoch.into()]).collect(), ()))
    }
}
