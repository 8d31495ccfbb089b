//! Reading repositories' rows.

use crate::db::{DbError, Row, Tx};
use crate::event::repo::{Access, Format, RepoKind, Visibility};
use crate::names::{NAMESPACE_DEPTH_MAX, RepoPath};
use crate::people::query::namespace_fetch;

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repo {
    /// Its id; also its directory's name.
    pub id: u64,
    /// The namespace it is in.
    pub namespace: u64,
    /// `owner/name`, as their owners write them.
    pub path: String,
    /// Its name.
    pub name: String,
    /// Git or Subversion.
    pub kind: RepoKind,
    /// How its objects are named.
    pub format: Format,
    /// Who may read it.
    pub visibility: Visibility,
    /// What HEAD points to.
    pub head: String,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// When it was last pushed to.
    pub pushed_us: Option<i64>,
    /// The entry that last changed what its refs show.
    pub seq: u64,
    /// What it is, in a few words.
    pub description: Option<String>,
    /// Where there is more.
    pub website: Option<String>,
}

impl Repo {
    /// Whether it is one of Git.
    #[must_use]
    pub fn is_git(&self) -> bool {
        self.kind == RepoKind::Git
    }

    /// Whether it is one of Subversion.
    #[must_use]
    pub fn is_svn(&self) -> bool {
        self.kind == RepoKind::Svn
    }
}

/// Somebody who may use a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collaborator {
    /// The account.
    pub account: u64,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub access: Access,
}

/// Which repositories a list shows.
#[derive(Clone, Debug, Default)]
pub struct RepoFilter {
    /// Whose view: public and internal ones, and those this account has a role in. None: public ones alone.
    pub viewer: Option<u64>,
    /// Only those in this namespace.
    pub namespace: Option<u64>,
    /// Only those with this text in their name or their owner's, in any case of letters; `OWNER/NAME`: each with its part.
    pub text: Option<String>,
    /// Only those with ids above it.
    pub after: u64,
    /// At most so many.
    pub limit: u32,
}

/// The repository at this path, in any case of letters.
pub fn repo_fetch(tx: &mut Tx, path: &RepoPath) -> Result<Option<Repo>, DbError> {
    let Some((namespace, _)) = namespace_fetch(tx, path.owner())? else { return Ok(None) };
    let sql =
        "SELECT id, namespace, name, kind, format, visibility, head, created_us, pushed_us, seq, description, website
               FROM repository WHERE namespace = ?1 AND lower(name) = ?2";
    let name = path.name().as_str().to_ascii_lowercase();
    let row = tx.query_opt(sql, &[namespace.into(), name.into()])?;
    row.map(|row| repo_of(tx, &row)).transpose()
}

/// The repository with this id.
pub fn repo_by_id(tx: &mut Tx, id: u64) -> Result<Option<Repo>, DbError> {
    let sql =
        "SELECT id, namespace, name, kind, format, visibility, head, created_us, pushed_us, seq, description, website
               FROM repository WHERE id = ?1";
    let row = tx.query_opt(sql, &[id.into()])?;
    row.map(|row| repo_of(tx, &row)).transpose()
}

