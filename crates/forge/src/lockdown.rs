//! Lockdown: one officer's act that shuts an intruder out of every door, before anybody knows all that he made.
//!
//! Invariants:
//! 1. It works with no vault reachable, and is in force when it is committed.
//! 2. What was made or used since the given time is ended, and all that it made, transitively, whenever that was made ([`tainted`]). The
//!    journal says who made what: nothing is remembered by heart.
//! 3. It takes no officer's keys or authenticators away, and destroys nothing: an intruder gains nothing by it.
//! 4. While it is in force only what shuts out, signs people in and settles orders is written
//!    ([`Command::DURING_LOCKDOWN`](crate::writer::Command::DURING_LOCKDOWN)); reading goes on.
//! 5. Lifting it is an order, without a delay; on a site without an officers' rule the operator at the machine lifts it.

mod command;
mod tree;

pub use command::{AccountFreeze, AccountUnfreeze, LockDown, LockdownLift};
pub use tree::{Made, MadeKind, Why, tainted};

use crate::db::{DbError, Tx};

/// A lockdown in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InForce {
    /// Its id.
    pub id: u64,
    /// Since when, microseconds since 1970.
    pub started_us: i64,
}

impl InForce {
    /// Why nothing is written.
    #[must_use]
    pub fn reason(&self) -> String {
        "it is locked down after a break-in. Reading goes on; officers lift it (outlast lockdown --lift)".to_owned()
    }
}

/// The lockdown in force, if there is one.
pub fn in_force(tx: &mut Tx) -> Result<Option<InForce>, DbError> {
    let sql = "SELECT id, started_us FROM lockdown WHERE lifted_us IS NULL ORDER BY id DESC LIMIT 1";
    let row = tx.query_opt(sql, &[])?;
    row.map(|row| Ok(InForce { id: row.get(0)?, started_us: row.get(1)? })).transpose()
}

/// Whether nothing of an account's is accepted: it is frozen, or in the trash.
pub(crate) fn is_shut_out(tx: &mut Tx, account: u64) -> Result<bool, DbError> {
    let sql = "SELECT account FROM frozen_account WHERE account = ?1 UNION ALL
               SELECT id FROM trashed_account WHERE id = ?1";
    Ok(!tx.query(sql, &[account.into()])?.is_empty())
}

/// Whether an account is frozen.
pub(crate) fn is_frozen(tx: &mut Tx, account: u64) -> Result<bool, DbError> {
    Ok(tx.query_opt("SELECT seq FROM frozen_account WHERE account = ?1", &[account.into()])?.is_some())
}
