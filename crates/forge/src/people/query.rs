//! Reading accounts and tokens.

use super::scope::Scopes;
use crate::db::{DbError, Row, Tx};
use crate::event::people::NamespaceKind;
use crate::names::UserName;

/// An account as others may see it; the mail address is for itself and operators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// Its id, which is also its namespace's.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Where to write to it.
    pub email: Option<String>,
    /// May sign orders.
    pub officer: bool,
    /// May run the site.
    pub operator: bool,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// The name as people write it.
    pub full_name: Option<String>,
    /// A few words of theirs.
    pub bio: Option<String>,
    /// An address of theirs.
    pub website: Option<String>,
}

/// A token, without the token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenInfo {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// What its owner calls it.
    pub name: String,
    /// What it may be used for.
    pub scopes: Scopes,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// Until when it is good.
    pub expires_us: Option<i64>,
    /// Since when it is not.
    pub revoked_us: Option<i64>,
    /// The repositories it is for; None: all that its owner may use.
    pub repos: Option<Vec<u64>>,
    /// Until when it does nothing.
    pub sleeps_until_us: Option<i64>,
}

impl TokenInfo {
    /// Whether it is good at this time.
    #[must_use]
    pub fn is_good(&self, now_us: i64) -> bool {
        let awake = self.sleeps_until_us.is_none_or(|until| until <= now_us);
        awake && self.revoked_us.is_none() && self.expires_us.is_none_or(|t| now_us < t)
    }
}

/// The account of this name, in any case of letters.
pub fn user_fetch(tx: &mut Tx, name: &UserName) -> Result<Option<User>, DbError> {
    let sql = "SELECT a.id, n.name, a.email, a.officer, a.operator, a.created_us, a.full_name, a.bio, a.website
               FROM account a
               JOIN namespace n ON n.id = a.id WHERE n.parent = 0 AND lower(n.name) = ?1";
    tx.query_opt(sql, &[name.as_str().to_ascii_lowercase().into()])?.map(|row| user_of(&row)).transpose()
}

/// The account with this id.
pub fn user_by_id(tx: &mut Tx, id: u64) -> Result<Option<User>, DbError> {
    let sql = "SELECT a.id, n.name, a.email, a.officer, a.operator, a.created_us, a.full_name, a.bio, a.website
               FROM account a
               JOIN namespace n ON n.id = a.id WHERE a.id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| user_of(&row)).transpose()
}

/// Accounts with ids above `after`, by id.
pub fn user_list(tx: &mut Tx, after: u64, limit: u32) -> Result<Vec<User>, DbError> {
    let sql = "SELECT a.id, n.name, a.email, a.officer, a.operator, a.created_us, a.full_name, a.bio, a.website
               FROM account a
               JOIN namespace n ON n.id = a.id WHERE a.id > ?1 ORDER BY a.id LIMIT ?2";
    tx.query(sql, &[after.into(), limit.into()])?.iter().map(user_of).collect()
}

/// Accounts with a text in their name or mail address, in any case of letters; by id, above `after`.
pub fn user_search(tx: &mut Tx, text: &str, after: u64, limit: u32) -> Result<Vec<User>, DbError> {
    let sql = "SELECT a.id, n.name, a.email, a.officer, a.operator, a.created_us, a.full_name, a.bio, a.website
               FROM account a
               JOIN namespace n ON n.id = a.id
               WHERE a.id > ?1 AND (lower(n.name) LIKE ?2 ESCAPE '\\' OR lower(coalesce(a.email, '')) LIKE ?2 ESCAPE '\\')
               ORDER BY a.id LIMIT ?3";
    let pattern = crate::repo::query::like(text);
    tx.query(sql, &[after.into(), pattern.into(), limit.into()])?.iter().map(user_of).collect()
}

