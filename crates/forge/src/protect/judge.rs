//! Whether a protected ref may be moved by who wants to.

use super::query::{Protection, Rights, deciding, protection_list};
use crate::access;
use crate::db::{DbError, Tx};
use crate::event::protect::Protected;
use crate::event::push::RefMove;
use crate::event::repo::Access;
use crate::org::query::is_in_team;
use crate::people::Principal;
use crate::repo::query::Repo;

/// What a move does to its ref.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Move {
    /// Makes it, or moves it to what holds all that it held.
    Forward,
    /// Leaves commits behind.
    Rewind,
    /// Not known: it was not looked at, because no rule was about it then.
    Unknown,
}

/// The branch or tag of a full ref name.
fn named(name: &str) -> Option<(Protected, &str)> {
    let branch = name.strip_prefix("refs/heads/").map(|name| (Protected::Branch, name));
    branch.or_else(|| name.strip_prefix("refs/tags/").map(|name| (Protected::Tag, name)))
}

/// Whether a rule is about one of these moves, so that one must know which of them rewind.
pub fn concerns(tx: &mut Tx, repo: u64, moves: &[RefMove]) -> Result<Vec<bool>, DbError> {
    let rules = protection_list(tx, repo)?;
    let about = |m: &RefMove| named(&m.name).is_some_and(|(kind, name)| deciding(&rules, kind, name).is_some());
    Ok(moves.iter().map(about).collect())
}

/// Why each move is refused by a rule; None: no rule is against it. `kinds` says of each what it does.
pub fn judge(
    tx: &mut Tx,
    repo: &Repo,
    who: Option<&Principal>,
    moves: &[RefMove],
    kinds: &[Move],
) -> Result<Vec<Option<String>>, DbError> {
    let rules = protection_list(tx, repo.id)?;
    if rules.is_empty() {
        return Ok(vec![None; moves.len()]);
    }
    let role = who.map_or(Ok(None), |who| access::role(tx, who.user(), repo))?;
    let kinds = kinds.iter().copied().chain(std::iter::repeat(Move::Unknown));
    let judged = moves.iter().zip(kinds).map(|(update, kind)| {
        let rule = named(&update.name).and_then(|(kind, name)| deciding(&rules, kind, name));
        match rule {
            None => Ok(None),
            Some(rule) => judge_one(tx, rule, who, role, update, kind),
        }
    });
    judged.collect()
}

fn judge_one(
    tx: &mut Tx,
    rule: &Protection,
    who: Option<&Principal>,
    role: Option<Access>,
    update: &RefMove,
    kind: Move,
) -> Result<Option<String>, DbError> {
    let (rights, verb) = match (&update.old, &update.new) {
        (old, new) if old == new => return Ok(None),
        (_, None) => (&rule.delete, "delete it"),
        (None, _) => (&rule.push, if rule.kind == Protected::Tag { "make it" } else { "push to it" }),
        (Some(_), Some(_)) if rule.kind == Protected::Tag => (&rule.force, "move it"),
        (Some(_), Some(_)) => match kind {
            Move::Forward => (&rule.push, "push to it"),
            Move::Rewind => (&rule.force, "force-push to it"),
            Move::Unknown => {
                let text = format!("protected {} meanwhile: push again", rule.kind);
                return Ok(Some(text));
            }
        },
    };
    if has(tx, rights, who, role)? {
        return Ok(None);
    }
    let why = match (rights.is_nobody(), rights.role) {
        (true, _) => format!("nobody may {verb}"),
        (false, Some(role)) => format!("you may not {verb}: it takes the role {role}, or to be named in the rule"),
        (false, None) => format!("you may not {verb}: only those named in the rule may"),
    };
    Ok(Some(format!("protected {} (rule {}): {why}", rule.kind, rule.pattern)))
}

fn has(tx: &mut Tx, rights: &Rights, who: Option<&Principal>, role: Option<Access>) -> Result<bool, DbError> {
    if rights.role.is_some() && role >= rights.role {
        return Ok(true);
    }
    let Some(who) = who else { return Ok(false) };
    if rights.people.iter().any(|(id, _)| *id == who.user()) {
        return Ok(true);
    }
    for (team, _) in &rights.teams {
        if is_in_team(tx, *team, who.user())? {
            return Ok(true);
        }
    }
    Ok(false)
}
