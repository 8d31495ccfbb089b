//! What opens the past when the recovery keys change: the data keys of the epochs before, sealed to the new recovery keys alone.
//! From a data key follows the identity of the site that wrote then (`identity.rs`), so that this one small blob opens everything,
//! and nothing that was sealed is sealed again.

use super::failed;
use super::identity::site_identity;
use crate::error::Error;
use journal::Hash;
use journal::entry::DataKey;
use journal::epoch::Epoch;
use std::collections::BTreeMap;
use std::io::Read as _;
use vault::seal::{Identity, Recipients, open_blob, seal_blob};
use vault::{EpochRecord, VaultClient};

/// Bytes of the text: a line for each epoch.
const PAST_BYTES_MAX: u64 = 1 << 20;

/// The blob, for these recovery keys.
pub(super) fn seal(recovery: &[&str], earlier: &[(EpochRecord, DataKey)]) -> Result<Vec<u8>, Error> {
    let line = |(record, key): &(EpochRecord, DataKey)| format!("epoch {} {}\n", record.number, Hash(*key.bytes()));
    let text: String = earlier.iter().map(line).collect();
    // A site's identity is asked for besides recovery keys; here there is none, and the first key stands in its place.
    let first = recovery.first().ok_or_else(|| failed("there is no recovery key"))?;
    let recipients = Recipients::parse(&recovery.join(" "), first).map_err(failed)?;
    seal_blob(&recipients, text.as_bytes()).map(|(_, blob)| blob).map_err(failed)
}

/// What opens what a vault holds: a recovery key, and what the changes of recovery keys left for it.
///
/// # Errors
/// When the vault can't be asked, or what it gives for it is malformed.
pub async fn openers(client: &VaultClient, identity: Identity) -> Result<Vec<Identity>, Error> {
    let mut all = vec![identity];
    for note in client.epochs().await.map_err(failed)? {
        let Some(name) = note.text().parse::<Epoch>().ok().and_then(|epoch| epoch.past) else { continue };
        let mut blob = Vec::new();
        let there = client.blob(&name, &mut blob).await.map_err(failed)?;
        let keys = if there { past_keys(&all[..1], &blob)? } else { None };
        all.extend(keys.unwrap_or_default().values().map(site_identity).collect::<Result<Vec<_>, _>>()?);
    }
    Ok(all)
}

/// The data keys in such a blob, by epoch. None: it is not for this identity.
pub(crate) fn past_keys(identities: &[Identity], blob: &[u8]) -> Result<Option<BTreeMap<u64, DataKey>>, Error> {
    let bad = || Error::damaged("the blob with the data keys of earlier epochs is malformed");
    let Some(reader) = identities.iter().find_map(|identity| open_blob(identity, blob).ok()) else { return Ok(None) };
    let mut text = String::new();
    reader.take(PAST_BYTES_MAX).read_to_string(&mut text).map_err(|_| bad())?;
    let line = |line: &str| {
        let (number, key) = line.strip_prefix("epoch ")?.split_once(' ')?;
        Some((number.parse().ok()?, DataKey::new(key.parse::<Hash>().ok()?.0)))
    };
    text.lines().map(line).collect::<Option<_>>().map(Some).ok_or_else(bad)
}
