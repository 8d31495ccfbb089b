//! Reading alarms and where they go.

use crate::audit::{AuditLine, words};
use crate::db::{DbError, DbErrorKind, Row, Tx};
use crate::error::Error;
use crate::event::alarm::AlarmRule;
use crate::log::{entry_fetch, read_row};
use crate::people::query::user_by_id;

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its id: the entry that it is.
    pub id: u64,
    /// Which rule.
    pub rule: AlarmRule,
    /// When, microseconds since 1970.
    pub raised_us: i64,
    /// The entry in words; None: this database does not have it (yet).
    pub line: Option<AuditLine>,
    /// When somebody said that they have seen it.
    pub seen_us: Option<i64>,
    /// Who; None: at the site's machine.
    pub seen_by: Option<String>,
}

fn rule_in(row: &Row, column: usize) -> Result<AlarmRule, DbError> {
    let word: String = row.get(column)?;
    AlarmRule::parse(&word).ok_or_else(|| DbError::new(DbErrorKind::Corrupt, format!("{word} is no rule of alarms")))
}

/// The rule by which an entry is an alarm; None: it is none.
pub(crate) fn rule_of_entry(tx: &mut Tx, entry: u64) -> Result<Option<AlarmRule>, DbError> {
    let row = tx.query_opt("SELECT rule FROM alarm WHERE id = ?1", &[entry.into()])?;
    row.map(|row| rule_in(&row, 0)).transpose()
}

/// Alarms below `before`, the newest first: those that nobody has seen, or all.
pub fn alarm_list(tx: &mut Tx, open: bool, before: u64, limit: u32) -> Result<Vec<Alarm>, Error> {
    let sql = "SELECT id, rule, raised_us, acknowledged_us, acknowledged_by FROM alarm
               WHERE id < ?1 AND (acknowledged_us IS NULL OR NOT ?2) ORDER BY id DESC LIMIT ?3";
    let rows = tx.query(sql, &[before.into(), open.into(), limit.into()])?;
    let alarm = |tx: &mut Tx, row: &Row| {
        let id = row.get(0)?;
        let line = match entry_fetch(tx, id)? {
            Some(entry) => Some(words(tx, &entry.stamp, &read_row(&entry)?.1)?),
            None => None,
        };
        let by: Option<u64> = row.get(4)?;
        let seen_by = by.map_or(Ok(None), |id| user_by_id(tx, id))?.map(|user| user.name);
        let (rule, raised_us, seen_us) = (rule_in(row, 1)?, row.get(2)?, row.get(3)?);
        Ok::<_, Error>(Alarm { id, rule, raised_us, line, seen_us, seen_by })
    };
    rows.iter().map(|row| alarm(tx, row)).collect()
}

/// Where alarms are posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmHook {
    /// Its id: the entry that added it.
    pub id: u64,
    /// The host of its address.
    pub host: String,
    pub(crate) sealed: Vec<u8>,
    /// Microseconds since 1970.
    pub added_us: i64,
    /// Since when no more.
    pub removed_us: Option<i64>,
}

fn hook_of(row: &Row) -> Result<AlarmHook, DbError> {
    let (id, host, sealed) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(AlarmHook { id, host, sealed, added_us: row.get(3)?, removed_us: row.get(4)? })
}

/// The addresses in use, by id.
pub fn alarm_hook_list(tx: &mut Tx) -> Result<Vec<AlarmHook>, DbError> {
    let sql = "SELECT id, host, sealed, added_us, removed_us FROM alarm_hook WHERE removed_us IS NULL ORDER BY id";
    tx.query(sql, &[])?.iter().map(hook_of).collect()
}

/// One address, also one that is in use no more.
pub(super) fn alarm_hook_fetch(tx: &mut Tx, id: u64) -> Result<Option<AlarmHook>, DbError> {
    let sql = "SELECT id, host, sealed, added_us, removed_us FROM alarm_hook WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.as_ref().map(hook_of).transpose()
}
