//! Reading organisations' rows.

use crate::access::up_from;
use crate::db::{DbError, Row, Tx};
use crate::event::org::OrgRole;
use crate::event::people::NamespaceKind;
use crate::event::repo::{Access, Visibility};
use crate::names::OwnerPath;
use crate::people::query::namespace_fetch;
use crate::repo::query::namespace_path;

/// An organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Org {
    /// Its id, which is also its namespace's.
    pub id: u64,
    /// The organisation it lies in; 0: none.
    pub parent: u64,
    /// Its name in addresses.
    pub name: String,
    /// `group/sub`.
    pub path: String,
    /// The name as people write it.
    pub full_name: Option<String>,
    /// What it is, in a few words.
    pub description: Option<String>,
    /// Where there is more.
    pub website: Option<String>,
    /// Who may see that it is there.
    pub visibility: Visibility,
    /// The role of every member in every repository.
    pub base: Option<Access>,
    /// Whether members may make repositories.
    pub members_create: bool,
    /// Microseconds since 1970.
    pub created_us: i64,
}

/// Somebody in an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The account.
    pub account: u64,
    /// Its name.
    pub name: String,
    /// What it is there.
    pub role: OrgRole,
    /// Whether everybody sees it.
    pub shown: bool,
}

/// A team.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Team {
    /// Its id.
    pub id: u64,
    /// The organisation.
    pub org: u64,
    /// Its name there.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// The role of its members in its repositories.
    pub access: Access,
    /// Whether those are all of the organisation's.
    pub all_repos: bool,
    /// Whether its members may make repositories.
    pub create_repos: bool,
    /// How many are in it.
    pub members: u64,
}

/// The organisation at this path, in any case of letters.
pub fn org_fetch(tx: &mut Tx, path: &OwnerPath) -> Result<Option<Org>, DbError> {
    match namespace_fetch(tx, path.names())? {
        Some((id, NamespaceKind::Group)) => org_by_id(tx, id),
        _ => Ok(None),
    }
}

/// The organisation with this id.
pub fn org_by_id(tx: &mut Tx, id: u64) -> Result<Option<Org>, DbError> {
    let sql = "SELECT o.id, n.parent, n.name, o.full_name, o.description, o.website, o.visibility, o.base,
                      o.members_create, o.created_us
               FROM organisation o JOIN namespace n ON n.id = o.id WHERE o.id = ?1";
    let row = tx.query_opt(sql, &[id.into()])?;
    row.map(|row| org_of(tx, &row)).transpose()
}

/// The organisations an account is in, by id; with `shown_alone` only those that it shows to be in.
pub fn org_list_of(tx: &mut Tx, account: u64, shown_alone: bool, limit: u32) -> Result<Vec<Org>, DbError> {
    let sql = "SELECT o.id, n.parent, n.name, o.full_name, o.description, o.website, o.visibility, o.base,
                      o.members_create, o.created_us
               FROM org_member m JOIN organisation o ON o.id = m.organisation JOIN namespace n ON n.id = o.id
               WHERE m.account = ?1 AND (m.shown OR ?2 = 0) ORDER BY o.id LIMIT ?3";
    let rows = tx.query(sql, &[account.into(), i64::from(shown_alone).into(), limit.into()])?;
    rows.iter().map(|row| org_of(tx, row)).collect()
}

/// Organisations with a text in their name, whoever may see them.
pub(crate) fn org_find(tx: &mut Tx, text: &str, limit: u32) -> Result<Vec<Org>, DbError> {
    let sql = "SELECT o.id, n.parent, n.name, o.full_name, o.description, o.website, o.visibility, o.base,
                      o.members_create, o.created_us
               FROM organisation o JOIN namespace n ON n.id = o.id
               WHERE lower(n.name) LIKE ?1 ESCAPE '\\' OR lower(coalesce(o.full_name, '')) LIKE ?1 ESCAPE '\\'
               ORDER BY length(n.name), o.id LIMIT ?2";
    let rows = tx.query(sql, &[crate::repo::query::like(text).into(), limit.into()])?;
    rows.iter().map(|row| org_of(tx, row)).collect()
}

/// The organisations that lie in one (0: in none), with ids above `after`: all of them (`viewer` None), or those that this
/// account (0: nobody) sees there by itself.
pub fn org_list_below(
    tx: &mut Tx,
    parent: u64,
    viewer: Option<u64>,
    after: u64,
    limit: u32,
) -> Result<Vec<Org>, DbError> {
    let sql = "SELECT o.id, n.parent, n.name, o.full_name, o.description, o.website, o.visibility, o.base,
                      o.members_create, o.created_us
               FROM organisation o JOIN namespace n ON n.id = o.id
               WHERE n.parent = ?1 AND o.id > ?2 AND (?4 < 0 OR o.visibility = 'public'
                   OR (?4 > 0 AND (o.visibility = 'internal' OR EXISTS (
                       SELECT 1 FROM org_member m WHERE m.organisation = o.id AND m.account = ?4))))
               ORDER BY o.id LIMIT ?3";
    let viewer = viewer.map_or(-1, |account| i64::try_from(account).unwrap_or(0));
    let rows = tx.query(sql, &[parent.into(), after.into(), limit.into(), viewer.into()])?;
    rows.iter().map(|row| org_of(tx, row)).collect()
}

fn org_of(tx: &mut Tx, row: &Row) -> Result<Org, DbError> {
    let id = row.get(0)?;
    Ok(Org {
        id,
        parent: row.get(1)?,
        name: row.get(2)?,
        path: namespace_path(tx, id)?,
        full_name: row.get(3)?,
        description: row.get(4)?,
        website: row.get(5)?,
        visibility: row.get(6)?,
        base: row.get(7)?,
        members_create: row.get(8)?,
        created_us: row.get(9)?,
    })
}

