//! What can be done to protections.

use super::query::{Protection, Rights, protection_list};
use super::{PathPattern, Pattern, loosen};
use crate::access::{Administer, Authorized, up_from};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::protect::{Allowed, PathsProtected, Protected, ProtectionRemoved, ProtectionSet};
use crate::event::repo::Access;
use crate::names::UserName;
use crate::orders::{Act, rule_fetch};
use crate::people::query::user_fetch;
use crate::repo::command::recheck;
use crate::writer::{Command, Decide};

/// Rules of one repository.
pub const PROTECTIONS_MAX: usize = 100;
/// Patterns of paths in one rule.
pub const PROTECTED_PATHS_MAX: usize = 100;
/// People and teams that a rule names for one act.
pub const PROTECTION_ACTORS_MAX: usize = 100;

/// Who may do something, by names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// Everybody with this role or a higher one.
    pub role: Option<Access>,
    /// These accounts.
    pub people: Vec<String>,
    /// Those in these teams, of the organisations that the repository lies in.
    pub teams: Vec<String>,
}

impl From<&Rights> for Names {
    fn from(rights: &Rights) -> Self {
        let names = |list: &[(u64, String)]| list.iter().map(|(_, name)| name.clone()).collect();
        Self { role: rights.role, people: names(&rights.people), teams: names(&rights.teams) }
    }
}

/// A rule that is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProtectionSpec {
    /// Branches or tags.
    pub kind: Protected,
    /// Which of them.
    pub pattern: Pattern,
    /// Who makes them and moves them forward.
    pub push: Names,
    /// Who rewinds them.
    pub force: Names,
    /// Who deletes them.
    pub delete: Names,
    /// Of branches: each commit that comes must carry a verified signature.
    pub signed: bool,
    /// Of branches: paths that only some may change.
    pub paths: Vec<PathPattern>,
    /// Who may.
    pub path: Names,
}

impl ProtectionSpec {
    /// What a new rule is unless it says otherwise: maintainers push, nobody rewinds or deletes.
    #[must_use]
    pub fn new(kind: Protected, pattern: Pattern) -> Self {
        let push = Names { role: Some(Access::Maintain), ..Names::default() };
        let nobody = Names::default;
        let (signed, paths) = (false, Vec::new());
        Self { kind, pattern, push, force: nobody(), delete: nobody(), signed, paths, path: nobody() }
    }
}

/// Makes or changes a rule. Gives its id.
#[derive(Debug)]
pub struct ProtectionPut {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// Which; None: a new one.
    pub id: Option<u64>,
    /// What it is from now on.
    pub rule: ProtectionSpec,
}

/// What came of changing the rules.
#[derive(Debug)]
pub enum Changed {
    /// The rule with this id is as it was wanted.
    Done(u64),
    /// It would protect less than before: that is for officers.
    Loosens(Box<Act>),
}

impl Command for ProtectionPut {
    type Output = Changed;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Changed), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let rules = protection_list(tx, repo.id)?;
        if self.id.is_some_and(|id| !rules.iter().any(|rule| rule.id == id)) {
            return Err(Error::not_found("the rule"));
        }
        let ProtectionSpec { kind, pattern, push, force, delete, signed, mut paths, path } = self.rule;
        if kind == Protected::Tag && (signed || !paths.is_empty()) {
            return Err(Error::invalid("signatures are required, and paths protected, of branches and not of tags"));
        }
        if paths.len() > PROTECTED_PATHS_MAX {
            return Err(Error::invalid(format!("a rule has at most {PROTECTED_PATHS_MAX} patterns of paths")));
        }
        paths.sort_unstable();
        paths.dedup();
        if rules.iter().any(|rule| Some(rule.id) != self.id && rule.kind == kind && rule.pattern == pattern) {
            return Err(Error::conflict(format!("there is a rule for {pattern} already")));
        }
        if self.id.is_none() && rules.len() >= PROTECTIONS_MAX {
            return Err(Error::invalid(format!("a repository has at most {PROTECTIONS_MAX} rules")));
        }
        let mut allowed = |names| allowed(tx, repo.namespace, names);
        let patterns: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let event = ProtectionSet {
            id: self.id,
            repo: repo.id,
            kind,
            pattern: pattern.as_str().to_owned(),
            push: allowed(push)?,
            force: allowed(force)?,
            delete: allowed(delete)?,
            signed: signed.then_some(true),
            paths: match patterns.is_empty() {
                true => None,
                false => Some(PathsProtected { patterns, change: allowed(path)? }),
            },
        };
        let concerned = loosen::concerned(&rules, self.id, Some(&event));
        let loosens = loosen::by_setting(&settled(tx, rules, ctx.now_us)?, &event);
        if let Some(what) = loosens {
            let (rule, rules) = (Some(Box::new(event)), Some(concerned));
            let act = Act::ProtectionLoosen { repo: repo.id, path: repo.path, id: self.id, rule, what, rules };
            return Ok((Vec::new(), Changed::Loosens(Box::new(act))));
        }
        Ok((vec![event.into()], Changed::Done(self.id.unwrap_or_else(|| ctx.id(0)))))
    }
}

