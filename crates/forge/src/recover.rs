//! Recovery: a site from its vaults, on any machine, with the recovery key.
//!
//! ```text
//! survey (who answers, how far is each; the same epochs) -> read the longest log, verified -> newest snapshot + the rest, or replay of all
//!   -> do all vaults keep this log? -> new keys, new epoch signed by the recovery key, told to the vaults -> directory written -> serve
//! ```
//!
//! Invariants:
//! 1. Nothing is believed that is not signed: the epochs by recovery keys, every batch by its epoch's key, every entry by the tree. The
//!    rows of a snapshot are what the lost site said of its journal; `--full` makes them from the journal instead.
//! 2. A signature is not enough, for the lost site's key may be in other hands: no epoch begins, and nothing is written at any vault,
//!    unless all vaults that answer keep one log (`agree.rs`) and know the same epochs (`epochs.rs`). Otherwise whoever recovers is told
//!    which hold what, and leaves vaults out. The log then goes on exactly where the longest one ends; the epoch that begins there
//!    shuts the lost site out of every vault that hears of it.
//! 3. The directory is a site's only at the very end (its keys come last): a recovery that was cut short is begun again, in an
//!    empty directory.
//! 4. [`Without`] takes nothing out of the log: new entries put back what was done, before anybody is served.
//! 5. Entries that are skipped stay in the log. That nothing of them was applied is signed by the recovery key, and is itself an entry, the
//!    second of the new epoch: every later replay passes over the same ones, and no site can name others.
//! 6. [`At`] makes no site but a view: the log cannot be cut back, for the vaults hold what came later, and a site that went on
//!    from an earlier entry would fork it. A view only reads, writes to no vault and has no keys to do so. What came later is
//!    undone on the site itself, by new entries.

mod agree;
mod epochs;
mod erased;
mod full;
mod log_source;
mod opener;
mod practise;
mod rebuild;
mod report;
mod settle;
mod skipped;
mod survey;
mod view;
mod without;

pub(crate) use erased::Erased;
pub use erased::ErasedLater;
pub use full::FullReport;
pub(crate) use opener::Opener;
pub(crate) use practise::{Practice, Practised, practise};
pub use report::{Progress, Report, VaultFound};
pub(crate) use view::Past;
pub use view::View;
pub use without::{Whose, Without};

use crate::error::Error;
use crate::keys::{Keys, RecoveryKey};
use crate::replay::{SKIP_RANGES_MAX, Skips};
use crate::site::{SiteConfig, SiteLimits};
use journal::order::SignedOrder;
use std::path::PathBuf;
use vault::VaultUrl;

/// Entries that do not replay and that one dry run lists.
pub const BAD_ENTRIES_MAX: usize = 1000;

/// Up to where a view shows the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// As it was after this entry.
    Entry(u64),
    /// As it was at this time: microseconds since 1970.
    Time(i64),
}

/// What is to be recovered, and how.
#[derive(Debug)]
pub struct RecoverRequest {
    /// The vaults, with credentials that may read. The more of them answer, the surer it is that nothing is missing.
    pub vaults: Vec<VaultUrl>,
    /// The recovery key.
    pub key: RecoveryKey,
    /// An order by which the recovery keys are others from here on, as it is carried to the vaults' owners.
    pub order: Option<SignedOrder>,
    /// The data directory of the site itself, when `key` is a new recovery key and no old one is left: its own keys open the vaults.
    pub site: Option<PathBuf>,
    /// The new data directory: absent or empty.
    pub to: PathBuf,
    /// A PostgreSQL database, empty; None: SQLite in the directory.
    pub database: Option<String>,
    /// A view of the past instead of a site.
    pub at: Option<At>,
    /// As if these acts had not been.
    pub without: Option<Without>,
    /// Entries of which nothing is applied, first and last of each run: they do not replay, and stay leaves of the log.
    pub skip: Vec<(u64, u64)>,
    /// Only say which entries do not replay, and what `without` would put back: it is done in the directory, no vault hears of it, and
    /// the directory goes again.
    pub dry_run: bool,
    /// Replay every entry, though there may be a snapshot; fill and check all repositories now.
    pub full: bool,
    /// Tokens stay good. Otherwise they are revoked: nobody knows who took them from the lost site.
    pub keep_credentials: bool,
    /// Bounds.
    pub limits: SiteLimits,
}

