//! Roles for the site as a whole, and quotas.

use super::Site;
use crate::access::{Authorized, Read};
use crate::error::Error;
use crate::event::role::SiteRole;
use crate::names::UserName;
use crate::people::Principal;
use crate::people::role::{SiteRoleGrant, SiteRoleRevoke, has_site_role};
use crate::quota::{Quota, QuotaPut, Subject, Usage, usage};
use crate::writer::Submitter;

impl Site {
    /// Whether somebody reads the log: an auditor, whatever else they are, signed in or with a token that has the scope admin.
    pub async fn is_auditor(&self, who: &Principal) -> Result<bool, Error> {
        if !who.acts_for_the_site() {
            return Ok(false);
        }
        self.has_site_role(who.user(), SiteRole::Auditor).await
    }

    /// Whether an account has a role for the site.
    pub async fn has_site_role(&self, account: u64, role: SiteRole) -> Result<bool, Error> {
        self.db().read_async(move |tx| Ok(has_site_role(tx, account, role)?)).await
    }

    /// Gives an account a role for the site; at the admin socket.
    pub async fn site_role_grant(&self, user: UserName, role: SiteRole) -> Result<(), Error> {
        self.change_rights(Submitter::default(), SiteRoleGrant { user, role }).await.map(drop)
    }

    /// Takes it away. Effective when it returns, with or without vaults.
    pub async fn site_role_revoke(&self, user: UserName, role: SiteRole) -> Result<(), Error> {
        self.change_rights(Submitter::default(), SiteRoleRevoke { user, role }).await.map(drop)
    }

    /// Sets how much somebody or something may take; at the admin socket.
    pub async fn quota_put(&self, subject: Subject, quota: Quota) -> Result<(), Error> {
        self.settings_change(Submitter::default(), QuotaPut { subject, quota }).await
    }

    /// What a repository and its owner use, and may.
    pub async fn usage(&self, proof: &Authorized<Read>) -> Result<Usage, Error> {
        let (namespace, repo) = (proof.repo().namespace, proof.repo().id);
        self.db().read_async(move |tx| Ok(usage(tx, namespace, Some(repo))?)).await
    }
}
