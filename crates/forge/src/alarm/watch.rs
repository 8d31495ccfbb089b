//! What the site looks at by itself, and raises alarms about.

use super::AlarmRaise;
use super::bulk::BULK_READ_REPOS_MAX;
use crate::canary::{Touched, canary_by_id};
use crate::db::Tx;
use crate::error::Error;
use crate::event::alarm::AlarmRule as Rule;
use crate::load::{Class, Load};
use crate::outbox::SharedStatus;
use crate::people::query::user_by_id;
use crate::site::Site;
use crate::witness::{Trouble, WitnessStatus};
use crate::writer::Submitter;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{PoisonError, Weak};
use std::time::{Duration, Instant, SystemTime};

/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// For how long a vault may be silent.
pub const VAULT_SILENT_MAX: Duration = Duration::from_secs(5 * 60);
/// Free of the disk at least, percent: below it, and below [`DISK_FREE_BYTES_MIN`], it is filling.
pub const DISK_FREE_PERCENT_MIN: u64 = 5;
/// Free of the disk at least.
pub const DISK_FREE_BYTES_MIN: u64 = 10 << 30;
/// How often whether a drill is missing is asked.
const DRILLS_EVERY: Duration = Duration::from_secs(60);
/// How long something that goes on is not submitted again; the writer keeps one open alarm in any case.
const AGAIN_AFTER: Duration = Duration::from_secs(600);
/// How far the clock may go apart from the time that has passed, between two looks.
const CLOCK_STEP_MAX: Duration = Duration::from_secs(5 * 60);

/// Requests of strangers that are turned away within [`FLOOD_WINDOW`] before the officers hear of it.
pub const FLOOD_SHED_MIN: u64 = 100;
/// For how long one that was turned away counts.
pub const FLOOD_WINDOW: Duration = Duration::from_secs(60);

/// Something that is wrong.
struct Wrong {
    rule: Rule,
    subject: String,
    about: String,
}

fn wrong(rule: Rule, subject: impl Into<String>, about: impl Into<String>) -> Wrong {
    Wrong { rule, subject: subject.into(), about: about.into() }
}

/// What is remembered between two looks.
struct Watch {
    submitted: HashMap<(Rule, String), Instant>,
    drills_at: Option<Instant>,
    clock: (Instant, SystemTime),
    given_up: HashMap<&'static str, u64>,
    /// When it was last looked how many strangers had been turned away, and how many they were.
    shed: (Instant, u64),
}

/// Runs until the site stops.
pub(crate) async fn watching(site: Weak<Site>) {
    let clock = (Instant::now(), SystemTime::now());
    let mut watch =
        Watch { submitted: HashMap::new(), drills_at: None, clock, given_up: HashMap::new(), shed: (clock.0, 0) };
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(site) = site.upgrade() else { return };
        if let Err(error) = watch.look(&site).await {
            tracing::warn!(%error, "an alarm could not be raised yet");
        }
    }
}

impl Watch {
    async fn look(&mut self, site: &Site) -> Result<(), Error> {
        let mut found = touched(site, site.touched()).await?;
        found.extend(vaults(site));
        found.extend(witnesses(site));
        found.extend(disk(site.data()));
        found.extend(site.signing_in_fails().map(|about| wrong(Rule::SignInsFailing, "", about)));
        found.extend(bulk_reads(site).await?);
        found.extend(self.flood(site.load()));
        found.extend(self.clock_stepped());
        found.extend(site.outboxes().iter().filter_map(|(name, status)| self.not_told(name, status)));
        if self.drills_at.is_none_or(|at| at.elapsed() >= DRILLS_EVERY) {
            self.drills_at = Some(Instant::now());
            let state = site.drill_state().await?;
            found.extend(state.missing().map(|about| wrong(Rule::DrillMissing, "", about)));
        }
        for Wrong { rule, subject, about } in found {
            let key = (rule, subject.clone());
            if rule != Rule::CanaryUsed && self.submitted.get(&key).is_some_and(|at| at.elapsed() < AGAIN_AFTER) {
                continue;
            }
            site.ledger().writer().submit(Submitter::default(), AlarmRaise { rule, subject, about }).await?;
            self.submitted.insert(key, Instant::now());
        }
        Ok(())
    }

    /// Whether many strangers were turned away lately.
    fn flood(&mut self, load: &Load) -> Option<Wrong> {
        let strangers = [Class::Stranger, Class::StrangerFetch, Class::StrangerWork, Class::SignIn];
        let shed = strangers.into_iter().map(|class| load.counts(class).shed).sum::<u64>();
        let (since, before) = self.shed;
        let lately = shed.saturating_sub(before);
        if lately < FLOOD_SHED_MIN && since.elapsed() < FLOOD_WINDOW {
            return None;
        }
        self.shed = (Instant::now(), shed);
        let about = format!("{lately} requests of strangers were turned away within {} s", since.elapsed().as_secs());
        (lately >= FLOOD_SHED_MIN).then(|| wrong(Rule::Flood, "", about))
    }

