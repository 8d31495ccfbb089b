//! What makes the site weaker than it was: fewer second factors, private content that leaves, protected refs that are rewritten.

use super::officer::signers_enough_without;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Oid;
use crate::event::protect::ProtectionSet;
use crate::export::Subject;
use crate::org::query::org_by_id;
use crate::people::factor::authenticator::authenticator_list;
use crate::people::factor::totp_list;
use crate::people::policy::{org_requires, required};
use crate::people::query::user_by_id;
use crate::protect::loosen::concerned;
use crate::protect::query::protection_list;
use crate::repo::query::repo_by_id;

type Counts = Vec<(&'static str, u64)>;

pub(super) fn optional_effects(tx: &mut Tx) -> Result<Counts, Error> {
    if !required(tx)? {
        return Err(Error::conflict("the site requires no second factor"));
    }
    Ok(vec![("accounts", tx.query_one("SELECT count(*) FROM account", &[])?.get(0)?)])
}

pub(super) fn remove_effects(tx: &mut Tx, factor: u64, account: u64) -> Result<Counts, Error> {
    let user = user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
    let (keys, apps) = (authenticator_list(tx, account)?, totp_list(tx, account)?);
    let is_key = keys.iter().any(|key| key.id == factor);
    if !is_key && !apps.iter().any(|app| app.id == factor) {
        return Err(Error::not_found(format!("the factor {factor} of {}", user.name)));
    }
    if is_key && user.officer {
        signers_enough_without(tx, account, factor)?;
    }
    Ok(vec![("second factors left", (keys.len() + apps.len() - 1) as u64)])
}

pub(super) fn org_optional_effects(tx: &mut Tx, org: u64) -> Result<Counts, Error> {
    let found = org_by_id(tx, org)?.ok_or_else(|| Error::not_found("the organisation"))?;
    if !org_requires(tx, org)? {
        return Err(Error::conflict(format!("{} requires no second factor", found.path)));
    }
    let sql = "SELECT count(*) FROM org_member WHERE organisation = ?1";
    Ok(vec![("members", tx.query_one(sql, &[org.into()])?.get(0)?)])
}

pub(super) fn loosen_effects(
    tx: &mut Tx,
    repo: u64,
    id: Option<u64>,
    rule: Option<&ProtectionSet>,
    seen: Option<&[u64]>,
) -> Result<Counts, Error> {
    repo_by_id(tx, repo)?.ok_or_else(|| Error::not_found("the repository"))?;
    let rules = protection_list(tx, repo)?;
    if id.is_none() && rule.is_none() || rule.is_some_and(|rule| rule.repo != repo || rule.id != id) {
        return Err(Error::invalid("the order does not say which rule it is about"));
    }
    if id.is_some_and(|id| !rules.iter().any(|rule| rule.id == id)) {
        return Err(Error::not_found("the rule"));
    }
    // It sets the rule as a whole: what was made stricter since would be undone by officers who never read of it.
    if seen != Some(concerned(&rules, id, rule).as_slice()) {
        return Err(Error::conflict("the rules for these names were changed since it was asked for: ask again"));
    }
    let taken = |set: &ProtectionSet| {
        rules.iter().any(|rule| Some(rule.id) != id && rule.kind == set.kind && rule.pattern.as_str() == set.pattern)
    };
    if let Some(set) = rule.filter(|set| taken(set)) {
        return Err(Error::conflict(format!("there is a rule for {} already", set.pattern)));
    }
    let sql = "SELECT name FROM ref WHERE repo = ?1 ORDER BY name";
    let (mut refs, pattern) = (0, rules.iter().find(|rule| Some(rule.id) == id).map(|rule| rule.pattern.clone()));
    let pattern = pattern.or_else(|| rule?.pattern.parse().ok());
    for row in tx.query(sql, &[repo.into()])? {
        let name: String = row.get(0)?;
        let short = name.strip_prefix("refs/heads/").or_else(|| name.strip_prefix("refs/tags/"));
        refs += u64::from(short.is_some_and(|short| pattern.as_ref().is_some_and(|pattern| pattern.fits(short))));
    }
    Ok(vec![("branches and tags that fit it", refs)])
}

/// The private repositories that an export of this would take along.
fn private_in(tx: &mut Tx, subject: &Subject) -> Result<u64, Error> {
    let mut count = 0;
    for row in tx.query("SELECT id FROM repository WHERE visibility = 'private' ORDER BY id", &[])? {
        let repo = repo_by_id(tx, row.get(0)?)?;
        count += u64::from(repo.is_some_and(|repo| subject.has(&repo.path)));
    }
    Ok(count)
}

pub(super) fn export_effects(tx: &mut Tx, subject: &str) -> Result<Counts, Error> {
    match private_in(tx, &subject.parse()?)? {
        0 => Err(Error::conflict(format!("no private repository is in {subject}: that is exported without an order"))),
        count => Ok(vec![("private repositories", count)]),
    }
}

/// Refuses an export for the operator that takes private repositories along, unless officers have let it go.
pub(crate) fn export_allowed(tx: &mut Tx, subject: &Subject, now_us: i64) -> Result<(), Error> {
    let private = match super::rule_fetch(tx)? {
        Some(_) => private_in(tx, subject)?,
        None => 0,
    };
    let sql = "SELECT id FROM export_permit WHERE lower(subject) = ?1 AND until_us > ?2 LIMIT 1";
    let subject = subject.to_string();
    if private == 0 || tx.query_opt(sql, &[subject.to_ascii_lowercase().into(), now_us.into()])?.is_some() {
        return Ok(());
    }
    Err(Error::forbidden(format!(
        "{private} private repositories are in it: officers let them go (outlast order ask export {subject}), for 24 h"
    )))
}

pub(super) fn rewrite_effects(
    tx: &mut Tx,
    repo: u64,
    name: &str,
    old: &Oid,
    new: Option<&Oid>,
) -> Result<Counts, Error> {
    let found = repo_by_id(tx, repo)?.ok_or_else(|| Error::not_found("the repository"))?;
    if !found.is_git() {
        return Err(Error::invalid("refs are Git's: this is a repository of Subversion"));
    }
    let sql = "SELECT oid FROM ref WHERE repo = ?1 AND name = ?2";
    let now: Option<Vec<u8>> = tx.query_opt(sql, &[repo.into(), name.into()])?.map(|row| row.get(0)).transpose()?;
    if now.as_deref() != Some(old.as_bytes()) {
        return Err(Error::conflict(format!("{name} is not at {old} any more")));
    }
    let Some(new) = new else { return Ok(Vec::new()) };
    if new == old {
        return Err(Error::conflict(format!("{name} is at {new} already")));
    }
    let sql = "SELECT name FROM ref WHERE repo = ?1 AND oid = ?2 LIMIT 1";
    match tx.query_opt(sql, &[repo.into(), new.as_bytes().into()])? {
        Some(_) => Ok(Vec::new()),
        None => Err(Error::invalid(format!("no branch or tag is at {new}: push it under another name first"))),
    }
}
