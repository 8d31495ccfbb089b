//! What can go wrong with a database.

/// What kind of failure it was, as far as a caller may act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbErrorKind {
    /// Another process holds a lock for too long.
    Busy,
    /// No room left on the disk.
    Full,
    /// A constraint of the schema.
    Constraint,
    /// The file or a page of it is damaged.
    Corrupt,
    /// The server cannot be reached, or the connection broke.
    Connection,
    /// Our own mistake: wrong SQL, a wrong type, a write in a reading transaction.
    Mistake,
    /// Anything else.
    Other,
}

/// A failure of the database, with the statement it happened in.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the database: {message}{}", .sql.map(|s| format!(" (in: {s})")).unwrap_or_default())]
pub struct DbError {
    kind: DbErrorKind,
    message: String,
    sql: Option<&'static str>,
}

impl DbError {
    /// An error of this kind.
    #[must_use]
    pub fn new(kind: DbErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), sql: None }
    }

    /// Our own mistake.
    #[must_use]
    pub fn mistake(message: impl Into<String>) -> Self {
        Self::new(DbErrorKind::Mistake, message)
    }

    /// What kind it is.
    #[must_use]
    pub fn kind(&self) -> DbErrorKind {
        self.kind
    }

    pub(super) fn within(mut self, sql: &'static str) -> Self {
        self.sql = Some(sql);
        self
    }
}

impl From<rusqlite::Error> for DbError {
    fn from(e: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as C;
        let kind = match e.sqlite_error_code() {
            Some(C::DatabaseBusy | C::DatabaseLocked) => DbErrorKind::Busy,
            Some(C::DiskFull) => DbErrorKind::Full,
            Some(C::ConstraintViolation) => DbErrorKind::Constraint,
            Some(C::DatabaseCorrupt | C::NotADatabase) => DbErrorKind::Corrupt,
            Some(C::CannotOpen) => DbErrorKind::Connection,
            Some(C::ReadOnly) => DbErrorKind::Mistake,
            _ => DbErrorKind::Other,
        };
        Self::new(kind, e.to_string())
    }
}

impl From<postgres::Error> for DbError {
    fn from(e: postgres::Error) -> Self {
        let Some(db) = e.as_db_error() else {
            let kind = if e.is_closed() { DbErrorKind::Connection } else { DbErrorKind::Other };
            return Self::new(kind, chain(&e));
        };
        let kind = match db.code().code().get(..2) {
            Some("08" | "57") => DbErrorKind::Connection,
            Some("23") => DbErrorKind::Constraint,
            Some("40" | "55") => DbErrorKind::Busy,
            Some("42") => DbErrorKind::Mistake,
            Some("53") => DbErrorKind::Full,
            Some("XX") => DbErrorKind::Corrupt,
            _ => DbErrorKind::Other,
        };
        Self::new(kind, format!("{} ({})", db.message(), db.code().code()))
    }
}

/// `postgres` says "db error" or "error connecting" and keeps the reason in the chain of sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
