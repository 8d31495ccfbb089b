//! What can be done to accounts and tokens.

use super::factor::made_inside_sleeps;
use super::query;
use super::scope::{Scope, Scopes};
use super::token::Token;
use crate::access::role;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::people::{
    CredentialsRevoked, TokenCreated, TokenRevoked, UserCreated, UserPasswordSet, UserProfileSet,
};
use crate::event::repo::Visibility;
use crate::names::{Email, RepoPath, TokenName, UserName};
use crate::repo::query::repo_fetch;
use crate::settings::{Name, days_us};
use crate::writer::{Command, Decide, Urgency};

/// Microseconds in a day.
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Tokens of one account that are good at one time.
pub const TOKENS_MAX: u32 = 500;
/// Repositories that one token can be confined to.
pub const TOKEN_REPOS_MAX: usize = 100;

/// Makes an account. Gives its id.
#[derive(Debug)]
pub struct UserCreate {
    /// Its name.
    pub name: UserName,
    /// Where to write to it.
    pub email: Option<Email>,
    /// The password's hash, from [`Passwords::hash`](super::Passwords::hash).
    pub password_hash: Option<String>,
    /// May sign orders.
    pub officer: bool,
    /// May run the site.
    pub operator: bool,
}

impl Command for UserCreate {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        if query::namespace_fetch(tx, std::slice::from_ref(&self.name))?.is_some() {
            return Err(Error::conflict(format!("the name {} is taken", self.name)));
        }
        if self.officer || self.operator {
            crate::orders::founding(tx, "making an officer or operator")?;
        }
        let event = UserCreated {
            name: self.name.as_str().to_owned(),
            email: self.email.map(|e| e.as_str().to_owned()),
            password: self.password_hash,
            officer: self.officer,
            operator: self.operator,
        };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

/// Sets an account's password and, if asked for, ends all its credentials: what somebody wants who fears that others know the old one.
#[derive(Debug)]
pub struct PasswordSet {
    /// The account.
    pub account: u64,
    /// The new password's hash; None: the account has no password any more.
    pub password_hash: Option<String>,
    /// Whether all tokens of the account end with it.
    pub revoke: bool,
}

impl Command for PasswordSet {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let mut events: Vec<Event> =
            vec![UserPasswordSet { account: self.account, password: self.password_hash }.into()];
        if self.revoke {
            events.push(
                CredentialsRevoked { account: Some(self.account), reason: "a new password was set".into() }.into(),
            );
        }
        Ok((events, ()))
    }
}

/// Makes a token for an account. Gives its id and until when it is good.
#[derive(Debug)]
pub struct TokenCreate {
    /// Whose.
    pub account: u64,
    /// What its owner calls it.
    pub name: TokenName,
    /// SHA-256 of the token.
    pub hash: [u8; 32],
    /// What it may be used for.
    pub scopes: Scopes,
    /// For how long it is good; None: as long as the site's settings let it.
    pub age_us: Option<i64>,
    /// The repositories it is for; None: all that the account may use.
    pub repos: Option<Vec<RepoPath>>,
}

impl TokenCreate {
    /// The command, for this token.
    #[must_use]
    pub fn new(account: u64, name: TokenName, token: &Token, scopes: Scopes, age_us: Option<i64>) -> Self {
        Self { account, name, hash: token.hash(), scopes, age_us, repos: None }
    }

    /// For these repositories alone.
    #[must_use]
    pub fn confined_to(self, repos: Option<Vec<RepoPath>>) -> Self {
        Self { repos, ..self }
    }

