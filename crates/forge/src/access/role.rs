//! Somebody's role in a repository: the highest of those they have, from wherever.

use super::{lies_in, up_from};
use crate::db::{DbError, Tx};
use crate::event::org::OrgRole;
use crate::event::repo::Access;
use crate::people::policy::org_lacks;
use crate::repo::query::Repo;

/// What an account may do in a repository: everything in a namespace that is its own or lies in its own; in an organisation's,
/// what being its owner, its member, or in its teams gives, also from those it lies in; and what it was given by name.
pub(crate) fn role(tx: &mut Tx, account: u64, repo: &Repo) -> Result<Option<Access>, DbError> {
    let sql = up_from!(
        "SELECT 'admin' FROM chain WHERE id = ?2
               UNION ALL
               SELECT CASE m.role WHEN 'owner' THEN 'admin' ELSE o.base END
                   FROM chain c JOIN org_member m ON m.organisation = c.id JOIN organisation o ON o.id = c.id
                   WHERE m.account = ?2
               UNION ALL
               SELECT t.access FROM chain c JOIN team t ON t.organisation = c.id
                   JOIN team_member tm ON tm.team = t.id
                   WHERE tm.account = ?2 AND (t.all_repos
                       OR EXISTS (SELECT 1 FROM team_repo tr WHERE tr.team = t.id AND tr.repo = ?3))
               UNION ALL
               SELECT access FROM collaborator WHERE repo = ?3 AND account = ?2"
    );
    let rows = tx.query(sql, &[repo.namespace.into(), account.into(), repo.id.into()])?;
    rows.iter().try_fold(None, |highest, row| Ok(highest.max(row.get::<Option<Access>>(0)?)))
}

/// What an account is in an organisation: the most that it is there or in one that it lies in.
pub(crate) fn org_role(tx: &mut Tx, account: u64, org: u64) -> Result<Option<OrgRole>, DbError> {
    let sql = up_from!(
        "SELECT m.role FROM chain c JOIN organisation o ON o.id = c.id
               JOIN org_member m ON m.organisation = c.id WHERE m.account = ?2"
    );
    let rows = tx.query(sql, &[org.into(), account.into()])?;
    rows.iter().try_fold(None, |highest, row| Ok(highest.max(row.get::<Option<OrgRole>>(0)?)))
}

/// Whether a namespace is an account's own, or nested in it, or an organisation's whose owner it is.
pub(crate) fn owns_namespace(tx: &mut Tx, account: u64, namespace: u64) -> Result<bool, DbError> {
    Ok(org_role(tx, account, namespace)? == Some(OrgRole::Owner) || lies_in(tx, namespace, account)?)
}

/// Whether an account may make repositories in a namespace: its own, its organisation's, or where members or a team of its may.
pub(crate) fn may_create(tx: &mut Tx, account: u64, namespace: u64) -> Result<bool, DbError> {
    if org_lacks(tx, account, namespace)?.is_some() {
        return Ok(false);
    }
    if owns_namespace(tx, account, namespace)? {
        return Ok(true);
    }
    let sql = up_from!(
        "SELECT 1 FROM chain c JOIN organisation o ON o.id = c.id
                   JOIN org_member m ON m.organisation = c.id WHERE m.account = ?2 AND o.members_create
               UNION
               SELECT 1 FROM chain c JOIN team t ON t.organisation = c.id
                   JOIN organisation o ON o.id = t.organisation
                   JOIN team_member tm ON tm.team = t.id WHERE tm.account = ?2 AND t.create_repos"
    );
    Ok(!tx.query(sql, &[namespace.into(), account.into()])?.is_empty())
}
