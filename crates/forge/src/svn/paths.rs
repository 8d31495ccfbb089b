//! Who may see and change which paths of a repository.
//!
//! Of the rules for somebody, the one with the longest path decides; of those for one path, that for their name, then that for their
//! teams (the most generous), then that for anyone. Where there is none, everything is as the repository's roles say. A rule only
//! takes away: who may not write to the repository does not write below a path either.
//!
//! The rules are handed to Subversion's own servers as the file that they know ([`PathRules::authz`]): they look at every path that
//! an answer would name. [`PathRules::access`] says the same, for what this program does itself; a test compares them.

use crate::access::role;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::repo::Access;
use crate::event::svn_rules::{Actor, PathAccess};
use crate::repo::Repo;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::str::FromStr;

/// Rules of one repository.
pub const PATH_RULES_MAX: usize = 500;
/// Bytes of a rule's path.
pub const RULE_PATH_BYTES_MAX: usize = 1_000;

/// A path of a repository, as rules have it: `/`, or with a slash at its beginning and none at its end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RulePath(String);

impl RulePath {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a path is this one or below it.
    fn covers(&self, path: &[u8]) -> bool {
        let own = self.0.as_bytes();
        self.0 == "/" || path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    }
}

impl FromStr for RulePath {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let part = |part: &str| !matches!(part, "" | "." | "..");
        let plain = |c: char| !c.is_control() && c != ']';
        let good = text == "/" || text.strip_prefix('/').is_some_and(|rest| rest.split('/').all(part));
        if good && text.len() <= RULE_PATH_BYTES_MAX && text.chars().all(plain) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid(format!(
            "{text:?} is no path for a rule: write it as /trunk/secret, from the repository's root"
        )))
    }
}

/// Whom a rule is about, with the names that they have now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// Whoever there is no other rule for.
    Anyone,
    /// An account.
    Person(u64, String),
    /// A team, and who is in it.
    Team(u64, String, Vec<(u64, String)>),
}

impl Whom {
    /// As people write it: `*`, a name, `@team`.
    #[must_use]
    pub fn word(&self) -> String {
        match self {
            Self::Anyone => "*".to_owned(),
            Self::Person(_, name) => name.clone(),
            Self::Team(_, name, _) => format!("@{name}"),
        }
    }

    /// How near it is to an account; None: not about them. None as account: somebody who is not signed in.
    fn nearness(&self, account: Option<u64>) -> Option<u8> {
        match self {
            Self::Anyone => Some(0),
            Self::Team(_, _, members) => members.iter().any(|(id, _)| Some(*id) == account).then_some(1),
            Self::Person(id, _) => (Some(*id) == account).then_some(2),
        }
    }
}

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRuleRow {
    /// Below which path.
    pub path: RulePath,
    /// Whom it is about.
    pub whom: Whom,
    /// What they may.
    pub access: PathAccess,
}

/// A repository's rules of paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathRules(pub Vec<PathRuleRow>);

impl PathRules {
    /// What an account (None: whoever is not signed in) may do at a path.
    #[must_use]
    pub fn access(&self, account: Option<u64>, path: &[u8]) -> PathAccess {
        let about = self.0.iter().filter(|rule| rule.path.covers(path));
        let about = about.filter_map(|rule| Some((rule.path.0.len(), rule.whom.nearness(account)?, rule.access)));
        about.max().map_or(PathAccess::Write, |(_, _, access)| access)
    }

    /// Whether an account may read everything.
    #[must_use]
    pub fn reads_all(&self, account: Option<u64>) -> bool {
        self.0.iter().all(|rule| self.access(account, rule.path.0.as_bytes()) >= PathAccess::Read)
    }

    /// The rules in the form that Subversion's servers read; None: there are none.
    ///
    /// Rights of one section add up there: so whoever is named in one is taken out of what it says of all others.
    #[must_use]
    pub fn authz(&self) -> Option<String> {
        if self.0.is_empty() {
            return None;
        }
        let root: RulePath = RulePath("/".to_owned());
        let paths: BTreeSet<&RulePath> = self.0.iter().map(|rule| &rule.path).chain([&root]).collect();
        let (mut groups, mut sections) = (String::from("[groups]\n"), String::new());
        for (number, path) in paths.into_iter().enumerate() {
            let (named, others) = self.section(path);
            // What cannot be written fails into a buffer that cannot.
            let _ = writeln!(sections, "\n[{}]", path.0);
            for (name, access) in &named {
                let _ = writeln!(sections, "{name} = {}", letters(*access));
            }
            let Some(others) = others else { continue };
            if named.is_empty() {
                let _ = writeln!(sections, "* = {}", letters(others));
            } else {
                let names: Vec<&str> = named.keys().copied().collect();
                let _ = writeln!(groups, "named{number} = {}", names.join(", "));
                let _ = writeln!(sections, "~@named{number} = {}", letters(others));
            }
        }
        Some(groups + &sections)
    }

