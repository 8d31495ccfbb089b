//! A forgotten password: who runs the site makes a link, which sets another password once.
//!
//! Invariants:
//! 1. A link is good once and for [`RESET_AGE_US`]; a new one ends the account's others, and so does whatever ends its credentials.
//! 2. An officer's or operator's password is never set so: a link for it would be a way to their role.
//! 3. Once there is an officers' rule an operator never sees a link: it is mailed to the account's own address, or there is none.
//! 4. It sets a password and nothing else. Who has a second factor still needs it; what was signed in is signed out.

use super::authenticate::still_good;
use super::query::{User, user_by_id};
use super::{Principal, oversight};
use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::people::{CredentialsRevoked, UserPasswordSet};
use crate::event::reset::{PasswordResetEnded, PasswordResetMade};
use crate::lockdown::is_frozen;
use crate::mail::transport_fetch;
use crate::orders::rule_fetch;
use crate::writer::{Command, Decide};

/// How long a link is good, microseconds: 24 hours.
pub const RESET_AGE_US: i64 = 24 * 60 * 60 * 1_000_000;

/// A link, without its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// Its id.
    pub id: u64,
    /// Whose password.
    pub account: u64,
    /// Until when it is good, microseconds since 1970.
    pub expires_us: i64,
    ended_us: Option<i64>,
}

fn reset_of(row: &Row) -> Result<Reset, DbError> {
    Ok(Reset { id: row.get(0)?, account: row.get(1)?, expires_us: row.get(2)?, ended_us: row.get(3)? })
}

/// The link with a secret of this hash, if it is still good, and whose password it sets.
pub fn reset_fetch(tx: &mut Tx, hash: &[u8; 32], now_us: i64) -> Result<Option<(Reset, User)>, DbError> {
    let sql = "SELECT id, account, expires_us, ended_us FROM password_reset WHERE hash = ?1";
    let row = tx.query_opt(sql, &[hash.into()])?;
    let found = row.map(|row| reset_of(&row)).transpose()?;
    let Some(reset) = found.filter(|reset| reset.ended_us.is_none() && now_us < reset.expires_us) else {
        return Ok(None);
    };
    let user = user_by_id(tx, reset.account)?;
    // Who has become an officer or operator since is not who it was made for.
    let user = user.filter(|user| !(user.officer || user.operator));
    Ok(if is_frozen(tx, reset.account)? { None } else { user.map(|user| (reset, user)) })
}

/// A link that was made, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResetMade {
    /// Whose password it sets: the account's name.
    pub name: String,
    /// Until when it is good, microseconds since 1970.
    pub expires_us: i64,
    /// The address that it goes to; None: whoever made it is shown it.
    pub to: Option<String>,
}

/// Makes a link.
#[derive(Debug)]
pub struct ResetMake {
    /// Whose password.
    pub account: u64,
    /// Of the secret.
    pub hash: [u8; 32],
    /// The operator; None: at the machine.
    pub by: Option<Principal>,
}

impl Command for ResetMake {
    type Output = ResetMade;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ResetMade), Error> {
        if let Some(who) = &self.by
            && !still_good(tx, who.credential(), ctx.now_us)?
        {
            return Err(Error::forbidden("only an operator does this to an account"));
        }
        let user = oversight::touchable(tx, self.account, self.by.as_ref())?;
        if is_frozen(tx, user.id)? {
            return Err(Error::conflict(format!("{} is suspended: let it go on first", user.name)));
        }
        let to = match &self.by {
            Some(_) if rule_fetch(tx)?.is_some() => Some(address(tx, &user)?),
            _ => None,
        };
        let expires_us = ctx.now_us.saturating_add(RESET_AGE_US);
        let mut events: Vec<Event> = vec![PasswordResetMade { account: user.id, hash: self.hash, expires_us }.into()];
        events.extend(ended(tx, user.id)?);
        Ok((events, ResetMade { name: user.name, expires_us, to }))
    }
}

/// Where a link for this account goes.
fn address(tx: &mut Tx, user: &User) -> Result<String, Error> {
    let elsewhere = "whoever works at the site's machine makes a link there: outlast user reset-password";
    if transport_fetch(tx, u64::MAX)?.is_none() {
        return Err(Error::conflict(format!(
            "the link goes to the account by mail, and no mail server is set: set one (outlast mail set), or {elsewhere} {}",
            user.name
        )));
    }
    user.email.clone().ok_or_else(|| {
        Error::conflict(format!(
            "the link goes to the account by mail, and {} has no address: {elsewhere} {}",
            user.name, user.name
        ))
    })
}

/// What ends an account's links.
fn ended(tx: &mut Tx, account: u64) -> Result<Vec<Event>, DbError> {
    let sql = "SELECT id FROM password_reset WHERE account = ?1 AND ended_us IS NULL ORDER BY id";
    let rows = tx.query(sql, &[account.into()])?;
    rows.iter().map(|row| Ok(PasswordResetEnded { reset: row.get(0)? }.into())).collect()
}

/// Uses a link up: sets the password, and ends what the account had signed in.
#[derive(Debug)]
pub struct ResetUse {
    /// Of the secret.
    pub hash: [u8; 32],
    /// Of the new password.
    pub password_hash: String,
}

impl Command for ResetUse {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let (_, user) = reset_fetch(tx, &self.hash, ctx.now_us)?.ok_or_else(gone)?;
        let mut events = ended(tx, user.id)?;
        events.push(UserPasswordSet { account: user.id, password: Some(self.password_hash) }.into());
        let reason = "a new password was set with a link".to_owned();
        events.push(CredentialsRevoked { account: Some(user.id), reason }.into());
        Ok((events, ()))
    }
}

/// What is said of a link that is good for nothing, whatever the reason.
pub(crate) fn gone() -> Error {
    Error::not_found("such a link: it was used, or is older than a day. Whoever runs the site makes another, which")
}