/// Repositories by id.
pub fn repo_list(tx: &mut Tx, filter: &RepoFilter) -> Result<Vec<Repo>, DbError> {
    // `whole`: the namespaces in which the viewer has a role in everything. 0 is nobody's id and no namespace's; '%' fits every name.
    let sql =
        "WITH RECURSIVE whole(id) AS (
                   SELECT id FROM namespace WHERE id = ?4
                   UNION SELECT m.organisation FROM org_member m JOIN organisation o ON o.id = m.organisation
                       WHERE m.account = ?4 AND (m.role = 'owner' OR o.base IS NOT NULL)
                   UNION SELECT t.organisation FROM team t JOIN team_member tm ON tm.team = t.id
                       WHERE tm.account = ?4 AND t.all_repos
                   UNION SELECT n.id FROM namespace n JOIN whole w ON n.parent = w.id)
               SELECT r.id, r.namespace, r.name, r.kind, r.format, r.visibility, r.head, r.created_us, r.pushed_us, r.seq,
                      r.description, r.website
               FROM repository r
               JOIN namespace o ON o.id = r.namespace
               WHERE r.id > ?1 AND (?2 = 0 OR r.namespace = ?2)
                 AND ((lower(r.name) LIKE ?3 ESCAPE '\\' AND lower(o.name) LIKE ?6 ESCAPE '\\')
                      OR (?7 = 1 AND lower(o.name) LIKE ?3 ESCAPE '\\'))
                 AND (r.visibility = 'public' OR (r.visibility = 'internal' AND ?4 > 0) OR r.namespace IN (SELECT id FROM whole)
                      OR EXISTS (SELECT 1 FROM collaborator c WHERE c.repo = r.id AND c.account = ?4)
                      OR EXISTS (SELECT 1 FROM team_repo tr JOIN team_member tm ON tm.team = tr.team
                                 WHERE tr.repo = r.id AND tm.account = ?4))
               ORDER BY r.id LIMIT ?5";
    let any = || "%".to_owned();
    let (owner, name) =
        match filter.text.as_deref().map(|text| text.rsplit_once('/').map_or((None, text), |(o, n)| (Some(o), n))) {
            None => (any(), any()),
            Some((owner, name)) => (owner.map_or_else(any, like), like(name)),
        };
    let either = filter.text.as_deref().is_some_and(|text| !text.contains('/'));
    let (viewer, namespace) = (filter.viewer.unwrap_or(0), filter.namespace.unwrap_or(0));
    let values = [
        filter.after.into(),
        namespace.into(),
        name.into(),
        viewer.into(),
        filter.limit.into(),
        owner.into(),
        i64::from(either).into(),
    ];
    let rows = tx.query(sql, &values)?;
    rows.iter().map(|row| repo_of(tx, row)).collect()
}

/// Ids and kinds of all repositories above `after`, for what walks over all of them.
pub fn repo_ids(tx: &mut Tx, after: u64, limit: u32) -> Result<Vec<(u64, RepoKind)>, DbError> {
    let sql = "SELECT id, kind FROM repository WHERE id > ?1 ORDER BY id LIMIT ?2";
    let rows = tx.query(sql, &[after.into(), limit.into()])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Who may use a repository besides its owner, by account.
pub fn collaborator_list(tx: &mut Tx, repo: u64, after: u64, limit: u32) -> Result<Vec<Collaborator>, DbError> {
    let sql = "SELECT c.account, n.name, c.access FROM collaborator c JOIN namespace n ON n.id = c.account
               WHERE c.repo = ?1 AND c.account > ?2 ORDER BY c.account LIMIT ?3";
    let rows = tx.query(sql, &[repo.into(), after.into(), limit.into()])?;
    rows.iter().map(|row| Ok(Collaborator { account: row.get(0)?, name: row.get(1)?, access: row.get(2)? })).collect()
}

fn repo_of(tx: &mut Tx, row: &Row) -> Result<Repo, DbError> {
    let (namespace, name): (u64, String) = (row.get(1)?, row.get(2)?);
    Ok(Repo {
        id: row.get(0)?,
        namespace,
        path: format!("{}/{name}", namespace_path(tx, namespace)?),
        name,
        kind: row.get(3)?,
        format: row.get(4)?,
        visibility: row.get(5)?,
        head: row.get(6)?,
        created_us: row.get(7)?,
        pushed_us: row.get(8)?,
        seq: row.get(9)?,
        description: row.get(10)?,
        website: row.get(11)?,
    })
}

/// `group/sub`, from a namespace's id.
pub fn namespace_path(tx: &mut Tx, mut namespace: u64) -> Result<String, DbError> {
    let mut names: Vec<String> = Vec::new();
    while namespace != 0 && names.len() < NAMESPACE_DEPTH_MAX {
        let row = tx.query_one("SELECT parent, name FROM namespace WHERE id = ?1", &[namespace.into()])?;
        names.push(row.get(1)?);
        namespace = row.get(0)?;
    }
    names.reverse();
    Ok(names.join("/"))
}

/// A pattern for LIKE that finds `text` anywhere, with nothing in it a wildcard.
pub(crate) fn like(text: &str) -> String {
    let mut pattern = String::from("%");
    // No database takes a NUL in a text, and no name has one.
    for c in text.chars().filter(|c| *c != '\0').flat_map(char::to_lowercase).take(100) {
        if matches!(c, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
