//! Reading providers and identities.

use crate::db::{DbError, Row, Tx};
use crate::error::Error;

/// A provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name in addresses.
    pub name: String,
    /// What people read on the button.
    pub label: String,
    /// The issuer.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// Whether strangers may make an account with it.
    pub registers: bool,
    /// Machines besides the issuer's that may be asked.
    pub hosts: Vec<String>,
    /// The client's secret, sealed.
    pub(crate) secret: Option<Vec<u8>>,
}

/// Who an issuer says that somebody is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// Its id.
    pub id: u64,
    /// The account.
    pub account: u64,
    /// The issuer.
    pub issuer: String,
    /// What people know them by there.
    pub label: String,
    /// Since when, microseconds since 1970.
    pub linked_us: i64,
    /// Until when it signs nobody in yet.
    pub sleeps_until_us: Option<i64>,
}

impl Identity {
    /// Refuses while it sleeps.
    pub(crate) fn must_be_awake(&self, now_us: i64) -> Result<(), Error> {
        if self.sleeps_until_us.is_none_or(|until| until <= now_us) {
            return Ok(());
        }
        Err(Error::Unauthenticated(
            "this was linked with an officer's or operator's account less than a day ago, and sleeps: sign in as usual, or have an officer \
             wake it"
                .into(),
        ))
    }
}

/// All providers, by name.
pub fn provider_list(tx: &mut Tx) -> Result<Vec<Provider>, DbError> {
    let sql = "SELECT name, label, issuer, client_id, registers, hosts, secret FROM oidc_provider ORDER BY name";
    tx.query(sql, &[])?.iter().map(provider_of).collect()
}

/// The provider of this name.
pub fn provider_fetch(tx: &mut Tx, name: &str) -> Result<Option<Provider>, DbError> {
    let sql = "SELECT name, label, issuer, client_id, registers, hosts, secret FROM oidc_provider WHERE name = ?1";
    tx.query_opt(sql, &[name.into()])?.map(|row| provider_of(&row)).transpose()
}

fn provider_of(row: &Row) -> Result<Provider, DbError> {
    let hosts: String = row.get(5)?;
    Ok(Provider {
        name: row.get(0)?,
        label: row.get(1)?,
        issuer: row.get(2)?,
        client_id: row.get(3)?,
        registers: row.get(4)?,
        hosts: hosts.split(' ').filter(|host| !host.is_empty()).map(str::to_owned).collect(),
        secret: row.get(6)?,
    })
}

/// An account's identities, by id.
pub fn identity_list(tx: &mut Tx, account: u64) -> Result<Vec<Identity>, DbError> {
    let sql = "SELECT id, account, issuer, label, linked_us, sleeps_until_us FROM oidc_identity
               WHERE account = ?1 AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[account.into()])?.iter().map(identity_of).collect()
}

/// Whom an issuer calls this.
pub(crate) fn identity_fetch(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<Identity>, DbError> {
    let sql = "SELECT id, account, issuer, label, linked_us, sleeps_until_us FROM oidc_identity
               WHERE issuer = ?1 AND subject = ?2 AND removed_us IS NULL ORDER BY id LIMIT 1";
    tx.query_opt(sql, &[issuer.into(), subject.into()])?.map(|row| identity_of(&row)).transpose()
}

fn identity_of(row: &Row) -> Result<Identity, DbError> {
    Ok(Identity {
        id: row.get(0)?,
        account: row.get(1)?,
        issuer: row.get(2)?,
        label: row.get(3)?,
        linked_us: row.get(4)?,
        sleeps_until_us: row.get(5)?,
    })
}
