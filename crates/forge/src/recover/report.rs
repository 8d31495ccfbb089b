//! What a recovery says.

use super::{FullReport, View};
use crate::replay::{BadEntry, Skips};
use crate::restore::Restored;
use std::fmt;

/// What a snapshot is worth.
const SNAPSHOT_WORD: &str = "the snapshot's rows are the lost site's word: once the older entries are back, the site compares them with \
    its journal and raises an alarm on a difference; --full replays the journal instead";
/// The vaults refuse what the lost site writes, but who has its credential can still send them blobs.
const RENEW: &str = "whoever has the lost site's credentials can still send these vaults blobs, which take room: their owners should \
                     renew them. With the vault stopped, remove private/append.credential in its directory, and \
                     private/recover.credential too if the lost site could read; start it, and give this site the new site.url or \
                     recover.url (outlast serve --vault)";

/// What is being done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A vault answered, or did not.
    Vault(VaultFound),
    /// The database's snapshot as of these entries is being loaded.
    Snapshot {
        /// Entries in it.
        through: u64,
    },
    /// Entries are being replayed.
    Replay {
        /// Done so far.
        entries: u64,
        /// Of so many.
        of: u64,
    },
    /// The new epoch is being told to the vaults.
    Epoch {
        /// Its number.
        epoch: u64,
    },
    /// Repositories are being filled and checked.
    Repository {
        /// The next one.
        path: String,
        /// How many are done.
        done: u64,
        /// Of so many.
        of: u64,
    },
}

/// What was found at one vault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VaultFound {
    /// Its name.
    pub name: String,
    /// Who could destroy it.
    pub domain: String,
    /// How many entries it has cosigned; None: it does not answer, or cannot be believed.
    pub entries: Option<u64>,
    /// Why it does not.
    pub problem: Option<String>,
}

/// What was recovered.
#[derive(Clone, Debug)]
pub struct Report {
    /// The log.
    pub origin: String,
    /// Entries recovered.
    pub entries: u64,
    /// When the last of them was written: microseconds since 1970.
    pub last_time_us: i64,
    /// The new epoch; None for a view.
    pub epoch: Option<u64>,
    /// The vaults.
    pub vaults: Vec<VaultFound>,
    /// From which snapshot; None: everything was replayed.
    pub snapshot: Option<u64>,
    /// Repositories there are.
    pub repositories: u64,
    /// Where the recovery keys were replaced: the recipients of those from here on.
    pub replaced: Vec<String>,
    /// Whether all tokens were revoked.
    pub credentials_revoked: bool,
    /// What could be missing, and what is wrong, each a sentence. Empty: nothing.
    pub warnings: Vec<String>,
    /// With `--full`: what the check of the repositories found.
    pub full: Option<FullReport>,
    /// With `--at`: what the view shows.
    pub view: Option<View>,
    /// With `--without`: what was put back, or would be.
    pub undone: Option<Restored>,
    /// Entries of which nothing was applied, in this recovery or an earlier one.
    pub skipped: Skips,
    /// In a dry run: entries that do not replay.
    pub bad: Vec<BadEntry>,
}

impl Report {
    /// Whether nothing that was asked for failed.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.bad.is_empty() && self.full.as_ref().is_none_or(|full| full.problems.is_empty())
    }
}

impl fmt::Display for VaultFound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.entries, &self.problem) {
            (Some(entries), None) => write!(f, "vault {} ({}): {entries} entries", self.name, self.domain),
            (Some(entries), Some(problem)) => {
                write!(f, "vault {} ({}): {entries} entries; {problem}", self.name, self.domain)
            }
            (None, problem) => {
                let problem = problem.as_deref().unwrap_or("no answer");
                write!(f, "vault {} ({}): {problem}", self.name, self.domain)
            }
        }
    }
}

fn say_bad(bad: &[BadEntry], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if bad.is_empty() {
        return Ok(());
    }
    writeln!(f, "{} entries do not replay:", bad.len())?;
    bad.iter().try_for_each(|bad| writeln!(f, "  {bad}"))?;
    if bad.iter().any(|bad| bad.newer) {
        writeln!(f, "first try the newest release: what this one does not know, a newer one may")?;
    }
    let all = Skips::of(&bad.iter().map(|bad| (bad.seq, bad.seq)).collect::<Vec<_>>());
    let options: Vec<_> = all.to_string().split(", ").map(|run| format!("--skip {run}")).collect();
    writeln!(f, "to recover without them: {}", options.join(" "))
}

fn say_undone(undone: &Restored, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for (what, lines) in [
        ("put back", &undone.done),
        ("left, because others built on it", &undone.kept),
        ("not put back by this, to be looked at", &undone.by_hand),
    ] {
        writeln!(f, "{what}: {}", if lines.is_empty() { "nothing" } else { "" })?;
        lines.iter().try_for_each(|line| writeln!(f, "  {line}"))?;
    }
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "log {}: {} entries recovered", self.origin, self.entries)?;
        for vault in &self.vaults {
            let lag = vault.entries.map(|entries| self.entries.saturating_sub(entries)).filter(|lag| *lag > 0);
            writeln!(f, "  {vault}{}", lag.map(|lag| format!(", {lag} behind")).unwrap_or_default())?;
        }
        match self.snapshot {
            Some(through) => {
                writeln!(f, "database: snapshot of {through} entries, {} replayed", self.entries - through)?;
                if self.view.is_none() {
                    writeln!(f, "{SNAPSHOT_WORD}")?;
                }
            }
            None => writeln!(f, "database: {} entries replayed", self.entries)?,
        }
        if !self.skipped.ranges().is_empty() {
            writeln!(f, "in the log, and nothing of them applied: entries {}", self.skipped)?;
        }
        say_bad(&self.bad, f)?;
        writeln!(f, "repositories: {}", self.repositories)?;
        if let Some(epoch) = self.epoch {
            writeln!(f, "epoch {epoch} begins here; the lost site can write to these vaults no more")?;
            writeln!(f, "{RENEW}")?;
        }
        if !self.replaced.is_empty() {
            writeln!(
                f,
                "the recovery key was replaced; from here on each of these opens everything, also what came before:"
            )?;
            self.replaced.iter().try_for_each(|recipient| writeln!(f, "  {recipient}"))?;
        }
        if self.credentials_revoked {
            writeln!(
                f,
                "all access tokens are revoked: make new ones (outlast token create), or recover with --keep-credentials"
            )?;
        }
        if let Some(full) = &self.full {
            writeln!(f, "{full}")?;
        }
        if let Some(view) = &self.view {
            writeln!(f, "{view}")?;
        }
        if let Some(undone) = &self.undone {
            say_undone(undone, f)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_the_lost_site_can_still_do_and_how_that_ends() {
        let report = Report {
            origin: "outlast/x".to_owned(),
            entries: 3,
            last_time_us: 0,
            epoch: Some(2),
            vaults: Vec::new(),
            snapshot: None,
            repositories: 0,
            replaced: Vec::new(),
            credentials_revoked: false,
            warnings: Vec::new(),
            full: None,
            view: None,
            undone: None,
            skipped: Skips::default(),
            bad: Vec::new(),
        };
        let said = report.to_string();
        assert!(said.contains("private/append.credential") && said.contains("new site.url"), "{said}");
        let view = Report { epoch: None, ..report }.to_string();
        assert!(!view.contains("credential"), "{view}");
    }
}