/// Accounts with a text in their name or what people call them, by name: what everybody may know of them.
pub fn user_find(tx: &mut Tx, text: &str, limit: u32) -> Result<Vec<(String, Option<String>)>, DbError> {
    let sql = "SELECT n.name, a.full_name FROM account a JOIN namespace n ON n.id = a.id
               WHERE lower(n.name) LIKE ?1 ESCAPE '\\' OR lower(coalesce(a.full_name, '')) LIKE ?1 ESCAPE '\\'
               ORDER BY length(n.name), n.name LIMIT ?2";
    let rows = tx.query(sql, &[crate::repo::query::like(text).into(), limit.into()])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The id of the stored password's account, and the hash, for a name in any case of letters.
pub fn password_fetch(tx: &mut Tx, name: &UserName) -> Result<Option<(u64, Option<String>)>, DbError> {
    let sql = "SELECT a.id, a.password FROM account a JOIN namespace n ON n.id = a.id
               WHERE n.parent = 0 AND lower(n.name) = ?1";
    let row = tx.query_opt(sql, &[name.as_str().to_ascii_lowercase().into()])?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// The stored hash of an account's password.
pub fn password_of(tx: &mut Tx, account: u64) -> Result<Option<String>, DbError> {
    let row = tx.query_opt("SELECT password FROM account WHERE id = ?1", &[account.into()])?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// When all credentials of an account were revoked last, microseconds since 1970.
pub(crate) fn credentials_revoked(tx: &mut Tx, account: u64) -> Result<Option<i64>, DbError> {
    let row = tx.query_opt("SELECT credentials_revoked_us FROM account WHERE id = ?1", &[account.into()])?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// The token with this hash.
pub fn token_by_hash(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<TokenInfo>, DbError> {
    let sql = "SELECT id, account, name, scopes, created_us, expires_us, revoked_us, repos, sleeps_until_us FROM token WHERE hash = ?1";
    tx.query_opt(sql, &[hash.into()])?.map(|row| token_of(&row)).transpose()
}

/// The token with this id.
pub fn token_by_id(tx: &mut Tx, id: u64) -> Result<Option<TokenInfo>, DbError> {
    let sql = "SELECT id, account, name, scopes, created_us, expires_us, revoked_us, repos, sleeps_until_us FROM token WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| token_of(&row)).transpose()
}

/// An account's tokens with ids above `after`, by id, also those that are no longer good.
pub fn token_list(tx: &mut Tx, account: u64, after: u64, limit: u32) -> Result<Vec<TokenInfo>, DbError> {
    let sql = "SELECT id, account, name, scopes, created_us, expires_us, revoked_us, repos, sleeps_until_us FROM token
               WHERE account = ?1 AND id > ?2 ORDER BY id LIMIT ?3";
    tx.query(sql, &[account.into(), after.into(), limit.into()])?.iter().map(token_of).collect()
}

/// The namespace of a chain of names, outermost first, and its kind.
pub fn namespace_fetch(tx: &mut Tx, chain: &[UserName]) -> Result<Option<(u64, NamespaceKind)>, DbError> {
    let mut found = None;
    let mut parent = 0u64;
    for name in chain {
        let sql = "SELECT id, kind FROM namespace WHERE parent = ?1 AND lower(name) = ?2";
        let Some(row) = tx.query_opt(sql, &[parent.into(), name.as_str().to_ascii_lowercase().into()])? else {
            return Ok(None);
        };
        parent = row.get(0)?;
        found = Some((parent, row.get(1)?));
    }
    Ok(found)
}

fn user_of(row: &Row) -> Result<User, DbError> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        email: row.get(2)?,
        officer: row.get(3)?,
        operator: row.get(4)?,
        created_us: row.get(5)?,
        full_name: row.get(6)?,
        bio: row.get(7)?,
        website: row.get(8)?,
    })
}

fn token_of(row: &Row) -> Result<TokenInfo, DbError> {
    let scopes: String = row.get(3)?;
    let repos: Option<String> = row.get(7)?;
    Ok(TokenInfo {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        scopes: Scopes::from_stored(&scopes),
        created_us: row.get(4)?,
        expires_us: row.get(5)?,
        revoked_us: row.get(6)?,
        sleeps_until_us: row.get(8)?,
        repos: repos.map(|text| text.split(',').filter_map(|id| id.parse().ok()).collect()),
    })
}
