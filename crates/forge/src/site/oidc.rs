//! Signing in with a provider.

use super::Site;
use super::people::submitter;
use super::sessions::{Device, SignInStep};
use crate::clock::now_us;
use crate::error::Error;
use crate::names::UserName;
use crate::oidc::{
    Asked, Flow, Identity, IdentityLink, IdentityUnlink, Provider, ProviderPut, ProviderRemove, Register, exchange,
    identity_fetch, identity_list, provider_fetch, provider_list, start,
};
use crate::people::factor::factors;
use crate::people::proof::Proof;
use crate::people::{Principal, Proved, SessionSecret};
use crate::writer::Submitter;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::io::Read as _;
use vault::seal::{open_blob, seal_blob};

/// Bytes of a client's secret.
pub const CLIENT_SECRET_BYTES_MAX: usize = 1024;
const FLOW: &str = "provider";
const KNOWN: &str = "identity";

/// A provider, as somebody asks for it.
#[derive(Clone, Debug, Default)]
pub struct NewProvider {
    /// Its name in addresses.
    pub name: String,
    /// What people read on the button.
    pub label: String,
    /// The issuer.
    pub issuer: String,
    /// What this site is called there.
    pub client_id: String,
    /// The client's secret; None: it has none.
    pub secret: Option<String>,
    /// Whether strangers may make an account.
    pub registers: bool,
    /// Machines besides the issuer's that may be asked.
    pub hosts: Vec<String>,
}

/// Whom a provider has spoken of.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Known {
    provider: String,
    issuer: String,
    subject: String,
    label: String,
    email: Option<String>,
    /// The account that wants to be linked.
    links: Option<u64>,
}

/// What came of a provider's answer.
#[derive(Debug)]
pub enum Returned {
    /// They sign in, or are asked for their second factor; then where they wanted to go.
    Signs(Box<SignInStep>, String),
    /// To be linked with who is signed in, once they say so: a ticket for [`Site::identity_link`], and what they are called there.
    Links(String, String),
    /// Nobody here, who may make an account: a ticket for [`Site::identity_register`], and a name for it.
    Registers(String, String),
}

impl Site {
    /// The providers, by name.
    pub async fn providers(&self) -> Result<Vec<Provider>, Error> {
        self.db().read_async(|tx| Ok(provider_list(tx)?)).await
    }

    /// Where a provider sends browsers back to: what is to be entered there.
    #[must_use]
    pub fn provider_back(&self, name: &str) -> String {
        format!("{}/-/sign-in/callback/{name}", self.base_url())
    }

