//! A vault's record of an erasure, in words: for `outlast vault erase` and `outlast verify`.

use anyhow::{Context as _, bail};
use forge::orders::Order;
use jiff::Timestamp;
use journal::erasure::{ErasureRecord, Fate};
use journal::order::Verb;
use journal::policy::Policy;
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;
use vault::Officers;

/// Blobs that are named each on a line of their own.
const LINES_MAX: usize = 20;

/// The officers in a file that `outlast vault officers` wrote.
pub(crate) fn officers(path: Option<&Path>) -> anyhow::Result<Option<Officers>> {
    let Some(path) = path else { return Ok(None) };
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let officers = text.parse().with_context(|| {
        format!(
            "{} is no list of officers: give what outlast vault officers wrote, DIR/private/officers",
            path.display()
        )
    });
    officers.map(Some)
}

/// Checks a record offline: that it says one thing, signed by a vault; with a policy, by one of its vaults; with officers, by enough of them.
pub(crate) fn verify(
    text: &str,
    policy: Option<&Policy>,
    officers: Option<&Officers>,
    as_json: bool,
) -> anyhow::Result<ExitCode> {
    let record: ErasureRecord = text.parse().context("NOT PROVED")?;
    if let Some(policy) = policy
        && !policy.witnesses().iter().any(|(_, key)| *key == record.vault)
    {
        bail!("NOT PROVED: {} signed it, which is no vault of that policy", record.vault);
    }
    if let Some(officers) = officers {
        officers.approve(&record.order).context("NOT PROVED")?;
    }
    say_record(&record, as_json);
    if !as_json && policy.is_none() {
        say!("checked with the vault's key that the record itself names; compare it, or pin it with --policy:");
        say!("  {}", record.vault);
    }
    if !as_json && officers.is_none() {
        say!("whether officers signed the order is not checked: name them with --officers");
    }
    Ok(ExitCode::SUCCESS)
}

/// When a vault signed a record.
fn signed_at(record: &ErasureRecord) -> String {
    let at_s = record.verify().ok().and_then(|at_s| i64::try_from(at_s).ok());
    at_s.and_then(|at_s| Timestamp::from_second(at_s).ok()).map(|time| time.to_string()).unwrap_or_default()
}

fn until(until_s: u64) -> String {
    let time = i64::try_from(until_s).ok().and_then(|until_s| Timestamp::from_second(until_s).ok());
    match (until_s, time) {
        (0, _) | (_, None) => "until the order is carried out again".to_owned(),
        (_, Some(time)) => format!("behind a lock until {time}"),
    }
}

/// What a record says.
pub(crate) fn say_record(record: &ErasureRecord, as_json: bool) {
    let (erased, absent, waiting) = record.counts();
    let keys =
        record.order.signatures.iter().filter(|line| line.verb == Verb::Approve).map(|line| line.key.to_string());
    let latest = record.blobs.iter().filter_map(|blob| match blob.fate {
        Fate::Waits(until_s) => Some(until_s),
        _ => None,
    });
    let latest = latest.max();
    if as_json {
        let blob = |blob: &journal::erasure::ErasedBlob| json!({ "blob": blob.name.to_string(), "bytes": blob.bytes, "fate": blob.fate.to_string() });
        say!(
            "{}",
            json!({
                "log": record.list.origin.as_str(), "vault": record.vault.name(), "order": record.order.hash().to_string(),
                "time": signed_at(record), "erased": erased, "erased_bytes": record.erased_bytes(), "absent": absent,
                "waiting": waiting, "officers_keys": keys.collect::<Vec<_>>(),
                "blobs": record.blobs.iter().map(blob).collect::<Vec<_>>(),
            })
        );
        return;
    }
    say!("vault {} of {}, {}:", record.vault.name(), record.list.origin, signed_at(record));
    say!("  {erased} blobs of {} bytes are erased; {absent} were not here", record.erased_bytes());
    if let Some(latest) = latest {
        say!("  {waiting} wait {}: carry out the order again then", until(latest));
    }
    for blob in record.blobs.iter().take(LINES_MAX) {
        say!("  {} {} bytes, {}", blob.name, blob.bytes, blob.fate);
    }
    if record.blobs.len() > LINES_MAX {
        say!("  and {} more: the record names each", record.blobs.len() - LINES_MAX);
    }
    say!("by order {}, which these keys signed:", record.order.hash());
    keys.for_each(|key| say!("  {key}"));
    for words in Order::decode(&record.order.bytes).map(|order| order.words()).unwrap_or_default() {
        say!(
            "  {}",
            words.chars().map(|c| if forge::names::is_harmless(c) { c } else { '\u{fffd}' }).collect::<String>()
        );
    }
}