/// Who is in an organisation itself, by account.
pub fn member_list(tx: &mut Tx, org: u64, after: u64, limit: u32) -> Result<Vec<Member>, DbError> {
    let sql = "SELECT m.account, n.name, m.role, m.shown FROM org_member m JOIN namespace n ON n.id = m.account
               JOIN account a ON a.id = m.account WHERE m.organisation = ?1 AND m.account > ?2 ORDER BY m.account LIMIT ?3";
    tx.query(sql, &[org.into(), after.into(), limit.into()])?.iter().map(member_of).collect()
}

/// What an account is in an organisation itself.
pub fn member_fetch(tx: &mut Tx, org: u64, account: u64) -> Result<Option<Member>, DbError> {
    let sql = "SELECT m.account, n.name, m.role, m.shown FROM org_member m JOIN namespace n ON n.id = m.account
               WHERE m.organisation = ?1 AND m.account = ?2";
    tx.query_opt(sql, &[org.into(), account.into()])?.map(|row| member_of(&row)).transpose()
}

fn member_of(row: &Row) -> Result<Member, DbError> {
    Ok(Member { account: row.get(0)?, name: row.get(1)?, role: row.get(2)?, shown: row.get(3)? })
}

/// How many owners an organisation has of its own.
pub(crate) fn owners(tx: &mut Tx, org: u64) -> Result<u64, DbError> {
    let sql = "SELECT count(*) FROM org_member m JOIN account a ON a.id = m.account
               WHERE m.organisation = ?1 AND m.role = 'owner'";
    tx.query_one(sql, &[org.into()])?.get(0)
}

/// The team with this id.
pub fn team_by_id(tx: &mut Tx, id: u64) -> Result<Option<Team>, DbError> {
    let sql = "SELECT t.id, t.organisation, t.name, t.description, t.access, t.all_repos, t.create_repos,
                      (SELECT count(*) FROM team_member m WHERE m.team = t.id) FROM team t WHERE t.id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| team_of(&row)).transpose()
}

/// An organisation's team of this name, in any case of letters.
pub fn team_by_name(tx: &mut Tx, org: u64, name: &str) -> Result<Option<Team>, DbError> {
    let sql = "SELECT t.id, t.organisation, t.name, t.description, t.access, t.all_repos, t.create_repos,
                      (SELECT count(*) FROM team_member m WHERE m.team = t.id)
               FROM team t WHERE t.organisation = ?1 AND lower(t.name) = ?2";
    tx.query_opt(sql, &[org.into(), name.to_ascii_lowercase().into()])?.map(|row| team_of(&row)).transpose()
}

/// An organisation's teams, by id.
pub fn team_list(tx: &mut Tx, org: u64, after: u64, limit: u32) -> Result<Vec<Team>, DbError> {
    let sql = "SELECT t.id, t.organisation, t.name, t.description, t.access, t.all_repos, t.create_repos,
                      (SELECT count(*) FROM team_member m WHERE m.team = t.id)
               FROM team t WHERE t.organisation = ?1 AND t.id > ?2 ORDER BY t.id LIMIT ?3";
    tx.query(sql, &[org.into(), after.into(), limit.into()])?.iter().map(team_of).collect()
}

/// The teams that have a role in a repository, by id, also those of organisations that its own lies in.
pub fn team_list_of_repo(tx: &mut Tx, repo: u64, namespace: u64) -> Result<Vec<Team>, DbError> {
    let sql = up_from!(
        "SELECT t.id, t.organisation, t.name, t.description, t.access, t.all_repos, t.create_repos,
                      (SELECT count(*) FROM team_member m WHERE m.team = t.id)
               FROM chain c JOIN team t ON t.organisation = c.id
               WHERE t.all_repos OR EXISTS (SELECT 1 FROM team_repo r WHERE r.team = t.id AND r.repo = ?2)
               ORDER BY t.id"
    );
    tx.query(sql, &[namespace.into(), repo.into()])?.iter().map(team_of).collect()
}

fn team_of(row: &Row) -> Result<Team, DbError> {
    Ok(Team {
        id: row.get(0)?,
        org: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        access: row.get(4)?,
        all_repos: row.get(5)?,
        create_repos: row.get(6)?,
        members: row.get(7)?,
    })
}

/// Who is in a team: ids and names.
pub fn team_member_list(tx: &mut Tx, team: u64, after: u64, limit: u32) -> Result<Vec<(u64, String)>, DbError> {
    let sql = "SELECT m.account, n.name FROM team_member m JOIN namespace n ON n.id = m.account
               JOIN account a ON a.id = m.account WHERE m.team = ?1 AND m.account > ?2 ORDER BY m.account LIMIT ?3";
    let rows = tx.query(sql, &[team.into(), after.into(), limit.into()])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Ids of the repositories a team was given by name.
pub fn team_repo_list(tx: &mut Tx, team: u64, after: u64, limit: u32) -> Result<Vec<u64>, DbError> {
    let sql = "SELECT repo FROM team_repo WHERE team = ?1 AND repo > ?2 ORDER BY repo LIMIT ?3";
    tx.query(sql, &[team.into(), after.into(), limit.into()])?.iter().map(|row| row.get(0)).collect()
}

/// Whether an account is in a team.
pub fn is_in_team(tx: &mut Tx, team: u64, account: u64) -> Result<bool, DbError> {
    let sql = "SELECT 1 FROM team_member WHERE team = ?1 AND account = ?2";
    Ok(tx.query_opt(sql, &[team.into(), account.into()])?.is_some())
}
