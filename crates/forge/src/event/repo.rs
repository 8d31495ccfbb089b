//! Repositories and who may use them.

use super::{ApplyError, Payload, Stamp, must_change_one, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// What a repository is.
    RepoKind {
        /// Git.
        0 Git = "git",
        /// Subversion.
        1 Svn = "svn",
    }
}

wire::words! {
    /// How a Git repository names its objects.
    Format {
        /// SHA-1.
        0 Sha1 = "sha1",
        /// SHA-256.
        1 Sha256 = "sha256",
    }
}

wire::words! {
    /// Who may read a repository.
    Visibility {
        /// Its owner and collaborators.
        0 Private = "private",
        /// Every account of the site.
        2 Internal = "internal",
        /// Everybody.
        1 Public = "public",
    }
}

wire::words! {
    /// A role in a repository: the rungs of a ladder, each with everything below it. Their order is this one, not that of
    /// their numbers.
    Access {
        /// Fetch.
        0 Read = "read",
        /// And sort issues.
        3 Triage = "triage",
        /// And push.
        1 Write = "write",
        /// And say what it is and shows first.
        4 Maintain = "maintain",
        /// And change who may do what.
        2 Admin = "admin",
    }
}

/// A repository was made, empty. Its id is the entry's number.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoCreated {
    /// The namespace it is in.
    #[n(0)]
    pub namespace: u64,
    /// Its name there.
    #[n(1)]
    pub name: String,
    /// Git or Subversion.
    #[n(2)]
    pub kind: RepoKind,
    /// How its objects are named.
    #[n(3)]
    pub format: Format,
    /// Who may read it.
    #[n(4)]
    pub visibility: Visibility,
    /// What HEAD points to: a full ref name.
    #[n(5)]
    pub head: String,
}

impl Payload for RepoCreated {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO repository
                   (id, namespace, name, kind, format, visibility, head, created_us, pushed_us, seq)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, NULL, ?1)";
        let values: [Value; 8] = [
            at.seq.into(),
            self.namespace.into(),
            (&self.name).into(),
            self.kind.as_str().into(),
            self.format.as_str().into(),
            self.visibility.as_str().into(),
            (&self.head).into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}

/// Who may read a repository was changed.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoVisibilitySet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// Who may read it from now on.
    #[n(1)]
    pub visibility: Visibility,
}

impl Payload for RepoVisibilitySet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE repository SET visibility = ?2 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.repo.into(), self.visibility.as_str().into()])?;
        must_change_one(changed, "repository", at)
    }
}

/// A repository got another name, another namespace, or both.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoRenamed {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The namespace it is in from now on.
    #[n(1)]
    pub namespace: u64,
    /// Its name there.
    #[n(2)]
    pub name: String,
}

impl Payload for RepoRenamed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE repository SET namespace = ?2, name = ?3 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.repo.into(), self.namespace.into(), (&self.name).into()])?;
        must_change_one(changed, "repository", at)
    }
}

/// HEAD points to another ref.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct HeadSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The full name of the ref.
    #[n(1)]
    pub target: String,
}

impl Payload for HeadSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE repository SET head = ?2, seq = ?3 WHERE id = ?1";
        let changed = tx.execute(sql, &[self.repo.into(), (&self.target).into(), at.seq.into()])?;
        must_change_one(changed, "repository", at)
    }
}

/// An account may use a repository, or may from now on do more or less in it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CollaboratorSet {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The account.
    #[n(1)]
    pub account: u64,
    /// What it may do.
    #[n(2)]
    pub access: Access,
}

impl Payload for CollaboratorSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO collaborator (repo, account, access, seq) VALUES (?1, ?2, ?3, ?4)
                   ON CONFLICT (repo, account) DO UPDATE SET access = excluded.access, seq = excluded.seq";
        let access = self.access.as_str();
        tx.execute(sql, &[self.repo.into(), self.account.into(), access.into(), at.seq.into()])?;
        Ok(())
    }
}

/// An account may no longer use a repository.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct CollaboratorRemoved {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The account.
    #[n(1)]
    pub account: u64,
}

impl Payload for CollaboratorRemoved {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "DELETE FROM collaborator WHERE repo = ?1 AND account = ?2";
        must_change_one(tx.execute(sql, &[self.repo.into(), self.account.into()])?, "collaborator", at)
    }
}

/// What a repository is was said in a few words.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RepoDescribed {
    /// The repository.
    #[n(0)]
    pub repo: u64,
    /// The words; None: nothing.
    #[n(1)]
    pub description: Option<String>,
    /// Where there is more, http or https.
    #[n(2)]
    pub website: Option<String>,
}

impl Payload for RepoDescribed {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "UPDATE repository SET description = ?2, website = ?3, seq = ?4 WHERE id = ?1";
        let values: [Value; 4] =
            [self.repo.into(), self.description.as_ref().into(), self.website.as_ref().into(), at.seq.into()];
        must_change_one(tx.execute(sql, &values)?, "repository", at)
    }
}
