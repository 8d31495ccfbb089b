//! Accounts and organisations that are deleted: into the trash, with their repositories, and back again whole.

use super::DELETED_REPOS_MAX;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{RepoRestored, RepoTrashed};
use crate::org::query::{member_list, org_by_id, owners, team_list};
use crate::people::query::{token_list, user_by_id};

type Counts = Vec<(&'static str, u64)>;

/// Rows that are counted of each kind, at most.
const COUNTED_MAX: u32 = 10_000;

/// Whether an account or organisation is in the trash: nothing is made in its namespace.
pub(crate) fn in_trash(tx: &mut Tx, namespace: u64) -> Result<bool, DbError> {
    let sql =
        "SELECT id FROM trashed_account WHERE id = ?1 UNION ALL SELECT id FROM trashed_organisation WHERE id = ?1";
    Ok(tx.query_opt(sql, &[namespace.into()])?.is_some())
}

/// What goes with a namespace.
fn repositories(tx: &mut Tx, namespace: u64) -> Result<Vec<u64>, Error> {
    let rows = tx.query("SELECT id FROM repository WHERE namespace = ?1 ORDER BY id", &[namespace.into()])?;
    if rows.len() > DELETED_REPOS_MAX {
        return Err(Error::invalid(format!(
            "it has {} repositories, and at most {DELETED_REPOS_MAX} go with it: delete some before",
            rows.len()
        )));
    }
    Ok(rows.iter().map(|row| row.get(0)).collect::<Result<_, _>>()?)
}

pub(super) fn user_effects(tx: &mut Tx, account: u64) -> Result<Counts, Error> {
    let user = user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
    if user.officer {
        return Err(Error::invalid(format!("{} is an officer: that role is taken first", user.name)));
    }
    let sql = "SELECT organisation FROM org_member WHERE account = ?1 AND role = 'owner' ORDER BY organisation";
    for row in tx.query(sql, &[account.into()])? {
        let id = row.get(0)?;
        if let Some(org) = org_by_id(tx, id)?
            && owners(tx, id)? < 2
        {
            return Err(Error::invalid(format!("{} is the last owner of {}: give it another", user.name, org.path)));
        }
    }
    let tokens = token_list(tx, account, 0, COUNTED_MAX)?.iter().filter(|token| token.revoked_us.is_none()).count();
    Ok(vec![("repositories", repositories(tx, account)?.len() as u64), ("access tokens", tokens as u64)])
}

pub(super) fn org_effects(tx: &mut Tx, org: u64) -> Result<Counts, Error> {
    let found = org_by_id(tx, org)?.ok_or_else(|| Error::not_found("the organisation"))?;
    let sql = "SELECT o.id FROM organisation o JOIN namespace n ON n.id = o.id WHERE n.parent = ?1 LIMIT 1";
    if tx.query_opt(sql, &[org.into()])?.is_some() {
        return Err(Error::invalid(format!("organisations lie in {}: they are deleted before it", found.path)));
    }
    Ok(vec![
        ("repositories", repositories(tx, org)?.len() as u64),
        ("members", member_list(tx, org, 0, COUNTED_MAX)?.len() as u64),
        ("teams", team_list(tx, org, 0, COUNTED_MAX)?.len() as u64),
    ])
}

/// It, and then its repositories, each in an entry of its own: none of them is older in the trash than it.
pub(super) fn events(tx: &mut Tx, namespace: u64, first: Event, by: Option<u64>) -> Result<Vec<Event>, Error> {
    let repos = repositories(tx, namespace)?;
    Ok([first].into_iter().chain(repos.into_iter().map(|repo| RepoTrashed { repo, by }.into())).collect())
}

/// What went with it: what was in the trash before stays there.
pub(super) fn returning(tx: &mut Tx, namespace: u64, since_us: i64) -> Result<Vec<Event>, Error> {
    let sql = "SELECT id, name FROM trashed_repository WHERE namespace = ?1 AND trashed_us >= ?2 ORDER BY id";
    let rows = tx.query(sql, &[namespace.into(), since_us.into()])?;
    rows.iter().map(|row| Ok(RepoRestored { repo: row.get(0)?, namespace, name: row.get(1)? }.into())).collect()
}
