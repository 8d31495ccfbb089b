//! Asking for a guarded act by its name: one shape for all that have no other place of their own.

use super::query::acts_as_officer;
use super::trash::{may_restore, trashed_by_id};
use super::{Act, GUARDED, erase, vaults};
use crate::access::{Administer, Own, authorize, authorize_org};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Oid;
use crate::export::Subject;
use crate::names::{OwnerPath, RepoPath, UserName};
use crate::org::query::{Org, org_fetch};
use crate::people::query::user_fetch;
use crate::people::{Principal, Scope};
use crate::repo::query::repo_fetch;
use vault::VaultUrl;

/// What somebody wants to be ordered.
#[derive(Clone, Debug, Default)]
pub struct Wish {
    /// The act's name in [`GUARDED`].
    pub act: String,
    /// What it is about, as the list says.
    pub subject: String,
    /// For a ref: its full name.
    pub reference: String,
    /// For a ref: the object it shall be at, in hexadecimal; empty: it is deleted. For a vault: the trust domain.
    pub to: String,
}

/// The act, as things are. Who may ask: officers, operators and who is at the site's machine for what is the site's; its owner for what
/// is somebody's. `told`: the vaults whose address the site has.
///
/// # Errors
/// [`Error::NotFound`] for what one may not see, in the words of what does not exist.
pub fn act_of(tx: &mut Tx, who: Option<&Principal>, wish: &Wish, told: &[VaultUrl]) -> Result<Act, Error> {
    let name = wish.act.as_str();
    if !GUARDED.iter().any(|guarded| guarded.name == name && guarded.about.is_some()) {
        let known: Vec<_> = GUARDED.iter().filter(|guarded| guarded.about.is_some()).map(|it| it.name).collect();
        return Err(Error::invalid(format!("{name:?} is no act that is asked for like this: {}", known.join(", "))));
    }
    let officer = who.map_or(Ok(true), |who| acts_as_officer(tx, who))?;
    let serves = officer || who.is_some_and(Principal::is_operator);
    let subject = wish.subject.trim();
    match name {
        "user-delete" => user_delete(tx, who.filter(|_| !serves), subject),
        "organisation-delete" => org_delete(tx, who.filter(|_| !officer), subject),
        "organisation-factors-optional" => org_factors_optional(tx, who.filter(|_| !officer), subject),
        "trash-empty" => trash_empty(tx, who.filter(|_| !serves), subject),
        "erase" => erase::asked(tx, who.filter(|_| !serves), subject),
        "ref-rewrite" => ref_rewrite(tx, who, subject, wish),
        _ if !serves => Err(Error::not_found("the officers' desk")),
        "vault-enrol" => vaults::enrol(subject, told),
        "vault-retire" => vaults::retire(tx, subject),
        "vault-domain" => vaults::domain(tx, subject, wish.to.trim()),
        "factors-optional" => Ok(Act::FactorsOptional {}),
        "factor-remove" => factor_remove(tx, subject),
        _ => Ok(Act::Export { subject: subject.parse::<Subject>()?.to_string() }),
    }
}

fn number(what: &str, text: &str) -> Result<u64, Error> {
    text.parse().map_err(|_| Error::invalid(format!("{what} is asked for by its number")))
}

/// `alone`: one who may ask for their own account alone.
fn user_delete(tx: &mut Tx, alone: Option<&Principal>, subject: &str) -> Result<Act, Error> {
    let name: UserName = subject.parse()?;
    if let Some(who) = alone {
        who.needs_all()?;
        who.needs(Scope::UserWrite)?;
    }
    let user = user_fetch(tx, &name)?.filter(|user| alone.is_none_or(|who| who.user() == user.id));
    let user = user.ok_or_else(|| Error::not_found(&name))?;
    Ok(Act::UserDelete { account: user.id, name: user.name })
}

/// `owner`: one who must own it.
fn org_named(tx: &mut Tx, owner: Option<&Principal>, subject: &str) -> Result<Org, Error> {
    let path: OwnerPath = subject.parse()?;
    match owner {
        Some(_) => Ok(authorize_org::<Own>(tx, owner, &path)?.org().clone()),
        None => org_fetch(tx, &path)?.ok_or_else(|| Error::not_found(&path)),
    }
}

fn org_delete(tx: &mut Tx, owner: Option<&Principal>, subject: &str) -> Result<Act, Error> {
    let org = org_named(tx, owner, subject)?;
    Ok(Act::OrgDelete { org: org.id, path: org.path })
}

fn org_factors_optional(tx: &mut Tx, owner: Option<&Principal>, subject: &str) -> Result<Act, Error> {
    let org = org_named(tx, owner, subject)?;
    Ok(Act::OrgFactorsOptional { org: org.id, path: org.path })
}

fn trash_empty(tx: &mut Tx, alone: Option<&Principal>, subject: &str) -> Result<Act, Error> {
    let id = number("a repository in the trash", subject)?;
    let not_found = || Error::not_found(format!("repository {id} in the trash"));
    let trashed = trashed_by_id(tx, id)?.ok_or_else(not_found)?;
    if let Some(who) = alone
        && !may_restore(tx, who, &trashed)?
    {
        return Err(not_found());
    }
    Ok(Act::TrashEmpty { repo: id, path: trashed.path })
}

fn factor_remove(tx: &mut Tx, subject: &str) -> Result<Act, Error> {
    let factor = number("a factor", subject)?;
    let sql = "SELECT f.account, n.name, f.name FROM (SELECT id, account, name, removed_us FROM authenticator
               UNION ALL SELECT id, account, name, removed_us FROM totp) f JOIN namespace n ON n.id = f.account
               WHERE f.id = ?1 AND f.removed_us IS NULL";
    let row = tx.query_opt(sql, &[factor.into()])?.ok_or_else(|| Error::not_found(format!("factor {factor}")))?;
    Ok(Act::FactorRemove { factor, account: row.get(0)?, name: row.get(1)?, label: row.get(2)? })
}

fn ref_rewrite(tx: &mut Tx, who: Option<&Principal>, subject: &str, wish: &Wish) -> Result<Act, Error> {
    let path: RepoPath = subject.parse()?;
    let repo = match who {
        Some(_) => authorize::<Administer>(tx, who, &path)?.repo().clone(),
        None => repo_fetch(tx, &path)?.ok_or_else(|| Error::not_found(&path))?,
    };
    let name = wish.reference.trim().to_owned();
    let sql = "SELECT oid FROM ref WHERE repo = ?1 AND name = ?2";
    let old: Option<Vec<u8>> =
        tx.query_opt(sql, &[repo.id.into(), (&name).into()])?.map(|row| row.get(0)).transpose()?;
    let none = || Error::invalid(format!("{} has no ref {name:?}: give its full name, refs/heads/main", repo.path));
    let old = old.as_deref().and_then(Oid::new).ok_or_else(none)?;
    let new = Some(wish.to.trim()).filter(|to| !to.is_empty()).map(oid).transpose()?;
    Ok(Act::RefRewrite { repo: repo.id, path: repo.path, name, old, new })
}

fn oid(text: &str) -> Result<Oid, Error> {
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = text.as_bytes().chunks(2).map(digit).collect();
    let bytes = bytes.filter(|_| text.bytes().all(|b| b.is_ascii_hexdigit()) && text.len().is_multiple_of(2));
    bytes.and_then(|bytes| Oid::new(&bytes)).ok_or_else(|| Error::invalid("an object is named by its whole id"))
}