    /// What a path's own rules say: of people by their names, and of all others.
    fn section(&self, path: &RulePath) -> (BTreeMap<&str, PathAccess>, Option<PathAccess>) {
        let mut named: BTreeMap<&str, (u8, PathAccess)> = BTreeMap::new();
        let mut others = (path.0 == "/").then_some(PathAccess::Write);
        for rule in self.0.iter().filter(|rule| rule.path == *path) {
            let (nearness, names): (u8, Vec<&str>) = match &rule.whom {
                Whom::Anyone => {
                    others = Some(rule.access);
                    continue;
                }
                Whom::Person(_, name) => (2, vec![name]),
                Whom::Team(_, _, members) => (1, members.iter().map(|(_, name)| name.as_str()).collect()),
            };
            for name in names {
                let now = named.entry(name).or_insert((nearness, rule.access));
                *now = (*now).max((nearness, rule.access));
            }
        }
        (named.into_iter().map(|(name, (_, access))| (name, access)).collect(), others)
    }
}

fn letters(access: PathAccess) -> &'static str {
    match access {
        PathAccess::Nothing => "",
        PathAccess::Read => "r",
        PathAccess::Write => "rw",
    }
}

/// A repository's rules of paths. A person or a team that is no more has none.
pub(crate) fn path_rules_fetch(tx: &mut Tx, repo: u64) -> Result<PathRules, DbError> {
    let sql = "SELECT path, actor, actor_id, access FROM svn_path_rule WHERE repo = ?1 ORDER BY place";
    let mut rules = Vec::new();
    for row in tx.query(sql, &[repo.into()])? {
        let (actor, id): (Actor, u64) = (row.get(1)?, row.get(2)?);
        let whom = match actor {
            Actor::Anyone => Some(Whom::Anyone),
            Actor::Person => {
                name_of(tx, "SELECT name FROM namespace WHERE id = ?1", id)?.map(|name| Whom::Person(id, name))
            }
            Actor::Team => match name_of(tx, "SELECT name FROM team WHERE id = ?1", id)? {
                Some(name) => Some(Whom::Team(id, name, members(tx, id)?)),
                None => None,
            },
        };
        let Some(whom) = whom else { continue };
        rules.push(PathRuleRow { path: RulePath(row.get(0)?), whom, access: row.get(3)? });
    }
    Ok(PathRules(rules))
}

/// Whether an account (None: whoever is not signed in) may read everything in a repository that it may read. Who administers it could
/// change the rules, and does.
pub(crate) fn reads_all(tx: &mut Tx, account: Option<u64>, repo: &Repo) -> Result<bool, DbError> {
    if !repo.is_svn() || path_rules_fetch(tx, repo.id)?.reads_all(account) {
        return Ok(true);
    }
    Ok(account.map_or(Ok(None), |id| role(tx, id, repo))? >= Some(Access::Admin))
}

fn name_of(tx: &mut Tx, sql: &'static str, id: u64) -> Result<Option<String>, DbError> {
    tx.query_opt(sql, &[id.into()])?.map(|row| row.get(0)).transpose()
}

fn members(tx: &mut Tx, team: u64) -> Result<Vec<(u64, String)>, DbError> {
    let sql =
        "SELECT n.id, n.name FROM team_member m JOIN namespace n ON n.id = m.account WHERE m.team = ?1 ORDER BY n.id";
    tx.query(sql, &[team.into()])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(path: &str, whom: Whom, access: PathAccess) -> PathRuleRow {
        PathRuleRow { path: path.parse().unwrap(), whom, access }
    }

    fn rules() -> PathRules {
        let core = Whom::Team(9, "core".into(), vec![(1, "ann".into()), (2, "bob".into())]);
        PathRules(vec![
            rule("/secret", Whom::Anyone, PathAccess::Nothing),
            rule("/secret", core, PathAccess::Write),
            rule("/secret", Whom::Person(2, "bob".into()), PathAccess::Read),
            rule("/secret/open", Whom::Anyone, PathAccess::Read),
            rule("/trunk", Whom::Person(3, "eve".into()), PathAccess::Nothing),
        ])
    }

    #[test]
    fn the_longest_path_and_then_the_nearest_name_decide() {
        use PathAccess::{Nothing, Read, Write};
        let rules = rules();
        for (account, path, may) in [
            (Some(1), "/secret/x", Write),
            (Some(2), "/secret", Read),
            (Some(3), "/secret/x/y", Nothing),
            (None, "/secret", Nothing),
            (Some(3), "/secretly", Write),
            (Some(1), "/secret/open", Read),
            (Some(3), "/secret/open/x", Read),
            (Some(3), "/trunk/a", Nothing),
            (Some(1), "/trunk/a", Write),
        ] {
            assert_eq!(rules.access(account, path.as_bytes()), may, "{account:?} {path}");
        }
        assert!(
            rules.reads_all(Some(1)) && rules.reads_all(Some(2)) && !rules.reads_all(Some(3)) && !rules.reads_all(None)
        );
    }

    #[test]
    fn the_servers_file_takes_the_named_out_of_the_rest() {
        let text = rules().authz().unwrap();
        assert_eq!(
            text,
            "[groups]\nnamed1 = ann, bob\n\n[/]\n* = rw\n\n[/secret]\nann = rw\nbob = r\n~@named1 = \n\n[/secret/open]\n* = r\n\n\
             [/trunk]\neve = \n"
        );
        assert_eq!(PathRules::default().authz(), None);
    }

    #[test]
    fn paths_of_rules_are_plain() {
        for good in ["/", "/a", "/a b/ü.c"] {
            assert!(good.parse::<RulePath>().is_ok(), "{good}");
        }
        for bad in ["", "a", "/a/", "//a", "/a/../b", "/.", "/a]\n[/b", "/a\nb"] {
            assert!(bad.parse::<RulePath>().is_err(), "{bad}");
        }
    }
}
