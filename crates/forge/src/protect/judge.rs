//! Whether a protected ref may be moved by who wants to.

use super::query::{Protection, Rights, deciding, protection_list};
use crate::access;
use crate::db::{DbError, Tx};
use crate::event::protect::Protected;
use crate::event::push::RefMove;
use crate::event::repo::Access;
use crate::names::is_harmless;
use crate::org::query::is_in_team;
use crate::people::Principal;
use crate::repo::query::Repo;

/// What a move does to its ref.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Move {
    /// Makes it, or moves it to what holds all that it held.
    Forward,
    /// Leaves commits behind.
    Rewind,
    /// Not known: it was not looked at, because no rule was about it then.
    #[default]
    Unknown,
}

/// Whether all commits that a move brings carry verified signatures.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Not looked at: no rule asked for it then.
    #[default]
    Unknown,
    /// They do.
    Right,
    /// One does not: what is wrong.
    Wrong(String),
}

/// The paths that a move changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Changed {
    /// Not looked at: no rule asked for them then.
    #[default]
    Unknown,
    /// Too many to be looked at.
    TooMany,
    /// These.
    Paths(Vec<String>),
}

/// What was seen of a move.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Looked {
    /// What it does to its ref.
    pub kind: Move,
    /// The signatures of what it brings.
    pub signatures: Signatures,
    /// The paths that it changes.
    pub changed: Changed,
}

/// What a rule that is about a move wants to know of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Concern {
    /// The signatures of its commits.
    pub signatures: bool,
    /// The paths it changes.
    pub paths: bool,
}

/// The branch or tag of a full ref name.
fn named(name: &str) -> Option<(Protected, &str)> {
    let branch = name.strip_prefix("refs/heads/").map(|name| (Protected::Branch, name));
    branch.or_else(|| name.strip_prefix("refs/tags/").map(|name| (Protected::Tag, name)))
}

/// What must be known of each of these moves; None: no rule is about it.
pub fn concerns(tx: &mut Tx, repo: u64, moves: &[RefMove]) -> Result<Vec<Option<Concern>>, DbError> {
    let rules = protection_list(tx, repo)?;
    let about = |m: &RefMove| {
        let rule = named(&m.name).and_then(|(kind, name)| deciding(&rules, kind, name))?;
        Some(Concern { signatures: rule.signed, paths: !rule.paths.is_empty() })
    };
    Ok(moves.iter().map(about).collect())
}

/// Why each move is refused by a rule; None: no rule is against it. `looked` says of each what it does.
pub fn judge(
    tx: &mut Tx,
    repo: &Repo,
    who: Option<&Principal>,
    moves: &[RefMove],
    looked: &[Looked],
) -> Result<Vec<Option<String>>, DbError> {
    let rules = protection_list(tx, repo.id)?;
    if rules.is_empty() {
        return Ok(vec![None; moves.len()]);
    }
    let role = who.map_or(Ok(None), |who| access::role(tx, who.user(), repo))?;
    let unseen = Looked::default();
    let judged = moves.iter().enumerate().map(|(at, update)| {
        let rule = named(&update.name).and_then(|(kind, name)| deciding(&rules, kind, name));
        match rule {
            None => Ok(None),
            Some(rule) => judge_one(tx, rule, who, role, update, looked.get(at).unwrap_or(&unseen)),
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
    looked: &Looked,
) -> Result<Option<String>, DbError> {
    let (rights, verb) = match (&update.old, &update.new) {
        (old, new) if old == new => return Ok(None),
        (_, None) => (&rule.delete, "delete it"),
        (None, _) => (&rule.push, if rule.kind == Protected::Tag { "make it" } else { "push to it" }),
        (Some(_), Some(_)) if rule.kind == Protected::Tag => (&rule.force, "move it"),
        (Some(_), Some(_)) => match looked.kind {
            Move::Forward => (&rule.push, "push to it"),
            Move::Rewind => (&rule.force, "force-push to it"),
            Move::Unknown => return Ok(Some(meanwhile(rule))),
        },
    };
    if has(tx, rights, who, role)? {
        return if update.new.is_some() { judge_content(tx, rule, who, role, looked) } else { Ok(None) };
    }
    let certified = match who.and_then(|who| who.within) {
        Some(_) => ", with a key or token of their own and not with an organisation's certificate",
        None => "",
    };
    let why = match (rights.is_nobody(), rights.role) {
        (true, _) => format!("nobody may {verb}"),
        (false, Some(role)) => {
            format!("you may not {verb}: it takes the role {role}, or to be named in the rule{certified}")
        }
        (false, None) => format!("you may not {verb}: only those named in the rule may{certified}"),
    };
    Ok(Some(format!("protected {} (rule {}): {why}", rule.kind, rule.pattern)))
}

fn meanwhile(rule: &Protection) -> String {
    format!("protected {} meanwhile: push again", rule.kind)
}

/// Whether what comes to a branch is as its rule wants it.
fn judge_content(
    tx: &mut Tx,
    rule: &Protection,
    who: Option<&Principal>,
    role: Option<Access>,
    looked: &Looked,
) -> Result<Option<String>, DbError> {
    let refused = |why: String| Ok(Some(format!("protected {} (rule {}): {why}", rule.kind, rule.pattern)));
    if rule.signed {
        match &looked.signatures {
            Signatures::Right => {}
            Signatures::Unknown => return Ok(Some(meanwhile(rule))),
            Signatures::Wrong(fault) => {
                return refused(format!("each commit must carry a verified signature, and {fault}"));
            }
        }
    }
    if rule.paths.is_empty() || has(tx, &rule.path, who, role)? {
        return Ok(None);
    }
    let changed = match &looked.changed {
        Changed::Unknown => return Ok(Some(meanwhile(rule))),
        Changed::TooMany => return refused("too many paths change at once".to_owned()),
        Changed::Paths(changed) => changed,
    };
    let of_others = changed.iter().find(|path| rule.paths.iter().any(|pattern| pattern.fits(path)));
    of_others.map_or(Ok(None), |path| {
        let path: String = path.chars().map(|c| if is_harmless(c) { c } else { '?' }).take(200).collect();
        refused(format!("you may not change {path}"))
    })
}

fn has(tx: &mut Tx, rights: &Rights, who: Option<&Principal>, role: Option<Access>) -> Result<bool, DbError> {
    if rights.role.is_some() && role >= rights.role {
        return Ok(true);
    }
    // An organisation's owner has whomever they like named by an authority of its own: whom a rule names shows a credential of theirs.
    let Some(who) = who.filter(|who| who.within.is_none()) else { return Ok(false) };
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
