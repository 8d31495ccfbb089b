//! What must hold for every event, table and column there is, on both databases.
//!
//! PostgreSQL is reached through the environment variable `OUTLAST_TEST_POSTGRES` (a URL or `key=value` text of a role
//! that may make schemas); `scripts/with-postgres.sh` starts a private one. Without it the tests fail rather than pass
//! by half.

#![expect(clippy::unwrap_used, reason = "tests")]

mod databases;
mod documented;
mod edited;
mod fixtures;
mod generate;
mod orders;
mod replayed;
mod restored;
mod rig;
mod schema_walk;
mod shipped;
mod snapshots;
mod statements;
mod writing;
