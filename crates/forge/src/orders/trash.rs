//! The trash: deleted repositories, accounts and organisations, whole. Nothing empties it but an order, for one repository.

use super::gone::{in_trash, returning};
use super::officer::founding;
use crate::access::{Administer, Authorized};
use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{RepoRestored, RepoTrashed};
use crate::event::trash::{OrgRestored, UserRestored};
use crate::names::RepoName;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::repo::command::recheck;
use crate::repo::query::{namespace_path, repo_by_id};
use crate::writer::{Command, Decide};

/// What something in the trash is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrashedKind {
    /// A repository.
    Repository,
    /// An account, with the repositories that went with it.
    User,
    /// An organisation, with the repositories that went with it.
    Organisation,
}

impl TrashedKind {
    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Repository => "repository",
            Self::User => "user",
            Self::Organisation => "organisation",
        }
    }
}

/// Something in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// What it is.
    pub kind: TrashedKind,
    /// Its id.
    pub id: u64,
    /// The namespace it was in; what it is itself, for an account or organisation.
    pub namespace: u64,
    /// Its path.
    pub path: String,
    /// Its name.
    pub name: String,
    /// When it was deleted, microseconds since 1970.
    pub trashed_us: i64,
    /// Who wanted it; None: the operator at the machine.
    pub trashed_by: Option<u64>,
}

/// What deleting a repository would take out of sight.
pub(super) fn effects(tx: &mut Tx, repo: u64) -> Result<Vec<(&'static str, u64)>, Error> {
    repo_by_id(tx, repo)?.ok_or_else(|| Error::not_found("the repository"))?;
    counts(tx, repo)
}

pub(super) fn counts(tx: &mut Tx, repo: u64) -> Result<Vec<(&'static str, u64)>, Error> {
    let refs = tx.query_one("SELECT count(*) FROM ref WHERE repo = ?1", &[repo.into()])?.get(0)?;
    let sql = "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pack WHERE repo = ?1";
    let bytes = tx.query_one(sql, &[repo.into()])?.get(0)?;
    let people = tx.query_one("SELECT count(*) FROM collaborator WHERE repo = ?1", &[repo.into()])?.get(0)?;
    Ok(vec![("branches, tags and other refs", refs), ("bytes of packs", bytes), ("collaborators", people)])
}

/// What forgetting a repository in the trash would take away.
pub(super) fn empty_effects(tx: &mut Tx, repo: u64) -> Result<Vec<(&'static str, u64)>, Error> {
    trashed_by_id(tx, repo)?.ok_or_else(|| Error::not_found(format!("repository {repo} in the trash")))?;
    counts(tx, repo)
}

/// Puts a repository into the trash, while there is no officers' rule: whoever could delete it can bring it back.
#[derive(Debug)]
pub struct RepoDelete {
    /// The right to.
    pub proof: Authorized<Administer>,
}

impl Command for RepoDelete {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        founding(tx, "deleting a repository")?;
        let repo = recheck(tx, ctx, &self.proof)?;
        Ok((vec![RepoTrashed { repo: repo.id, by: ctx.by.actor }.into()], ()))
    }
}

/// Brings something back from the trash, with all that went with it. Gives its path.
#[derive(Debug)]
pub struct TrashRestore {
    /// What.
    pub id: u64,
    /// Another name, for a repository; None: the one it had.
    pub name: Option<RepoName>,
    /// Who, which must own what it lay in, or be an officer; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for TrashRestore {
    type Output = String;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, String), Error> {
        let not_found = || Error::not_found(format!("number {} in the trash", self.id));
        let trashed = match trashed_by_id(tx, self.id)? {
            Some(trashed) => trashed,
            None => owner_by_id(tx, self.id)?.ok_or_else(not_found)?,
        };
        if let Some(who) = &self.by
            && (!still_good(tx, who.credential(), ctx.now_us)? || !may_restore(tx, who, &trashed)?)
        {
            return Err(not_found());
        }
        let first = match trashed.kind {
            TrashedKind::Repository => None,
            TrashedKind::User => Some(UserRestored { account: trashed.id }.into()),
            TrashedKind::Organisation => Some(OrgRestored { org: trashed.id }.into()),
        };
        if let Some(first) = first {
            let events = [first].into_iter().chain(returning(tx, trashed.id, trashed.trashed_us)?).collect();
            return Ok((events, trashed.path));
        }
        if in_trash(tx, trashed.namespace)? {
            return Err(Error::conflict("its owner is in the trash: bring that back before"));
        }
        let name = self.name.as_ref().map_or_else(|| trashed.name.clone(), |name| name.as_str().to_owned());
        let sql = "SELECT id FROM repository WHERE namespace = ?1 AND lower(name) = ?2";
        if tx.query_opt(sql, &[trashed.namespace.into(), name.to_ascii_lowercase().into()])?.is_some() {
            return Err(Error::conflict(format!(
                "there is a repository {name} by now: bring this one back under another name"
            )));
        }
        let path = format!("{}/{name}", namespace_path(tx, trashed.namespace)?);
        Ok((vec![RepoRestored { repo: trashed.id, namespace: trashed.namespace, name }.into()], path))
    }
}

