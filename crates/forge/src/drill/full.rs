//! The full drill: the site rebuilt from its vaults beside itself, and compared.

use super::command::DrillRecord;
use super::live::{self, Live};
use super::report::DrillReport;
use super::scratch::Scratch;
use crate::clock::now_us;
use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::jobs::Job;
use crate::recover::{Opener, Practice, Practised, Progress, practise};
use crate::replay;
use crate::site::Site;
use crate::writer::Submitter;
use std::collections::BTreeMap;
use std::time::Duration;
use svn::SvnPrint;
use vault::VaultUrl;

impl Site {
    /// Rebuilds the site from these vaults, or from those it may read, in a throw-away place, and compares everything.
    /// Gives the entry of the result, and the result.
    ///
    /// One drill in two begins with the newest snapshot, as a recovery does; the others replay everything. Each pair reads another
    /// vault first; the others are compared with it.
    ///
    /// # Errors
    /// [`Error::Conflict`] while another drill runs. [`Error::Invalid`] when there is no vault that may be read. What goes
    /// wrong with the vaults is no error but a result.
    pub async fn drill(
        &self,
        vaults: &[VaultUrl],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(u64, DrillReport), Error> {
        let _turn = self.drills().turn()?;
        self.jobs().run(Job::Drill, self.drill_in_turn(vaults, progress)).await
    }

    async fn drill_in_turn(
        &self,
        vaults: &[VaultUrl],
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<(u64, DrillReport), Error> {
        let vaults = self.drill_vaults(vaults)?;
        let scratch = Scratch::new(self.data())?;
        let mut report = self.drill_begun(DrillKind::Full, &vaults).await?;
        let live = self.copy_tables(&scratch).await?;
        (report.through, report.root, report.rows) = (live.size, live.root, live.rows);
        match self.practise(&vaults, &scratch, &live, progress).await {
            Ok(practised) => self.compare(&mut report, &live, practised).await?,
            Err(error) => {
                report.vaults.clear();
                report.set_differences(vec![format!("the site could not be rebuilt: {error}")]);
            }
        }
        drop(scratch);
        self.drill_done(report).await
    }

    async fn practise(
        &self,
        vaults: &[VaultUrl],
        scratch: &Scratch,
        live: &Live,
        progress: &mut (dyn FnMut(Progress) + Send),
    ) -> Result<Practised, Error> {
        self.ledger().held_until(live.size).await?;
        let through = live.size.checked_sub(1);
        let count = self.drill_count().await?;
        let (replay_all, first_vault) = (count.is_multiple_of(2), count / 2);
        let (to, limits) = (scratch.path().join("site"), self.limits());
        let practice = Practice { vaults, to: &to, through, first_vault, replay_all, limits };
        practise(&Opener::with_site_keys(self.keys())?, practice, progress).await
    }

    async fn compare(&self, report: &mut DrillReport, live: &Live, practised: Practised) -> Result<(), Error> {
        let Practised { database, report: recovered, vaults, vault_problems, root, full, database_time, whole_time } =
            practised;
        report.vaults = vaults;
        (report.answers_ms, report.whole_ms) = (ms(database_time), ms(whole_time));
        (report.snapshot, report.repositories, report.refs) = (recovered.snapshot, full.repositories, full.refs);
        let mut found = full.problems;
        found.extend(vault_problems);
        if (recovered.entries, root) != (live.size, live.root) {
            found.push(format!("the vaults gave {} of {} entries, or others", recovered.entries, live.size));
        }
        let here = live.database.clone();
        let compared = tokio::task::spawn_blocking(move || replay::differences(&here, &database)).await;
        let rows = compared.map_err(|e| Error::internal(format!("comparing broke off: {e}")))??;
        found.extend(rows.iter().map(ToString::to_string));
        found.extend(live::check_refs(self.db(), self.repositories()).await?);
        found.extend(self.check_prints(full.prints).await);
        report.set_differences(found);
        Ok(())
    }

    /// Whether the live repositories of Subversion are those that were rebuilt, revision for revision.
    async fn check_prints(&self, rebuilt: BTreeMap<u64, SvnPrint>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (id, rebuilt) in rebuilt {
            if let Err(error) = self.check_print(id, rebuilt).await {
                wrong.push(format!("repository {id} on this site: {error}"));
            }
        }
        wrong
    }

    async fn check_print(&self, id: u64, rebuilt: SvnPrint) -> Result<(), Error> {
        let root = self.subversion().open_id(id).await?.root();
        let comparing = tokio::task::spawn_blocking(move || {
            let last = rebuilt.revisions.len().saturating_sub(1) as u64;
            let live = SvnPrint::read(&root, Some(last))?;
            rebuilt.difference(&live).map_or(Ok(()), |text| Err(Error::Damaged(text)))
        });
        comparing.await.map_err(|e| Error::internal(format!("comparing broke off: {e}")))?
    }

    async fn copy_tables(&self, scratch: &Scratch) -> Result<Live, Error> {
        let (db, dir) = (self.db().clone(), scratch.path().to_owned());
        let copying = tokio::task::spawn_blocking(move || live::copy(&db, &dir)).await;
        copying.map_err(|e| Error::internal(format!("copying the tables broke off: {e}")))?
    }

    /// An empty report, with how much would be lost if the site went now.
    pub(super) async fn drill_begun(&self, kind: DrillKind, vaults: &[VaultUrl]) -> Result<DrillReport, Error> {
        let (size, held) = (self.size(), self.held());
        let (newest, safe) = (live::time_before(self.db(), size).await?, live::time_before(self.db(), held).await?);
        let lost_us = newest.zip(safe).map_or(0, |(newest, safe)| newest - safe);
        Ok(DrillReport {
            origin: self.keys().origin().to_string(),
            kind,
            through: 0,
            root: journal::merkle::Frontier::new().root(),
            started_us: now_us(),
            answers_ms: 0,
            whole_ms: 0,
            data_age_ms: u64::try_from(lost_us / 1000).unwrap_or(0),
            snapshot: None,
            rows: 0,
            repositories: 0,
            refs: 0,
            blobs: 0,
            vaults: vaults.iter().map(|url| url.name.clone()).collect(),
            differences_count: 0,
            differences: Vec::new(),
        })
    }

    /// Signs the result and writes it.
    pub(super) async fn drill_done(&self, report: DrillReport) -> Result<(u64, DrillReport), Error> {
        let key = self.keys().log_keys()?.log_key;
        let note = report.sign(&key).map_err(|e| Error::internal(format!("a drill's report: {e}")))?;
        let event = report.event(&note);
        let answer = self.ledger().submit(Submitter::default(), DrillRecord(event)).await?;
        if report.is_good() {
            tracing::info!(kind = %report.kind, entries = report.through, answers_ms = report.answers_ms, "a drill went well");
        } else {
            tracing::error!(kind = %report.kind, differences = report.differences_count, first = report.differences.first(), "A DRILL FAILED");
        }
        Ok((answer.first_seq, report))
    }
}

pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
