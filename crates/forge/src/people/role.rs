//! Roles for the site as a whole: operators run it, officers approve, auditors read the log. An account may have any of them; none
//! includes another, and none gives a role in a repository.

use super::query::user_fetch;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::role::{SiteRole, SiteRoleGranted, SiteRoleRevoked};
use crate::names::UserName;
use crate::writer::{Command, Decide, Urgency};

/// Whether an account has a role for the site.
pub fn has_site_role(tx: &mut Tx, account: u64, role: SiteRole) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM site_role WHERE account = ?1 AND role = ?2";
    Ok(tx.query_opt(sql, &[account.into(), role.as_str().into()])?.is_some())
}

/// Gives an account a role for the site. Decided without a look at who asks: the admin socket does, and a guard before it may.
#[derive(Debug)]
pub struct SiteRoleGrant {
    /// The account.
    pub user: UserName,
    /// The role.
    pub role: SiteRole,
}

impl Command for SiteRoleGrant {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let has = has_site_role(tx, account, self.role)?;
        Ok(((!has).then(|| SiteRoleGranted { account, role: self.role }.into()).into_iter().collect(), ()))
    }
}

/// Takes a role for the site away, with or without vaults.
#[derive(Debug)]
pub struct SiteRoleRevoke {
    /// The account.
    pub user: UserName,
    /// The role.
    pub role: SiteRole,
}

impl Command for SiteRoleRevoke {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let has = has_site_role(tx, account, self.role)?;
        Ok((has.then(|| SiteRoleRevoked { account, role: self.role }.into()).into_iter().collect(), ()))
    }
}
