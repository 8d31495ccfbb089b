//! The channels of alarms besides mail: webhooks, and the vaults.

use super::query::{alarm_hook_fetch, alarm_hook_list, rule_of_entry};
use crate::audit::{AuditLine, words};
use crate::db::{Db, Tx};
use crate::egress::{Egress, HookUrl, Post};
use crate::error::Error;
use crate::event::alarm::AlarmRule;
use crate::event::{Event, Stamp};
use crate::keys::Keys;
use crate::log::{entry_fetch, read_row};
use crate::outbox::Channel;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::io::Read as _;
use std::sync::Arc;
use vault::seal::{Identity, open_blob, seal_blob};
use vault::{VaultClient, VaultUrl};

/// What is sealed of a webhook.
#[derive(Serialize, Deserialize)]
struct Sealed {
    url: String,
    secret: String,
}

/// Bytes of it.
const SEALED_BYTES_MAX: u64 = 8 * 1024;

/// Address and secret, for the journal.
pub(crate) fn seal_hook(keys: &Keys, url: &HookUrl, secret: &str) -> Result<Vec<u8>, Error> {
    let sealed = Sealed { url: url.as_str().to_owned(), secret: secret.to_owned() };
    let plain = serde_json::to_vec(&sealed).map_err(|e| Error::internal(e.to_string()))?;
    let sealed = seal_blob(&keys.recipients()?, &plain);
    sealed.map(|(_, bytes)| bytes).map_err(|e| Error::internal(e.to_string()))
}

fn open_hook(identities: &[Identity], sealed: &[u8]) -> Result<Sealed, Error> {
    let read = |identity: &Identity| {
        let mut plain = Vec::new();
        open_blob(identity, sealed).ok()?.take(SEALED_BYTES_MAX).read_to_end(&mut plain).ok()?;
        serde_json::from_slice(&plain).ok()
    };
    let none = || Error::conflict("this webhook was sealed for another site: add it again");
    identities.iter().find_map(read).ok_or_else(none)
}

/// An alarm, as it is told; None: the entry is none.
fn told(tx: &mut Tx, entry: u64) -> Result<Option<(AlarmRule, AuditLine)>, Error> {
    let (Some(rule), Some(row)) = (rule_of_entry(tx, entry)?, entry_fetch(tx, entry)?) else { return Ok(None) };
    Ok(Some((rule, words(tx, &row.stamp, &read_row(&row)?.1)?)))
}

/// Webhooks as a channel of the [outbox](crate::outbox).
pub(crate) struct HookChannel {
    pub(crate) db: Db,
    pub(crate) site: String,
    pub(crate) identities: Arc<Vec<Identity>>,
    pub(crate) egress: Arc<Egress>,
}

impl Channel for HookChannel {
    const NAME: &'static str = "webhooks";

