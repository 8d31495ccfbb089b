//! The blind drill: everything that a vault's checkpoint reaches is read and hashed, without any key.

use super::full::ms;
use super::report::DrillReport;
use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::people::now_us;
use crate::site::Site;
use std::sync::Arc;
use std::time::Instant;
use vault::{VaultClient, VaultUrl, verify_vault};

/// What a blind drill of one vault found. Nobody has signed it.
#[derive(Clone, Debug)]
pub struct Blind {
    /// What it says.
    pub report: DrillReport,
    /// Bytes of all blobs.
    pub blob_bytes: u64,
}

/// Reads everything in one vault and checks it: each entry's place in the tree, the root that was signed, each blob's bytes.
///
/// # Errors
/// Never for what the vault lacks, which is a result.
pub async fn blind_drill(vault: &VaultUrl) -> Result<Blind, Error> {
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
    let mut blob_bytes = 0;
    match verify_vault(Arc::new(client), &[]).await {
        Ok(found) => {
            (report.origin, report.through, report.root) = (found.origin, found.entries, found.root);
            (report.blobs, blob_bytes) = (found.blobs, found.blob_bytes);
            report.set_differences(found.problems);
        }
        Err(error) => report.set_differences(vec![format!("vault {} could not be read: {error}", vault.name)]),
    }
    report.whole_ms = ms(began.elapsed());
    Ok(Blind { report, blob_bytes })
}

impl Site {
    /// A blind drill of each of these vaults, or of those the site may read, each an entry: its number and the result.
    ///
    /// # Errors
    /// As for [`Site::drill`].
    pub async fn drill_blind(&self, vaults: &[VaultUrl]) -> Result<Vec<(u64, DrillReport)>, Error> {
        let _turn = self.drills().turn()?;
        let mut done = Vec::new();
        for vault in self.drill_vaults(vaults)? {
            let begun = self.drill_begun(DrillKind::Blind, std::slice::from_ref(&vault)).await?;
            let mut report = blind_drill(&vault).await?.report;
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
