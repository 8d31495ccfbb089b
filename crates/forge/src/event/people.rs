//! People: accounts, passwords, access tokens.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What a namespace is.
    NamespaceKind {
        /// A person's.
        0 User = "user",
        /// A group's.
        1 Group = "group",
    }
}

/// A person came, and with them the namespace of their name. The account's id and the namespace's are the entry's
/// number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserCreated {
    /// The name in addresses.
    #[n(0)]
    pub name: String,
    /// Where to write to them.
    #[n(1)]
    pub email: Option<String>,
    /// The password's argon2id hash in PHC form; None: cannot sign in with one.
    #[n(2)]
    pub password: Option<String>,
    /// May sign orders.
    #[n(3)]
    pub officer: bool,
    /// May run the site.
    #[n(4)]
    pub operator: bool,
}

impl Payload for UserCreated {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO namespace (id, parent, name, kind) VALUES (?1, 0, ?2, ?3)";
        tx.execute(sql, &[at.seq.into(), (&self.name).into(), NamespaceKind::User.as_str().into()])?;
        let sql = "INSERT INTO account (id, email, password, officer, operator, created_us, credentials_revoked_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, NULL)";
        let values: [Value; 6] = [
            at.seq.into(),
            self.email.as_ref().into(),
            self.password.as_ref().into(),
            self.officer.into(),
            self.operator.into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        if self.password.is_some() { password_made(tx, at.seq, at) } else { Ok(()) }
    }
}

/// Sets an account's password, or with None takes it away.
pub(super) fn password_set(tx: &mut Tx, account: u64, hash: Option<&String>, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "UPDATE account SET password = ?2 WHERE id = ?1";
    must_change_one(tx.execute(sql, &[account.into(), hash.into()])?, "account", at)?;
    tx.execute("DELETE FROM password_made WHERE account = ?1", &[account.into()])?;
    if hash.is_some() { password_made(tx, account, at) } else { Ok(()) }
}

fn password_made(tx: &mut Tx, account: u64, at: &Stamp) -> Result<(), ApplyError> {
    let sql = "INSERT INTO password_made (account, seq, made_us) VALUES (?1, ?2, ?3)";
    tx.execute(sql, &[account.into(), at.seq.into(), at.time_us.into()])?;
    Ok(())
}

/// An account's password was set, or with None taken away.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserPasswordSet {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The argon2id hash in PHC form.
    #[n(1)]
    pub password: Option<String>,
}

impl Payload for UserPasswordSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        password_set(tx, self.account, self.password.as_ref(), at)
    }
}

/// An access token was made. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TokenCreated {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// What its owner calls it.
    #[n(1)]
    pub name: String,
    /// SHA-256 of the token.
    #[cbor(n(2), with = "wire::hash32")]
    pub hash: [u8; 32],
    /// What it may be used for.
    #[n(3)]
    pub scopes: Vec<String>,
    /// Until when it is good, microseconds; None: until revoked.
    #[n(4)]
    pub expires_us: Option<i64>,
    /// The repositories it is for; None: all that its owner may use.
    #[n(5)]
    pub repos: Option<Vec<u64>>,
    /// Until when it does nothing: an officer's or operator's. None: it works at once.
    #[n(6)]
    pub sleeps_until_us: Option<i64>,
}

impl Payload for TokenCreated {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO token (id, account, name, hash, scopes, created_us, expires_us, revoked_us, repos,
                                      sleeps_until_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9)";
        let repos = self.repos.as_ref().map(|ids| ids.iter().map(u64::to_string).collect::<Vec<_>>().join(","));
        let values: [Value; 9] = [
            at.seq.into(),
            self.account.into(),
            (&self.name).into(),
            (&self.hash).into(),
            self.scopes.join(",").into(),
            at.time_us.into(),
            self.expires_us.into(),
            repos.into(),
            self.sleeps_until_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A token is no longer good.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TokenRevoked {
    /// The token.
    #[n(0)]
    pub token: u64,
}

impl Payload for TokenRevoked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE token SET revoked_us = ?2 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.token.into(), at.time_us.into()])?;
        must_change_one(changed, "token", at)
    }
}

/// All tokens, sessions, SSH keys and certificates made until now are no longer good: one account's, or everybody's (after a recovery).
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CredentialsRevoked {
    /// Whose; None: everybody's.
    #[n(0)]
    pub account: Option<u64>,
    /// Why, for people.
    #[n(1)]
    pub reason: String,
}

