//! Raising alarms, seeing them, and saying where they go.

use super::query::{alarm_hook_fetch, alarm_hook_list};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::alarm::{AlarmAcknowledged, AlarmHookAdded, AlarmHookRemoved, AlarmRaised, AlarmRule};
use crate::names::is_harmless;
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::writer::{Command, Decide, Urgency};

/// How long an alarm that nobody has seen keeps the same from being raised again, microseconds.
pub const ALARM_SILENT_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Addresses that alarms are posted to.
pub const ALARM_HOOKS_MAX: usize = 10;
/// Characters of what an alarm is about.
const ABOUT_CHARS_MAX: usize = 1000;

/// Raises an alarm, unless the same is open. What it says may have come from strangers.
#[derive(Debug)]
pub struct AlarmRaise {
    /// Which rule.
    pub rule: AlarmRule,
    /// What it is about, such as a vault's name.
    pub subject: String,
    /// For people.
    pub about: String,
}

impl Command for AlarmRaise {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let sql =
            "SELECT id FROM alarm WHERE rule = ?1 AND subject = ?2 AND acknowledged_us IS NULL AND raised_us > ?3";
        let since = ctx.now_us.saturating_sub(ALARM_SILENT_US);
        let (rule, subject) = (self.rule, short(&self.subject));
        if tx.query_opt(sql, &[rule.as_str().into(), (&subject).into(), since.into()])?.is_some() {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![AlarmRaised { rule, subject, about: short(&self.about) }.into()], ()))
    }
}

fn short(text: &str) -> String {
    text.chars().map(|c| if is_harmless(c) { c } else { ' ' }).take(ABOUT_CHARS_MAX).collect()
}

fn still(tx: &mut Tx, by: Option<&Principal>, now_us: i64) -> Result<(), Error> {
    match by {
        Some(who) if !still_good(tx, who.credential(), now_us)? => {
            Err(Error::Unauthenticated("your sign-in or token was ended meanwhile".into()))
        }
        _ => Ok(()),
    }
}

/// Says that an alarm was seen.
#[derive(Debug)]
pub struct AlarmAcknowledge {
    /// Which.
    pub alarm: u64,
    /// Who; None: at the site's machine.
    pub by: Option<Principal>,
}

impl Command for AlarmAcknowledge {
    type Output = ();
    const DURING_LOCKDOWN: bool = true;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        still(tx, self.by.as_ref(), ctx.now_us)?;
        let row = tx.query_opt("SELECT acknowledged_us FROM alarm WHERE id = ?1", &[self.alarm.into()])?;
        let row = row.ok_or_else(|| Error::not_found(format!("alarm {}", self.alarm)))?;
        let seen: Option<i64> = row.get(0)?;
        let event = || AlarmAcknowledged { alarm: self.alarm }.into();
        Ok((seen.is_none().then(event).into_iter().collect(), ()))
    }
}

/// Posts alarms to an address from now on. Gives its id. Whether the asker may is decided by who makes this.
#[derive(Debug)]
pub struct AlarmHookAdd {
    /// The address's host.
    pub host: String,
    /// Address and secret, sealed.
    pub sealed: Vec<u8>,
    /// Who; None: at the site's machine.
    pub by: Option<Principal>,
}

impl Command for AlarmHookAdd {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        still(tx, self.by.as_ref(), ctx.now_us)?;
        if alarm_hook_list(tx)?.len() >= ALARM_HOOKS_MAX {
            return Err(Error::invalid(format!("alarms are posted to at most {ALARM_HOOKS_MAX} addresses")));
        }
        Ok((vec![AlarmHookAdded { host: self.host, sealed: self.sealed }.into()], ctx.id(0)))
    }
}

/// Posts alarms to an address no more.
#[derive(Debug)]
pub struct AlarmHookRemove {
    /// Which.
    pub hook: u64,
    /// Who; None: at the site's machine.
    pub by: Option<Principal>,
}

impl Command for AlarmHookRemove {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        still(tx, self.by.as_ref(), ctx.now_us)?;
        let known = alarm_hook_fetch(tx, self.hook)?.filter(|hook| hook.removed_us.is_none());
        known.ok_or_else(|| Error::not_found(format!("webhook {}", self.hook)))?;
        Ok((vec![AlarmHookRemoved { hook: self.hook }.into()], ()))
    }
}
