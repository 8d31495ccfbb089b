//! Reading protections.

use super::{PathPattern, Pattern};
use crate::db::{DbError, Row, Tx};
use crate::event::protect::Protected;
use crate::event::repo::Access;

/// Who may do one thing to protected refs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rights {
    /// Everybody with this role or a higher one.
    pub role: Option<Access>,
    /// These accounts: id and name.
    pub people: Vec<(u64, String)>,
    /// Those in these teams: id and name.
    pub teams: Vec<(u64, String)>,
}

impl Rights {
    /// Whether it names nobody at all.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.role.is_none() && self.people.is_empty() && self.teams.is_empty()
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protection {
    /// Its id.
    pub id: u64,
    /// The repository.
    pub repo: u64,
    /// Branches or tags.
    pub kind: Protected,
    /// Which of them.
    pub pattern: Pattern,
    /// Who makes them and moves them forward.
    pub push: Rights,
    /// Who rewinds them.
    pub force: Rights,
    /// Who deletes them.
    pub delete: Rights,
    /// Each commit that comes to such a branch must carry a verified signature.
    pub signed: bool,
    /// Paths that only some may change.
    pub paths: Vec<PathPattern>,
    /// Who may.
    pub path: Rights,
    /// Since when there is the rule, microseconds.
    pub created_us: i64,
    /// The entry that made it, or changed it last.
    pub set_by: u64,
}

/// A repository's rules, the oldest first.
pub fn protection_list(tx: &mut Tx, repo: u64) -> Result<Vec<Protection>, DbError> {
    let sql = "SELECT id, repo, kind, pattern, push_role, force_role, delete_role, signed, path_role, created_us,
                      seq FROM protection
               WHERE repo = ?1 ORDER BY id";
    let rows = tx.query(sql, &[repo.into()])?;
    rows.iter().map(|row| protection_of(tx, row)).collect()
}

fn protection_of(tx: &mut Tx, row: &Row) -> Result<Protection, DbError> {
    let pattern: String = row.get(3)?;
    let bad = |_| DbError::mistake(format!("a protection has the pattern {pattern:?}"));
    let mut rule = Protection {
        id: row.get(0)?,
        repo: row.get(1)?,
        kind: row.get(2)?,
        pattern: pattern.parse().map_err(bad)?,
        push: Rights { role: row.get(4)?, ..Rights::default() },
        force: Rights { role: row.get(5)?, ..Rights::default() },
        delete: Rights { role: row.get(6)?, ..Rights::default() },
        signed: row.get(7)?,
        paths: Vec::new(),
        path: Rights { role: row.get(8)?, ..Rights::default() },
        created_us: row.get(9)?,
        set_by: row.get(10)?,
    };
    let sql = "SELECT pattern FROM protection_path WHERE protection = ?1 ORDER BY pattern";
    for path in tx.query(sql, &[rule.id.into()])? {
        let text: String = path.get(0)?;
        let bad = |_| DbError::mistake(format!("a protection has the paths {text:?}"));
        rule.paths.push(text.parse().map_err(bad)?);
    }
    // A team that is no more gives nothing, and has no name.
    let sql = "SELECT a.act, a.kind, a.actor, CASE a.kind WHEN 'team'
                   THEN (SELECT t.name FROM team t WHERE t.id = a.actor)
                   ELSE (SELECT n.name FROM namespace n WHERE n.id = a.actor) END
               FROM protection_actor a WHERE a.protection = ?1 ORDER BY a.act, a.kind, a.actor";
    for actor in tx.query(sql, &[rule.id.into()])? {
        let (act, kind): (String, String) = (actor.get(0)?, actor.get(1)?);
        let Some(name) = actor.get::<Option<String>>(3)? else { continue };
        let rights = match act.as_str() {
            "push" => &mut rule.push,
            "force" => &mut rule.force,
            "path" => &mut rule.path,
            _ => &mut rule.delete,
        };
        let list = if kind == "team" { &mut rights.teams } else { &mut rights.people };
        list.push((actor.get(2)?, name));
    }
    Ok(rule)
}

/// The rule that decides about a name.
#[must_use]
pub fn deciding<'a>(rules: &'a [Protection], kind: Protected, name: &str) -> Option<&'a Protection> {
    let fitting = rules.iter().filter(|rule| rule.kind == kind && rule.pattern.fits(name));
    // Of equal ones the last is taken by `max_by_key`: the oldest comes last.
    fitting.rev().max_by_key(|rule| rule.pattern.weight())
}
