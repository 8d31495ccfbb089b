//! Links by which somebody who has forgotten their password sets another.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// Who runs the site made a link that sets an account's password once. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PasswordResetMade {
    /// Whose password.
    #[n(0)]
    pub account: u64,
    /// SHA-256 of the secret in the link.
    #[cbor(n(1), with = "wire::hash32")]
    pub hash: [u8; 32],
    /// Until when it is good, microseconds.
    #[n(2)]
    pub expires_us: i64,
}

impl Payload for PasswordResetMade {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO password_reset (id, account, hash, made_us, expires_us, ended_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, NULL)";
        let values: [Value; 5] =
            [at.seq.into(), self.account.into(), (&self.hash).into(), at.time_us.into(), self.expires_us.into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A link is no longer good: it was used, or another took its place.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct PasswordResetEnded {
    /// Which.
    #[n(0)]
    pub reset: u64,
}

impl Payload for PasswordResetEnded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE password_reset SET ended_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.reset.into(), at.time_us.into()])?, "password reset", at)
    }
}