pub(super) fn may_restore(tx: &mut Tx, who: &Principal, trashed: &Trashed) -> Result<bool, DbError> {
    // What lies in the trash is in none of the repositories that a confined credential is for.
    if !who.scopes().has(crate::people::Scope::RepoWrite) || who.is_confined() {
        return Ok(false);
    }
    // Of an organisation in the trash the access rules know nothing: who owned it is asked here.
    let sql = "SELECT 1 FROM org_member WHERE organisation = ?1 AND account = ?2 AND role = 'owner'";
    let owned = tx.query_opt(sql, &[trashed.namespace.into(), who.user().into()])?.is_some();
    Ok(owned
        || crate::access::owns_namespace(tx, who.user(), trashed.namespace)?
        || super::query::acts_as_officer(tx, who)?)
}

fn trashed_of(tx: &mut Tx, row: &Row) -> Result<Trashed, DbError> {
    let (namespace, name): (u64, String) = (row.get(1)?, row.get(2)?);
    let path = format!("{}/{name}", namespace_path(tx, namespace)?);
    let kind = TrashedKind::Repository;
    Ok(Trashed { kind, id: row.get(0)?, namespace, path, name, trashed_us: row.get(3)?, trashed_by: row.get(4)? })
}

fn owner_of(tx: &mut Tx, row: &Row, kind: TrashedKind) -> Result<Trashed, DbError> {
    let id = row.get(0)?;
    let path = namespace_path(tx, id)?;
    let (trashed_us, trashed_by) = (row.get(1)?, row.get(2)?);
    Ok(Trashed { kind, id, namespace: id, name: path.clone(), path, trashed_us, trashed_by })
}

/// An account or organisation in the trash.
fn owner_by_id(tx: &mut Tx, id: u64) -> Result<Option<Trashed>, DbError> {
    Ok(owners(tx)?.into_iter().find(|trashed| trashed.id == id))
}

/// The accounts and organisations in the trash.
fn owners(tx: &mut Tx) -> Result<Vec<Trashed>, DbError> {
    let mut found = Vec::new();
    for row in tx.query("SELECT id, trashed_us, trashed_by FROM trashed_account ORDER BY id", &[])? {
        found.push(owner_of(tx, &row, TrashedKind::User)?);
    }
    for row in tx.query("SELECT id, trashed_us, trashed_by FROM trashed_organisation ORDER BY id", &[])? {
        found.push(owner_of(tx, &row, TrashedKind::Organisation)?);
    }
    Ok(found)
}

pub(super) fn trashed_by_id(tx: &mut Tx, id: u64) -> Result<Option<Trashed>, DbError> {
    let sql = "SELECT id, namespace, name, trashed_us, trashed_by FROM trashed_repository WHERE id = ?1";
    let row = tx.query_opt(sql, &[id.into()])?;
    row.map(|row| trashed_of(tx, &row)).transpose()
}

/// What is in the trash, the newest first: what somebody may bring back, or with None all of it.
pub fn trash_list(tx: &mut Tx, who: Option<&Principal>, limit: u32) -> Result<Vec<Trashed>, DbError> {
    // What lies in something that is in the trash itself comes back with that.
    let sql = "SELECT id, namespace, name, trashed_us, trashed_by FROM trashed_repository
               WHERE namespace NOT IN (SELECT id FROM trashed_account UNION ALL SELECT id FROM trashed_organisation)
               ORDER BY trashed_us DESC, id";
    let mut all = owners(tx)?;
    for row in tx.query(sql, &[])? {
        all.push(trashed_of(tx, &row)?);
    }
    all.sort_by_key(|trashed| std::cmp::Reverse(trashed.trashed_us));
    let mut shown = Vec::new();
    for trashed in all {
        let may = who.map_or(Ok(true), |who| may_restore(tx, who, &trashed))?;
        if may && shown.len() < limit as usize {
            shown.push(trashed);
        }
    }
    Ok(shown)
}