    /// Sets a provider, by an operator or at the admin socket.
    pub async fn provider_put(&self, by: Option<&Proved>, new: NewProvider) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let seal = |secret: String| {
            if secret.len() > CLIENT_SECRET_BYTES_MAX {
                return Err(Error::invalid(format!("a client's secret has at most {CLIENT_SECRET_BYTES_MAX} bytes")));
            }
            let sealed = seal_blob(&self.keys.recipients()?, secret.as_bytes());
            sealed.map(|(_, bytes)| bytes).map_err(|e| Error::internal(e.to_string()))
        };
        let NewProvider { name, label, issuer, client_id, secret, registers, hosts } = new;
        let secret = secret.map(seal).transpose()?;
        let command = ProviderPut { name, label, issuer, client_id, secret, registers, hosts, by: by.cloned() };
        self.change_rights(submitter(by), command).await.map(drop)
    }

    /// Takes a provider away, by an operator or at the admin socket. Effective when it returns, with or without vaults.
    pub async fn provider_remove(&self, by: Option<&Proved>, name: &str) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let command = ProviderRemove { name: name.to_owned(), by: by.cloned() };
        self.change_rights(submitter(by), command).await.map(drop)
    }

    async fn provider(&self, name: &str) -> Result<Provider, Error> {
        let wanted = name.to_owned();
        let found = self.db().read_async(move |tx| provider_fetch(tx, &wanted)).await?;
        found.ok_or_else(|| Error::not_found(format!("the provider {name}")))
    }

    fn client_secret(&self, provider: &Provider) -> Result<Option<String>, Error> {
        let Some(sealed) = &provider.secret else { return Ok(None) };
        for identity in self.keys.identities()? {
            let mut secret = String::new();
            let Ok(opened) = open_blob(&identity, sealed.as_slice()) else { continue };
            if opened.take(CLIENT_SECRET_BYTES_MAX as u64).read_to_string(&mut secret).is_ok() {
                return Ok(Some(secret));
            }
        }
        Err(Error::conflict("the provider's secret was sealed for another site: whoever runs this one sets it again"))
    }

    /// Sends a browser to a provider. Gives where it goes, and what it keeps until it is back; `links`: to be linked with this account.
    pub async fn provider_begin(
        &self,
        name: &str,
        next: &str,
        links: Option<&Proved>,
    ) -> Result<(String, String), Error> {
        let provider = self.provider(name).await?;
        let links = links.map(|by| by.who().user());
        let (to, flow) = start(&provider, &self.provider_back(name), next, links).await?;
        Ok((to, self.sealed(FLOW, &flow)?))
    }

    fn sealed(&self, purpose: &str, what: &impl Serialize) -> Result<String, Error> {
        let body = serde_json::to_vec(what).map_err(|e| Error::internal(e.to_string()))?;
        Ok(self.tickets.seal(purpose, &body, now_us()))
    }

    fn unsealed<T: for<'a> Deserialize<'a>>(&self, purpose: &str, ticket: &str) -> Result<T, Error> {
        let body = self.tickets.open(purpose, ticket, now_us())?;
        serde_json::from_slice(&body).map_err(|e| Error::internal(e.to_string()))
    }

    /// What a browser that is back brings: the provider's code and state, and what it kept. `who`: who is signed in with it.
    pub async fn provider_return(
        &self,
        name: &str,
        kept: &str,
        (code, state, iss): (String, String, Option<String>),
        who: Option<&Principal>,
        from: &Device,
    ) -> Result<Returned, Error> {
        let provider = self.provider(name).await?;
        let flow: Flow = self.unsealed(FLOW, kept)?;
        let (asked, now) = (Asked { code, state, iss }, now_us());
        let (secret, back) = (self.client_secret(&provider)?, self.provider_back(name));
        let found = exchange(&provider, secret.as_deref(), &back, &flow, &asked, now / 1_000_000).await?;
        // Once: what is used up is what was sealed for this browser.
        self.tickets.challenge_use(Sha256::digest(kept).into(), now)?;
        let (issuer, subject) = (provider.issuer.clone(), found.subject.clone());
        let label = found.email.clone().or_else(|| found.name.clone()).unwrap_or_else(|| found.subject.clone());
        let known = Known {
            provider: provider.name,
            issuer,
            subject: subject.clone(),
            label: label.clone(),
            email: found.email,
            links: flow.links,
        };
        if let Some(account) = flow.links {
            who.filter(|who| who.user() == account)
                .ok_or_else(|| Error::Unauthenticated("somebody else is signed in meanwhile: begin again".into()))?;
            return Ok(Returned::Links(self.sealed(KNOWN, &known)?, label));
        }
        let wanted = (known.issuer.clone(), subject);
        let linked = self.db().read_async(move |tx| identity_fetch(tx, &wanted.0, &wanted.1)).await?;
        match linked {
            Some(identity) => {
                let step = self.sign_in_identity(&identity, &known, from).await?;
                Ok(Returned::Signs(Box::new(step), flow.next))
            }
            None if provider.registers => {
                let name = found.name.unwrap_or_default();
                let name = name.parse::<UserName>().map(|name| name.to_string()).unwrap_or_default();
                Ok(Returned::Registers(self.sealed(KNOWN, &known)?, name))
            }
            None => Err(Error::Unauthenticated(format!(
                "no account here is linked with {label}: sign in as usual, and link it in your settings"
            ))),
        }
    }

    /// A provider stands in for the password: who has more is asked for it.
    async fn sign_in_identity(&self, identity: &Identity, known: &Known, from: &Device) -> Result<SignInStep, Error> {
        let account = identity.account;
        identity.must_be_awake(now_us())?;
        if self.db().read_async(move |tx| factors(tx, account, now_us())).await?.any() {
            return self.second_step(account).await.map(SignInStep::Second);
        }
        let proof = Proof::Provider { issuer: known.issuer.clone(), subject: known.subject.clone() };
        self.begin(Some(account), proof, from).await.map(SignInStep::Done)
    }

    /// Links what a provider calls somebody with their account: a fresh proof of both.
    pub async fn identity_link(&self, by: &Proved, ticket: &str) -> Result<(), Error> {
        let known: Known = self.unsealed(KNOWN, ticket)?;
        if known.links != Some(by.who().user()) {
            return Err(Error::forbidden("this was begun by somebody else: begin again"));
        }
        let Known { issuer, subject, label, .. } = known;
        let link = IdentityLink { by: by.who().clone(), issuer, subject, label };
        self.change_rights(by.who().submitter(), link).await.map(drop)
    }

    /// Makes an account for whom a provider knows, and signs them in.
    pub async fn identity_register(&self, ticket: &str, name: UserName, from: &Device) -> Result<SessionSecret, Error> {
        let known: Known = self.unsealed(KNOWN, ticket)?;
        if known.links.is_some() {
            return Err(Error::forbidden("this was begun to link an account: begin again"));
        }
        let Known { provider, issuer, subject, label, email, .. } = known;
        let proof = Proof::Provider { issuer: issuer.clone(), subject: subject.clone() };
        let email = email.and_then(|email| email.parse().ok());
        let register = Register { name, email, provider, issuer, subject, label };
        let account = self.change_rights(Submitter::default(), register).await?.output;
        self.begin(Some(account), proof, from).await
    }

    /// What is linked with somebody's account.
    pub async fn identities(&self, who: &Principal) -> Result<Vec<Identity>, Error> {
        let account = who.user();
        self.db().read_async(move |tx| Ok(identity_list(tx, account)?)).await
    }

    /// Takes one away. Effective when it returns, with or without vaults.
    pub async fn identity_unlink(&self, by: &Proved, identity: u64) -> Result<(), Error> {
        let command = IdentityUnlink { identity, owner: by.who().user() };
        self.change_rights(by.who().submitter(), command).await.map(drop)
    }
}
