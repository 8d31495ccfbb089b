//! What can be done to Subversion's rules.

use super::paths::{PATH_RULES_MAX, RulePath, path_rules_fetch};
use super::rules::{
    CommitRules, FORBIDDEN_NAMES_MAX, MESSAGE_CHARS_MIN_MAX, RULE_PATTERN_CHARS_MAX, commit_rules_fetch,
};
use crate::access::{Administer, Authorized};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::repo::RepoKind;
use crate::event::svn_rules::{Actor, PathAccess, PathRule, SvnPathRulesSet};
use crate::names::UserName;
use crate::people::query::user_fetch;
use crate::protect::command::team_named;
use crate::repo::Repo;
use crate::repo::command::recheck;
use crate::writer::{Command, Decide};
use std::collections::BTreeSet;

/// A rule of paths that is asked for: `whom` is `*`, a name, or `@team`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PathRuleSpec {
    /// Below which path.
    pub path: RulePath,
    /// Whom it is about.
    pub whom: String,
    /// What they may.
    pub access: PathAccess,
}

/// Gives a repository other rules of paths.
#[derive(Debug)]
pub(crate) struct SvnPathRulesPut {
    pub(crate) proof: Authorized<Administer>,
    pub(crate) rules: Vec<PathRuleSpec>,
}

impl Command for SvnPathRulesPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = of_subversion(recheck(tx, ctx, &self.proof)?)?;
        if self.rules.len() > PATH_RULES_MAX {
            return Err(Error::invalid(format!("a repository has at most {PATH_RULES_MAX} rules of paths")));
        }
        let mut seen = BTreeSet::new();
        let mut rules = Vec::new();
        for PathRuleSpec { path, whom, access } in self.rules {
            let (actor, id) = actor(tx, &repo, &whom)?;
            if !seen.insert((path.clone(), actor.as_str(), id)) {
                return Err(Error::invalid(format!("there are two rules for {whom} at {}", path.as_str())));
            }
            rules.push(PathRule { path: path.as_str().to_owned(), actor, id, access });
        }
        if rules.is_empty() && path_rules_fetch(tx, repo.id)?.0.is_empty() {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![SvnPathRulesSet { repo: repo.id, rules }.into()], ()))
    }
}

fn actor(tx: &mut Tx, repo: &Repo, whom: &str) -> Result<(Actor, u64), Error> {
    if whom == "*" {
        return Ok((Actor::Anyone, 0));
    }
    if let Some(team) = whom.strip_prefix('@') {
        return Ok((Actor::Team, team_named(tx, repo.namespace, team)?));
    }
    let name: UserName = whom.parse()?;
    Ok((Actor::Person, user_fetch(tx, &name)?.ok_or_else(|| Error::not_found(&name))?.id))
}

/// Gives a repository other rules for commits.
#[derive(Debug)]
pub(crate) struct SvnCommitRulesPut {
    pub(crate) proof: Authorized<Administer>,
    pub(crate) rules: CommitRules,
}

impl Command for SvnCommitRulesPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = of_subversion(recheck(tx, ctx, &self.proof)?)?;
        let rules = self.rules;
        let pattern = |text: &str| text.chars().count() <= RULE_PATTERN_CHARS_MAX && !text.contains(char::is_control);
        if !pattern(&rules.message_pattern) || !rules.forbidden_names.iter().all(|name| pattern(name)) {
            return Err(Error::invalid(format!(
                "a pattern is one line of at most {RULE_PATTERN_CHARS_MAX} characters"
            )));
        }
        if rules.forbidden_names.len() > FORBIDDEN_NAMES_MAX || rules.message_chars_min > MESSAGE_CHARS_MIN_MAX {
            return Err(Error::invalid(format!(
                "at most {FORBIDDEN_NAMES_MAX} patterns of names, and {MESSAGE_CHARS_MIN_MAX} characters of a message"
            )));
        }
        if commit_rules_fetch(tx, repo.id)? == rules {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![rules.event(repo.id).into()], ()))
    }
}

fn of_subversion(repo: Repo) -> Result<Repo, Error> {
    match repo.kind {
        RepoKind::Svn => Ok(repo),
        RepoKind::Git => Err(Error::invalid("a repository of Git has no rules of Subversion; see its protections")),
    }
}
