//! Reading what drills found.

use super::DRILL_AGE_MAX_S;
use crate::clock::now_us;
use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::proof::DrillKind;
use crate::site::Site;

/// A drill that was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drill {
    /// Its entry.
    pub id: u64,
    /// What was practised.
    pub kind: DrillKind,
    /// Entries that came back.
    pub through: u64,
    /// When it began: microseconds since 1970.
    pub started_us: i64,
    /// Until a recovered site would have answered, milliseconds.
    pub answers_ms: u64,
    /// Until its end, milliseconds.
    pub whole_ms: u64,
    /// The age of what no quorum held when it began, milliseconds.
    pub data_age_ms: u64,
    /// Repositories filled and checked.
    pub repositories: u64,
    /// Differences found.
    pub differences: u64,
    /// The vaults, by name.
    pub vaults: String,
    /// The signed report.
    pub report: String,
    /// When it was written: microseconds since 1970.
    pub done_us: i64,
}

fn drill(row: &Row) -> Result<Drill, DbError> {
    Ok(Drill {
        id: row.get(0)?,
        kind: row.get(1)?,
        through: row.get(2)?,
        started_us: row.get(3)?,
        answers_ms: row.get(4)?,
        whole_ms: row.get(5)?,
        data_age_ms: row.get(6)?,
        repositories: row.get(7)?,
        differences: row.get(8)?,
        vaults: row.get(9)?,
        report: row.get(10)?,
        done_us: row.get(11)?,
    })
}

fn drill_list(tx: &mut Tx, limit: u32) -> Result<Vec<Drill>, DbError> {
    let sql = "SELECT id, kind, through, started_us, answers_ms, whole_ms, data_age_ms, repositories,
               differences, vaults, report, done_us FROM drill ORDER BY id DESC LIMIT ?1";
    tx.query(sql, &[limit.into()])?.iter().map(drill).collect()
}

fn drill_fetch(tx: &mut Tx, id: u64) -> Result<Option<Drill>, DbError> {
    let sql = "SELECT id, kind, through, started_us, answers_ms, whole_ms, data_age_ms, repositories,
               differences, vaults, report, done_us FROM drill WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.as_ref().map(drill).transpose()
}

fn drill_last(tx: &mut Tx, kind: DrillKind) -> Result<Option<Drill>, DbError> {
    let sql = "SELECT id, kind, through, started_us, answers_ms, whole_ms, data_age_ms, repositories,
               differences, vaults, report, done_us FROM drill WHERE kind = ?1 ORDER BY id DESC LIMIT 1";
    tx.query_opt(sql, &[kind.as_str().into()])?.as_ref().map(drill).transpose()
}

/// Where the site stands with its drills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DrillState {
    /// The last of each kind that was done at all.
    pub last: Vec<Drill>,
    /// When the site was begun: microseconds since 1970.
    pub site_started_us: i64,
    /// Whether there is a vault that the site may read, so that it can drill.
    pub can_drill: bool,
    /// The time of asking: microseconds since 1970.
    pub now_us: i64,
}

impl DrillState {
    /// The last drill of this kind.
    #[must_use]
    pub fn last_of(&self, kind: DrillKind) -> Option<&Drill> {
        self.last.iter().find(|drill| drill.kind == kind)
    }

    /// How long ago the last full drill began; for a site that had none, how old it is. Seconds.
    #[must_use]
    pub fn age_s(&self) -> u64 {
        let since = self.last_of(DrillKind::Full).map_or(self.site_started_us, |drill| drill.started_us);
        u64::try_from((self.now_us - since) / 1_000_000).unwrap_or(0)
    }

    /// What somebody must be woken for, and what to do. None: all is well.
    #[must_use]
    pub fn alarm(&self) -> Option<String> {
        if let Some(failed) = self.last.iter().find(|drill| drill.differences > 0) {
            return Some(format!(
                "the last {} drill found {} differences (entry {}): read its report with `outlast drill --show {}`, mend what it \
                 names, and drill again",
                failed.kind, failed.differences, failed.id, failed.id
            ));
        }
        self.missing()
    }

    /// That no drill was done for too long, and what to do. None: one was.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        (self.age_s() > DRILL_AGE_MAX_S).then(|| {
            let how = if self.can_drill {
                "run `outlast drill`, and see the site's log for why the daily one did not run"
            } else {
                "this site may read none of its vaults: start it with `--drill-vault` and the text of a vault's recover.url, or \
                 run `outlast drill --vault URL`"
            };
            format!("no full drill for {} h: whether the site can be recovered is not known; {how}", self.age_s() / 3600)
        })
    }
}

impl Site {
    /// Drills that were done, the newest first.
    pub async fn drill_list(&self, limit: u32) -> Result<Vec<Drill>, Error> {
        self.db().read_async(move |tx| Ok(drill_list(tx, limit)?)).await
    }

    /// One drill by its entry.
    pub async fn drill_fetch(&self, id: u64) -> Result<Drill, Error> {
        let found = self.db().read_async(move |tx| Ok::<_, Error>(drill_fetch(tx, id)?)).await?;
        found.ok_or_else(|| Error::not_found(format!("the drill of entry {id}")))
    }

    /// How many full drills there were.
    pub(super) async fn drill_count(&self) -> Result<u64, Error> {
        let count = |tx: &mut Tx| {
            let sql = "SELECT count(*) FROM drill WHERE kind = ?1";
            Ok::<_, Error>(tx.query_one(sql, &[DrillKind::Full.as_str().into()])?.get(0)?)
        };
        self.db().read_async(count).await
    }

    /// Where the site stands with its drills.
    pub async fn drill_state(&self) -> Result<DrillState, Error> {
        let can_drill = self.drill_vaults(&[]).is_ok();
        let state = move |tx: &mut Tx| {
            let site_started_us = tx.query_one("SELECT started_us FROM site", &[])?.get(0)?;
            let last = DrillKind::ALL.iter().map(|kind| drill_last(tx, *kind)).collect::<Result<Vec<_>, _>>()?;
            let last = last.into_iter().flatten().collect();
            Ok::<_, Error>(DrillState { last, site_started_us, can_drill, now_us: now_us() })
        };
        self.db().read_async(state).await
    }
}