/// The rules that only officers loosen: none without an officers' rule, and none that is younger than an order's delay, so that what
/// was protected by mistake can be let go.
fn settled(tx: &mut Tx, mut rules: Vec<Protection>, now_us: i64) -> Result<Vec<Protection>, Error> {
    let before_us = rule_fetch(tx)?.map(|rule| now_us.saturating_sub(rule.delay_us));
    rules.retain(|rule| before_us.is_some_and(|before_us| rule.created_us <= before_us));
    Ok(rules)
}

fn allowed(tx: &mut Tx, namespace: u64, names: Names) -> Result<Allowed, Error> {
    if names.people.len() + names.teams.len() > PROTECTION_ACTORS_MAX {
        return Err(Error::invalid(format!(
            "a rule names at most {PROTECTION_ACTORS_MAX} people and teams for one act"
        )));
    }
    let mut allowed = Allowed { role: names.role, ..Allowed::default() };
    for name in &names.people {
        let name: UserName = name.parse()?;
        allowed.people.push(user_fetch(tx, &name)?.ok_or_else(|| Error::not_found(&name))?.id);
    }
    for name in &names.teams {
        allowed.teams.push(team_named(tx, namespace, name)?);
    }
    for list in [&mut allowed.people, &mut allowed.teams] {
        list.sort_unstable();
        list.dedup();
    }
    Ok(allowed)
}

/// The team of this name in the organisations that a namespace lies in: the nearest.
pub(crate) fn team_named(tx: &mut Tx, namespace: u64, name: &str) -> Result<u64, Error> {
    let sql = up_from!(
        "SELECT t.id FROM chain c JOIN team t ON t.organisation = c.id WHERE lower(t.name) = ?2
                   ORDER BY t.id DESC LIMIT 1"
    );
    let team = tx.query_opt(sql, &[namespace.into(), name.trim().to_ascii_lowercase().into()])?;
    Ok(team.ok_or_else(|| Error::not_found(format!("the team {name}")))?.get(0)?)
}

/// Ends a rule.
#[derive(Debug)]
pub struct ProtectionRemove {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// Which.
    pub id: u64,
}

impl Command for ProtectionRemove {
    type Output = Changed;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Changed), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let rules = protection_list(tx, repo.id)?;
        if !rules.iter().any(|rule| rule.id == self.id) {
            return Err(Error::not_found("the rule"));
        }
        let concerned = loosen::concerned(&rules, Some(self.id), None);
        if let Some(rule) = settled(tx, rules, ctx.now_us)?.into_iter().find(|rule| rule.id == self.id) {
            let (id, what) = (Some(self.id), format!("the rule for {} would be gone", rule.pattern));
            let (path, rules) = (repo.path, Some(concerned));
            let act = Act::ProtectionLoosen { repo: repo.id, path, id, rule: None, what, rules };
            return Ok((Vec::new(), Changed::Loosens(Box::new(act))));
        }
        Ok((vec![ProtectionRemoved { id: self.id }.into()], Changed::Done(self.id)))
    }
}
