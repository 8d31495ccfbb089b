//! The database: SQLite or PostgreSQL, decided when the program starts, behind one small surface.
//!
//! Invariants:
//! 1. There is one SQL text for both databases. Placeholders are `?1`, `?2`, ...; for PostgreSQL they are rewritten to
//!    `$1`.
//! 2. SQL is `&'static str`: no user's string can become SQL.
//! 3. A [`Tx`] from [`Db::read`], and the one a command decides with, cannot write.
//! 4. Writers take turns: there is one writing connection.
//! 5. A committed write is on the disk (`synchronous=FULL` and `synchronous_commit=on`), except in a
//!    [scratch database](Db::sqlite_scratch).
//!
//! Types are `BIGINT`, `TEXT`, `BOOLEAN` and `BYTEA`; times are `BIGINT` microseconds UTC; text sorts by its bytes.

mod error;
mod pool;
mod postgres;
mod row;
mod session;
mod sql;
mod sqlite;
mod tx;
mod value;

pub use error::{DbError, DbErrorKind};
pub use row::{FromValue, Row};
pub use tx::Tx;
pub use value::Value;

use pool::Pool;
use session::{Opener, Session};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Connections for reading at one time, by default; a reader beyond that waits for one to come free.
pub const READERS_MAX: usize = 16;

/// Which database it is; for the few places (schema, catalogue) where they differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backend {
    /// A file, embedded.
    Sqlite,
    /// A server, or anything that speaks its protocol.
    Postgres,
}

/// A database. Cheap to clone; all clones share the same connections.
///
/// Everything here blocks: from async code use [`Db::read_async`].
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    backend: Backend,
    writer: Mutex<Option<Session>>,
    opener: Opener,
    readers: Pool,
    /// What the next commit says, for tests of what follows from it.
    #[cfg(test)]
    fault: Mutex<Option<Fault>>,
}

/// How a commit may fail.
#[cfg(test)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It did not happen.
    Lost,
    /// It happened, and the answer was lost.
    Unanswered,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db").field("backend", &self.inner.backend).finish_non_exhaustive()
    }
}

impl Db {
    /// Opens the SQLite file at `path`, which is made if absent. Durable: a committed write survives a power cut.
    pub fn sqlite(path: &Path) -> Result<Self, DbError> {
        Self::open(Opener::Sqlite { path: path.to_owned(), durable: true })
    }

    /// A SQLite file whose loss does not matter (a rebuild to compare with): nothing is synced.
    pub fn sqlite_scratch(path: &Path) -> Result<Self, DbError> {
        Self::open(Opener::Sqlite { path: path.to_owned(), durable: false })
    }

    /// Connects to a PostgreSQL database, which must exist (`postgres://user@host/name` or `host=... dbname=...`).
    ///
    /// One process writes to it: another gets an error here. (It is a lock of the writing connection's session, so
    /// there must be no pooler between that hands out sessions by the transaction.)
    pub fn postgres(url: &str) -> Result<Self, DbError> {
        Self::open(Opener::Postgres { url: url.to_owned() })
    }

    fn open(opener: Opener) -> Result<Self, DbError> {
        let writer = opener.open(true)?;
        let backend = opener.backend();
        let readers = Pool::new(opener.clone(), READERS_MAX);
        let inner = Inner {
            backend,
            writer: Mutex::new(Some(writer)),
            opener,
            readers,
            #[cfg(test)]
            fault: Mutex::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Which of the two it is.
    #[must_use]
    pub fn backend(&self) -> Backend {
        self.inner.backend
    }

    /// Runs `work` on one consistent snapshot; nothing can be written.
    pub fn read<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let mut session = self.inner.readers.begin()?;
        let outcome = session.run(false, work);
        self.inner.readers.give_back(session);
        outcome
    }

    /// [`Db::read`] on a blocking thread, for async code.
    pub async fn read_async<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<DbError> + Send + 'static,
        F: FnOnce(&mut Tx) -> Result<T, E> + Send + 'static,
    {
        let db = self.clone();
        match tokio::task::spawn_blocking(move || db.read(work)).await {
            Ok(outcome) => outcome,
            Err(e) => Err(DbError::mistake(format!("a read was cut short: {e}")).into()),
        }
    }

    /// Runs `work` in the writing transaction: committed and durable when it returns `Ok`, else rolled back whole.
    ///
    /// Only the writer, replay and the journal's own bookkeeping may call this; everything else submits a command.
    pub fn write<T, E: From<DbError>>(&self, work: impl FnOnce(&mut Tx) -> Result<T, E>) -> Result<T, E> {
        let mut slot = self.writer_slot();
        let mut session = self.inner.opener.begun(slot.take(), true)?;
        #[cfg(test)]
        let work = |tx: &mut Tx| work(tx).and_then(|value| self.lose_commit().map(|()| value).map_err(E::from));
        let outcome = session.run(true, work);
        *slot = Some(session);
        #[cfg(test)]
        let outcome = outcome.and_then(|value| self.lose_answer().map(|()| value).map_err(E::from));
        outcome
    }

    /// The next transaction's commit fails so.
    #[cfg(test)]
    pub(crate) fn fail_next_commit(&self, fault: Fault) {
        *self.inner.fault.lock().unwrap_or_else(PoisonError::into_inner) = Some(fault);
    }

    #[cfg(test)]
    fn lose_commit(&self) -> Result<(), DbError> {
        self.failing(Fault::Lost)
    }

    #[cfg(test)]
    fn lose_answer(&self) -> Result<(), DbError> {
        self.failing(Fault::Unanswered)
    }

    #[cfg(test)]
    fn failing(&self, fault: Fault) -> Result<(), DbError> {
        let mut next = self.inner.fault.lock().unwrap_or_else(PoisonError::into_inner);
        if next.take_if(|next| *next == fault).is_none() {
            return Ok(());
        }
        Err(DbError::new(DbErrorKind::Connection, "the connection broke while committing"))
    }

    fn writer_slot(&self) -> MutexGuard<'_, Option<Session>> {
        self.inner.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
