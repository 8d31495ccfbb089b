//! What who runs the site sees of one account, and does to it: shut it out, never act as it.
//!
//! Invariants:
//! 1. An officer's or operator's account is not touched from here, and nobody's own: what protects the site from one of those who run it
//!    is for officers' orders.
//! 2. Nothing here acts as an account. What is taken, its owner makes anew; the one way in that can be given, a link for a forgotten
//!    password, is told to its owner and passes no second factor.

use super::Principal;
use super::authenticate::still_good;
use super::factor::{Factors, factors, recovery_codes_left};
use super::inventory::{CredentialKind, InventoryFilter, inventory};
use super::query::{User, user_by_id, user_fetch};
use super::role::has_site_role;
use super::session::session_list;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::lockdown::AccountFrozen;
use crate::event::org::OrgRole;
use crate::event::people::{CredentialsRevoked, SessionEnded};
use crate::event::role::SiteRole;
use crate::lockdown::is_frozen;
use crate::names::{UserName, plain_text};
use crate::quota::{Quota, Usage, quota_of, usage};
use crate::writer::{Command, Decide, Urgency};

/// Characters of a reason.
pub const REASON_CHARS_MAX: usize = 500;
/// Organisations that a look lists.
const ORGS_MAX: u32 = 100;

/// An account, as who runs the site sees it.
#[derive(Clone, Debug)]
pub struct Look {
    /// Who it is.
    pub user: User,
    /// Reads the log.
    pub auditor: bool,
    /// Since when it is suspended, microseconds since 1970, and why.
    pub frozen: Option<(i64, String)>,
    /// It signs in with a password.
    pub password: bool,
    /// What it has besides.
    pub factors: Factors,
    /// Recovery codes that are still good.
    pub codes: u32,
    /// Credentials that are good, by kind; a kind of which there is none is left out.
    pub credentials: Vec<(CredentialKind, u64)>,
    /// Their ids: what was used last is known of each.
    pub credential_ids: Vec<u64>,
    /// When it signed in last, microseconds since 1970.
    pub signed_in_us: Option<i64>,
    /// The organisations it is in, and whether as an owner.
    pub orgs: Vec<(String, bool)>,
    /// What its repositories take, and may.
    pub usage: Usage,
    /// What is set for it.
    pub quota: Quota,
}

/// Looks at the account of this name.
pub fn look(tx: &mut Tx, name: &UserName, now_us: i64) -> Result<Look, Error> {
    let user = user_fetch(tx, name)?.ok_or_else(|| Error::not_found(name))?;
    let frozen = tx.query_opt("SELECT since_us, reason FROM frozen_account WHERE account = ?1", &[user.id.into()])?;
    let filter = InventoryFilter { account: Some(user.id), ..InventoryFilter::default() };
    let good: Vec<_> = inventory(tx, &filter)?.into_iter().filter(|made| made.is_good(now_us)).collect();
    let mut credentials: Vec<(CredentialKind, u64)> = Vec::new();
    for made in &good {
        match credentials.iter_mut().find(|(kind, _)| *kind == made.kind) {
            Some((_, count)) => *count += 1,
            None => credentials.push((made.kind, 1)),
        }
    }
    credentials.sort();
    let signed_in = tx.query_one("SELECT max(created_us) FROM session WHERE account = ?1", &[user.id.into()])?;
    Ok(Look {
        auditor: has_site_role(tx, user.id, SiteRole::Auditor)?,
        frozen: frozen.map(|row| Ok::<_, DbError>((row.get(0)?, row.get(1)?))).transpose()?,
        password: good.iter().any(|made| made.kind == CredentialKind::Password),
        factors: factors(tx, user.id, now_us)?,
        codes: recovery_codes_left(tx, user.id)?,
        credential_ids: good.iter().map(|made| made.id).collect(),
        credentials,
        signed_in_us: signed_in.get(0)?,
        orgs: orgs(tx, user.id)?,
        usage: usage(tx, user.id, None)?,
        quota: quota_of(tx, user.id)?,
        user,
    })
}

fn orgs(tx: &mut Tx, account: u64) -> Result<Vec<(String, bool)>, DbError> {
    let mut found = Vec::new();
    for org in crate::org::query::org_list_of(tx, account, false, ORGS_MAX)? {
        let member = crate::org::query::member_fetch(tx, org.id, account)?;
        found.push((org.path, member.is_some_and(|member| member.role == OrgRole::Owner)));
    }
    Ok(found)
}

/// What is done to an account.
#[derive(Clone, Debug)]
pub enum Act {
    /// It does nothing until it is let go on: its credentials are refused on every door.
    Suspend {
        /// Why, for people.
        reason: String,
    },
    /// Whoever is signed in as it is signed out.
    EndSessions,
    /// Its sessions, tokens and SSH keys end.
    EndCredentials,
}

/// Does something to an account, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct Oversee {
    /// Whose account.
    pub account: u64,
    /// What.
    pub act: Act,
    /// The operator; None: at the machine.
    pub by: Option<Principal>,
}

impl Command for Oversee {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if let Some(who) = &self.by
            && !still_good(tx, who.credential(), ctx.now_us)?
        {
            return Err(Error::forbidden("only an operator does this to an account"));
        }
        let user = touchable(tx, self.account, self.by.as_ref())?;
        Ok((self.act.events(tx, &user, ctx.now_us)?, ()))
    }
}

/// The account, if who runs the site may do something to it (invariant 1).
pub(super) fn touchable(tx: &mut Tx, account: u64, by: Option<&Principal>) -> Result<User, Error> {
    let user = user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
    if let Some(who) = by {
        if !user_by_id(tx, who.user())?.is_some_and(|user| user.operator) {
            return Err(Error::forbidden("only an operator does this to an account"));
        }
        if who.user() == user.id {
            return Err(Error::invalid("this is your own account: what is yours is in your settings"));
        }
    }
    if user.officer || user.operator {
        let what = if user.officer { "an officer" } else { "an operator" };
        return Err(Error::forbidden(format!(
            "{} is {what}: an order takes the role away first, and then this can be done",
            user.name
        )));
    }
    Ok(user)
}

impl Act {
    fn events(self, tx: &mut Tx, user: &User, now_us: i64) -> Result<Vec<Event>, Error> {
        let account = user.id;
        Ok(match self {
            Self::Suspend { .. } if is_frozen(tx, account)? => Vec::new(),
            Self::Suspend { reason } => {
                let reason = plain_text("a reason", &reason, REASON_CHARS_MAX)?
                    .ok_or_else(|| Error::invalid("say why: its owner and the officers read it"))?;
                vec![AccountFrozen { account, reason }.into()]
            }
            Self::EndSessions => {
                let good = session_list(tx, account, now_us)?;
                good.into_iter().map(|session| SessionEnded { session: session.id }.into()).collect()
            }
            Self::EndCredentials => {
                vec![CredentialsRevoked { account: Some(account), reason: "an operator ended them".to_owned() }.into()]
            }
        })
    }
}
