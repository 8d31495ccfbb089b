//! The audit log.

use super::Site;
use crate::audit::{AuditFilter, AuditLine, audit_list};
use crate::error::Error;
use crate::people::Principal;

impl Site {
    /// Whether somebody reads the audit log: auditors do, signed in or with a token that has the scope admin, and who is at the site's
    /// machine. Running the site does not read its log, and approving what is done to it does not either: what officers need to see is
    /// on their desk, among the alarms and in the tree of a lockdown.
    pub async fn may_audit(&self, by: Option<&Principal>) -> Result<bool, Error> {
        match by {
            None => Ok(true),
            Some(who) => self.is_auditor(who).await,
        }
    }

    /// Entries of the journal in words, for who [may read them](Self::may_audit).
    pub async fn audit(&self, by: Option<&Principal>, filter: AuditFilter) -> Result<Vec<AuditLine>, Error> {
        if !self.may_audit(by).await? {
            return Err(Error::not_found("the audit log"));
        }
        self.db().read_async(move |tx| audit_list(tx, &filter)).await
    }
}
