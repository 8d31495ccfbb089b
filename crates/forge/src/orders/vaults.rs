//! Which vaults there are: what changes whose word makes an entry held.
//!
//! One change at a time, from its asking to the entry that says that the new ones alone count ([`VaultsSettle`]). Between its entry and
//! that one both quorums must hold what is written ([`Quorum`](vault::Quorum)), so that two logs are never held.

use super::Act;
use super::officer::Counts;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::vault::{VaultMember, VaultsChanged};
use crate::writer::{Command, Decide};
use std::collections::BTreeSet;
use vault::VaultUrl;

/// Vaults of a site.
pub const VAULTS_MAX: usize = 32;

fn members(tx: &mut Tx, sql: &'static str) -> Result<Vec<VaultMember>, Error> {
    let member = |row: &crate::db::Row| {
        Ok(VaultMember { name: row.get(0)?, domain: row.get(1)?, vkey: row.get(2)?, pin: row.get(3)? })
    };
    tx.query(sql, &[])?.iter().map(member).collect()
}

fn now(tx: &mut Tx) -> Result<Vec<VaultMember>, Error> {
    members(tx, "SELECT name, domain, vkey, pin FROM vault ORDER BY name")
}

/// The entry that ordered the change that is under way.
pub(crate) fn changing_since(tx: &mut Tx) -> Result<Option<u64>, Error> {
    let row = tx.query_opt("SELECT seq FROM vault_next ORDER BY name LIMIT 1", &[])?;
    Ok(row.map(|row| row.get(0)).transpose()?)
}

/// Nobody asks for a change of the vaults while another waits or is under way: what it would lead to is not known.
pub(super) fn one_at_a_time(act: &Act, pending: &Act, id: u64) -> Result<(), Error> {
    let both = concerns_vaults(act) && concerns_vaults(pending);
    if both { Err(Error::conflict(format!("order {id} changes the vaults: one such order at a time"))) } else { Ok(()) }
}

fn concerns_vaults(act: &Act) -> bool {
    matches!(act, Act::VaultEnrol { .. } | Act::VaultRetire { .. } | Act::VaultDomain { .. })
}

/// All vaults as an act wants them.
pub(super) fn after(tx: &mut Tx, act: &Act) -> Result<Vec<VaultMember>, Error> {
    if changing_since(tx)?.is_some() {
        return Err(Error::conflict("the vaults are being changed: ask again when that is done (outlast doctor)"));
    }
    let mut vaults = now(tx)?;
    let known = |vaults: &[VaultMember], name: &str| {
        let at = vaults.iter().position(|one| one.name == name);
        at.ok_or_else(|| Error::not_found(format!("vault {name}")))
    };
    match act {
        Act::VaultEnrol { name, domain, vkey, pin } => {
            if vaults.iter().any(|one| one.vkey == *vkey && one.name != *name) {
                return Err(Error::conflict("a vault of this site has that key: a copy of a vault counts for nothing"));
            }
            vaults.retain(|one| one.name != *name);
            let [name, domain, vkey, pin] = [name, domain, vkey, pin].map(Clone::clone);
            vaults.push(VaultMember { name, domain, vkey, pin });
        }
        Act::VaultRetire { name, .. } => drop(vaults.remove(known(&vaults, name)?)),
        Act::VaultDomain { name, domain, .. } => {
            let at = known(&vaults, name)?;
            vaults[at].domain.clone_from(domain);
        }
        _ => return Err(Error::internal("this act is not about vaults")),
    }
    Ok(vaults)
}

fn domains(vaults: &[VaultMember]) -> usize {
    vaults.iter().map(|one| one.domain.as_str()).collect::<BTreeSet<_>>().len()
}

/// Domains that must hold, of so many.
fn most_of(domains: usize) -> usize {
    domains / 2 + 1
}

pub(super) fn effects(tx: &mut Tx, act: &Act) -> Result<Counts, Error> {
    let (before, after) = (now(tx)?, after(tx, act)?);
    let sorted = |vaults: &[VaultMember]| vaults.iter().map(|one| format!("{one:?}")).collect::<BTreeSet<_>>();
    if sorted(&before) == sorted(&after) {
        return Err(Error::conflict("it is so already"));
    }
    if after.len() > VAULTS_MAX {
        return Err(Error::invalid(format!("a site has at most {VAULTS_MAX} vaults")));
    }
    let (needed, left) = (most_of(domains(&before)), domains(&after));
    if left < needed {
        return Err(Error::invalid(format!(
            "{needed} trust domains must hold an entry now, and {left} would be left: enrol another vault first"
        )));
    }
    Ok(vec![
        ("vaults", after.len() as u64),
        ("trust domains", left as u64),
        ("trust domains that must hold an entry", most_of(left) as u64),
    ])
}

/// The act that enrols a vault that the site was told of.
pub(super) fn enrol(name: &str, told: &[VaultUrl]) -> Result<Act, Error> {
    let url = told.iter().find(|url| url.name == name).ok_or_else(|| {
        Error::not_found(format!("the address of a vault {name} (start the site with it: outlast serve --vault URL)"))
    })?;
    let (vkey, pin) = (url.vkey.to_string(), url.pin.to_string());
    Ok(Act::VaultEnrol { name: url.name.clone(), domain: url.domain.clone(), vkey, pin })
}

pub(super) fn retire(tx: &mut Tx, name: &str) -> Result<Act, Error> {
    let one = one(tx, name)?;
    Ok(Act::VaultRetire { name: one.name, domain: one.domain })
}

pub(super) fn domain(tx: &mut Tx, name: &str, domain: &str) -> Result<Act, Error> {
    let one = one(tx, name)?;
    if !VaultUrl::is_name(domain) {
        return Err(Error::invalid(
            "a trust domain is named in one word: outlast order ask vault-domain NAME --to DOMAIN",
        ));
    }
    Ok(Act::VaultDomain { name: one.name, before: one.domain, domain: domain.to_owned() })
}

fn one(tx: &mut Tx, name: &str) -> Result<VaultMember, Error> {
    now(tx)?.into_iter().find(|one| one.name == name).ok_or_else(|| Error::not_found(format!("vault {name}")))
}

/// Ends a change of the vaults once both quorums hold the entry that ordered it. Says whether it did.
#[derive(Debug)]
pub(crate) struct VaultsSettle {
    /// Entries below this number are held by both.
    pub(crate) held: u64,
}

impl Command for VaultsSettle {
    type Output = bool;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, bool), Error> {
        match changing_since(tx)?.filter(|entry| *entry < self.held) {
            Some(ordered) => Ok((vec![VaultsChanged { ordered }.into()], true)),
            None => Ok((Vec::new(), false)),
        }
    }
}
