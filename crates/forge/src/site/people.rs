//! Accounts and tokens.

use super::Site;
use crate::error::Error;
use crate::ledger::Answer;
use crate::names::{Email, RepoPath, TokenName, UserName};
use crate::people::command::{PasswordSet, TokenCreate, TokenRevoke, UserCreate, WhichToken};
use crate::people::query::{self, TokenInfo, User};
use crate::people::{Password, Principal, Proved, Scope, Scopes, Token};
use crate::writer::{Command, Submitter};

/// Entries of one page of a list.
pub(crate) const PAGE_MAX: u32 = 100;

/// An account to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its name.
    pub name: UserName,
    /// Where to write to it.
    pub email: Option<Email>,
    /// Its password; None: it has none, and uses tokens alone.
    pub password: Option<Password>,
    /// May sign orders.
    pub officer: bool,
    /// May run the site.
    pub operator: bool,
}

/// A token to be made.
#[derive(Clone, Debug)]
pub struct NewToken {
    /// What its owner calls it.
    pub name: TokenName,
    /// What it may be used for.
    pub scopes: Scopes,
    /// For how long it is good; None: as long as may be, 366 days.
    pub age_us: Option<i64>,
    /// The repositories it is for; None: all that the account may use.
    pub repos: Option<Vec<RepoPath>>,
}

pub(super) fn submitter(by: Option<&Principal>) -> Submitter {
    by.map(Principal::submitter).unwrap_or_default()
}

impl Site {
    /// Who sends this `Authorization` header. [`Error::Unauthenticated`] when nobody does, or a password is in it.
    pub async fn authenticate(&self, header: &str) -> Result<Principal, Error> {
        self.authenticator.from_header(header).await
    }

    /// Makes an account. `by` None: at the admin socket; else an operator's.
    pub async fn user_create(&self, by: Option<&Proved>, new: NewUser) -> Result<User, Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let password_hash = match new.password {
            Some(password) => {
                password.must_be_hard_to_guess(new.name.as_str(), self.host())?;
                Some(self.authenticator.passwords().hash(password).await?)
            }
            None => None,
        };
        let NewUser { name, email, officer, operator, .. } = new;
        let command = UserCreate { name, email, password_hash, officer, operator };
        let id = self.ledger.submit(submitter(by), command).await?.output;
        let user = self.db().read_async(move |tx| query::user_by_id(tx, id)).await?;
        user.ok_or_else(|| Error::internal("the account is gone"))
    }

    /// The account of this name.
    pub async fn user_fetch(&self, name: &UserName) -> Result<User, Error> {
        let wanted = name.clone();
        let user = self.db().read_async(move |tx| query::user_fetch(tx, &wanted)).await?;
        user.ok_or_else(|| Error::not_found(name))
    }

    /// The account somebody is signed in to.
    pub async fn user_self(&self, who: &Principal) -> Result<User, Error> {
        let id = who.user();
        let user = self.db().read_async(move |tx| query::user_by_id(tx, id)).await?;
        user.ok_or_else(|| Error::not_found(who.name()))
    }

    /// Accounts with ids above `after`, by id.
    pub async fn user_list(&self, after: u64, limit: u32) -> Result<Vec<User>, Error> {
        let limit = limit.clamp(1, PAGE_MAX);
        self.db().read_async(move |tx| Ok(query::user_list(tx, after, limit)?)).await
    }

    /// Sets an account's password; all its tokens end with it.
    pub async fn password_set(&self, by: Option<&Proved>, user: &UserName, password: Password) -> Result<(), Error> {
        let by = by.map(Proved::who);
        let account = self.account_of(by, user, Scope::UserWrite).await?;
        password.must_be_hard_to_guess(user.as_str(), self.host())?;
        let hash = self.authenticator.passwords().hash(password).await?;
        let command = PasswordSet { account, password_hash: Some(hash), revoke: true };
        self.change_rights(submitter(by), command).await.map(drop)
    }

    /// Makes a token at the admin socket.
    pub async fn token_create(&self, user: &UserName, new: NewToken) -> Result<(Token, TokenInfo), Error> {
        let account = self.user_fetch(user).await?.id;
        self.token_make(Submitter::default(), account, new).await
    }

    /// Makes a token for who is signed in to the pages. A token makes no other: that would outlive its own revocation.
    pub async fn token_create_for(&self, by: &Proved, new: NewToken) -> Result<(Token, TokenInfo), Error> {
        self.token_make(by.who().submitter(), by.who().user(), new).await
    }

    async fn token_make(&self, by: Submitter, account: u64, new: NewToken) -> Result<(Token, TokenInfo), Error> {
        let token = Token::generate()?;
        let command = TokenCreate::new(account, new.name, &token, new.scopes, new.age_us).confined_to(new.repos);
        let (id, _) = self.ledger.submit(by, command).await?.output;
        let info = self.db().read_async(move |tx| query::token_by_id(tx, id)).await?;
        Ok((token, info.ok_or_else(|| Error::internal("the token is gone"))?))
    }

    /// An account's tokens with ids above `after`.
    pub async fn token_list(
        &self,
        by: Option<&Principal>,
        user: &UserName,
        after: u64,
        limit: u32,
    ) -> Result<Vec<TokenInfo>, Error> {
        let account = self.account_of(by, user, Scope::UserRead).await?;
        let limit = limit.clamp(1, PAGE_MAX);
        self.db().read_async(move |tx| Ok(query::token_list(tx, account, after, limit)?)).await
    }

    /// Ends a token of the asker's, or at the admin socket anybody's. Effective when it returns, with or without vaults. Gives
    /// its id.
    pub async fn token_revoke(&self, by: Option<&Principal>, token: WhichToken) -> Result<u64, Error> {
        if let Some(who) = by {
            let itself = matches!(&token, WhichToken::Id(id) if Some(*id) == who.credential());
            if !itself {
                who.needs(Scope::UserWrite)?;
            }
        }
        let command = TokenRevoke { token, owner: by.map(Principal::user) };
        Ok(self.change_rights(submitter(by), command).await?.output)
    }

    /// Submits a command that takes rights away: nobody is believed from memory once it is committed. A task of its own, so
    /// that it is not cut short with its request.
    pub(super) async fn change_rights<C: Command>(
        &self,
        by: Submitter,
        command: C,
    ) -> Result<Answer<C::Output>, Error> {
        let (ledger, authenticator) = (self.ledger.clone(), self.authenticator.clone());
        let changing = tokio::spawn(async move {
            let answer = ledger.submit(by, command).await;
            authenticator.rights_changed();
            answer
        });
        changing.await.map_err(|e| Error::internal(format!("a change of rights broke off: {e}")))?
    }

    /// The id of an account that somebody may act for: their own; at the admin socket anybody's.
    async fn account_of(&self, by: Option<&Principal>, user: &UserName, scope: Scope) -> Result<u64, Error> {
        let Some(who) = by else { return Ok(self.user_fetch(user).await?.id) };
        if !who.name().eq_ignore_ascii_case(user.as_str()) {
            return Err(Error::not_found(user));
        }
        who.needs(scope)?;
        Ok(who.user())
    }
}
