//! Officers, their keys and their rule: what may be changed at the admin socket while there is no rule, and by orders from then on.

use super::query::{is_officer, key_by_id, key_by_public, key_list, officers, rule_fetch};
use super::{DELAY_MAX_US, FOUNDERS_MAX, NEEDED_MAX, OFFICER_KEYS_MAX, OfficerKey, Rule};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::guard::{OfficerKeyAdded, OfficerRuleSet, RolesSet};
use crate::names::UserName;
use crate::people::factor::authenticator::authenticator_list;
use crate::people::query::{user_by_id, user_fetch};
use crate::writer::{Command, Decide};

pub(super) type Counts = Vec<(&'static str, u64)>;

/// How many must sign, and how long orders wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OfficerRule {
    /// Officers who must sign.
    pub needed: u32,
    /// How long an order waits, microseconds.
    pub delay_us: i64,
}

/// Officers with keys, as it would be with `change` made. Invariant 4 of [orders](super).
fn enough(tx: &mut Tx, needed: u32, without: Option<u64>) -> Result<u64, Error> {
    let with_keys = officers(tx)?.into_iter().filter(super::query::Officer::can_sign);
    let count = with_keys.filter(|officer| Some(officer.account) != without).count() as u64;
    if count > u64::from(needed) {
        return Ok(count);
    }
    Err(Error::invalid(format!(
        "{needed} officers must sign, and there must always be one more than that with a key: this would leave {count}"
    )))
}

/// Refuses to take an authenticator from an officer who has nothing else to sign with, where that would leave too few. Invariant 4.
pub(crate) fn signers_enough_without(tx: &mut Tx, account: u64, authenticator: u64) -> Result<(), Error> {
    let Some(needed) = needed(tx)? else { return Ok(()) };
    let others = authenticator_list(tx, account)?.into_iter().any(|key| key.user_verified && key.id != authenticator);
    if !others && key_list(tx, account)?.is_empty() {
        enough(tx, needed, Some(account))?;
    }
    Ok(())
}

fn needed(tx: &mut Tx) -> Result<Option<u32>, Error> {
    Ok(rule_fetch(tx)?.map(|rule| rule.needed))
}

pub(super) fn check_roles(tx: &mut Tx, account: u64, officer: bool, operator: bool) -> Result<Counts, Error> {
    let user = user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
    if (user.officer, user.operator) == (officer, operator) {
        return Err(Error::conflict(format!("{} has these roles already", user.name)));
    }
    if user.officer
        && !officer
        && let Some(needed) = needed(tx)?
    {
        enough(tx, needed, Some(account))?;
    }
    Ok(Vec::new())
}

pub(super) fn check_key_add(tx: &mut Tx, account: u64, key: &[u8; 32]) -> Result<Counts, Error> {
    if !is_officer(tx, account)? {
        return Err(Error::invalid("only an officer has a key to sign with"));
    }
    if key_by_public(tx, key)?.is_some() {
        return Err(Error::conflict("this key counts for somebody already"));
    }
    let keys = key_list(tx, account)?.len() as u64;
    if keys >= OFFICER_KEYS_MAX {
        return Err(Error::invalid(format!("an officer has at most {OFFICER_KEYS_MAX} keys")));
    }
    Ok(vec![("keys the officer has", keys)])
}

pub(super) fn check_key_remove(tx: &mut Tx, key: u64) -> Result<Counts, Error> {
    let key = key_by_id(tx, key)?.ok_or_else(|| Error::not_found("the officer's key"))?;
    let left = key_list(tx, key.account)?.len() as u64 - 1;
    let passkeys = officers(tx)?.into_iter().any(|officer| officer.account == key.account && officer.passkeys > 0);
    if left == 0
        && !passkeys
        && let Some(needed) = needed(tx)?
    {
        enough(tx, needed, Some(key.account))?;
    }
    Ok(vec![("keys left to the officer", left)])
}

fn check_limits(rule: &OfficerRule) -> Result<(), Error> {
    if rule.needed < 2 || rule.needed > NEEDED_MAX {
        return Err(Error::invalid(format!(
            "from 2 to {NEEDED_MAX} officers must sign: with one, one account would do"
        )));
    }
    if !(0..=DELAY_MAX_US).contains(&rule.delay_us) {
        return Err(Error::invalid("an order waits at most 7 days: after 14 it expires"));
    }
    Ok(())
}

