//! What is told by mail, and to whom.

use crate::alarm::{rule_of_entry, sentence};
use crate::audit::words;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::event::alarm::AlarmRule;
use crate::event::{Event, Stamp};
use crate::people::query::user_by_id;
use crate::svn;
use std::collections::BTreeSet;
use std::path::Path;

/// What is said of an entry.
pub(super) struct Told {
    /// The account that it is about.
    pub(super) account: u64,
    /// In a few words.
    pub(super) what: &'static str,
}

/// What is told of an event: what somebody can sign in with has changed, which they should know of when it was not them.
pub(super) fn told(at: &Stamp, event: &Event) -> Option<Told> {
    let (account, what) = match event {
        Event::UserPasswordSet(e) => (e.account, "Your password was set"),
        Event::PasswordResetMade(e) => (e.account, "A link that sets your password was made by who runs the site"),
        Event::TokenCreated(e) => (e.account, "An access token was made for your account"),
        Event::SshKeyAdded(e) => (e.account, "An SSH key was added to your account"),
        Event::SshCertificateSeen(e) => (e.account, "A new SSH certificate opened the door as you"),
        Event::IdentityLinked(e) => (e.account, "A sign-in with a provider was linked with your account"),
        Event::AuthenticatorAdded(e) => (e.account, "A security key or passkey was added to your account"),
        Event::TotpAdded(e) => (e.account, "An app for one-time passwords was added to your account"),
        Event::FactorRemoved(_) => (at.actor?, "A second factor of your account was removed"),
        Event::RecoveryCodesMade(e) => (e.account, "New recovery codes were made for your account"),
        Event::RecoveryCodeUsed(e) => (e.account, "A recovery code of your account was used"),
        Event::AccountFrozen(e) => (e.account, "Your account is frozen"),
        _ => return None,
    };
    Some(Told { account, what })
}

/// The mail addresses to tell.
pub(super) fn recipients(tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Vec<String>, Error> {
    let mut to = BTreeSet::new();
    if let Event::SvnCommitted(commit) = event {
        to.extend(svn::mail_readers(tx, commit)?);
    }
    if let Some(told) = told(at, event) {
        to.extend(user_by_id(tx, told.account)?.and_then(|user| user.email));
    }
    let own =
        |event: &Event| matches!(event, Event::AlarmRaised(e) if e.rule == AlarmRule::NotTold && e.subject == "mail");
    if rule_of_entry(tx, at.seq)?.is_some() && !own(event) {
        to.extend(guards(tx)?);
    }
    Ok(to.into_iter().collect())
}

/// Where the officers are written to; while there are none, the operators.
fn guards(tx: &mut Tx) -> Result<Vec<String>, DbError> {
    for sql in [
        "SELECT email FROM account WHERE officer AND email IS NOT NULL ORDER BY id",
        "SELECT email FROM account WHERE operator AND email IS NOT NULL ORDER BY id",
    ] {
        let rows = tx.query(sql, &[])?;
        if !rows.is_empty() {
            return rows.iter().map(|row| row.get(0)).collect();
        }
    }
    Ok(Vec::new())
}

/// An alarm, as officers read it.
fn alarm(tx: &mut Tx, site: &str, at: &Stamp, event: &Event) -> Result<Option<(String, String)>, Error> {
    let Some(rule) = rule_of_entry(tx, at.seq)? else { return Ok(None) };
    let page = match event {
        Event::OrderFiled(_) => format!("{site}/-/orders/{}", at.seq),
        Event::OrderSigned(e) => format!("{site}/-/orders/{}", e.order),
        _ => format!("{site}/-/alarms"),
    };
    let (host, what) = (host_of(site), sentence(&words(tx, at, event)?));
    let text = format!("{what}.\n\nSee {page}. Any officer can veto an order that waits, and lock the site down.\n");
    Ok(Some((format!("[{host}] Alarm: {}", rule.as_str()), text)))
}

/// Subject and text. `site` is the site's address; times are told as the journal has them. `repositories`: where Subversion's lie.
pub(super) fn text(
    tx: &mut Tx,
    site: &str,
    to: &str,
    at: &Stamp,
    event: &Event,
    repositories: Option<&Path>,
) -> Result<Option<(String, String)>, Error> {
    if let Event::SvnCommitted(commit) = event {
        return Ok(svn::letter(tx, site, host_of(site), to, commit, repositories)?);
    }
    let own = match told(at, event) {
        Some(told) => user_by_id(tx, told.account)?.and_then(|user| user.email).filter(|own| own == to).map(|_| told),
        None => None,
    };
    let Some(told) = own else { return alarm(tx, site, at, event) };
    let host = host_of(site);
    let line = words(tx, at, event)?;
    let who = line.actor.unwrap_or_else(|| "the site itself, or who runs it at its machine".to_owned());
    let with = line.credential.map(|with| format!(", with {with}")).unwrap_or_default();
    let from = line.address.map(|from| format!(", from {from}")).unwrap_or_default();
    let about = Some(line.about).filter(|about| !about.is_empty()).map(|about| format!(" ({about})"));
    let (what, about, entry) = (told.what, about.unwrap_or_default(), at.seq);
    let text = format!(
        "{what}{about}.\n\nDone by {who}{with}{from}. It is entry {entry} of the site's journal.\n\n\
         If that was not you: sign in at {site}/-/settings/security, end what you do not know, and tell an officer of the site.\n"
    );
    Ok(Some((format!("[{host}] {what}"), text)))
}

/// The host of the site's address.
pub(crate) fn host_of(site: &str) -> &str {
    let rest = site.split_once("://").map_or(site, |(_, rest)| rest);
    let end = rest.find(['/', ':']).unwrap_or(rest.len());
    &rest[..end]
}
