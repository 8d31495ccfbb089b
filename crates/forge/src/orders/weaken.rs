//! What makes the site weaker than it was: fewer second factors, private content that leaves, protected refs that are rewritten.

use super::officer::signers_enough_without;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Oid;
use crate::event::repo::RepoKind;
use crate::export::Subject;
use crate::people::factor::authenticator::authenticator_list;
use crate::people::factor::totp_list;
use crate::people::policy::required;
use crate::people::query::user_by_id;
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
    if found.kind != RepoKind::Git {
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
