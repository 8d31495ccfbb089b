//! Empty databases to test with.

use forge::db::Db;
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};

const VARIABLE: &str = "OUTLAST_TEST_POSTGRES";

/// Makes empty databases of one kind, and removes them when dropped.
pub(crate) enum Databases {
    Sqlite { dir: tempfile::TempDir, made: Cell<u32> },
    Postgres { admin: String, schemas: RefCell<Vec<String>> },
}

impl Databases {
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite { dir: tempfile::tempdir().unwrap(), made: Cell::new(0) }
    }

    pub(crate) fn postgres() -> Self {
        let admin = std::env::var(VARIABLE).unwrap_or_else(|_| {
            panic!("{VARIABLE} is not set: run the tests under scripts/with-postgres.sh, which starts a private one")
        });
        Self::Postgres { admin, schemas: RefCell::default() }
    }

    pub(crate) fn empty(&self) -> Db {
        self.empty_with_url().0
    }

    /// And how to reach it again; for a file its path.
    pub(crate) fn empty_with_url(&self) -> (Db, String) {
        match self {
            Self::Sqlite { dir, made } => {
                made.set(made.get() + 1);
                let path = dir.path().join(format!("{}.db", made.get()));
                // Nothing here tests a power cut, and syncing thousands of small commits would take minutes.
                (Db::sqlite_scratch(&path).unwrap(), path.display().to_string())
            }
            Self::Postgres { admin, schemas } => {
                let schema = fresh_name();
                run(admin, &format!("CREATE SCHEMA {schema}"));
                let url = with_schema(admin, &schema);
                schemas.borrow_mut().push(schema);
                (Db::postgres(&url).unwrap(), url)
            }
        }
    }

    /// As an administrator of the server can.
    pub(crate) fn end_connections(&self, pids: &[i64]) {
        if let Self::Postgres { admin, .. } = self {
            pids.iter().for_each(|pid| run(admin, &format!("SELECT pg_terminate_backend({pid})")));
        }
    }
}

impl Drop for Databases {
    fn drop(&mut self) {
        if let Self::Postgres { admin, schemas } = self {
            for schema in schemas.borrow().iter() {
                run(admin, &format!("DROP SCHEMA {schema} CASCADE"));
            }
        }
    }
}

fn run(admin: &str, sql: &str) {
    let mut client = postgres::Client::connect(admin, postgres::NoTls).unwrap();
    client.batch_execute(&format!("SET client_min_messages = warning; {sql}")).unwrap();
}

fn fresh_name() -> String {
    static MADE: AtomicU64 = AtomicU64::new(0);
    format!("t{}_{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed))
}

fn with_schema(admin: &str, schema: &str) -> String {
    if admin.contains("://") {
        let joint = if admin.contains('?') { '&' } else { '?' };
        return format!("{admin}{joint}options=-csearch_path%3D{schema}");
    }
    format!("{admin} options='-csearch_path={schema}'")
}

/// Makes of one test body a test on each database.
macro_rules! on_both {
    ($(#[$doc:meta])* fn $name:ident($databases:ident) $body:block) => {
        $(#[$doc])*
        mod $name {
            use super::*;

            fn body($databases: &crate::databases::Databases) $body

            #[test]
            fn sqlite() {
                body(&crate::databases::Databases::sqlite());
            }

            #[test]
            fn postgres() {
                body(&crate::databases::Databases::postgres());
            }
        }
    };
}
pub(crate) use on_both;
