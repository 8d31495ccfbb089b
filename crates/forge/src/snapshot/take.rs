//! Taking a snapshot.

use super::SNAPSHOT_PART_BYTES_MAX;
use super::header::Header;
use crate::db::{Db, Row, Tx, Value};
use crate::error::Error;
use crate::event::site::{Part, SnapshotTaken};
use crate::log::{self, Head};
use crate::schema::TABLES;
use journal::BlobName;
use serde_json::{Value as Json, json};
use std::io::{self, Write};

/// Effort put into compressing; 3 is zstd's own default.
const ZSTD_LEVEL: i32 = 3;

/// Writes a snapshot of the newest state to `out`.
///
/// A failure of `out` is [`Error::Internal`]; what was written until then is no snapshot.
pub fn write(db: &Db, out: impl Write) -> Result<Header, Error> {
    let mut out = zstd::Encoder::new(out, ZSTD_LEVEL).map_err(failed)?;
    let header = db.read(|tx| write_tables(tx, &mut out))?;
    out.finish().and_then(|mut out| out.flush()).map_err(failed)?;
    Ok(header)
}

/// Takes a snapshot in parts, each of which `seal` puts into a blob, and gives the event that says where it is.
pub fn take(db: &Db, seal: impl FnMut(&[u8]) -> Result<BlobName, Error>) -> Result<SnapshotTaken, Error> {
    let mut out = Parts { seal, buffer: Vec::new(), parts: Vec::new() };
    let header = write(db, &mut out)?;
    out.seal().map_err(failed)?;
    Ok(SnapshotTaken { through: header.through(), parts: out.parts })
}

fn write_tables(tx: &mut Tx, out: &mut impl Write) -> Result<Header, Error> {
    let checkpoint =
        log::checkpoint_last(tx)?.ok_or_else(|| Error::invalid("there is nothing to take a snapshot of yet"))?;
    let header = Header::new(checkpoint, &Head::load(tx)?);
    write_line(out, &serde_json::to_value(header.to_line()).map_err(|e| failed(e.into()))?)?;
    let mut rows = 0u64;
    for table in TABLES {
        write_line(out, &json!({"table": table.name, "columns": table.columns}))?;
        tx.query_each(table.select, &[], |row| {
            rows += 1;
            write_line(out, &json_of(&row))
        })?;
    }
    write_line(out, &json!({"end": true, "rows": rows}))?;
    Ok(header)
}

fn write_line(out: &mut impl Write, line: &Json) -> Result<(), Error> {
    serde_json::to_writer(&mut *out, line).map_err(|e| failed(e.into()))?;
    out.write_all(b"\n").map_err(failed)
}

fn json_of(row: &Row) -> Json {
    let value = |v: &Value| match v {
        Value::Null => Json::Null,
        Value::Int(n) => json!(n),
        Value::Bool(b) => json!(i64::from(*b)),
        Value::Text(s) => json!(s),
        Value::Bytes(b) => json!({"hex": b.iter().map(|b| format!("{b:02x}")).collect::<String>()}),
    };
    row.values().iter().map(value).collect()
}

fn failed(e: io::Error) -> Error {
    Error::internal(format!("a snapshot could not be written: {e}"))
}

/// Seals what is written to it in parts of [`SNAPSHOT_PART_BYTES_MAX`].
struct Parts<S> {
    seal: S,
    buffer: Vec<u8>,
    parts: Vec<Part>,
}

impl<S: FnMut(&[u8]) -> Result<BlobName, Error>> Parts<S> {
    fn seal(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let blob = (self.seal)(&self.buffer).map_err(io::Error::other)?;
        self.parts.push(Part { blob, bytes: self.buffer.len() as u64 });
        self.buffer.clear();
        Ok(())
    }
}

impl<S: FnMut(&[u8]) -> Result<BlobName, Error>> Write for Parts<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = SNAPSHOT_PART_BYTES_MAX - self.buffer.len();
        let taken = bytes.len().min(room);
        self.buffer.extend_from_slice(&bytes[..taken]);
        if self.buffer.len() == SNAPSHOT_PART_BYTES_MAX {
            self.seal()?;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
