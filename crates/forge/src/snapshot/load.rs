//! Loading a snapshot into an empty database.

use super::SNAPSHOT_LINE_BYTES_MAX;
use super::header::{Header, Line};
use crate::db::{Db, Tx, Value};
use crate::error::Error;
use crate::log;
use crate::schema::{self, TABLES, Table};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::io::{BufRead, BufReader, Read};

/// Memory the decompressor may take for its window: 2 to this power. What [`super::write`] makes needs far less.
const WINDOW_LOG_MAX: u32 = 25;

/// Loads a snapshot from its opened parts, one after the other. The database must be empty, or without tables.
///
/// Afterwards the log's head is at the snapshot's checkpoint: entries from [`Header::through`] on can be replayed on
/// it.
pub fn load(db: &Db, compressed: impl Read) -> Result<Header, Error> {
    load_if(db, compressed, |_| Ok(()))
}

/// As [`load`], when `allow` finds nothing wrong with where it begins; otherwise the database is as it was.
pub(crate) fn load_if(
    db: &Db,
    compressed: impl Read,
    allow: impl FnOnce(&Header) -> Result<(), Error>,
) -> Result<Header, Error> {
    let mut decoder = zstd::Decoder::new(compressed).map_err(|e| damaged(e.to_string()))?;
    decoder.window_log_max(WINDOW_LOG_MAX).map_err(|e| damaged(e.to_string()))?;
    let mut lines = Lines { reader: BufReader::new(decoder), buffer: Vec::new() };
    db.write(|tx| {
        schema::install(tx)?;
        if log::checkpoint_last(tx)?.is_some() {
            return Err(Error::invalid("a snapshot can only be loaded into an empty database"));
        }
        let line: Line = serde_json::from_value(lines.next()?).map_err(|e| damaged(e.to_string()))?;
        let header = Header::from_line(line)?;
        allow(&header)?;
        load_log(tx, &header)?;
        load_tables(tx, &mut lines)?;
        Ok(header)
    })
}

fn load_log(tx: &mut Tx, header: &Header) -> Result<(), Error> {
    log::checkpoint_insert(tx, &header.checkpoint)?;
    log::unfilled_set(tx, 0..header.through())?;
    for (level, hashes) in header.edges.levels().iter().enumerate().filter(|(_, hashes)| !hashes.is_empty()) {
        let place = header.through().checked_shr(8 * (level as u32 + 1)).unwrap_or(0);
        log::tile_put(tx, level as u8, place, hashes)?;
    }
    Ok(())
}

fn load_tables(tx: &mut Tx, lines: &mut Lines<impl BufRead>) -> Result<(), Error> {
    let (mut table, mut rows) = (None, 0u64);
    loop {
        let line = lines.next()?;
        if let Json::Array(values) = line {
            let table = table.ok_or_else(|| damaged("a row before any table"))?;
            insert(tx, table, values)?;
            rows += 1;
        } else if line.get("end").is_some() {
            let claimed = line.get("rows").and_then(Json::as_u64);
            return if claimed == Some(rows) { Ok(()) } else { Err(damaged("it has other rows than it counts")) };
        } else {
            table = Some(table_of(&line)?);
        }
    }
}

/// A table this release knows, with the columns it knows, in its order.
fn table_of(line: &Json) -> Result<&'static Table, Error> {
    let name = line.get("table").and_then(Json::as_str).ok_or_else(|| damaged("a line that is nothing"))?;
    let table = TABLES.iter().find(|t| t.name == name).ok_or_else(|| damaged(format!("unknown table {name:?}")))?;
    let columns = line.get("columns").and_then(Json::as_array).map_or(&[][..], Vec::as_slice);
    if columns.iter().map(Json::as_str).eq(table.columns.iter().map(|c| Some(*c))) {
        return Ok(table);
    }
    Err(damaged(format!("table {name:?} has other columns than this release's: replay the journal instead")))
}

fn insert(tx: &mut Tx, table: &'static Table, row: Vec<Json>) -> Result<(), Error> {
    let values: Option<Vec<Value>> = row.into_iter().map(value_of).collect();
    let values = values.filter(|v| v.len() == table.columns.len());
    let values = values.ok_or_else(|| damaged(format!("a row of table {} that is none", table.name)))?;
    tx.execute(table.insert, &values)?;
    Ok(())
}

fn value_of(json: Json) -> Option<Value<'static>> {
    Some(match json {
        Json::Null => Value::Null,
        Json::Number(n) => Value::Int(n.as_i64()?),
        Json::String(s) => Value::Text(Cow::Owned(s)),
        Json::Object(o) => Value::Bytes(Cow::Owned(unhex(o.get("hex")?.as_str()?)?)),
        Json::Bool(_) | Json::Array(_) => return None,
    })
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: u8| char::from(b).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[a, b]| Some(digit(*a)? << 4 | digit(*b)?)).collect::<Option<_>>();
    bytes.filter(|_| rest.is_empty())
}

struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Json, Error> {
        self.buffer.clear();
        let mut limited = self.reader.by_ref().take(SNAPSHOT_LINE_BYTES_MAX);
        limited.read_until(b'\n', &mut self.buffer).map_err(|e| damaged(e.to_string()))?;
        if self.buffer.last() != Some(&b'\n') {
            return Err(damaged("it is cut short, or a line is too long"));
        }
        serde_json::from_slice(&self.buffer).map_err(|e| damaged(e.to_string()))
    }
}

fn damaged(text: impl Into<String>) -> Error {
    Error::damaged(format!("the snapshot cannot be read: {}", text.into()))
}
