//! The one place that says who a request comes from.

use super::cache::TokenCache;
use super::factor::factors;
use super::header::{self, Credential};
use super::principal::Principal;
use super::session::{SessionSecret, principal_of_session, session_by_id};
use super::token::Token;
use super::{Password, Passwords};
use super::{policy, query};
use crate::canary::{Touched, canary_by_hash};
use crate::certificate::certificate_good;
use crate::clock::now_us;
use crate::db::{Db, DbError, Tx};
use crate::error::Error;
use crate::lockdown::is_shut_out;
use crate::names::UserName;
use crate::ssh::SshPublicKey;
use crate::ssh::query::{good_until, principal_of_key, ssh_key_by_id};
use std::sync::Arc;
use std::time::Instant;

/// Says who a request comes from.
#[derive(Clone, Debug)]
pub struct Authenticator {
    db: Db,
    cache: Arc<TokenCache>,
    passwords: Passwords,
    touched: Touched,
}

impl Authenticator {
    /// One that asks this database.
    #[must_use]
    pub fn new(db: Db, passwords: Passwords) -> Self {
        Self { db, cache: Arc::default(), passwords, touched: Touched::default() }
    }

    /// To be called when a credential or an account's rights were changed, as soon as that is committed.
    pub fn rights_changed(&self) {
        self.cache.clear();
    }

    /// Canaries that somebody tried.
    pub(crate) fn touched(&self) -> &Touched {
        &self.touched
    }

    /// Whoever shows a credential that is nobody's: whether it is a canary is looked up for each of them, and told to none.
    async fn nobodys(&self, hash: [u8; 32]) -> Result<(), Error> {
        if let Some(canary) = self.db.read_async(move |tx| canary_by_hash(tx, &hash)).await? {
            self.touched.note(canary);
        }
        Ok(())
    }

    /// The hashing of passwords.
    #[must_use]
    pub fn passwords(&self) -> &Passwords {
        &self.passwords
    }

    /// Who sends this `Authorization` header. A password is refused: it only [signs in to the pages](Self::with_password).
    pub async fn from_header(&self, value: &str) -> Result<Principal, Error> {
        match header::parse(value)? {
            Credential::Token(token) => self.from_token(&token).await,
            Credential::Password { .. } => Err(Error::Unauthenticated(
                "a password does not work here: make an access token (outlast token create) and use it as the password"
                    .into(),
            )),
        }
    }

    /// Whose token it is. [`Error::Unauthenticated`] when it is unknown, revoked or expired: which of them is not said.
    pub async fn from_token(&self, token: &Token) -> Result<Principal, Error> {
        let hash = token.hash();
        if let Some(known) = self.cache.get(&hash, Instant::now()) {
            return if known.expires_us.is_none_or(|t| now_us() < t) { Ok(known) } else { Err(not_valid()) };
        }
        let generation = self.cache.generation();
        let found = self.db.read_async(move |tx| principal_fetch(tx, &hash)).await?;
        let Some(found) = found else {
            self.nobodys(hash).await?;
            return Err(not_valid());
        };
        self.cache.put(generation, hash, found.clone(), Instant::now());
        Ok(found)
    }

    /// Who is signed in with this secret. [`Error::Unauthenticated`] when nobody is, any more.
    pub async fn from_session(&self, secret: &SessionSecret) -> Result<Principal, Error> {
        let signed_out = || Error::Unauthenticated("you are signed out: sign in again".into());
        let hash = secret.hash();
        if let Some(known) = self.cache.get(&hash, Instant::now()) {
            return if known.expires_us.is_none_or(|t| now_us() < t) { Ok(known) } else { Err(signed_out()) };
        }
        let generation = self.cache.generation();
        let found = self
            .db
            .read_async(move |tx| principal_of_session(tx, &hash).and_then(|found| unless_frozen(tx, found)))
            .await?
            .ok_or_else(signed_out)?;
        self.cache.put(generation, hash, found.clone(), Instant::now());
        Ok(found)
    }

    /// Who holds this SSH key; None when nobody does, any more.
    pub async fn from_ssh_key(&self, key: &SshPublicKey) -> Result<Option<Principal>, Error> {
        let (hash, fingerprint) = (key.hash(), key.fingerprint());
        if let Some(known) = self.cache.get(&hash, Instant::now()) {
            return Ok(Some(known).filter(|known| known.expires_us.is_none_or(|t| now_us() < t)));
        }
        let generation = self.cache.generation();
        let found = self
            .db
            .read_async(move |tx| {
                principal_of_key(tx, &fingerprint, now_us()).and_then(|found| unless_frozen(tx, found))
            })
            .await?;
        match &found {
            Some(found) => self.cache.put(generation, hash, found.clone(), Instant::now()),
            None => self.nobodys(hash).await?,
        }
        Ok(found)
    }

    /// The account behind a name and its password, for signing in to the pages; None when they do not fit.
    pub async fn with_password(&self, name: &str, password: &str) -> Result<Option<u64>, Error> {
        let name = name.parse::<UserName>().ok();
        let stored = self.db.read_async(move |tx| stored_password(tx, name.as_ref())).await?;
        let (account, hash) = stored.map_or((None, None), |(id, hash)| (Some(id), hash));
        let fits = self.passwords.verify(Password::offered(password)?, hash).await?;
        Ok(account.filter(|_| fits))
    }
}

fn stored_password(tx: &mut Tx, name: Option<&UserName>) -> Result<Option<(u64, Option<String>)>, DbError> {
    name.map_or(Ok(None), |name| query::password_fetch(tx, name))
}

fn principal_fetch(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Principal>, DbError> {
    let Some(token) = query::token_by_hash(tx, hash)?.filter(|t| t.is_good(now_us())) else { return Ok(None) };
    // Where a second factor is required, no door opens to an account without one.
    if policy::required(tx)? && !factors(tx, token.account, now_us())?.any() {
        return Ok(None);
    }
    let user = query::user_by_id(tx, token.account)?;
    unless_frozen(
        tx,
        user.map(|user| Principal {
            user: user.id,
            name: user.name,
            credential: Some(token.id),
            scopes: token.scopes,
            operator: user.operator,
            expires_us: token.expires_us,
            repos: token.repos,
            within: None,
            session: None,
        }),
    )
}

/// Nobody, where the account is frozen or in the trash: its credentials are good again when an officer lets it go on or brings it back.
fn unless_frozen(tx: &mut Tx, found: Option<Principal>) -> Result<Option<Principal>, DbError> {
    let Some(found) = found else { return Ok(None) };
    Ok(if is_shut_out(tx, found.user)? { None } else { Some(found) })
}

/// Whether the credential an act was begun with is still good: asked again when the act is decided.
pub(crate) fn still_good(tx: &mut Tx, credential: Option<u64>, now_us: i64) -> Result<bool, DbError> {
    let Some(id) = credential else { return Ok(true) };
    if let Some(token) = query::token_by_id(tx, id)? {
        return Ok(token.is_good(now_us) && !is_shut_out(tx, token.account)?);
    }
    if let Some(key) = ssh_key_by_id(tx, id)? {
        return Ok(good_until(tx, &key, now_us)?.is_some() && !is_shut_out(tx, key.account)?);
    }
    if let Some(good) = certificate_good(tx, id, now_us)? {
        return Ok(good);
    }
    match session_by_id(tx, id)? {
        Some(session) => Ok(session.is_good(now_us) && !is_shut_out(tx, session.account)?),
        None => Ok(false),
    }
}

fn not_valid() -> Error {
    Error::Unauthenticated("this access token is not valid: mistyped, expired, revoked, or somebody else's".into())
}
