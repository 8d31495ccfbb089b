//! What orders do to accounts, organisations and what is in the trash, and the exports that they allow.

use super::{ApplyError, Payload, Stamp, must_change_one};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

/// An account went into the trash: nobody finds it, nothing of it is accepted, and all of it is kept. Its repositories have entries
/// of their own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserTrashed {
    /// The account.
    #[n(0)]
    pub account: u64,
    /// The account that wanted it; None: the operator at the machine.
    #[n(1)]
    pub by: Option<u64>,
}

impl Payload for UserTrashed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO trashed_account (id, email, password, officer, operator, created_us,
                   credentials_revoked_us, full_name, bio, website, trashed_us, trashed_by)
                   SELECT id, email, password, officer, operator, created_us, credentials_revoked_us, full_name, bio,
                   website, CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) FROM account WHERE id = ?1";
        let moved = tx.execute(sql, &[self.account.into(), at.time_us.into(), self.by.into()])?;
        must_change_one(moved, "account", at)?;
        must_change_one(tx.execute("DELETE FROM account WHERE id = ?1", &[self.account.into()])?, "account", at)
    }
}

/// An account came back from the trash, with all it had.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct UserRestored {
    /// The account.
    #[n(0)]
    pub account: u64,
}

impl Payload for UserRestored {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO account (id, email, password, officer, operator, created_us, credentials_revoked_us,
                   full_name, bio, website)
                   SELECT id, email, password, officer, operator, created_us, credentials_revoked_us, full_name, bio,
                   website FROM trashed_account WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.account.into()])?, "account in the trash", at)?;
        let sql = "DELETE FROM trashed_account WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.account.into()])?, "account in the trash", at)
    }
}

/// An organisation went into the trash: nobody finds it, and all of it is kept. Its repositories have entries of their own.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgTrashed {
    /// The organisation.
    #[n(0)]
    pub org: u64,
    /// The account that wanted it; None: the operator at the machine.
    #[n(1)]
    pub by: Option<u64>,
}

impl Payload for OrgTrashed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO trashed_organisation (id, full_name, description, website, visibility, base,
                   members_create, created_us, trashed_us, trashed_by)
                   SELECT id, full_name, description, website, visibility, base, members_create, created_us,
                   CAST(?2 AS BIGINT), CAST(?3 AS BIGINT) FROM organisation WHERE id = ?1";
        let moved = tx.execute(sql, &[self.org.into(), at.time_us.into(), self.by.into()])?;
        must_change_one(moved, "organisation", at)?;
        must_change_one(tx.execute("DELETE FROM organisation WHERE id = ?1", &[self.org.into()])?, "organisation", at)
    }
}

/// An organisation came back from the trash, with all it had.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OrgRestored {
    /// The organisation.
    #[n(0)]
    pub org: u64,
}

impl Payload for OrgRestored {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO organisation (id, full_name, description, website, visibility, base, members_create,
                   created_us)
                   SELECT id, full_name, description, website, visibility, base, members_create, created_us
                   FROM trashed_organisation WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.org.into()])?, "organisation in the trash", at)?;
        let sql = "DELETE FROM trashed_organisation WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.org.into()])?, "organisation in the trash", at)
    }
}

/// A repository in the trash was forgotten: nothing of it is in the site's tables but that it was here, nor on its disk (`forge::gone`).
/// The vaults have all of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct TrashEmptied {
    /// The repository.
    #[n(0)]
    pub repo: u64,
}

/// What is a repository's, and goes with it.
const OF_A_REPOSITORY: &[&str] = &[
    "DELETE FROM ref WHERE repo = ?1",
    "DELETE FROM pack WHERE repo = ?1",
    "DELETE FROM collaborator WHERE repo = ?1",
    "DELETE FROM team_repo WHERE repo = ?1",
    "DELETE FROM protection_actor WHERE protection IN (SELECT id FROM protection WHERE repo = ?1)",
    "DELETE FROM protection_path WHERE protection IN (SELECT id FROM protection WHERE repo = ?1)",
    "DELETE FROM protection WHERE repo = ?1",
    "DELETE FROM svn_repository WHERE repo = ?1",
    "DELETE FROM svn_file WHERE repo = ?1",
    "DELETE FROM svn_revision WHERE repo = ?1",
    "DELETE FROM svn_part WHERE repo = ?1",
    "DELETE FROM svn_lock WHERE repo = ?1",
    "DELETE FROM svn_path_rule WHERE repo = ?1",
    "DELETE FROM svn_commit_rules WHERE repo = ?1",
    "DELETE FROM svn_mail WHERE repo = ?1",
    "DELETE FROM svn_layout WHERE repo = ?1",
];

impl Payload for TrashEmptied {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO emptied_repository (id, namespace, name, trashed_us, emptied_us, erasure)
                   SELECT id, namespace, name, trashed_us, CAST(?2 AS BIGINT), NULL FROM trashed_repository WHERE id = ?1";
        let moved = tx.execute(sql, &[self.repo.into(), at.time_us.into()])?;
        must_change_one(moved, "repository in the trash", at)?;
        let sql = "DELETE FROM trashed_repository WHERE id = ?1";
        must_change_one(tx.execute(sql, &[self.repo.into()])?, "repository in the trash", at)?;
        for sql in OF_A_REPOSITORY {
            tx.execute(sql, &[self.repo.into()])?;
        }
        Ok(())
    }
}

/// Private repositories may leave in an export, until a time.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ExportAllowed {
    /// What is exported: `everything`, an owner, or one repository's path.
    #[n(0)]
    pub subject: String,
    /// Until when, microseconds since 1970.
    #[n(1)]
    pub until_us: i64,
}

impl Payload for ExportAllowed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO export_permit (id, subject, until_us) VALUES (?1, ?2, ?3)";
        let values: [Value; 3] = [at.seq.into(), (&self.subject).into(), self.until_us.into()];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::OF_A_REPOSITORY;
    use crate::schema::TABLES;

    /// What says something of a repository and stays: who had a deploy key is asked after a theft, and that it was erased is the reason why
    /// something is missing.
    const STAYS: &[&str] = &["ssh_key", "erasure"];

    #[test]
    fn nothing_of_a_forgotten_repository_is_left_in_any_table() {
        let of_one =
            TABLES.iter().filter(|table| table.columns.iter().any(|column| ["repo", "protection"].contains(column)));
        for table in of_one.filter(|table| !STAYS.contains(&table.name)) {
            let start = format!("DELETE FROM {} ", table.name);
            assert!(OF_A_REPOSITORY.iter().any(|sql| sql.starts_with(&start)), "{} keeps it", table.name);
        }
    }
}
