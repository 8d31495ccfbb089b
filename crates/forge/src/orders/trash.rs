//! The trash: deleted repositories, whole. Nothing empties it.

use super::officer::founding;
use crate::access::{Administer, Authorized};
use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{RepoRestored, RepoTrashed};
use crate::names::RepoName;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::repo::command::recheck;
use crate::repo::query::{namespace_path, repo_by_id};
use crate::writer::{Command, Decide};

/// A repository in the trash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trashed {
    /// Its id.
    pub id: u64,
    /// The namespace it was in.
    pub namespace: u64,
    /// Its path there.
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
    let refs = tx.query_one("SELECT count(*) FROM ref WHERE repo = ?1", &[repo.into()])?.get(0)?;
    let sql = "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM pack WHERE repo = ?1";
    let bytes = tx.query_one(sql, &[repo.into()])?.get(0)?;
    let people = tx.query_one("SELECT count(*) FROM collaborator WHERE repo = ?1", &[repo.into()])?.get(0)?;
    Ok(vec![("branches, tags and other refs", refs), ("bytes of packs", bytes), ("collaborators", people)])
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

/// Brings a repository back from the trash. Gives its path.
#[derive(Debug)]
pub struct RepoRestore {
    /// The repository.
    pub repo: u64,
    /// Another name; None: the one it had.
    pub name: Option<RepoName>,
    /// Who, which must own the namespace it was in, or be an officer; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for RepoRestore {
    type Output = String;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, String), Error> {
        let not_found = || Error::not_found(format!("repository {} in the trash", self.repo));
        let trashed = trashed_by_id(tx, self.repo)?.ok_or_else(not_found)?;
        if let Some(who) = &self.by
            && (!still_good(tx, who.credential(), ctx.now_us)? || !may_restore(tx, who, &trashed)?)
        {
            return Err(not_found());
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

fn may_restore(tx: &mut Tx, who: &Principal, trashed: &Trashed) -> Result<bool, DbError> {
    if !who.scopes().has(crate::people::Scope::RepoWrite) {
        return Ok(false);
    }
    Ok(crate::access::owns_namespace(tx, who.user(), trashed.namespace)? || super::query::acts_as_officer(tx, who)?)
}

fn trashed_of(tx: &mut Tx, row: &Row) -> Result<Trashed, DbError> {
    let (namespace, name): (u64, String) = (row.get(1)?, row.get(2)?);
    let path = format!("{}/{name}", namespace_path(tx, namespace)?);
    Ok(Trashed { id: row.get(0)?, namespace, path, name, trashed_us: row.get(3)?, trashed_by: row.get(4)? })
}

fn trashed_by_id(tx: &mut Tx, id: u64) -> Result<Option<Trashed>, DbError> {
    let sql = "SELECT id, namespace, name, trashed_us, trashed_by FROM trashed_repository WHERE id = ?1";
    let row = tx.query_opt(sql, &[id.into()])?;
    row.map(|row| trashed_of(tx, &row)).transpose()
}

/// What is in the trash, the newest first: what somebody may bring back, or with None all of it.
pub fn trash_list(tx: &mut Tx, who: Option<&Principal>, limit: u32) -> Result<Vec<Trashed>, DbError> {
    let sql = "SELECT id, namespace, name, trashed_us, trashed_by FROM trashed_repository ORDER BY trashed_us DESC, id";
    let mut shown = Vec::new();
    for row in tx.query(sql, &[])? {
        let trashed = trashed_of(tx, &row)?;
        let may = who.map_or(Ok(true), |who| may_restore(tx, who, &trashed))?;
        if may && shown.len() < limit as usize {
            shown.push(trashed);
        }
    }
    Ok(shown)
}
