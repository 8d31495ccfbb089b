//! The audit log.

use super::Site;
use crate::audit::{AuditFilter, AuditLine, audit_list};
use crate::error::Error;
use crate::people::Principal;

impl Site {
    /// Entries of the journal in words, for officers and auditors, and at the admin socket. Running a site does not read its log.
    pub async fn audit(&self, by: Option<&Principal>, filter: AuditFilter) -> Result<Vec<AuditLine>, Error> {
        if let Some(who) = by
            && !self.is_auditor(who).await?
            && !self.is_officer(who).await?
        {
            return Err(Error::not_found("the audit log"));
        }
        self.db().read_async(move |tx| audit_list(tx, &filter)).await
    }
}
