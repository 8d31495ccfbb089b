//! Who a request comes from.

use super::scope::{Scope, Scopes};
use crate::access::lies_in;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::people::SignIn;
use crate::repo::query::Repo;
use crate::writer::Submitter;

/// An account, authenticated, with what its credential may be used for. Only [`Authenticator`](super::Authenticator) and the site
/// itself make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    pub(crate) user: u64,
    pub(crate) name: String,
    pub(crate) credential: Option<u64>,
    pub(crate) scopes: Scopes,
    pub(crate) operator: bool,
    pub(crate) expires_us: Option<i64>,
    /// The repositories the credential is for; None: all that the account may use.
    pub(crate) repos: Option<Vec<u64>>,
    /// The organisation whose repositories the credential is for, with those that lie in it; None: it is for no one's alone.
    pub(crate) within: Option<u64>,
    /// It is signed in to the pages, and not with a token.
    pub(crate) session: Option<Session>,
}

/// What is special about who signed in to the pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// What it was begun with.
    pub how: SignIn,
    /// When it began, microseconds since 1970.
    pub since_us: i64,
    /// A second factor must be set up before anything else.
    pub must_enrol: bool,
    /// The account is an officer's or operator's, and the role is asleep: the session was not begun with a passkey.
    pub role_asleep: bool,
}

/// Somebody who has proved lately that it is them, and not a stolen cookie: what every act asks for that makes, changes or shows a
/// credential. Only [`Site::proved`](crate::Site::proved) makes one.
#[derive(Clone, Debug)]
pub struct Proved(pub(crate) Principal);

impl Proved {
    /// Who.
    #[must_use]
    pub fn who(&self) -> &Principal {
        &self.0
    }
}

impl Principal {
    /// The account's id.
    #[must_use]
    pub fn user(&self) -> u64 {
        self.user
    }

    /// The account's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The token's id.
    #[must_use]
    pub fn credential(&self) -> Option<u64> {
        self.credential
    }

    /// What is special about a session of the pages; None: it is a token.
    #[must_use]
    pub fn session(&self) -> Option<Session> {
        self.session
    }

    /// What the credential may be used for.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Whether the account runs the site and the credential may be used for that.
    #[must_use]
    pub fn is_operator(&self) -> bool {
        self.operator && self.scopes.has(Scope::Admin)
    }

    /// Whether the credential may be used for what the account is to the site (officer, auditor): a session that is not asleep for
    /// want of a passkey, or a token that has the scope admin and is for everything. What only protects (a lockdown, a veto)
    /// does not ask for it.
    #[must_use]
    pub fn acts_for_the_site(&self) -> bool {
        let asleep = self.session.is_some_and(|session| session.role_asleep || session.must_enrol);
        self.scopes.has(Scope::Admin) && !self.is_confined() && !asleep
    }

    /// Whether the credential may be used for this repository, as far as it says itself.
    pub(crate) fn covers(&self, tx: &mut Tx, repo: &Repo) -> Result<bool, DbError> {
        let named = self.repos.as_ref().is_none_or(|repos| repos.contains(&repo.id));
        Ok(named && self.within.map_or(Ok(true), |org| lies_in(tx, repo.namespace, org))?)
    }

    /// Whether the credential is for certain repositories alone, or for those of one organisation.
    #[must_use]
    pub fn is_confined(&self) -> bool {
        self.repos.is_some() || self.within.is_some()
    }

    /// Refuses a credential that is for certain repositories alone, or for those of one organisation.
    pub fn needs_all(&self) -> Result<(), Error> {
        if self.is_confined() {
            return Err(Error::forbidden(
                "this credential is for certain repositories alone; use one that is for everything",
            ));
        }
        Ok(())
    }

    /// Refuses unless the credential has the scope.
    pub fn needs(&self, scope: Scope) -> Result<(), Error> {
        if self.scopes.has(scope) {
            return Ok(());
        }
        Err(Error::forbidden(format!("this token has not the scope {}; use one that has", scope.as_str())))
    }

    /// Refuses unless it is an operator's.
    pub fn needs_operator(&self) -> Result<(), Error> {
        if self.is_operator() {
            return Ok(());
        }
        Err(Error::forbidden("only an operator may do this, with a token that has the scope admin"))
    }

    /// What the journal says of who did something.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        Submitter { actor: Some(self.user), credential: self.credential }
    }
}