    /// Whether the clock was set.
    fn clock_stepped(&mut self) -> Option<Wrong> {
        let (then, was) = std::mem::replace(&mut self.clock, (Instant::now(), SystemTime::now()));
        let (passed, now) = (self.clock.0.duration_since(then), self.clock.1);
        let step = match now.duration_since(was + passed) {
            Ok(forward) => forward,
            Err(back) => back.duration(),
        };
        (step >= CLOCK_STEP_MAX)
            .then(|| wrong(Rule::ClockStepped, "", format!("this machine's clock was set by {} s", step.as_secs())))
    }

    /// Whether a channel gave up since the last look.
    fn not_told(&mut self, name: &'static str, status: &SharedStatus) -> Option<Wrong> {
        let (given_up, error) = {
            let status = status.lock().unwrap_or_else(PoisonError::into_inner);
            (status.given_up, status.last_error.clone().unwrap_or_default())
        };
        let before = self.given_up.insert(name, given_up).unwrap_or(0);
        (given_up > before).then(|| {
            wrong(
                Rule::NotTold,
                name,
                format!("{name}: somebody could not be told of an entry, and was given up: {error}"),
            )
        })
    }
}

/// Witnesses who say that this log is not the one they saw.
fn witnesses(site: &Site) -> impl Iterator<Item = Wrong> {
    let disagree = site.witness_list().into_iter().filter(|witness| witness.trouble == Some(Trouble::Disagrees));
    disagree.map(|WitnessStatus { name, host, .. }| {
        let about = format!(
            "the witness {name} at {host} saw another log under this site's name, or more of it than there is here"
        );
        wrong(Rule::WitnessDisagrees, name, about)
    })
}

/// Canaries that were tried.
async fn touched(site: &Site, touched: &Touched) -> Result<Vec<Wrong>, Error> {
    let mut found = Vec::new();
    for (id, tried) in touched.take() {
        let canary = site.db().read_async(move |tx: &mut Tx| Ok::<_, Error>(canary_by_id(tx, id)?)).await?;
        let Some(canary) = canary else { continue };
        let from = tried.from.map_or_else(|| "an unknown address".to_owned(), |address| address.to_string());
        let (kind, note, times) = (canary.kind, canary.note, tried.times);
        found.push(wrong(
            Rule::CanaryUsed,
            id.to_string(),
            format!(
                "canary {id} ({kind}, put at: {note}) was tried from {from}, {times} times: somebody has been there"
            ),
        ));
    }
    Ok(found)
}

/// Accounts that fetched too many private repositories.
async fn bulk_reads(site: &Site) -> Result<Vec<Wrong>, Error> {
    let mut found = Vec::new();
    for account in site.bulk_reads().over() {
        let user = site.db().read_async(move |tx: &mut Tx| Ok::<_, Error>(user_by_id(tx, account)?)).await?;
        let Some(user) = user else { continue };
        let about =
            format!("{} has fetched more than {BULK_READ_REPOS_MAX} private repositories within an hour", user.name);
        found.push(wrong(Rule::BulkRead, user.name, about));
    }
    Ok(found)
}

fn vaults(site: &Site) -> Vec<Wrong> {
    let silent = |vault: &vault::VaultStatus| !vault.connected && vault.since_s >= VAULT_SILENT_MAX.as_secs();
    let quiet = |vault: vault::VaultStatus| {
        let about = format!("vault {} has not answered for {} minutes", vault.name, vault.since_s / 60);
        wrong(Rule::VaultSilent, vault.name, about)
    };
    let mut found: Vec<_> = site.vaults().into_iter().filter(silent).map(quiet).collect();
    found.extend(site.trouble().map(|trouble| wrong(Rule::VaultRefusing, "", trouble)));
    found
}

fn disk(data: &Path) -> Option<Wrong> {
    let stat = rustix::fs::statvfs(data).ok()?;
    let (free, all) = (stat.f_bavail.saturating_mul(stat.f_frsize), stat.f_blocks.saturating_mul(stat.f_frsize));
    let low = free < DISK_FREE_BYTES_MIN && free < all / 100 * DISK_FREE_PERCENT_MIN;
    low.then(|| wrong(Rule::DiskFilling, "", format!("{} MiB are free where {} lies", free >> 20, data.display())))
}