impl Payload for CredentialsRevoked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let Some(account) = self.account else {
            tx.execute("UPDATE token SET revoked_us = ?1 WHERE revoked_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE session SET ended_us = ?1 WHERE ended_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE ssh_key SET removed_us = ?1 WHERE removed_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE ssh_authority SET removed_us = ?1 WHERE removed_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE ssh_certificate SET removed_us = ?1 WHERE removed_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE password_reset SET ended_us = ?1 WHERE ended_us IS NULL", &[at.time_us.into()])?;
            tx.execute("UPDATE account SET credentials_revoked_us = ?1", &[at.time_us.into()])?;
            return Ok(());
        };
        let sql = "UPDATE token SET revoked_us = ?2 WHERE account = ?1 AND revoked_us IS NULL";
        tx.execute(sql, &[account.into(), at.time_us.into()])?;
        let sql = "UPDATE session SET ended_us = ?2 WHERE account = ?1 AND ended_us IS NULL";
        tx.execute(sql, &[account.into(), at.time_us.into()])?;
        let sql = "UPDATE ssh_key SET removed_us = ?2 WHERE account = ?1 AND removed_us IS NULL";
        tx.execute(sql, &[account.into(), at.time_us.into()])?;
        let sql = "UPDATE ssh_certificate SET removed_us = ?2 WHERE account = ?1 AND removed_us IS NULL";
        tx.execute(sql, &[account.into(), at.time_us.into()])?;
        let sql = "UPDATE password_reset SET ended_us = ?2 WHERE account = ?1 AND ended_us IS NULL";
        tx.execute(sql, &[account.into(), at.time_us.into()])?;
        let sql = "UPDATE account SET credentials_revoked_us = ?2 WHERE id = ?1";
        must_change_one(tx.execute(sql, &[account.into(), at.time_us.into()])?, "account", at)
    }
}

wire::words! {
    /// What somebody signed in with.
    SignIn {
        /// The password, of an account that has nothing else.
        0 Password = "password",
        /// The password, and a code of an app.
        1 Totp = "one-time password",
        /// The password, and a touch of an authenticator.
        2 SecurityKey = "security key",
        /// An authenticator that verified its owner.
        3 Passkey = "passkey",
        /// The password, and a recovery code.
        4 RecoveryCode = "recovery code",
        /// What another service said.
        5 Provider = "provider",
    }
}

/// Somebody signed in to the pages. The session's id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionStarted {
    /// Whose.
    #[n(0)]
    pub account: u64,
    /// SHA-256 of the secret in the cookie.
    #[cbor(n(1), with = "wire::hash32")]
    pub hash: [u8; 32],
    /// What the browser called itself.
    #[n(2)]
    pub agent: String,
    /// The address it came from.
    #[n(3)]
    pub address: Option<String>,
    /// Until when it is good, microseconds.
    #[n(4)]
    pub expires_us: i64,
    /// What it was begun with; None, in old journals: the password.
    #[n(5)]
    pub how: Option<SignIn>,
    /// The authenticator or app it was begun with.
    #[n(6)]
    pub factor: Option<u64>,
    /// The account had signed in before, and never from this network with such a browser.
    #[n(7)]
    pub new_place: Option<bool>,
}

impl Payload for SessionStarted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql =
            "INSERT INTO session (id, account, hash, agent, address, created_us, expires_us, ended_us, how, factor,
                   new_place) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, NULL, ?8, ?9, ?10)";
        let values: [Value; 10] = [
            at.seq.into(),
            self.account.into(),
            (&self.hash).into(),
            (&self.agent).into(),
            self.address.as_ref().into(),
            at.time_us.into(),
            self.expires_us.into(),
            self.how.unwrap_or(SignIn::Password).as_str().into(),
            self.factor.into(),
            self.new_place.unwrap_or(false).into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// A session is over.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SessionEnded {
    /// The session.
    #[n(0)]
    pub session: u64,
}

impl Payload for SessionEnded {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE session SET ended_us = ?2 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.session.into(), at.time_us.into()])?;
        must_change_one(changed, "session", at)
    }
}

/// What somebody says of themselves was set.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserProfileSet {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The name as people write it; None: the one in addresses.
    #[n(1)]
    pub full_name: Option<String>,
    /// A few words.
    #[n(2)]
    pub bio: Option<String>,
    /// An address of their own, http or https.
    #[n(3)]
    pub website: Option<String>,
}

impl Payload for UserProfileSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE account SET full_name = ?2, bio = ?3, website = ?4 WHERE id = ?1";
        let values: [Value; 4] = [
            self.account.into(),
            self.full_name.as_ref().into(),
            self.bio.as_ref().into(),
            self.website.as_ref().into(),
        ];
        must_change_one(tx.execute(sql, &values)?, "account", at)
    }
}