    fn recipients(&self, tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Vec<String>, Error> {
        let Some(rule) = rule_of_entry(tx, at.seq)? else { return Ok(Vec::new()) };
        // That nobody could be told by webhook is told by the others.
        if rule == AlarmRule::NotTold && matches!(event, Event::AlarmRaised(raised) if raised.subject == Self::NAME) {
            return Ok(Vec::new());
        }
        let mut hooks: Vec<u64> = alarm_hook_list(tx)?.iter().map(|hook| hook.id).collect();
        // What takes a webhook away is told there too: nobody is made deaf unheard.
        match event {
            Event::AlarmHookRemoved(removed) => hooks.push(removed.hook),
            Event::LockdownStarted(started) => {
                for id in &started.credentials {
                    hooks.extend(alarm_hook_fetch(tx, *id)?.map(|hook| hook.id));
                }
            }
            _ => {}
        }
        Ok(hooks.into_iter().filter(|hook| *hook <= at.seq).map(|hook| hook.to_string()).collect())
    }

    async fn send(&self, entry: u64, to: &str) -> Result<(), Error> {
        let hook: u64 = to.parse().map_err(|_| Error::internal(format!("{to} is no webhook")))?;
        let read = move |tx: &mut Tx| {
            let hook = alarm_hook_fetch(tx, hook)?.filter(|hook| hook.removed_us.is_none_or(|_| entry >= hook.id));
            Ok::<_, Error>(hook.zip(told(tx, entry)?))
        };
        let Some((hook, (rule, line))) = self.db.read_async(read).await? else { return Ok(()) };
        let Sealed { url, secret } = open_hook(&self.identities, &hook.sealed)?;
        let url: HookUrl = url.parse()?;
        let text = format!("Outlast {}: {}: {}", self.site, rule.as_str(), sentence(&line));
        // `text` and `content` are what the usual chat services show.
        let body = json!({
            "site": self.site, "alarm": rule.as_str(), "entry": entry, "time_us": line.time_us, "event": line.event,
            "actor": line.actor, "credential": line.credential, "address": line.address, "about": line.about,
            "text": text, "content": text,
        })
        .to_string();
        let signature = sign(&secret, entry, &body);
        let headers = [("x-outlast-delivery", entry.to_string()), ("x-outlast-signature", signature)];
        let post = Post { content_type: "application/json", headers: &headers, body, answer_bytes_max: 0 };
        let status = self.egress.post(&url, post).await?.status;
        if status.is_success() {
            return Ok(());
        }
        Err(Error::conflict(format!("the webhook at {} answered {status}", hook.host)))
    }
}

/// `sha256=` and the HMAC of the delivery's number, a dot and the body: an old delivery does not pass for a new one.
fn sign(secret: &str, entry: u64, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{entry}.{body}").as_bytes());
    format!("sha256={}", tag.as_ref().iter().map(|b| format!("{b:02x}")).collect::<String>())
}

/// An entry as a sentence.
pub(crate) fn sentence(line: &AuditLine) -> String {
    let who = line.actor.as_deref().unwrap_or("the site");
    let with = line.credential.as_ref().map(|with| format!(" with {with}")).unwrap_or_default();
    let from = line.address.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
    format!("{}: {} (by {who}{with}{from}, entry {})", line.event, line.about, line.seq)
}

/// The vaults as a channel of the [outbox](crate::outbox): each has one of its own to its owner.
pub(crate) struct VaultChannel {
    pub(crate) db: Db,
    pub(crate) site: String,
    pub(crate) vaults: Vec<VaultUrl>,
}

impl Channel for VaultChannel {
    const NAME: &'static str = "vaults";

    fn recipients(&self, tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Vec<String>, Error> {
        let Some(rule) = rule_of_entry(tx, at.seq)? else { return Ok(Vec::new()) };
        // That a vault says nothing is no news to it.
        let about = |vault: &&VaultUrl| match event {
            Event::AlarmRaised(raised) if rule == AlarmRule::NotTold => raised.subject != Self::NAME,
            Event::AlarmRaised(raised) => raised.subject != vault.name,
            _ => true,
        };
        Ok(self.vaults.iter().filter(about).map(|vault| vault.name.clone()).collect())
    }

    async fn send(&self, entry: u64, to: &str) -> Result<(), Error> {
        let Some(vault) = self.vaults.iter().find(|vault| vault.name == to) else { return Ok(()) };
        let Some((rule, line)) = self.db.read_async(move |tx| told(tx, entry)).await? else { return Ok(()) };
        let failed = |e: vault::ClientError| Error::conflict(format!("the vault {to} was not told: {e}"));
        let client = VaultClient::new(vault.clone()).map_err(failed)?;
        // No names: a vault's owner learns what kind of thing happened, and where to look.
        let text = format!("{}: {} ({}), entry {entry}", self.site, rule.as_str(), line.event);
        client.notice(&text).await.map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_signature_is_hmac_sha256_of_number_dot_body() {
        // Computed apart, with Python's hmac.
        let wanted = "sha256=688424eb17efbf9959845e16564a4ebd19f9666dc6de27b25096d7c4ae11f539";
        assert_eq!(super::sign("a secret", 7, r#"{"alarm":"lockdown"}"#), wanted);
    }
}
