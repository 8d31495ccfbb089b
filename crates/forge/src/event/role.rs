//! Roles for the whole site besides those of an account's own row, and quotas.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What somebody is for the site as a whole. None of them includes another, nor a role in any repository. Operators and
    /// officers have theirs in their account's row.
    SiteRole {
        /// Reads the log.
        0 Auditor = "auditor",
    }
}

/// An account has a role for the site.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SiteRoleGranted {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The role.
    #[n(1)]
    pub role: SiteRole,
}

impl Payload for SiteRoleGranted {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO site_role (account, role, seq) VALUES (?1, ?2, ?3)
                   ON CONFLICT (account, role) DO UPDATE SET seq = excluded.seq";
        tx.execute(sql, &[self.account.into(), self.role.as_str().into(), at.seq.into()])?;
        Ok(())
    }
}

/// An account no longer has a role for the site.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct SiteRoleRevoked {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The role.
    #[n(1)]
    pub role: SiteRole,
}

impl Payload for SiteRoleRevoked {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM site_role WHERE account = ?1 AND role = ?2";
        must_change_one(tx.execute(sql, &[self.account.into(), self.role.as_str().into()])?, "role", at)
    }
}

/// How much an owner or a repository may take was set. All None: the defaults are in force again.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct QuotaSet {
    /// An owner's namespace or a repository; 0: every owner for which nothing else is set.
    #[n(0)]
    pub subject: u64,
    /// Repositories of the owner.
    #[n(1)]
    pub repos: Option<u64>,
    /// Bytes of all repositories of the owner together; of the repository.
    #[n(2)]
    pub bytes: Option<u64>,
    /// Bytes of each repository of the owner.
    #[n(3)]
    pub repo_bytes: Option<u64>,
}

impl Payload for QuotaSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        tx.execute("DELETE FROM quota WHERE subject = ?1", &[self.subject.into()])?;
        if (self.repos, self.bytes, self.repo_bytes) == (None, None, None) {
            return Ok(());
        }
        let sql = "INSERT INTO quota (subject, repos, bytes, repo_bytes, seq) VALUES (?1, ?2, ?3, ?4, ?5)";
        let values: [Value; 5] =
            [self.subject.into(), self.repos.into(), self.bytes.into(), self.repo_bytes.into(), at.seq.into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}
