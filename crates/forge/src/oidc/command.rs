//! Setting providers, and linking and making accounts.

use super::http::Address;
use super::query::{identity_fetch, identity_list, provider_fetch, provider_list};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::oidc::{IdentityLinked, IdentityUnlinked, OidcProviderRemoved, OidcProviderSet};
use crate::names::{Email, UserName, plain_text};
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::people::command::UserCreate;
use crate::people::factor::{authenticator_list, made_inside_sleeps};
use crate::people::query::{password_of, user_by_id};
use crate::writer::{Command, Decide, Urgency};

/// Providers of one site.
pub const PROVIDERS_MAX: usize = 20;
/// Identities of one account.
pub const IDENTITIES_MAX: usize = 20;
/// Characters of what a provider, or somebody there, is called.
const LABEL_CHARS_MAX: usize = 100;

/// Sets a provider; one of the same name becomes this one.
#[derive(Debug)]
pub struct ProviderPut {
    /// Its name in addresses: lower-case letters, digits and hyphens.
    pub name: String,
    /// What people read on the button; empty: its name.
    pub label: String,
    /// The issuer.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// The client's secret, sealed; None: it has none.
    pub secret: Option<Vec<u8>>,
    /// Whether strangers may make an account.
    pub registers: bool,
    /// Machines besides the issuer's that may be asked.
    pub hosts: Vec<String>,
    /// Who; None: the operator at the machine.
    pub by: Option<Principal>,
}

fn still(tx: &mut Tx, ctx: &Decide, by: Option<&Principal>) -> Result<(), Error> {
    match by {
        Some(who) if !still_good(tx, who.credential(), ctx.now_us)? => {
            Err(Error::Unauthenticated("your sign-in or token was ended meanwhile".into()))
        }
        _ => Ok(()),
    }
}

impl Command for ProviderPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let Self { name, label, issuer, client_id, secret, registers, hosts, by } = self;
        still(tx, ctx, by.as_ref())?;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if !(1..=40).contains(&name.len()) || !name.chars().all(plain) {
            return Err(Error::invalid("a provider's name is 1 to 40 lower-case letters, digits and hyphens"));
        }
        issuer.parse::<Address>()?;
        if issuer.contains(['?', '#']) {
            return Err(Error::invalid("an issuer is an address without a query"));
        }
        let host =
            |host: &String| !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c));
        if hosts.len() > 10 || !hosts.iter().all(host) {
            return Err(Error::invalid("machines are named as in oauth2.example.org, 10 at most"));
        }
        let client_id =
            plain_text("a client id", &client_id, 255)?.ok_or_else(|| Error::invalid("the client id is missing"))?;
        let label = plain_text("what a provider is called", &label, LABEL_CHARS_MAX)?.unwrap_or_else(|| name.clone());
        if provider_fetch(tx, &name)?.is_none() && provider_list(tx)?.len() >= PROVIDERS_MAX {
            return Err(Error::conflict(format!("there are {PROVIDERS_MAX} providers already; remove some first")));
        }
        let hosts = hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Ok((vec![OidcProviderSet { name, label, issuer, client_id, secret, registers, hosts }.into()], ()))
    }
}

/// Takes a provider away: it signs nobody in any more.
#[derive(Debug)]
pub struct ProviderRemove {
    /// Its name.
    pub name: String,
    /// Who; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for ProviderRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        still(tx, ctx, self.by.as_ref())?;
        provider_fetch(tx, &self.name)?.ok_or_else(|| Error::not_found(format!("the provider {}", self.name)))?;
        Ok((vec![OidcProviderRemoved { name: self.name }.into()], ()))
    }
}

fn linked(tx: &mut Tx, account: u64, issuer: &str, subject: &str, label: &str) -> Result<IdentityLinked, Error> {
    if identity_fetch(tx, issuer, subject)?.is_some() {
        return Err(Error::conflict("this sign-in of the provider's is linked with an account already"));
    }
    let label = plain_text("what a provider calls somebody", label, LABEL_CHARS_MAX).ok().flatten();
    let label = label.unwrap_or_else(|| subject.chars().filter(|c| crate::names::is_harmless(*c)).take(40).collect());
    let (issuer, subject) = (issuer.to_owned(), subject.to_owned());
    Ok(IdentityLinked { account, issuer, subject, label, sleeps_until_us: None })
}

/// Links what a provider calls somebody with their account. It sleeps as a new factor of theirs would.
#[derive(Debug)]
pub struct IdentityLink {
    /// Who.
    pub by: Principal,
    /// The issuer.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// What people know them by there.
    pub label: String,
}

impl Command for IdentityLink {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        still(tx, ctx, Some(&self.by))?;
        if identity_list(tx, self.by.user())?.len() >= IDENTITIES_MAX {
            return Err(Error::conflict(format!(
                "an account has {IDENTITIES_MAX} of these at most; remove some first"
            )));
        }
        let user = user_by_id(tx, self.by.user())?.ok_or_else(|| Error::not_found("the account"))?;
        let sleeps_until_us = made_inside_sleeps(tx, ctx, &user)?;
        let link = linked(tx, user.id, &self.issuer, &self.subject, &self.label)?;
        Ok((vec![IdentityLinked { sleeps_until_us, ..link }.into()], ()))
    }
}

/// Takes an identity away. The last way in stays.
#[derive(Debug)]
pub struct IdentityUnlink {
    /// Which.
    pub identity: u64,
    /// Whose it must be.
    pub owner: u64,
}

impl Command for IdentityUnlink {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let all = identity_list(tx, self.owner)?;
        if !all.iter().any(|identity| identity.id == self.identity) {
            return Err(Error::not_found("an identity of this number"));
        }
        let passkey =
            authenticator_list(tx, self.owner)?.iter().any(|key| key.user_verified && key.is_good(ctx.now_us));
        if all.len() == 1 && !passkey && password_of(tx, self.owner)?.is_none() {
            return Err(Error::forbidden("nothing else signs you in: set a password or add a passkey first"));
        }
        Ok((vec![IdentityUnlinked { identity: self.identity }.into()], ()))
    }
}

/// Makes an account for whom a provider knows and nobody here. It is a member's: no provider makes an officer or operator.
#[derive(Debug)]
pub struct Register {
    /// Its name.
    pub name: UserName,
    /// Where to write to it.
    pub email: Option<Email>,
    /// The provider, which must still take in strangers.
    pub provider: String,
    /// The issuer.
    pub issuer: String,
    /// What it calls them.
    pub subject: String,
    /// What people know them by there.
    pub label: String,
}

impl Command for Register {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let open = provider_fetch(tx, &self.provider)?.filter(|known| known.registers && known.issuer == self.issuer);
        open.ok_or_else(|| Error::forbidden("nobody makes an account of their own with this provider"))?;
        let link = linked(tx, ctx.id(0), &self.issuer, &self.subject, &self.label)?;
        let create =
            UserCreate { name: self.name, email: self.email, password_hash: None, officer: false, operator: false };
        let (mut events, account) = create.decide(tx, ctx)?;
        events.push(link.into());
        Ok((events, account))
    }
}