/// Recovers. `progress` is told what is being done.
///
/// Begun again after an error, it needs an empty directory; the vaults are as they were, or in a further epoch, which is no harm.
pub async fn recover(request: RecoverRequest, progress: &mut (dyn FnMut(Progress) + Send)) -> Result<Report, Error> {
    let lock = empty_directory(&request)?;
    let opener = Opener::of(&request)?;
    let survey = survey::survey(&request.vaults, &opener, progress).await?;
    if request.at.is_none() {
        // What could not begin an epoch at the end is refused at the beginning.
        settle::recovery_from_here(&survey, &request)?;
    }
    let mut config = SiteConfig::new(&request.to);
    config.limits = request.limits.clone();
    config.database = request.database.clone().filter(|_| !request.dry_run);
    let database = crate::site::database(&config)?;
    // What was done by whom, only all entries say; and that a row is explained by one.
    let from_snapshot = request.without.is_none() && !request.full && !request.dry_run;
    let bad_max = if request.dry_run { BAD_ENTRIES_MAX } else { 0 };
    let wanted = rebuild::Wanted { at: request.at, from_snapshot, skip: Skips::of(&request.skip), bad_max };
    let rebuilt = rebuild::rebuild(&survey, &opener, wanted, &database, progress).await?;
    let mut report = survey.report(&rebuilt);
    match (survey.disagreement(&rebuilt).await, request.at) {
        (None, _) => {}
        (Some(text), None) => return Err(Error::conflict(format!("{text}. No epoch was begun"))),
        // A view binds no vault to anything, and may be looked into for the very difference.
        (Some(text), Some(_)) => report.warnings.push(text),
    }
    if !survey.has_signed() {
        report.warnings.push(format!(
            "this recovery key was named by another and has signed no epoch yet: that {} is your site's log is the word of these vaults",
            survey.origin
        ));
    }
    match request.at {
        Some(_) => report.view = Some(view::settle(&request, &rebuilt)?),
        // What can't begin an epoch as it is has been said.
        None if !report.bad.is_empty() => {}
        None => settle::settle(&survey, &request, &database, &rebuilt, &mut report, progress).await?,
    }
    // After what was put back: a repository that was deleted may be there again.
    report.repositories = settle::count_repositories(&database)?;
    if request.dry_run {
        drop((database, lock));
        empty(&request.to)?;
        return Ok(report);
    }
    if request.full {
        let keys = Keys::open(&request.to)?;
        let erased = Erased::new(&rebuilt.erased);
        let place = full::Place { dir: &request.to, limits: &request.limits, keys: &keys, erased };
        report.full = Some(full::fill_and_check(&survey, &place, &database, progress).await?);
    }
    drop(lock);
    Ok(report)
}

/// Nothing of a dry run stays.
fn empty(to: &std::path::Path) -> Result<(), Error> {
    let failed = |e: std::io::Error| Error::internal(format!("{}: {e}", to.display()));
    std::fs::remove_dir_all(to).map_err(failed)
}

fn empty_directory(request: &RecoverRequest) -> Result<std::fs::File, Error> {
    let to = &request.to;
    if request.without.is_some() && request.at.is_some() {
        return Err(Error::invalid("a view shows what was; leave out --at or --without"));
    }
    if request.at.is_some() && (request.dry_run || !request.skip.is_empty()) {
        return Err(Error::invalid("a view shows what was; leave out --at, or --skip and --dry-run"));
    }
    if request.skip.len() > SKIP_RANGES_MAX {
        return Err(Error::invalid(format!(
            "one recovery passes over {SKIP_RANGES_MAX} runs of entries: join them (FIRST..LAST)"
        )));
    }
    if to.exists() {
        let mut entries = std::fs::read_dir(to).map_err(|e| Error::internal(format!("{}: {e}", to.display())))?;
        if entries.next().is_some() {
            let text = format!("{} is not empty: give --to a directory that is not there yet", to.display());
            return Err(Error::conflict(text));
        }
    }
    crate::site::lock(to)
}
