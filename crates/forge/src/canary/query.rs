//! Reading canaries.

use crate::db::{DbError, DbErrorKind, Row, Tx};
use crate::event::alarm::CanaryKind;

/// A canary, without what it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Canary {
    /// Its id: the entry that made it.
    pub id: u64,
    /// What it looks like.
    pub kind: CanaryKind,
    /// Where it was put.
    pub note: String,
    /// Microseconds since 1970.
    pub made_us: i64,
}

fn canary_of(row: &Row) -> Result<Canary, DbError> {
    let kind: String = row.get(1)?;
    let kind = CanaryKind::parse(&kind);
    let kind = kind.ok_or_else(|| DbError::new(DbErrorKind::Corrupt, "a canary of no kind that events make"))?;
    Ok(Canary { id: row.get(0)?, kind, note: row.get(2)?, made_us: row.get(3)? })
}

/// Those in use, by id.
pub fn canary_list(tx: &mut Tx) -> Result<Vec<Canary>, DbError> {
    let sql = "SELECT id, kind, note, made_us FROM canary WHERE removed_us IS NULL ORDER BY id";
    tx.query(sql, &[])?.iter().map(canary_of).collect()
}

/// The canary in use that is this credential.
pub(crate) fn canary_by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<u64>, DbError> {
    let sql = "SELECT id FROM canary WHERE hash = ?1 AND removed_us IS NULL";
    tx.query_opt(sql, &[hash.as_slice().into()])?.map(|row| row.get(0)).transpose()
}

/// One in use.
pub(crate) fn canary_by_id(tx: &mut Tx, id: u64) -> Result<Option<Canary>, DbError> {
    let sql = "SELECT id, kind, note, made_us FROM canary WHERE id = ?1 AND removed_us IS NULL";
    tx.query_opt(sql, &[id.into()])?.as_ref().map(canary_of).transpose()
}
