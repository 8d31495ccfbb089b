//! When the site drills, and with which vaults.

use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::jobs::Job;
use crate::site::Site;
use std::collections::BTreeMap;
use std::sync::Weak;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};
use vault::{Role, VaultUrl};

/// How often it is asked whether a drill is due.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// And not more often, whatever is configured.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(10);

/// What a site keeps for its drills.
pub(crate) struct Drills {
    /// Vaults that may be read, besides the site's own.
    vaults: Vec<VaultUrl>,
    every: Duration,
    first: Duration,
    turn: Mutex<()>,
}

impl Drills {
    pub(crate) fn new(vaults: Vec<VaultUrl>, every: Duration, first: Duration) -> Self {
        Self { vaults, every, first, turn: Mutex::default() }
    }

    /// One drill at a time.
    pub(super) fn turn(&self) -> Result<MutexGuard<'_, ()>, Error> {
        self.turn.try_lock().map_err(|_| Error::conflict("a drill is running; wait until it is done"))
    }
}

impl Site {
    /// The vaults a drill reads: those given, or else all that this site may read.
    pub(super) fn drill_vaults(&self, given: &[VaultUrl]) -> Result<Vec<VaultUrl>, Error> {
        let all =
            if given.is_empty() { [self.readable(), self.drills().vaults.as_slice()].concat() } else { given.to_vec() };
        let by_name: BTreeMap<_, _> =
            all.into_iter().filter(|url| url.role == Role::Recover).map(|url| (url.name.clone(), url)).collect();
        if by_name.is_empty() {
            return Err(Error::invalid(
                "a drill reads the vaults, and this site has only their site.url, which may append: name a vault's recover.url \
                 with --vault, or let the site drill by itself with `outlast serve --drill-vault`",
            ));
        }
        Ok(by_name.into_values().collect())
    }

    /// When the next is due, for who asks how jobs go; no sooner than it is looked at again.
    async fn drill_next(&self, wait: Duration) {
        let Ok(state) = self.drill_state().await else { return };
        let last = state.last_of(DrillKind::Full);
        let age = last.map_or(0, |drill| u64::try_from(state.now_us - drill.started_us).unwrap_or(0));
        self.jobs().next(Job::Drill, self.drills().every.saturating_sub(Duration::from_micros(age)).max(wait));
    }

    fn drill_due(&self, state: &super::DrillState) -> bool {
        let last = state.last_of(DrillKind::Full);
        let age = last.map(|drill| Duration::from_micros(u64::try_from(state.now_us - drill.started_us).unwrap_or(0)));
        age.is_none_or(|age| age >= self.drills().every)
    }
}

/// Drills when a day has passed since the last one. Ends with the site.
pub(crate) async fn run(site: Weak<Site>) {
    let Some((every, first)) = site.upgrade().map(|site| (site.drills().every, site.drills().first)) else { return };
    if every.is_zero() {
        return;
    }
    let first = first.max(LOOK_EVERY_MIN);
    if let Some(site) = site.upgrade() {
        site.drill_next(first).await;
    }
    tokio::time::sleep(first).await;
    loop {
        let Some(site) = site.upgrade() else { return };
        match site.drill_state().await {
            Ok(state) if state.can_drill && site.drill_due(&state) && site.writability().is_ok() => {
                if let Err(error) = site.drill(&[], &mut |_| {}).await {
                    tracing::error!(%error, "the daily drill could not be done");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "whether a drill is due is not known"),
        }
        let wait = LOOK_EVERY.min(every).min(first);
        site.drill_next(wait).await;
        drop(site);
        tokio::time::sleep(wait).await;
    }
}
