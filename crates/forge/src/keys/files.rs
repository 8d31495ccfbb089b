//! The keys' files.

use super::{Keys, at, failed, recipients};
use crate::error::Error;
use journal::entry::DataKey;
use journal::epoch::{Epoch, RecoveryPublic};
use journal::note::SignedNote;
use journal::{BlobName, Origin};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use vault::EpochRecord;
use vault::seal::{Identity, open_blob, seal_blob};

/// Bytes of any of these files.
const FILE_BYTES_MAX: u64 = 64 * 1024;

pub(super) fn write(keys: &Keys, dir: &Path) -> Result<(), Error> {
    if dir.exists() {
        return Err(Error::conflict(format!("{} is there already: another site's keys", dir.display())));
    }
    let beside = dir.with_extension("new");
    if beside.exists() {
        // Of a start that was cut short: nobody has seen these keys.
        fs::remove_dir_all(&beside).map_err(at(&beside))?;
    }
    let epochs = beside.join("epoch");
    fs::DirBuilder::new().recursive(true).mode(0o700).create(&epochs).map_err(at(&epochs))?;
    write_all(keys, &beside)?;
    for path in [&epochs, &beside] {
        File::open(path).and_then(|d| d.sync_all()).map_err(at(path))?;
    }
    fs::rename(&beside, dir).map_err(at(dir))?;
    let parent = dir.parent().unwrap_or(dir);
    File::open(parent).and_then(|d| d.sync_all()).map_err(at(parent))
}

fn write_all(keys: &Keys, dir: &Path) -> Result<(), Error> {
    let seed: String = keys.log_seed.iter().map(|b| format!("{b:02x}")).collect();
    let public = |key: &RecoveryPublic| {
        format!("recipient {}\nverifier {}\n", key.recipient.as_deref().unwrap_or_default(), key.verifier)
    };
    let public: String = keys.recovery.iter().map(public).collect();
    if keys.view {
        put(&dir.join("view"), b"")?;
    }
    put(&dir.join("origin"), format!("{}\n", keys.origin).as_bytes())?;
    put(&dir.join("recovery.pub"), public.as_bytes())?;
    put(&dir.join("site.agekey"), format!("{}\n", keys.site.expose()).as_bytes())?;
    put(&dir.join("log.key"), format!("epoch {}\nseed {seed}\n", keys.epoch).as_bytes())?;
    let recipients = recipients(&keys.recovery, &keys.site)?;
    for (number, key) in &keys.data_keys {
        let (_, sealed) = seal_blob(&recipients, key.bytes()).map_err(failed)?;
        put(&dir.join(format!("epoch/{number}.datakey.age")), &sealed)?;
    }
    keys.records.values().try_for_each(|record| {
        put(&dir.join(format!("epoch/{}.vault.age", record.number)), &record.data_key)?;
        if let Some(past) = &record.past {
            put(&dir.join(format!("epoch/{}.past.age", record.number)), past)?;
        }
        put(&dir.join(format!("epoch/{}.statement", record.number)), record.statement.as_bytes())
    })
}

fn put(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let mut file = File::options().write(true).create_new(true).mode(0o600).open(path).map_err(at(path))?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

pub(super) fn read(dir: &Path) -> Result<Keys, Error> {
    let origin: Origin = text(&dir.join("origin"))?.trim().parse().map_err(failed)?;
    let public = text(&dir.join("recovery.pub"))?;
    let recovery = recovery_keys(&public).filter(|keys| !keys.is_empty());
    let recovery = recovery.ok_or_else(|| failed("recovery.pub has no recipient, or no verifier key"))?;
    let site = Identity::parse(&text(&dir.join("site.agekey"))?).map_err(failed)?;
    let log = text(&dir.join("log.key"))?;
    let epoch: u64 = field(&log, "epoch").and_then(|n| n.parse().ok()).ok_or_else(|| failed("log.key has no epoch"))?;
    let log_seed = field(&log, "seed").and_then(unhex).ok_or_else(|| failed("log.key has no seed"))?;
    let (mut data_keys, mut records) = (BTreeMap::new(), BTreeMap::new());
    // Some numbers may be missing: of recoveries that were cut short.
    for number in 1..=epoch {
        let file = |kind: &str| dir.join(format!("epoch/{number}.{kind}"));
        if file("datakey.age").exists() {
            data_keys.insert(number, data_key(&file("datakey.age"), &site)?);
        }
        if file("statement").exists() {
            let (statement, data_key) = (text(&file("statement"))?, bytes(&file("vault.age"))?);
            let past = if file("past.age").exists() { Some(bytes(&file("past.age"))?) } else { None };
            records.insert(number, EpochRecord { number, statement, data_key, past });
        }
    }
    let view = dir.join("view").exists();
    let keys = Keys { origin, epoch, log_seed, site, view, recovery, data_keys, records };
    check(&keys)?;
    Ok(keys)
}

/// Pairs of lines, `recipient` and `verifier`.
fn recovery_keys(text: &str) -> Option<Vec<RecoveryPublic>> {
    let lines: Vec<_> = text.lines().collect();
    let key = |pair: &[&str]| {
        let [recipient, verifier] = pair else { return None };
        let verifier = verifier.strip_prefix("verifier ")?.parse().ok()?;
        Some(RecoveryPublic { verifier, recipient: Some(recipient.strip_prefix("recipient ")?.to_owned()) })
    };
    lines.chunks(2).map(key).collect()
}

/// The newest statement must be signed by a recovery key and be about these keys, or no vault would take what they sign.
fn check(keys: &Keys) -> Result<(), Error> {
    if keys.view {
        return Ok(());
    }
    let newest = keys.newest()?;
    let note: SignedNote = newest.statement.parse().map_err(failed)?;
    // Where the recovery keys were replaced, one of those before may have signed it: it names these all the same.
    let statement: Epoch = note.text().parse().map_err(failed)?;
    let named = keys.recovery_keys().iter().all(|key| statement.is_recovery(key));
    let signed = statement.order.is_some() || statement.recovery.iter().any(|key| note.verify(&key.verifier).is_ok());
    let fits = named
        && signed
        && statement.origin == keys.origin
        && statement.epoch == keys.epoch
        && statement.log_key == *keys.log_key()?.verifier()
        && statement.data_key == BlobName::of(&newest.data_key);
    if fits { Ok(()) } else { Err(Error::damaged("the files in the keys directory do not belong together")) }
}

fn data_key(path: &Path, site: &Identity) -> Result<DataKey, Error> {
    let sealed = bytes(path)?;
    let mut key = Vec::new();
    open_blob(site, sealed.as_slice()).map_err(failed)?.take(64).read_to_end(&mut key).map_err(at(path))?;
    let key = key.try_into().map_err(|_| failed(format!("{} is no data key", path.display())))?;
    Ok(DataKey::new(key))
}

fn text(path: &Path) -> Result<String, Error> {
    String::from_utf8(bytes(path)?).map_err(|_| failed(format!("{} is no text", path.display())))
}

fn bytes(path: &Path) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(FILE_BYTES_MAX).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(at(path))
}

fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    text.parse().ok().map(|journal::Hash(bytes)| bytes)
}
