//! One connection and its transactions.
//!
//! ```text
//! idle --begin--> in transaction --commit / rollback--> idle
//!                      `--any of the three fails--> broken (never used again)
//! ```

use super::postgres::PgConnection;
use super::sqlite::SqliteConnection;
use super::{Backend, DbError, Tx};
use std::path::PathBuf;

/// How to open one more connection to the same database.
#[derive(Clone)]
pub(super) enum Opener {
    Sqlite { path: PathBuf, durable: bool },
    Postgres { url: String },
}

impl Opener {
    pub(super) fn backend(&self) -> Backend {
        match self {
            Opener::Sqlite { .. } => Backend::Sqlite,
            Opener::Postgres { .. } => Backend::Postgres,
        }
    }

    /// A session in a transaction: the idle one given, or a new one where it has died meanwhile.
    pub(super) fn begun(&self, idle: Option<Session>, writing: bool) -> Result<Session, DbError> {
        if let Some(mut session) = idle.filter(Session::usable)
            && session.begin(writing).is_ok()
        {
            return Ok(session);
        }
        let mut session = self.open(writing)?;
        session.begin(writing)?;
        Ok(session)
    }

    pub(super) fn open(&self, writing: bool) -> Result<Session, DbError> {
        let connection = match self {
            Opener::Sqlite { path, durable } => Connection::Sqlite(SqliteConnection::open(path, *durable, writing)?),
            Opener::Postgres { url } => Connection::Postgres(Box::new(PgConnection::open(url, writing)?)),
        };
        Ok(Session { connection, broken: false })
    }
}

#[derive(Debug)]
pub(super) enum Connection {
    Sqlite(SqliteConnection),
    Postgres(Box<PgConnection>),
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    broken: bool,
}

impl Session {
    pub(super) fn backend(&self) -> Backend {
        match self.connection {
            Connection::Sqlite(_) => Backend::Sqlite,
            Connection::Postgres(_) => Backend::Postgres,
        }
    }

    /// False once a begin, commit or rollback has failed: what state the connection is in is then unknown.
    pub(super) fn usable(&self) -> bool {
        !self.broken
    }

    /// Begins a transaction; [`Session::run`] ends it.
    pub(super) fn begin(&mut self, writing: bool) -> Result<(), DbError> {
        self.broken = true;
        let sql = match (self.backend(), writing) {
            (Backend::Sqlite, true) => "BEGIN IMMEDIATE",
            (Backend::Sqlite, false) => "BEGIN",
            (Backend::Postgres, true) => "BEGIN",
            (Backend::Postgres, false) => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
        };
        self.control(sql)
    }

    /// The transaction that was begun, around `work`. If `work` panics the session is left marked as broken.
    pub(super) fn run<T, E: From<DbError>>(
        &mut self,
        writing: bool,
        work: impl FnOnce(&mut Tx) -> Result<T, E>,
    ) -> Result<T, E> {
        let outcome = work(&mut Tx::new(self, writing));
        match outcome {
            Ok(value) => {
                self.control(if writing { "COMMIT" } else { "ROLLBACK" })?;
                self.broken = false;
                Ok(value)
            }
            Err(e) => {
                self.broken = self.rollback().is_err();
                Err(e)
            }
        }
    }

    /// SQLite has rolled back already after some failures: a full disk, for one.
    fn rollback(&mut self) -> Result<(), DbError> {
        match &self.connection {
            Connection::Sqlite(c) if !c.in_transaction() => Ok(()),
            _ => self.control("ROLLBACK"),
        }
    }

    fn control(&mut self, sql: &'static str) -> Result<(), DbError> {
        match &mut self.connection {
            Connection::Sqlite(c) => c.batch(sql),
            Connection::Postgres(c) => c.batch(sql),
        }
        .map_err(|e| e.within(sql))
    }
}
