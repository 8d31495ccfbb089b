//! SQLite: a WAL file, one writing connection, readers that see a snapshot.

use super::{DbError, DbErrorKind, Row, Value};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, OpenFlags};
use std::borrow::Cow;
use std::fs::File;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Prepared statements kept for each connection.
const STATEMENTS_MAX: usize = 256;

#[derive(Debug)]
pub(super) struct SqliteConnection {
    connection: rusqlite::Connection,
}

impl SqliteConnection {
    pub(super) fn open(path: &Path, durable: bool, writing: bool) -> Result<Self, DbError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if writing {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
            private(path)?;
        }
        let connection = rusqlite::Connection::open_with_flags(path, flags)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
        let this = Self { connection };
        this.batch("PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA temp_store=MEMORY;")?;
        this.batch(Self::WAL_BYTES_KEPT)?;
        this.batch(if durable { "PRAGMA synchronous=FULL" } else { "PRAGMA synchronous=OFF" })?;
        // KiB of pages each connection keeps; the system's own cache holds the rest.
        this.batch(if writing { "PRAGMA cache_size=-16384" } else { "PRAGMA cache_size=-1024; PRAGMA query_only=1" })?;
        Ok(this)
    }

    /// The log of a long transaction is not kept at its full length.
    const WAL_BYTES_KEPT: &str = "PRAGMA journal_size_limit=67108864";

    pub(super) fn batch(&self, sql: &str) -> Result<(), DbError> {
        Ok(self.connection.execute_batch(sql)?)
    }

    pub(super) fn in_transaction(&self) -> bool {
        !self.connection.is_autocommit()
    }

    fn bound(&self, sql: &'static str, params: &[Value]) -> Result<CachedStatement<'_>, DbError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let wanted = statement.parameter_count();
        if wanted != params.len() {
            return Err(DbError::mistake(format!("{} parameters for {wanted} places", params.len())));
        }
        for (i, value) in params.iter().enumerate() {
            // PostgreSQL cannot store it: what one database takes, the other must take too.
            if matches!(value, Value::Text(s) if s.contains('\0')) {
                return Err(DbError::mistake("text with a NUL character"));
            }
            statement.raw_bind_parameter(i + 1, value)?;
        }
        Ok(statement)
    }

    pub(super) fn parameters(&self, sql: &'static str) -> Result<usize, DbError> {
        Ok(self.connection.prepare_cached(sql)?.parameter_count())
    }

    pub(super) fn execute(&self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        Ok(self.bound(sql, params)?.raw_execute()? as u64)
    }

    pub(super) fn query_each<E: From<DbError>>(
        &self,
        sql: &'static str,
        params: &[Value],
        each: &mut dyn FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut statement = self.bound(sql, params).map_err(|e| e.within(sql))?;
        let columns = statement.column_count();
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(|e| DbError::from(e).within(sql))? {
            each(owned(row, columns).map_err(|e| e.within(sql))?)?;
        }
        Ok(())
    }
}

/// The file is made for its owner alone, for it holds password hashes; the files SQLite makes beside it are as open as
/// it is.
fn private(path: &Path) -> Result<(), DbError> {
    let made = File::options().create(true).append(true).mode(0o600).open(path);
    made.map(drop).map_err(|e| DbError::new(DbErrorKind::Connection, format!("{}: {e}", path.display())))
}

fn owned(row: &rusqlite::Row, columns: usize) -> Result<Row, DbError> {
    let mut values = Vec::with_capacity(columns);
    for i in 0..columns {
        values.push(match row.get_ref(i)? {
            ValueRef::Null => Value::Null,
            ValueRef::Integer(n) => Value::Int(n),
            ValueRef::Text(t) => Value::Text(Cow::Owned(text(t)?)),
            ValueRef::Blob(b) => Value::Bytes(Cow::Owned(b.to_vec())),
            ValueRef::Real(_) => return Err(DbError::mistake("a REAL, which no column of ours holds")),
        });
    }
    Ok(Row::new(values))
}

fn text(bytes: &[u8]) -> Result<String, DbError> {
    String::from_utf8(bytes.to_vec()).map_err(|_| DbError::new(DbErrorKind::Corrupt, "text that is not UTF-8"))
}

impl rusqlite::ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Int(n) => ValueRef::Integer(*n),
            Value::Text(s) => ValueRef::Text(s.as_bytes()),
            Value::Bytes(b) => ValueRef::Blob(b),
            Value::Bool(b) => ValueRef::Integer(i64::from(*b)),
        }))
    }
}
