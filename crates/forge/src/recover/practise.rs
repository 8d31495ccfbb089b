//! A recovery in a throw-away place: what a drill does. No vault hears of it, no epoch begins, and nothing but `to` is written.

use super::erased::Erased;
use super::full::{self, FullReport, Place};
use super::opener::Opener;
use super::rebuild::{self, Wanted};
use super::report::{Progress, Report};
use super::{At, survey};
use crate::db::Db;
use crate::error::Error;
use crate::site::{SiteConfig, SiteLimits};
use journal::Hash;
use std::path::Path;
use std::time::{Duration, Instant};
use vault::VaultUrl;

/// What is practised.
pub(crate) struct Practice<'a> {
    /// The vaults, with credentials that may read.
    pub(crate) vaults: &'a [VaultUrl],
    /// An empty directory.
    pub(crate) to: &'a Path,
    /// Up to and with this entry; None: all there is.
    pub(crate) through: Option<u64>,
    /// Which vault is read first, counted through those that answer: a vault that is never read is never proved.
    pub(crate) first_vault: u64,
    /// Replay everything, though there may be a snapshot.
    pub(crate) replay_all: bool,
    pub(crate) limits: &'a SiteLimits,
}

/// What came of it.
pub(crate) struct Practised {
    pub(crate) database: Db,
    pub(crate) report: Report,
    /// The vaults that were read, or whose checkpoint was found in what was read.
    pub(crate) vaults: Vec<String>,
    /// What is wrong with vaults: one does not answer, could not be read, or holds another log.
    pub(crate) vault_problems: Vec<String>,
    /// The root over the entries.
    pub(crate) root: Hash,
    pub(crate) full: FullReport,
    /// Until the database was there, which is when a recovered site would have answered.
    pub(crate) database_time: Duration,
    /// Until every repository was filled and checked.
    pub(crate) whole_time: Duration,
}

/// Recovers, as far as that can be done without anybody noticing.
pub(crate) async fn practise(
    opener: &Opener,
    practice: Practice<'_>,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<Practised, Error> {
    let began = Instant::now();
    let lock = crate::site::lock(practice.to)?;
    let mut survey = survey::survey(practice.vaults, opener, progress).await?;
    let first = practice.first_vault % (survey.sources.len() as u64).max(1);
    survey.sources.rotate_left(usize::try_from(first).unwrap_or(0));
    let mut config = SiteConfig::new(practice.to);
    config.limits = practice.limits.clone();
    let database = crate::site::database(&config)?;
    let (at, from_snapshot) = (practice.through.map(At::Entry), !practice.replay_all);
    let wanted = Wanted { at, from_snapshot, ..Wanted::default() };
    let rebuilt = rebuild::rebuild(&survey, opener, wanted, &database, progress).await?;
    let database_time = began.elapsed();
    let erased = Erased::new(&rebuilt.erased);
    let place = Place { dir: practice.to, limits: practice.limits, keys: &rebuilt.temporary, erased };
    let full = full::fill_and_check(&survey, &place, &database, progress).await?;
    let whole_time = began.elapsed();
    let mut report = survey.report(&rebuilt);
    let disagreement = survey.disagreement(&rebuilt).await;
    report.warnings.extend(disagreement.clone());
    let vaults = survey.sources.iter().map(|source| source.client.url().name.clone()).collect();
    let vault_problems = survey.vault_problems(&rebuilt).into_iter().chain(disagreement).collect();
    drop(lock);
    Ok(Practised { database, report, vaults, vault_problems, root: rebuilt.root, full, database_time, whole_time })
}
