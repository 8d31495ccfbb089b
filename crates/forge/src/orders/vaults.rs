//! Which vaults there are: what changes whose word makes an entry held.
//!
//! One change at a time, from its asking to the entry that says that the new ones alone count ([`VaultsSettle`]). Between its entry and
//! that one both quorums must hold what is written ([`Quorum`](vault::Quorum)), so that two logs are never held.
//!
//! A vault that those to be need, and that dies meanwhile, would stop all writing. So one officer's word takes the change back, as it
//! stops an order, until the entry that confirms it: from then on those to be may hold what those before never saw. The confirmation
//! itself needs both, so no quorum of those before can hold it in one log and its taking back in another.

use super::Act;
use super::Order;
use super::officer::Counts;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::vault::{VaultMember, VaultsChanged, VaultsConfirmed};
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

/// A change of the vaults that is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VaultsChanging {
    /// The entry that ordered it.
    pub ordered: u64,
    /// The entry that confirmed it; None: an officer may take it back.
    pub confirmed: Option<u64>,
    /// The order that was carried out by it.
    pub order: Option<u64>,
}

impl VaultsChanging {
    /// The entry that both quorums must hold before it goes on.
    pub(crate) fn waits_for(&self) -> u64 {
        self.confirmed.unwrap_or(self.ordered)
    }
}

/// The change that is under way.
pub(crate) fn changing(tx: &mut Tx) -> Result<Option<VaultsChanging>, Error> {
    let row = tx.query_opt("SELECT seq, confirmed_seq FROM vault_next ORDER BY name LIMIT 1", &[])?;
    let Some(row) = row else { return Ok(None) };
    let (ordered, confirmed) = (row.get(0)?, row.get(1)?);
    // One at a time, so it is the last that was carried out.
    let sql = "SELECT id, body FROM filed_order WHERE state = 'executed' ORDER BY closed_us DESC, id DESC";
    let mut order = None;
    for row in tx.query(sql, &[])? {
        let (id, body): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let filed = Order::decode(&body).map_err(|e| Error::damaged(format!("order {id}: {e}")))?;
        if concerns_vaults(&filed.act) {
            order = Some(id);
            break;
        }
    }
    Ok(Some(VaultsChanging { ordered, confirmed, order }))
}

/// The entry by which this order changes the vaults, while an officer may take that back; None: it changes none now.
///
/// # Errors
/// [`Error::Conflict`] when it is confirmed.
pub(super) fn may_be_kept(tx: &mut Tx, order: u64) -> Result<Option<u64>, Error> {
    match changing(tx)?.filter(|change| change.order == Some(order)) {
        Some(VaultsChanging { confirmed: Some(_), .. }) => Err(Error::conflict(format!(
            "both quorums hold what order {order} says: it is not taken back any more (order the vaults as you want them)"
        ))),
        change => Ok(change.map(|change| change.ordered)),
    }
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
    if changing(tx)?.is_some() {
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

/// Takes a change of the vaults a step on: confirms it once both quorums hold the entry that ordered it, and ends it once they hold the
/// confirmation. Says whether it did.
#[derive(Debug)]
pub struct VaultsSettle {
    /// Entries below this number are held by both.
    pub held: u64,
}

impl Command for VaultsSettle {
    type Output = bool;
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, bool), Error> {
        let Some(change) = changing(tx)?.filter(|change| change.waits_for() < self.held) else {
            return Ok((Vec::new(), false));
        };
        let ordered = change.ordered;
        let next = match change.confirmed {
            None => VaultsConfirmed { ordered }.into(),
            Some(_) => VaultsChanged { ordered }.into(),
        };
        Ok((vec![next], true))
    }
}