pub(super) fn check_rule(tx: &mut Tx, rule: &OfficerRule) -> Result<Counts, Error> {
    check_limits(rule)?;
    if rule_fetch(tx)? == Some(Rule { needed: rule.needed, delay_us: rule.delay_us }) {
        return Err(Error::conflict("this is the rule already"));
    }
    Ok(vec![("officers with keys", enough(tx, rule.needed, None)?)])
}

/// Refuses once there is a rule: then it needs an order.
pub(crate) fn founding(tx: &mut Tx, what: &str) -> Result<(), Error> {
    match rule_fetch(tx)? {
        None => Ok(()),
        Some(_) => Err(Error::conflict(format!("{what} needs an order: the officers' rule came into force meanwhile"))),
    }
}

/// Enrols an officer's key, while there is no rule.
#[derive(Debug)]
pub struct OfficerKeyAdd {
    /// The officer.
    pub account: u64,
    /// What the key is called.
    pub name: String,
    /// The key.
    pub key: OfficerKey,
}

impl Command for OfficerKeyAdd {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        founding(tx, "an officer's key")?;
        check_key_add(tx, self.account, &self.key.0)?;
        let event = OfficerKeyAdded { account: self.account, name: self.name, public_key: self.key.0 };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

/// Sets the rule, while there is none: from then on the guard is in force.
#[derive(Debug)]
pub struct RuleSet(pub OfficerRule);

impl Command for RuleSet {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        founding(tx, "a change of the officers' rule")?;
        check_rule(tx, &self.0)?;
        Ok((vec![OfficerRuleSet { needed: self.0.needed, delay_us: self.0.delay_us }.into()], ()))
    }
}

/// Founds the guard: the officers, a key of each, and their rule, in one act. Once, and for ever.
#[derive(Debug)]
pub struct OfficersFound {
    /// The officers, who have accounts, and the key of each.
    pub officers: Vec<(UserName, OfficerKey)>,
    /// The rule, which takes one officer more than must sign.
    pub rule: OfficerRule,
}

impl Command for OfficersFound {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        founding(tx, "making officers")?;
        let (mut events, mut accounts, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (name, key) in self.officers {
            let user = user_fetch(tx, &name)?.ok_or_else(|| Error::not_found(&name))?;
            if accounts.contains(&user.id) || keys.contains(&key.0) || key_by_public(tx, &key.0)?.is_some() {
                return Err(Error::invalid(format!("{name}: each officer is named once, with a key of their own")));
            }
            if !user.officer {
                events.push(RolesSet { account: user.id, officer: true, operator: user.operator }.into());
            }
            events.push(OfficerKeyAdded { account: user.id, name: "founding".into(), public_key: key.0 }.into());
            accounts.push(user.id);
            keys.push(key.0);
        }
        check_limits(&self.rule)?;
        let count = accounts.len() as u64;
        if count <= u64::from(self.rule.needed) || count > FOUNDERS_MAX {
            return Err(Error::invalid(format!(
                "{} officers must sign, so at least {} are named, and at most {FOUNDERS_MAX}: these are {count}",
                self.rule.needed,
                self.rule.needed + 1
            )));
        }
        events.push(OfficerRuleSet { needed: self.rule.needed, delay_us: self.rule.delay_us }.into());
        Ok((events, ()))
    }
}

/// Changes an account's roles, while there is no rule.
#[derive(Debug)]
pub struct RolesChange {
    /// Whose.
    pub name: UserName,
    /// May sign orders; None: stays.
    pub officer: Option<bool>,
    /// May run the site; None: stays.
    pub operator: Option<bool>,
}

impl Command for RolesChange {
    type Output = ();

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        founding(tx, "a change of roles")?;
        let user = user_fetch(tx, &self.name)?.ok_or_else(|| Error::not_found(&self.name))?;
        let (officer, operator) = (self.officer.unwrap_or(user.officer), self.operator.unwrap_or(user.operator));
        check_roles(tx, user.id, officer, operator)?;
        Ok((vec![RolesSet { account: user.id, officer, operator }.into()], ()))
    }
}
