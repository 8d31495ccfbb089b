//! Second factors: authenticators (WebAuthn), one-time passwords (TOTP), recovery codes.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::bytes::ByteVec;
use minicbor::{Decode, Encode};

/// A security key or passkey was registered. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AuthenticatorAdded {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// The credential's id, as the authenticator chose it.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub credential: Vec<u8>,
    /// The public key, as COSE writes it (RFC 9052).
    #[cbor(n(3), with = "minicbor::bytes")]
    pub public_key: Vec<u8>,
    /// Its counter of signatures; authenticators that count nothing say 0.
    #[n(4)]
    pub sign_count: u32,
    /// Whether the person was verified (a PIN, a fingerprint) when it was registered.
    #[n(5)]
    pub user_verified: bool,
    /// Whether the key is copied to other devices of its owner.
    #[n(6)]
    pub backed_up: bool,
    /// Until when it does nothing, microseconds; None: it is good at once.
    #[n(7)]
    pub sleeps_until_us: Option<i64>,
}

impl Payload for AuthenticatorAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO authenticator (id, account, name, credential, public_key, sign_count, user_verified,
                   backed_up, created_us, used_us, sleeps_until_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, NULL, ?10, NULL)";
        let values: [Value; 10] = [
            at.seq.into(),
            self.account.into(),
            (&self.name).into(),
            (&self.credential).into(),
            (&self.public_key).into(),
            self.sign_count.into(),
            self.user_verified.into(),
            self.backed_up.into(),
            at.time_us.into(),
            self.sleeps_until_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// An authenticator signed something: a sign-in, a proof, an order.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct AuthenticatorUsed {
    /// Which.
    #[n(0)]
    pub authenticator: u64,
    /// Its counter afterwards.
    #[n(1)]
    pub sign_count: u32,
}

impl Payload for AuthenticatorUsed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE authenticator SET sign_count = ?2, used_us = ?3 WHERE id = ?1";
        let values: [Value; 3] = [self.authenticator.into(), self.sign_count.into(), at.time_us.into()];
        must_change_one(tx.execute(sql, &values)?, "authenticator", at)
    }
}

/// An app that makes one-time passwords was enrolled. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TotpAdded {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// The shared secret: the site must know it to check a code. Entries are sealed before they leave the site.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub secret: Vec<u8>,
    /// The step (RFC 6238, 30 s) of the code that showed that the app works: used up.
    #[n(3)]
    pub step: u64,
    /// Until when it does nothing, microseconds; None: it is good at once.
    #[n(4)]
    pub sleeps_until_us: Option<i64>,
}

impl Payload for TotpAdded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO totp (id, account, name, secret, step, created_us, used_us, sleeps_until_us, removed_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7, NULL)";
        let values: [Value; 7] = [
            at.seq.into(),
            self.account.into(),
            (&self.name).into(),
            (&self.secret).into(),
            self.step.into(),
            at.time_us.into(),
            self.sleeps_until_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A one-time password was used: neither it nor an earlier one is good again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TotpUsed {
    /// Of which app.
    #[n(0)]
    pub totp: u64,
    /// Its step.
    #[n(1)]
    pub step: u64,
}

impl Payload for TotpUsed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE totp SET step = ?2, used_us = ?3 WHERE id = ?1";
        let values: [Value; 3] = [self.totp.into(), self.step.into(), at.time_us.into()];
        must_change_one(tx.execute(sql, &values)?, "one-time password app", at)
    }
}

/// A factor, an authenticator or an app, is no longer good. What it signed stays checkable.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorRemoved {
    /// Which: the number of the entry that added it.
    #[n(0)]
    pub factor: u64,
}

impl Payload for FactorRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let values: [Value; 2] = [self.factor.into(), at.time_us.into()];
        let changed = tx.execute("UPDATE authenticator SET removed_us = ?2 WHERE id = ?1", &values)?
            + tx.execute("UPDATE totp SET removed_us = ?2 WHERE id = ?1", &values)?;
        must_change_one(changed, "factor", at)
    }
}

/// A factor got another name.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorNamed {
    /// Which.
    #[n(0)]
    pub factor: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
}

impl Payload for FactorNamed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let values: [Value; 2] = [self.factor.into(), (&self.name).into()];
        let changed = tx.execute("UPDATE authenticator SET name = ?2 WHERE id = ?1", &values)?
            + tx.execute("UPDATE totp SET name = ?2 WHERE id = ?1", &values)?;
        must_change_one(changed, "factor", at)
    }
}

/// Recovery codes were made; earlier ones are no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecoveryCodesMade {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// SHA-256 of each, 32 bytes.
    #[n(1)]
    pub hashes: Vec<ByteVec>,
}

impl Payload for RecoveryCodesMade {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM recovery_code WHERE account = ?1", &[self.account.into()])?;
        let sql = "INSERT INTO recovery_code (account, hash, made_us, used_us, seq) VALUES (?1, ?2, ?3, NULL, ?4)";
        for hash in &self.hashes {
            tx.execute(sql, &[self.account.into(), hash.as_slice().into(), at.time_us.into(), at.seq.into()])?;
        }
        Ok(())
    }
}

/// A recovery code was used, and is not good again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecoveryCodeUsed {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// Its SHA-256, 32 bytes.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub hash: Vec<u8>,
}

impl Payload for RecoveryCodeUsed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE recovery_code SET used_us = ?3 WHERE account = ?1 AND hash = ?2";
        let values: [Value; 3] = [self.account.into(), (&self.hash).into(), at.time_us.into()];
        must_change_one(tx.execute(sql, &values)?, "recovery code", at)
    }
}

/// Whether every account must have a second factor was set.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorsRequired {
    /// It must.
    #[n(0)]
    pub required: bool,
}

impl Payload for FactorsRequired {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO factor_policy (id, required, since_us) VALUES (0, ?1, ?2)
                   ON CONFLICT (id) DO UPDATE SET required = excluded.required, since_us = excluded.since_us";
        tx.execute(sql, &[self.required.into(), at.time_us.into()])?;
        Ok(())
    }
}

/// An organisation requires a second factor of everybody who has a part in it, or no longer does.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgFactorsRequired {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// Whether it does.
    #[n(1)]
    pub required: bool,
}

impl Payload for OrgFactorsRequired {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM org_factor_policy WHERE organisation = ?1", &[self.org.into()])?;
        if self.required {
            let sql = "INSERT INTO org_factor_policy (organisation, since_us) VALUES (?1, ?2)";
            tx.execute(sql, &[self.org.into(), at.time_us.into()])?;
        }
        Ok(())
    }
}

/// A factor, token, SSH key or linked sign-in that slept is good from now on: another officer said that it is its owner's.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct FactorWoken {
    /// Which.
    #[n(0)]
    pub factor: u64,
}

impl Payload for FactorWoken {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let changed = tx
            .execute("UPDATE authenticator SET sleeps_until_us = NULL WHERE id = ?1", &[self.factor.into()])?
            + tx.execute("UPDATE totp SET sleeps_until_us = NULL WHERE id = ?1", &[self.factor.into()])?
            + tx.execute("UPDATE token SET sleeps_until_us = NULL WHERE id = ?1", &[self.factor.into()])?
            + tx.execute("UPDATE ssh_key SET sleeps_until_us = NULL WHERE id = ?1", &[self.factor.into()])?
            + tx.execute("UPDATE oidc_identity SET sleeps_until_us = NULL WHERE id = ?1", &[self.factor.into()])?;
        must_change_one(changed, "factor", at)
    }
}
