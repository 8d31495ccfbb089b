//! OpenPGP keys of accounts: what signatures of commits are verified with. They let nobody in.
//!
//! Invariants:
//! 1. The same key may be several accounts': a public key is no secret, and who adds another's must not keep its owner from doing so.
//! 2. So a signature speaks for an account only when the commit names that account's own mail address.

use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::openpgp::{OpenPgpKeyAdded, OpenPgpKeyRemoved};
use crate::names::plain_text;
use crate::people::authenticate::still_good;
use crate::people::query::user_by_id;
use crate::writer::{Command, Decide, Urgency};
use git::openpgp::OpenPgpKey;

/// Keys of one account.
pub const OPENPGP_KEYS_MAX: usize = 50;
/// Characters of a key's name.
const NAME_CHARS_MAX: usize = 100;

/// An account's key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountKey {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// What its owner calls it.
    pub name: String,
    /// Its packets.
    pub packets: Vec<u8>,
    /// The fingerprints: its own, then its subkeys'.
    pub fingerprints: Vec<String>,
    /// Microseconds since 1970.
    pub created_us: i64,
}

const COLUMNS_OF_ACCOUNT: &str = "SELECT id, account, name, packets, fingerprints, created_us FROM openpgp_key
     WHERE account = ?1 AND removed_us IS NULL ORDER BY id";

fn key_of(row: &Row) -> Result<AccountKey, DbError> {
    let fingerprints: String = row.get(4)?;
    Ok(AccountKey {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        packets: row.get(3)?,
        fingerprints: fingerprints.split(' ').map(str::to_owned).collect(),
        created_us: row.get(5)?,
    })
}

/// An account's keys.
pub fn openpgp_key_list(tx: &mut Tx, account: u64) -> Result<Vec<AccountKey>, DbError> {
    tx.query(COLUMNS_OF_ACCOUNT, &[account.into()])?.iter().map(key_of).collect()
}

/// Everybody's keys that a signature may be of: it names a fingerprint or a key id, which is a part of one. In hex; a bounded number.
pub fn openpgp_keys_of_issuer(tx: &mut Tx, issuer: &str) -> Result<Vec<AccountKey>, DbError> {
    if issuer.len() < 16 || !issuer.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(Vec::new());
    }
    let sql = "SELECT id, account, name, packets, fingerprints, created_us FROM openpgp_key
               WHERE fingerprints LIKE ?1 AND removed_us IS NULL ORDER BY id LIMIT 20";
    let pattern = format!("%{}%", issuer.to_ascii_uppercase());
    tx.query(sql, &[pattern.into()])?.iter().map(key_of).collect()
}

/// Adds a key to an account. Gives its id.
#[derive(Debug)]
pub struct OpenPgpKeyAdd {
    /// Whose.
    pub account: u64,
    /// The key.
    pub key: OpenPgpKey,
    /// What its owner calls it; empty: what it says itself.
    pub name: String,
}

impl Command for OpenPgpKeyAdd {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        if !still_good(tx, ctx.by.credential, ctx.now_us)? {
            return Err(Error::Unauthenticated("you were signed out meanwhile: sign in again".into()));
        }
        user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let there = openpgp_key_list(tx, self.account)?;
        let fingerprints = self.key.fingerprints;
        if let Some(same) = there.iter().find(|key| key.fingerprints.first() == fingerprints.first()) {
            let text =
                format!("this key is there already, as {:?}; to bring it up to date, remove it first", same.name);
            return Err(Error::conflict(text));
        }
        if there.len() >= OPENPGP_KEYS_MAX {
            return Err(Error::invalid(format!("there are {OPENPGP_KEYS_MAX} keys already; remove some first")));
        }
        let called = plain_text("a key's name", &self.name, NAME_CHARS_MAX)?;
        let says = || self.key.user_ids.first().map(|id| id.chars().take(NAME_CHARS_MAX).collect::<String>());
        let says = says().and_then(|text| plain_text("", &text, NAME_CHARS_MAX).ok().flatten());
        let name = called.or(says).unwrap_or_else(|| fingerprints.first().cloned().unwrap_or_default());
        let name = name.replace('\n', " ");
        let event = OpenPgpKeyAdded { account: self.account, name, packets: self.key.packets, fingerprints };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

/// Takes a key away from an account, with or without vaults.
#[derive(Debug)]
pub struct OpenPgpKeyRemove {
    /// Whose it must be.
    pub account: u64,
    /// The key.
    pub key: u64,
}

impl Command for OpenPgpKeyRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let found = openpgp_key_list(tx, self.account)?.into_iter().find(|key| key.id == self.key);
        let key = found.ok_or_else(|| Error::not_found("the key"))?;
        Ok((vec![OpenPgpKeyRemoved { key: key.id }.into()], ()))
    }
}
