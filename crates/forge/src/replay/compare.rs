//! Comparing two databases table by table.

use crate::db::{Db, DbError, Row, Tx, Value};
use crate::error::Error;
use crate::schema::{TABLES, Table};
use journal::Hash;
use sha2::{Digest, Sha256};

/// Differing rows named for each table.
pub const DIFFERENCES_MAX: usize = 5;

/// All rows of a table as one number: equal tables have equal ones, on either database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TableHash {
    /// The table.
    pub table: &'static str,
    /// How many rows it has.
    pub rows: u64,
    /// SHA-256 over its rows in the order of their key.
    pub hash: Hash,
}

/// A row that is not what the journal explains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The table.
    pub table: &'static str,
    /// The row's key, as `column=value`.
    pub key: String,
    /// What is wrong with it.
    pub what: String,
}

impl std::fmt::Display for Difference {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", self.table, self.key, self.what)
    }
}

/// The hash of every projection.
pub fn table_hashes(tx: &mut Tx) -> Result<Vec<TableHash>, DbError> {
    TABLES.iter().map(|table| table_hash(tx, table)).collect()
}

fn table_hash(tx: &mut Tx, table: &'static Table) -> Result<TableHash, DbError> {
    table_hash_through(tx, table, table.columns.len())
}

/// The hash over a table's first columns: those that it had when an earlier release hashed it, because later ones come
/// after them.
pub fn table_hash_through(tx: &mut Tx, table: &'static Table, columns: usize) -> Result<TableHash, DbError> {
    let (mut hasher, mut rows, mut bytes) = (Sha256::new(), 0, Vec::new());
    tx.query_each(table.select, &[], |row| {
        bytes.clear();
        row.values().iter().take(columns).for_each(|v| write_value(&mut bytes, v));
        hasher.update(&bytes);
        rows += 1;
        Ok::<_, DbError>(())
    })?;
    Ok(TableHash { table: table.name, rows, hash: Hash(hasher.finalize().into()) })
}

/// A form without ambiguity: a letter for the type, a length where it varies. A BOOLEAN is the number it is on SQLite.
fn write_value(out: &mut Vec<u8>, value: &Value) {
    let mut sized = |letter: u8, bytes: &[u8]| {
        out.push(letter);
        out.extend((bytes.len() as u64).to_be_bytes());
        out.extend(bytes);
    };
    match value {
        Value::Null => out.push(b'n'),
        Value::Int(n) => sized(b'i', &n.to_be_bytes()),
        Value::Bool(b) => sized(b'i', &i64::from(*b).to_be_bytes()),
        Value::Text(s) => sized(b't', s.as_bytes()),
        Value::Bytes(b) => sized(b'b', b),
    }
}

/// Compares two databases: the first differing rows of each table.
pub fn differences(live: &Db, rebuilt: &Db) -> Result<Vec<Difference>, Error> {
    live.read(|tx| differences_as_of(tx, rebuilt))
}

/// Compares what the transaction sees with `rebuilt`, which follows from the journal.
pub(super) fn differences_as_of(live: &mut Tx, rebuilt: &Db) -> Result<Vec<Difference>, Error> {
    let (here, there) = (table_hashes(live)?, rebuilt.read(table_hashes)?);
    let mut found = Vec::new();
    for (table, _) in TABLES.iter().zip(here.iter().zip(&there)).filter(|(_, (a, b))| a != b) {
        let here = live.query(table.select, &[])?;
        let there = rebuilt.read(|tx| tx.query(table.select, &[]))?;
        found.extend(table_differences(table, &here, &there));
    }
    Ok(found)
}

/// Both sides are sorted by the key; a merge finds what only one of them has, and what differs.
fn table_differences(table: &'static Table, here: &[Row], there: &[Row]) -> Vec<Difference> {
    let key = |row: &Row| row.values()[..table.key_columns].iter().map(sortable).collect::<Vec<_>>();
    let (mut here, mut there) = (here.iter().peekable(), there.iter().peekable());
    let mut found = Vec::new();
    while found.len() < DIFFERENCES_MAX {
        let order = match (here.peek(), there.peek()) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(a), Some(b)) => key(a).cmp(&key(b)),
        };
        let mut add =
            |row: &Row, what: String| found.push(Difference { table: table.name, key: describe(table, row), what });
        match order {
            std::cmp::Ordering::Less => {
                let row = here.next().expect("it was peeked");
                add(row, "a row that no journal entry explains".to_owned());
            }
            std::cmp::Ordering::Greater => {
                let row = there.next().expect("it was peeked");
                add(row, "a row that the journal explains is missing".to_owned());
            }
            std::cmp::Ordering::Equal => {
                let (a, b) = (here.next().expect("it was peeked"), there.next().expect("it was peeked"));
                if let Some(what) = changed_columns(table, a, b) {
                    add(a, what);
                }
            }
        }
    }
    found
}

fn changed_columns(table: &Table, here: &Row, there: &Row) -> Option<String> {
    let pairs = table.columns.iter().zip(here.values().iter().zip(there.values()));
    let changed: Vec<String> = pairs
        .filter(|(_, (a, b))| sortable(a) != sortable(b))
        .map(|(column, (a, b))| format!("{column} is {}, and by the journal {}", show(a), show(b)))
        .collect();
    (!changed.is_empty()).then(|| changed.join("; "))
}

/// The databases sort NULL first or last, never within a key; numbers by value, text and bytes by their bytes.
fn sortable(value: &Value) -> (u8, i64, Vec<u8>) {
    match value {
        Value::Null => (0, 0, Vec::new()),
        Value::Int(n) => (1, *n, Vec::new()),
        Value::Bool(b) => (1, i64::from(*b), Vec::new()),
        Value::Text(s) => (2, 0, s.as_bytes().to_vec()),
        Value::Bytes(b) => (3, 0, b.to_vec()),
    }
}

fn describe(table: &Table, row: &Row) -> String {
    let pairs = table.columns[..table.key_columns].iter().zip(row.values());
    pairs.map(|(column, value)| format!("{column}={}", show(value))).collect::<Vec<_>>().join(" ")
}

fn show(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::Int(n) => n.to_string(),
        Value::Bool(b) => i64::from(*b).to_string(),
        Value::Text(s) => format!("{s:?}"),
        Value::Bytes(b) => b.iter().map(|b| format!("{b:02x}")).collect(),
    }
}
