//! Asking: vaults, disk, journal.

use super::expiring;
use super::facts::{About, Facts, VaultFacts};
use crate::clock::now_us;
use crate::error::Error;
use crate::event::KINDS;
use crate::event::proof::DrillKind;
use crate::keys::RECOVERY_FILE;
use crate::orders::{erasures_done, keys_wait};
use crate::replay::Skips;
use crate::site::{Site, known_with};
use journal::Hash;
use journal::cosignature;
use journal::note::SignedNote;
use journal::policy::Threshold;
use std::net::{IpAddr, UdpSocket};
use std::path::Path;
use std::time::Duration;
use vault::{VaultClient, VaultState, VaultStatus, VaultUrl, machine};

/// How long a vault or a name server may take.
pub(super) const ASK_WAIT: Duration = Duration::from_secs(5);

impl Site {
    pub(super) async fn doctor_facts(&self, practice: bool) -> Result<Facts, Error> {
        let urls = known_with(self.data(), &[])?;
        let status = self.vaults();
        let (erase, keys_wait_us) =
            self.db().read_async(|tx| Ok::<_, Error>((erasures_done(tx)?, keys_wait(tx)?))).await?;
        let url = |status: &VaultStatus| urls.iter().find(|url| url.name == status.name);
        let asked = status.iter().map(|status| vault(status, url(status), &erase));
        let vaults = futures_util::future::join_all(asked).await;
        let drills = self.drill_state().await?;
        let tried_us = drills.last_of(DrillKind::Officer).map_or(drills.site_started_us, |drill| drill.started_us);
        let recovery_key = self.data().join(RECOVERY_FILE);
        Ok(Facts {
            not_writable: self.writability().err().map(|error| error.to_string()),
            base_url: self.base_url().to_owned(),
            certificate: expiring::certificate(self.base_url()).await,
            credentials_end: self.db().read_async(|tx| expiring::credentials(tx, now_us())).await?,
            practice,
            recovery_key: recovery_key.exists().then_some(recovery_key),
            vaults,
            witnesses: self.witness_list(),
            log_key: self.ledger().log().keys().log_key.verifier().to_string(),
            quorum: self.doctor_quorum().await?,
            vaults_changing: self.vaults_changing().await?,
            sandbox: git::sandbox_available(),
            disk: disk(self.data()),
            unknown_kinds: self.doctor_unknown_kinds().await?,
            skipped: self.db().read_async(Skips::known).await?.to_string(),
            drill_alarm: drills.alarm(),
            officer_drill_age_s: u64::try_from((now_us() - tried_us) / 1_000_000).unwrap_or(0),
            officer_rule: self.officer_rule().await?.map(|rule| (rule.needed as usize, rule.delay_us)),
            officers: self.officer_list(None).await?.iter().filter(|officer| officer.can_sign()).count(),
            recovery_keys_wait_s: keys_wait_us.map(|at_us| u64::try_from((now_us() - at_us) / 1_000_000).unwrap_or(0)),
            machine: machine(),
        })
    }

    /// How many trust domains must cosign, and of how many: the policy's last group.
    async fn doctor_quorum(&self) -> Result<(usize, usize), Error> {
        let policy = self.policy().await?;
        let (there, all) = match policy.groups().last() {
            Some(group) => (group.members.len(), &group.threshold),
            None => return Ok((policy.witnesses().len(), policy.witnesses().len())),
        };
        let needed = match all {
            Threshold::All => there,
            Threshold::Any => 1,
            Threshold::AtLeast(n) => *n,
        };
        Ok((needed, there))
    }

    async fn doctor_unknown_kinds(&self) -> Result<Vec<u64>, Error> {
        let kinds = |tx: &mut crate::db::Tx| {
            let rows = tx.query("SELECT DISTINCT kind FROM journal WHERE kind <> 0 ORDER BY kind", &[])?;
            rows.iter().map(|row| row.get::<u64>(0)).collect::<Result<Vec<_>, _>>()
        };
        let found = self.db().read_async(move |tx| Ok::<_, Error>(kinds(tx)?)).await?;
        Ok(found.into_iter().filter(|kind| !KINDS.iter().any(|(known, _)| u64::from(*known) == *kind)).collect())
    }
}

/// `erase`: the orders to erase that the site has carried out, with their hashes.
async fn vault(status: &VaultStatus, url: Option<&VaultUrl>, erase: &[(u64, Hash)]) -> VaultFacts {
    let mut facts = VaultFacts {
        name: status.name.clone(),
        domain: status.domain.clone(),
        connected: status.connected,
        since_s: status.since_s,
        last_error: status.last_error.clone(),
        lag: status.lag,
        free_bytes: status.free_bytes,
        slowed_down: status.slowed_down,
        pin: String::new(),
        addresses: Vec::new(),
        here: false,
        clock_s: None,
        about: About::default(),
        not_erased: Vec::new(),
    };
    let Some(url) = url else { return facts };
    facts.pin = url.pin.to_string();
    facts.addresses = addresses(&url.address).await;
    facts.here = facts.addresses.iter().any(|ip| is_here(*ip));
    let before = now_us();
    let Ok(client) = VaultClient::new(url.clone()) else { return facts };
    if let Ok(Ok(state)) = tokio::time::timeout(ASK_WAIT, client.state()).await {
        let here_s = before.midpoint(now_us()) / 1_000_000;
        facts.clock_s = clock_of(&state, url).map(|there_s| there_s - here_s);
        facts.about = state.about;
    }
    if !erase.is_empty()
        && let Ok(Ok(done)) = tokio::time::timeout(ASK_WAIT, client.erasure_orders()).await
    {
        let wholly = |hash: &Hash| done.iter().any(|(order, waiting)| order == hash && *waiting == 0);
        facts.not_erased = erase.iter().filter(|(_, hash)| !wholly(hash)).map(|(id, _)| *id).collect();
    }
    facts
}

/// A vault cosigns its checkpoint anew for each answer, with its own time.
fn clock_of(state: &VaultState, url: &VaultUrl) -> Option<i64> {
    let note: SignedNote = state.checkpoint.as_ref()?.parse().ok()?;
    i64::try_from(cosignature::verify_note(&url.vkey, &note).ok()?).ok()
}

async fn addresses(address: &str) -> Vec<IpAddr> {
    match tokio::time::timeout(ASK_WAIT, tokio::net::lookup_host(address)).await {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        _ => Vec::new(),
    }
}

/// Only an address of this machine can be listened on.
fn is_here(ip: IpAddr) -> bool {
    ip.is_loopback() || UdpSocket::bind((ip, 0)).is_ok()
}

fn disk(data: &Path) -> Option<(u64, u64)> {
    let found = rustix::fs::statvfs(data).ok()?;
    Some((found.f_bavail * found.f_frsize, found.f_blocks * found.f_frsize))
}
