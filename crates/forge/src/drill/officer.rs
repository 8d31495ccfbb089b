//! The officer drill: a recovery with the real recovery key, on a machine that is no site's, and thrown away.

use super::full::ms;
use super::report::DrillReport;
use crate::clock::now_us;
use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::keys::RecoveryKey;
use crate::recover::{Opener, Practice, Progress, practise};
use crate::site::{Site, SiteLimits};
use crate::writer::Submitter;
use std::path::Path;
use vault::VaultUrl;

/// Recovers everything into `to`, an absent or empty directory, checks it, and signs what was found with the recovery key. No
/// vault hears of it. The caller removes `to`.
///
/// # Errors
/// Those of a recovery.
pub async fn officer_drill(
    vaults: &[VaultUrl],
    key: &RecoveryKey,
    to: &Path,
    limits: &SiteLimits,
    progress: &mut (dyn FnMut(Progress) + Send),
) -> Result<(DrillReport, String), Error> {
    let started_us = now_us();
    let practice = Practice { vaults, to, through: None, first_vault: 0, replay_all: false, limits };
    let practised = practise(&Opener::with_recovery_key(key), practice, progress).await?;
    let recovered = practised.report;
    let mut report = DrillReport {
        origin: recovered.origin.clone(),
        kind: DrillKind::Officer,
        through: recovered.entries,
        root: practised.root,
        started_us,
        answers_ms: ms(practised.database_time),
        whole_ms: ms(practised.whole_time),
        data_age_ms: 0,
        snapshot: recovered.snapshot,
        rows: 0,
        repositories: practised.full.repositories,
        refs: practised.full.refs,
        blobs: 0,
        vaults: practised.vaults,
        differences_count: 0,
        differences: Vec::new(),
    };
    report.set_differences(practised.full.problems.into_iter().chain(recovered.warnings).collect());
    let origin = report.origin.parse().map_err(|e| Error::internal(format!("{e}")))?;
    let note = report.sign(&key.signing_key(&origin)).map_err(|e| Error::internal(e.to_string()))?;
    Ok((report, note.to_string()))
}

impl Site {
    /// Takes the signed report of an officer drill into the journal. Gives its entry.
    ///
    /// # Errors
    /// [`Error::Invalid`] when it is not of this site, or not signed by the recovery key. [`Error::Conflict`] when it is there.
    pub async fn drill_record(&self, text: &str) -> Result<(u64, DrillReport), Error> {
        let keys = self.keys().recovery_keys();
        let verified = keys.iter().map(|key| DrillReport::verify(text, key));
        let report = verified
            .reduce(|one, other| one.or(other))
            .ok_or_else(|| Error::internal("this site has no recovery key"))?
            .map_err(|e| Error::invalid(format!("{e}; an officer drill is signed with this site's recovery key")))?;
        if report.kind != DrillKind::Officer || report.origin != self.keys().origin().as_str() {
            return Err(Error::invalid("it is not the report of an officer drill of this site"));
        }
        let note = text.parse().map_err(|e| Error::invalid(format!("{e}")))?;
        let event = report.event(&note);
        let answer = self.ledger().submit(Submitter::default(), super::command::DrillRecord(event)).await?;
        Ok((answer.first_seq, report))
    }
}