    /// The ids of the repositories, all of which the account must be able to use.
    fn repo_ids(&self, tx: &mut Tx) -> Result<Option<Vec<u64>>, Error> {
        let Some(paths) = &self.repos else { return Ok(None) };
        if paths.is_empty() || paths.len() > TOKEN_REPOS_MAX {
            return Err(Error::invalid(format!("a token is for all repositories, or for 1 to {TOKEN_REPOS_MAX}")));
        }
        if [Scope::RepoCreate, Scope::Admin, Scope::UserWrite].iter().any(|scope| self.scopes.has(*scope)) {
            return Err(Error::invalid(
                "a token for certain repositories reads and writes them, and no more: leave out repo:create, user:write and admin",
            ));
        }
        let mut ids = Vec::with_capacity(paths.len());
        for path in paths {
            let repo = repo_fetch(tx, path)?.ok_or_else(|| Error::not_found(path))?;
            if repo.visibility == Visibility::Private && role(tx, self.account, &repo)?.is_none() {
                return Err(Error::not_found(path));
            }
            ids.push(repo.id);
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(Some(ids))
    }
}

impl Command for TokenCreate {
    type Output = (u64, i64);

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, (u64, i64)), Error> {
        let user = query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let sleeps_until_us = made_inside_sleeps(tx, ctx, &user)?;
        let age_max = days_us(tx, Name::TokenDays)?;
        let age = self.age_us.unwrap_or(age_max);
        if !(1..=age_max).contains(&age) {
            return Err(Error::invalid(format!("a token is good for at most {} days here", age_max / DAY_US)));
        }
        let repos = self.repo_ids(tx)?;
        let sql = "SELECT count(*) FROM token WHERE account = ?1 AND revoked_us IS NULL AND expires_us > ?2";
        let good: u64 = tx.query_one(sql, &[self.account.into(), ctx.now_us.into()])?.get(0)?;
        if good >= u64::from(TOKENS_MAX) {
            return Err(Error::invalid(format!("an account has at most {TOKENS_MAX} tokens; revoke some first")));
        }
        let expires_us = ctx.now_us.saturating_add(age);
        let event = TokenCreated {
            account: self.account,
            name: self.name.as_str().to_owned(),
            hash: self.hash,
            scopes: self.scopes.words(),
            expires_us: Some(expires_us),
            repos,
            sleeps_until_us,
        };
        Ok((vec![event.into()], (ctx.id(0), expires_us)))
    }
}

/// Which token is meant.
#[derive(Clone, Debug)]
pub enum WhichToken {
    /// The one with this id.
    Id(u64),
    /// The one with this SHA-256.
    Hash([u8; 32]),
}

/// Ends a token, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct TokenRevoke {
    /// Which.
    pub token: WhichToken,
    /// Whose it must be; None: anybody's (the operator's command line).
    pub owner: Option<u64>,
}

impl Command for TokenRevoke {
    type Output = u64;
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let found = match &self.token {
            WhichToken::Id(id) => query::token_by_id(tx, *id)?,
            WhichToken::Hash(hash) => query::token_by_hash(tx, hash)?,
        };
        let token = found
            .filter(|token| self.owner.is_none_or(|owner| owner == token.account))
            .ok_or_else(|| Error::not_found("the token"))?;
        let event = token.revoked_us.is_none().then(|| TokenRevoked { token: token.id }.into());
        Ok((event.into_iter().collect(), token.id))
    }
}

/// Ends all tokens of one account, or of everybody.
#[derive(Debug)]
pub struct CredentialsRevoke {
    /// Whose; None: everybody's.
    pub account: Option<u64>,
    /// Why.
    pub reason: String,
}

impl Command for CredentialsRevoke {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if let Some(account) = self.account {
            query::user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
        }
        Ok((vec![CredentialsRevoked { account: self.account, reason: self.reason }.into()], ()))
    }
}

/// Characters of a person's own name, and of the words about them.
const FULL_NAME_CHARS_MAX: usize = 100;
const BIO_CHARS_MAX: usize = 500;

/// Sets what somebody says of themselves.
#[derive(Debug)]
pub struct ProfileSet {
    /// Whose.
    pub account: u64,
    /// The name as people write it.
    pub full_name: String,
    /// A few words.
    pub bio: String,
    /// An address of theirs.
    pub website: String,
}

impl Command for ProfileSet {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let user = query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let full_name = crate::names::plain_text("a name", &self.full_name, FULL_NAME_CHARS_MAX)?;
        let bio = crate::names::plain_text("what you say about yourself", &self.bio, BIO_CHARS_MAX)?;
        let website = crate::names::website(&self.website)?;
        if (&full_name, &bio, &website) == (&user.full_name, &user.bio, &user.website) {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![UserProfileSet { account: self.account, full_name, bio, website }.into()], ()))
    }
}
