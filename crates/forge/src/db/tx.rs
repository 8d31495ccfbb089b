//! A transaction, and the statements in it.

use super::session::{Connection, Session};
use super::{Backend, DbError, Row, Value};

/// A transaction in progress: committed or rolled back by who began it ([`Db`](super::Db)), never from within.
///
/// A statement that fails leaves the transaction unusable on PostgreSQL: do not catch an error and go on, ask first
/// (`ON CONFLICT`, a SELECT before).
#[derive(Debug)]
pub struct Tx<'a> {
    session: &'a mut Session,
    writable: bool,
}

impl<'a> Tx<'a> {
    pub(super) fn new(session: &'a mut Session, writable: bool) -> Self {
        Self { session, writable }
    }

    /// Which database it runs on.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.session.backend()
    }

    /// The same transaction, unable to write until the returned one is dropped.
    pub fn read_only(&mut self) -> Tx<'_> {
        Tx { session: self.session, writable: false }
    }

    /// Runs a statement that changes rows; how many it changed.
    pub fn execute(&mut self, sql: &'static str, params: &[Value]) -> Result<u64, DbError> {
        if !self.writable {
            return Err(DbError::mistake("a transaction for reading was asked to write").within(sql));
        }
        match &mut self.session.connection {
            Connection::Sqlite(c) => c.execute(sql, params),
            Connection::Postgres(c) => c.execute(sql, params),
        }
        .map_err(|e| e.within(sql))
    }

    /// All rows of a query.
    pub fn query(&mut self, sql: &'static str, params: &[Value]) -> Result<Vec<Row>, DbError> {
        let mut rows = Vec::new();
        self.query_each(sql, params, |row| {
            rows.push(row);
            Ok::<_, DbError>(())
        })?;
        Ok(rows)
    }

    /// The one row of a query; none or several is an error.
    pub fn query_one(&mut self, sql: &'static str, params: &[Value]) -> Result<Row, DbError> {
        self.query_opt(sql, params)?.ok_or_else(|| DbError::mistake("no row where one must be").within(sql))
    }

    /// The row of a query, if there is one; several is an error.
    pub fn query_opt(&mut self, sql: &'static str, params: &[Value]) -> Result<Option<Row>, DbError> {
        let mut rows = self.query(sql, params)?;
        if rows.len() > 1 {
            return Err(DbError::mistake("several rows where one may be").within(sql));
        }
        Ok(rows.pop())
    }

    /// Hands each row to `each` as it comes, so that a whole table need not fit in memory.
    pub fn query_each<E: From<DbError>>(
        &mut self,
        sql: &'static str,
        params: &[Value],
        mut each: impl FnMut(Row) -> Result<(), E>,
    ) -> Result<(), E> {
        match &mut self.session.connection {
            Connection::Sqlite(c) => c.query_each(sql, params, &mut each),
            Connection::Postgres(c) => c.query_each(sql, params, &mut each),
        }
    }

    /// Prepares a statement without running it: how many parameters it takes. An error where the database does not
    /// understand it.
    pub fn prepare(&mut self, sql: &'static str) -> Result<usize, DbError> {
        match &mut self.session.connection {
            Connection::Sqlite(c) => c.parameters(sql),
            Connection::Postgres(c) => c.parameters(sql),
        }
        .map_err(|e| e.within(sql))
    }

    /// Runs several statements without parameters: the schema.
    pub(crate) fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        match &mut self.session.connection {
            Connection::Sqlite(c) => c.batch(sql),
            Connection::Postgres(c) => c.batch(sql),
        }
    }
}
