//! OpenID Connect: who else may say that it is somebody.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// A provider that people may sign in with, from now on, or what is so of it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OidcProviderSet {
    /// Its name in addresses.
    #[n(0)]
    pub name: String,
    /// What people read on the button.
    #[n(1)]
    pub label: String,
    /// The issuer, as the provider writes it.
    #[n(2)]
    pub issuer: String,
    /// What this site is called there.
    #[n(3)]
    pub client_id: String,
    /// The client's secret, sealed to the recovery key and the site (age).
    #[cbor(n(4), with = "minicbor::bytes")]
    pub secret: Option<Vec<u8>>,
    /// Whom nobody here knows may make an account with it.
    #[n(5)]
    pub registers: bool,
    /// Machines besides the issuer's that the site may ask.
    #[n(6)]
    pub hosts: Vec<String>,
}

impl Payload for OidcProviderSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM oidc_provider WHERE name = ?1", &[(&self.name).into()])?;
        let sql = "INSERT INTO oidc_provider (name, seq, label, issuer, client_id, secret, registers, hosts, set_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values: [Value; 9] = [
            (&self.name).into(),
            at.seq.into(),
            (&self.label).into(),
            (&self.issuer).into(),
            (&self.client_id).into(),
            self.secret.as_deref().into(),
            self.registers.into(),
            self.hosts.join(" ").into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A provider signs nobody in any more. What is linked with it stays, for the day that it is set again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OidcProviderRemoved {
    /// Its name.
    #[n(0)]
    pub name: String,
}

impl Payload for OidcProviderRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM oidc_provider WHERE name = ?1";
        must_change_one(tx.execute(sql, &[(&self.name).into()])?, "provider", at)
    }
}

/// Who an issuer says that it is, is this account. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IdentityLinked {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The issuer.
    #[n(1)]
    pub issuer: String,
    /// What it calls them, for ever (`sub`).
    #[n(2)]
    pub subject: String,
    /// What people know them by there.
    #[n(3)]
    pub label: String,
    /// Until when it signs nobody in yet, microseconds since 1970: an officer's or operator's who has a second factor.
    #[n(4)]
    pub sleeps_until_us: Option<i64>,
}

impl Payload for IdentityLinked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO oidc_identity (id, account, issuer, subject, label, linked_us, removed_us,
                                              sleeps_until_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL, ?7)";
        let values: [Value; 7] = [
            at.seq.into(),
            self.account.into(),
            (&self.issuer).into(),
            (&self.subject).into(),
            (&self.label).into(),
            at.time_us.into(),
            self.sleeps_until_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// It signs nobody in any more.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct IdentityUnlinked {
    /// Which.
    #[n(0)]
    pub identity: u64,
}

impl Payload for IdentityUnlinked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE oidc_identity SET removed_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.identity.into(), at.time_us.into()])?, "identity", at)
    }
}
