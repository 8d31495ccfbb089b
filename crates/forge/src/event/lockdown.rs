//! Lockdown and frozen accounts.

use super::certificate::authority_end;
use super::people::password_set;
use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// The site was locked down: these credentials are no longer good, all sessions but one are over, these accounts are frozen, and only
/// what officers need is written until it is lifted. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LockdownStarted {
    /// What was made or used since then was taken for the intruder's, microseconds since 1970.
    #[n(0)]
    pub since_us: i64,
    /// Tokens, SSH keys, sessions, webhooks and sign-in providers that were, and those that they made; passwords and factors that were
    /// set since then, no officer's: each by the entry that made it.
    #[n(1)]
    pub credentials: Vec<u64>,
    /// Accounts that were made since then, or by such a credential.
    #[n(2)]
    pub accounts: Vec<u64>,
    /// The one session that goes on: that of who locked down.
    #[n(3)]
    pub spared: Option<u64>,
}

impl Payload for LockdownStarted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO lockdown (id, since_us, started_us, credentials, accounts, lifted_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let values: [Value; 5] = [
            at.seq.into(),
            self.since_us.into(),
            at.time_us.into(),
            (self.credentials.len() as u64).into(),
            (self.accounts.len() as u64).into(),
        ];
        tx.execute(sql, &values)?;
        for credential in &self.credentials {
            let values: [Value; 2] = [(*credential).into(), at.time_us.into()];
            tx.execute("UPDATE token SET revoked_us = ?2 WHERE id = ?1 AND revoked_us IS NULL", &values)?;
            tx.execute("UPDATE ssh_key SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            tx.execute("UPDATE authenticator SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            tx.execute("UPDATE totp SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            authority_end(tx, *credential, at)?;
            tx.execute("UPDATE ssh_certificate SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            tx.execute("UPDATE oidc_identity SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            tx.execute("DELETE FROM oidc_provider WHERE seq = ?1", &values[..1])?;
            tx.execute("UPDATE recovery_code SET used_us = ?2 WHERE seq = ?1 AND used_us IS NULL", &values)?;
            tx.execute("UPDATE alarm_hook SET removed_us = ?2 WHERE id = ?1 AND removed_us IS NULL", &values)?;
            tx.execute("UPDATE password_reset SET ended_us = ?2 WHERE id = ?1 AND ended_us IS NULL", &values)?;
            let of_it = "SELECT account FROM password_made WHERE seq = ?1";
            for row in tx.query(of_it, &values[..1])? {
                password_set(tx, row.get(0)?, None, at)?;
            }
        }
        let spared = self.spared.unwrap_or(0);
        let sql = "UPDATE session SET ended_us = ?1 WHERE ended_us IS NULL AND id <> ?2";
        tx.execute(sql, &[at.time_us.into(), spared.into()])?;
        for account in &self.accounts {
            freeze(tx, at, *account, "made during a break-in, or by its credentials")?;
        }
        Ok(())
    }
}

fn freeze(tx: &mut Tx, at: &Stamp, account: u64, reason: &str) -> Result<(), ApplyError> {
    let sql = "INSERT INTO frozen_account (account, seq, since_us, reason) VALUES (?1, ?2, ?3, ?4)
               ON CONFLICT (account) DO UPDATE SET seq = excluded.seq, since_us = excluded.since_us,
               reason = excluded.reason";
    tx.execute(sql, &[account.into(), at.seq.into(), at.time_us.into(), reason.into()])?;
    Ok(())
}

/// A lockdown is over. What it ended stays ended.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LockdownLifted {
    /// Which.
    #[n(0)]
    pub lockdown: u64,
}

impl Payload for LockdownLifted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE lockdown SET lifted_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.lockdown.into(), at.time_us.into()])?, "lockdown", at)
    }
}

/// An account does nothing until an officer says otherwise: its credentials are refused on every door.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountFrozen {
    /// Which.
    #[n(0)]
    pub account: u64,
    /// Why, for people.
    #[n(1)]
    pub reason: String,
}

impl Payload for AccountFrozen {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        freeze(tx, at, self.account, &self.reason)
    }
}

/// An officer let a frozen account go on.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AccountUnfrozen {
    /// Which.
    #[n(0)]
    pub account: u64,
}

impl Payload for AccountUnfrozen {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM frozen_account WHERE account = ?1";
        must_change_one(tx.execute(sql, &[self.account.into()])?, "frozen account", at)
    }
}
