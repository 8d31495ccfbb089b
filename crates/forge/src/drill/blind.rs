//! The blind drill: everything that a vault's checkpoint reaches is read and hashed, without any key.

use super::full::ms;
use super::report::DrillReport;
use crate::clock::now_us;
use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::orders::erased_blobs;
use crate::site::Site;
use std::sync::Arc;
use std::time::Instant;
use vault::{Excuse, VaultClient, VaultUrl, verify_vault_but};

/// What a blind drill of one vault found. Nobody has signed it.
#[derive(Clone, Debug)]
pub struct Blind {
    /// What it says.
    pub report: DrillReport,
    /// Bytes of all blobs.
    pub blob_bytes: u64,
    /// Blobs that are lawfully missing.
    pub erased: u64,
}

/// Reads everything in one vault and checks it: each entry's place in the tree, the root that was signed, each blob's bytes. `excuse`: which
/// blobs may be missing, because they were erased by order.
///
/// # Errors
/// Never for what the vault lacks, which is a result.
pub async fn blind_drill(vault: &VaultUrl, excuse: Excuse<'_>) -> Result<Blind, Error> {
    let (began, started_us) = (Instant::now(), now_us());
    let client = VaultClient::new(vault.clone()).map_err(|e| Error::internal(e.to_string()))?;
    let mut report = DrillReport {
        origin: "unknown".to_owned(),
        kind: DrillKind::Blind,
        through: 0,
        root: journal::merkle::Frontier::new().root(),
        started_us,
        answers_ms: 0,
        whole_ms: 0,
        data_age_ms: 0,
        snapshot: None,
        rows: 0,
        repositories: 0,
        refs: 0,
        blobs: 0,
        vaults: vec![vault.name.clone()],
        differences_count: 0,
        differences: Vec::new(),
    };
    let (mut blob_bytes, mut erased) = (0, 0);
    match verify_vault_but(Arc::new(client), &[], excuse).await {
        Ok(found) => {
            (report.origin, report.through, report.root) = (found.origin, found.entries, found.root);
            (report.blobs, blob_bytes, erased) = (found.blobs, found.blob_bytes, found.erased);
            report.set_differences(found.problems);
        }
        Err(error) => report.set_differences(vec![format!("vault {} could not be read: {error}", vault.name)]),
    }
    report.whole_ms = ms(began.elapsed());
    Ok(Blind { report, blob_bytes, erased })
}

impl Site {
    /// A blind drill of each of these vaults, or of those the site may read, each an entry: its number and the result.
    ///
    /// # Errors
    /// As for [`Site::drill`].
    pub async fn drill_blind(&self, vaults: &[VaultUrl]) -> Result<Vec<(u64, DrillReport)>, Error> {
        let _turn = self.drills().turn()?;
        let mut done = Vec::new();
        let erased = self.db().read_async(|tx| Ok::<_, Error>(erased_blobs(tx)?)).await?;
        for vault in self.drill_vaults(vaults)? {
            let begun = self.drill_begun(DrillKind::Blind, std::slice::from_ref(&vault)).await?;
            let mut report = blind_drill(&vault, Excuse::Log(&erased)).await?.report;
            if report.origin == "unknown" {
                report.origin.clone_from(&begun.origin);
            } else if report.origin != begun.origin {
                report.set_differences(vec![format!("vault {} keeps the log of another site", vault.name)]);
                report.origin.clone_from(&begun.origin);
            }
            report.data_age_ms = begun.data_age_ms;
            done.push(self.drill_done(report).await?);
        }
        Ok(done)
    }
}
