//! Locking down, and what undoes it.

use super::tree::{Made, MadeKind, tainted};
use super::{in_force, is_frozen};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::lockdown::{AccountFrozen, AccountUnfrozen, LockdownLifted, LockdownStarted};
use crate::orders::{acts_as_officer, founding, is_officer, rule_fetch};
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::people::query::user_by_id;
use crate::writer::{Command, Decide, Urgency};

/// Locks the site down. Gives what was ended.
#[derive(Debug)]
pub struct LockDown {
    /// What was made or used since then is the intruder's.
    pub since_us: i64,
    /// Credentials whose use since then is not in the journal.
    pub used: Vec<u64>,
    /// The officer; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for LockDown {
    type Output = Vec<Made>;
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Vec<Made>), Error> {
        if let Some(who) = &self.by
            && (!still_good(tx, who.credential(), ctx.now_us)? || !is_officer(tx, who.user())?)
        {
            return Err(Error::forbidden("only an officer locks the site down"));
        }
        let spared = self.by.as_ref().and_then(Principal::credential);
        let mut made = tainted(tx, self.since_us, &self.used)?;
        made.retain(|made| Some(made.id) != spared);
        let ids = |accounts: bool| {
            let of_kind = made.iter().filter(|made| (made.kind == MadeKind::Account) == accounts);
            of_kind.map(|made| made.id).collect::<Vec<_>>()
        };
        let (credentials, accounts) = (ids(false), ids(true));
        let event = LockdownStarted { since_us: self.since_us, credentials, accounts, spared };
        Ok((vec![event.into()], made))
    }
}

/// Lifts the lockdown in force, on a site without an officers' rule.
#[derive(Debug)]
pub struct LockdownLift;

impl Command for LockdownLift {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        founding(tx, "lifting a lockdown")?;
        Ok((lifted(tx)?, ()))
    }
}

/// The events that lift every lockdown in force.
pub(crate) fn lifted(tx: &mut Tx) -> Result<Vec<Event>, Error> {
    in_force(tx)?.ok_or_else(|| Error::conflict("the site is not locked down"))?;
    let rows = tx.query("SELECT id FROM lockdown WHERE lifted_us IS NULL ORDER BY id", &[])?;
    rows.iter().map(|row| Ok(LockdownLifted { lockdown: row.get(0)? }.into())).collect()
}

/// Freezes an account, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct AccountFreeze {
    /// The account.
    pub account: u64,
    /// Why, for people.
    pub reason: String,
}

impl Command for AccountFreeze {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        if is_frozen(tx, self.account)? {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![AccountFrozen { account: self.account, reason: self.reason }.into()], ()))
    }
}

/// Lets a frozen account go on: an officer's act.
#[derive(Debug)]
pub struct AccountUnfreeze {
    /// The account.
    pub account: u64,
    /// The officer, or the operator while there is no officers' rule; None: at the machine, until then.
    pub by: Option<Principal>,
}

impl Command for AccountUnfreeze {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        match &self.by {
            None => founding(tx, "letting a frozen account go on")?,
            Some(who) => {
                // Where no officers are, who froze it by mistake lets it go on.
                let founds = who.is_operator() && rule_fetch(tx)?.is_none();
                let may = founds || acts_as_officer(tx, who)?;
                if !still_good(tx, who.credential(), ctx.now_us)? || !may {
                    return Err(Error::forbidden("only an officer lets a frozen account go on"));
                }
                if who.user() == self.account {
                    return Err(Error::forbidden("another officer must do that"));
                }
            }
        }
        let name =
            user_by_id(tx, self.account)?.map(|user| user.name).ok_or_else(|| Error::not_found("the account"))?;
        if !is_frozen(tx, self.account)? {
            return Err(Error::conflict(format!("{name} is not frozen")));
        }
        Ok((vec![AccountUnfrozen { account: self.account }.into()], ()))
    }
}
