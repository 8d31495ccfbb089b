//! The new epoch, and the directory that becomes the site's.

use super::RecoverRequest;
use super::rebuild::Rebuilt;
use super::report::{Progress, Report};
use super::skipped::Skipped;
use super::survey::Survey;
use super::without;
use crate::db::Db;
use crate::error::Error;
use crate::keys::{Keys, NewEpoch};
use crate::ledger::{Ledger, LedgerLimits};
use crate::log::{BlobSink, Log};
use crate::people::command::CredentialsRevoke;
use crate::site::{VaultsEnrol, known_with};
use crate::spool::Spool;
use crate::writer::{Shipping, Submitter};
use journal::Hash;
use journal::epoch::RecoveryPublic;
use std::sync::Arc;
use tokio::sync::watch;
use vault::Quorum;

/// Starts the new epoch at the vaults, which are known to keep one log; writes its first entries, and makes the directory a site's.
pub(super) async fn settle(
    survey: &Survey,
    request: &RecoverRequest,
    database: &Db,
    rebuilt: &Rebuilt,
    report: &mut Report,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(), Error> {
    let (recovery, order) = recovery_from_here(survey, request)?;
    if order.is_some() {
        report.replaced = recovery.iter().filter_map(|key| key.recipient.clone()).collect();
    }
    let new = NewEpoch {
        recovery,
        order,
        origin: survey.origin.clone(),
        epoch: survey.newest_epoch() + 1,
        size: rebuilt.size,
        root: rebuilt.root,
        earlier: survey.epochs.values().cloned().collect(),
    };
    let keys = Keys::start_epoch(&request.key, new)?;
    if request.dry_run {
        // The real thing, in an epoch that is thrown away.
        return begin(request, database, &keys, rebuilt, report).await;
    }
    progress(Progress::Epoch { epoch: keys.epoch() });
    tell_vaults(survey, &keys, report).await?;
    begin(request, database, &keys, rebuilt, report).await?;
    keep_vaults(request)?;
    keys.write(&request.to)?;
    (report.epoch, report.credentials_revoked) = (Some(keys.epoch()), !request.keep_credentials);
    Ok(())
}

/// The recovery keys of the epoch that a recovery begins, and the order by which they are others than before.
///
/// # Errors
/// When the key at hand may not begin it, the order is not for this site, or it is not known whose the keys are.
pub(super) fn recovery_from_here(
    survey: &Survey,
    request: &RecoverRequest,
) -> Result<(Vec<RecoveryPublic>, Option<Hash>), Error> {
    survey.keys_are_known(request)?;
    let (newest, own) = (survey.newest()?, request.key.public(&survey.origin));
    let (recovery, order) = match &request.order {
        None => (newest.recovery.clone(), None),
        Some(order) if order.order.site == survey.origin.as_str() => (order.recovery()?, Some(order.hash())),
        Some(_) => return Err(Error::invalid("this order does not replace the recovery keys of this site")),
    };
    if !newest.is_recovery(&own.verifier) && !recovery.iter().any(|key| key.verifier == own.verifier) {
        return Err(Error::invalid(
            "this key begins no epoch of this site: give one of its recovery keys, or the order that names this one (--order)",
        ));
    }
    // The first form of a statement names no recipient: it has one key, and that is the one at hand.
    let whole = |key: RecoveryPublic| match key.recipient {
        Some(_) => Ok(key),
        None if key.verifier == own.verifier => Ok(own.clone()),
        None => Err(Error::invalid("the newest epoch does not name the recipient of its recovery key")),
    };
    Ok((recovery.into_iter().map(whole).collect::<Result<_, _>>()?, order))
}

/// A vault that cannot be told now is told by the site's shippers when it can.
async fn tell_vaults(survey: &Survey, keys: &Keys, report: &mut Report) -> Result<(), Error> {
    let (mut told, mut problems) = (0, Vec::new());
    let records = keys.records();
    for source in &survey.sources {
        let name = &source.client.url().name;
        let mut outcome = Ok(());
        // One that slept through an earlier recovery learns of that too; what it knows it takes as said.
        for record in records.iter().skip(1) {
            outcome = source.client.start_epoch(record).await;
        }
        match outcome {
            Ok(()) => told += 1,
            Err(error) => problems.push(format!("vault {name} did not take the new epoch: {error}")),
        }
    }
    if told == 0 {
        return Err(Error::internal(format!("no vault took the new epoch: {}", problems.join("; "))));
    }
    report.warnings.extend(problems);
    Ok(())
}

/// The first entries of the new epoch. They are shipped when the site is served.
async fn begin(
    request: &RecoverRequest,
    database: &Db,
    keys: &Keys,
    rebuilt: &Rebuilt,
    report: &mut Report,
) -> Result<(), Error> {
    let spool = Spool::open(&request.to.join("spool"), keys.recipients()?, request.limits.spool_bytes_max, 0)?;
    let sink: Arc<dyn BlobSink> = Arc::new(Arc::new(spool));
    let log = Log::open(database.clone(), keys.log_keys()?, sink)?;
    let ledger = Ledger::start(log, Arc::new(Offline), &LedgerLimits::default())?;
    let site = Submitter::default();
    ledger.writer().submit(site, keys.founding()?).await?;
    if !rebuilt.skipped_first.ranges().is_empty() {
        let (origin, skips) = (keys.origin(), rebuilt.skipped_first.clone());
        ledger.writer().submit(site, Skipped::sign(&request.key, origin, keys.epoch(), skips)?).await?;
    }
    ledger.writer().submit(site, VaultsEnrol(request.vaults.clone())).await?;
    if let Some(without) = &request.without {
        report.undone = Some(without::put_back(&ledger, without).await?);
    }
    if !request.keep_credentials {
        let reason = "the site was recovered from its vaults".to_owned();
        ledger.writer().submit(site, CredentialsRevoke { account: None, reason }).await?;
    }
    let stopping = tokio::task::spawn_blocking(move || ledger.stop());
    stopping.await.map_err(|e| Error::internal(e.to_string()))
}

/// The vaults the directory is served with: their credentials let the site read what it has not filled yet.
pub(super) fn keep_vaults(request: &RecoverRequest) -> Result<(), Error> {
    known_with(&request.to, &request.vaults).map(drop)
}

pub(super) fn count_repositories(database: &Db) -> Result<u64, Error> {
    database.read(|tx| Ok(tx.query_one("SELECT count(*) FROM repository", &[])?.get(0)?))
}

/// No vaults: what is written now is shipped later.
struct Offline;

impl Shipping for Offline {
    fn committed(&self) {}

    fn held(&self) -> watch::Receiver<u64> {
        watch::Sender::new(0).subscribe()
    }

    fn trouble(&self) -> Option<String> {
        None
    }

    fn quorum_reachable(&self) -> Result<(), Vec<String>> {
        Err(Vec::new())
    }

    fn follow(&self, _: Quorum) {}

    fn sizes(&self) -> Vec<(String, u64)> {
        Vec::new()
    }
}
