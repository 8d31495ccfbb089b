//! Reading SSH keys.

use super::public_key::line;
use crate::db::{DbError, Row, Tx};
use crate::people::factor::factors;
use crate::people::query::{token_by_id, user_by_id};
use crate::people::{Principal, Scopes, policy};

/// An SSH key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// Its id.
    pub id: u64,
    /// Whose; of a deploy key: who added it.
    pub account: u64,
    /// The repository that a deploy key is for.
    pub repo: Option<u64>,
    /// Whether a deploy key may push.
    pub writes: bool,
    /// What its owner calls it.
    pub name: String,
    /// The algorithm's name in SSH's protocol.
    pub algorithm: String,
    /// The key as SSH sends it.
    pub public_key: Vec<u8>,
    /// `SHA256:...`
    pub fingerprint: String,
    /// The credential it was added with; None: at the admin socket.
    pub made_by: Option<u64>,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// Until when it is good.
    pub expires_us: i64,
    /// Since when it is not.
    pub removed_us: Option<i64>,
    /// Until when it does nothing.
    pub sleeps_until_us: Option<i64>,
}

impl SshKey {
    /// Whether it is good at this time, as far as it says itself.
    #[must_use]
    pub fn is_good(&self, now_us: i64) -> bool {
        let awake = self.sleeps_until_us.is_none_or(|until| until <= now_us);
        awake && self.removed_us.is_none() && now_us < self.expires_us
    }

    /// `ALGORITHM BASE64`, as in a `.pub` file.
    #[must_use]
    pub fn line(&self) -> String {
        line(&self.algorithm, &self.public_key)
    }
}

/// The key with this id.
pub fn ssh_key_by_id(tx: &mut Tx, id: u64) -> Result<Option<SshKey>, DbError> {
    let sql = "SELECT id, account, repo, writes, name, algorithm, public_key, fingerprint, made_by, created_us,
                      expires_us, removed_us, sleeps_until_us FROM ssh_key WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| key_of(&row)).transpose()
}

/// The key with this fingerprint that is not removed; it may have expired.
pub fn ssh_key_by_fingerprint(tx: &mut Tx, fingerprint: &str) -> Result<Option<SshKey>, DbError> {
    let sql = "SELECT id, account, repo, writes, name, algorithm, public_key, fingerprint, made_by, created_us,
                      expires_us, removed_us, sleeps_until_us FROM ssh_key WHERE fingerprint = ?1 AND removed_us IS NULL
               ORDER BY id LIMIT 1";
    tx.query_opt(sql, &[fingerprint.into()])?.map(|row| key_of(&row)).transpose()
}

/// An account's own keys that are not removed, by id.
pub fn ssh_key_list(tx: &mut Tx, account: u64) -> Result<Vec<SshKey>, DbError> {
    let sql = "SELECT id, account, repo, writes, name, algorithm, public_key, fingerprint, made_by, created_us,
                      expires_us, removed_us, sleeps_until_us FROM ssh_key
               WHERE account = ?1 AND repo IS NULL AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[account.into()])?.iter().map(key_of).collect()
}

/// A repository's deploy keys that are not removed, by id.
pub fn deploy_key_list(tx: &mut Tx, repo: u64) -> Result<Vec<SshKey>, DbError> {
    let sql = "SELECT id, account, repo, writes, name, algorithm, public_key, fingerprint, made_by, created_us,
                      expires_us, removed_us, sleeps_until_us FROM ssh_key WHERE repo = ?1 AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[repo.into()])?.iter().map(key_of).collect()
}

/// Until when a key is good: no longer than the token that it was added with. None: it is not.
pub fn good_until(tx: &mut Tx, key: &SshKey, now_us: i64) -> Result<Option<i64>, DbError> {
    if !key.is_good(now_us) {
        return Ok(None);
    }
    let maker = key.made_by.map_or(Ok(None), |id| token_by_id(tx, id))?;
    Ok(match maker {
        Some(token) if !token.is_good(now_us) => None,
        Some(token) => Some(token.expires_us.map_or(key.expires_us, |ends| ends.min(key.expires_us))),
        None => Some(key.expires_us),
    })
}

/// Who holds the key with this fingerprint, if it is good. A deploy key is whoever added it, for its repository alone.
pub(crate) fn principal_of_key(tx: &mut Tx, fingerprint: &str, now_us: i64) -> Result<Option<Principal>, DbError> {
    let Some(key) = ssh_key_by_fingerprint(tx, fingerprint)? else { return Ok(None) };
    let Some(expires_us) = good_until(tx, &key, now_us)? else { return Ok(None) };
    // Where a second factor is required, no door opens to an account without one.
    if key.repo.is_none() && policy::required(tx)? && !factors(tx, key.account, now_us)?.any() {
        return Ok(None);
    }
    let scopes = match key.repo {
        None => "repo:write,repo:create",
        Some(_) if key.writes => "repo:write",
        Some(_) => "repo:read",
    };
    let user = user_by_id(tx, key.account)?;
    Ok(user.map(|user| Principal {
        user: user.id,
        name: user.name,
        credential: Some(key.id),
        scopes: Scopes::from_stored(scopes),
        operator: false,
        expires_us: Some(expires_us),
        repos: key.repo.map(|repo| vec![repo]),
        within: None,
        session: None,
    }))
}

fn key_of(row: &Row) -> Result<SshKey, DbError> {
    Ok(SshKey {
        id: row.get(0)?,
        account: row.get(1)?,
        repo: row.get(2)?,
        writes: row.get(3)?,
        name: row.get(4)?,
        algorithm: row.get(5)?,
        public_key: row.get(6)?,
        fingerprint: row.get(7)?,
        made_by: row.get(8)?,
        created_us: row.get(9)?,
        expires_us: row.get(10)?,
        removed_us: row.get(11)?,
        sleeps_until_us: row.get(12)?,
    })
}
