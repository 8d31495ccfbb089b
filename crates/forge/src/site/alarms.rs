//! Alarms, where they go, and canaries.

use super::Site;
use super::people::{PAGE_MAX, submitter};
use crate::alarm::{
    self, Alarm, AlarmAcknowledge, AlarmHook, AlarmHookAdd, AlarmHookRemove, BulkReads, HookChannel, VaultChannel,
    seal_hook,
};
use crate::canary::{self, Canary, CanaryMake, CanaryRemove, Touched};
use crate::egress::{Egress, HookUrl};
use crate::error::Error;
use crate::event::alarm::CanaryKind;
use crate::mail::MailChannel;
use crate::outbox::{Outbox, OutboxLimits, SharedStatus};
use crate::people::{Principal, Proved, Token};
use std::path::Path;
use std::sync::{Arc, PoisonError};
use tokio::task::JoinHandle;
use vault::VaultUrl;

/// How each channel is doing.
pub(crate) type Statuses = Vec<(&'static str, SharedStatus)>;

/// The outboxes of a site, before they run.
pub(super) struct Outboxes {
    mail: Outbox<MailChannel>,
    hooks: Outbox<HookChannel>,
    vaults: Outbox<VaultChannel>,
}

/// What outboxes are made of.
pub(super) struct Telling<'a> {
    pub(super) data: &'a Path,
    pub(super) site: &'a str,
    pub(super) ledger: &'a Arc<crate::Ledger>,
    pub(super) keys: &'a crate::keys::Keys,
    pub(super) vaults: Vec<VaultUrl>,
    pub(super) egress: Arc<Egress>,
    pub(super) limits: OutboxLimits,
}

impl Outboxes {
    pub(super) fn open(with: Telling<'_>) -> Result<Self, Error> {
        let Telling { data, site, ledger, keys, vaults, egress, limits } = with;
        let site = site.trim_end_matches('/').to_owned();
        let db = ledger.db().clone();
        let mail = MailChannel::new(ledger, keys, &site)?.reading(data.join("svn"));
        let identities = Arc::new(keys.identities()?);
        let hooks = HookChannel { db: db.clone(), site: site.clone(), identities, egress };
        let vaults = VaultChannel { db, site: crate::mail::host_of(&site).to_owned(), vaults };
        Ok(Self {
            mail: Outbox::open(data, Arc::clone(ledger), mail, limits)?,
            hooks: Outbox::open(data, Arc::clone(ledger), hooks, limits)?,
            vaults: Outbox::open(data, Arc::clone(ledger), vaults, limits)?,
        })
    }

    pub(super) fn statuses(&self) -> Statuses {
        vec![("mail", self.mail.status()), ("webhooks", self.hooks.status()), ("vaults", self.vaults.status())]
    }

    pub(super) fn run(self) -> [JoinHandle<()>; 3] {
        [tokio::spawn(self.mail.run()), tokio::spawn(self.hooks.run()), tokio::spawn(self.vaults.run())]
    }
}

/// A canary that was just made: shown once.
#[derive(Clone, Debug)]
pub struct NewCanary {
    /// Its id.
    pub id: u64,
    /// The token, or the file of the private key.
    pub text: String,
    /// The line of the public key.
    pub public: Option<String>,
}

impl Site {
    /// Who may see alarms: officers, operators, auditors, and at the admin socket.
    pub async fn may_see_alarms(&self, by: Option<&Principal>) -> Result<bool, Error> {
        let Some(who) = by else { return Ok(true) };
        Ok(who.is_operator() || self.is_officer(who).await? || self.is_auditor(who).await?)
    }

    async fn hears(&self, by: Option<&Principal>) -> Result<(), Error> {
        if self.may_see_alarms(by).await? { Ok(()) } else { Err(Error::not_found("the alarms")) }
    }

    /// Alarms below `before`, the newest first: those that nobody has seen, or all.
    pub async fn alarm_list(
        &self,
        by: Option<&Principal>,
        open: bool,
        before: Option<u64>,
    ) -> Result<Vec<Alarm>, Error> {
        self.hears(by).await?;
        let before = before.unwrap_or(u64::MAX);
        self.db().read_async(move |tx| alarm::alarm_list(tx, open, before, PAGE_MAX)).await
    }

    /// An officer or operator has seen an alarm.
    pub async fn alarm_acknowledge(&self, by: Option<&Principal>, id: u64) -> Result<(), Error> {
        self.serves(by).await?;
        self.ledger.submit(submitter(by), AlarmAcknowledge { alarm: id, by: by.cloned() }).await.map(drop)
    }

    /// Where alarms are posted, for those who see alarms.
    pub async fn alarm_hook_list(&self, by: Option<&Principal>) -> Result<Vec<AlarmHook>, Error> {
        self.hears(by).await?;
        self.db().read_async(|tx| Ok(alarm::alarm_hook_list(tx)?)).await
    }

    /// Posts alarms to an address, by an operator or at the admin socket. Gives its id and the secret that deliveries are signed with,
    /// which is shown once.
    pub async fn alarm_hook_add(&self, by: Option<&Proved>, url: &str) -> Result<(u64, String), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let url: HookUrl = url.trim().parse()?;
        let secret: [u8; 32] = crate::keys::random()?;
        let secret: String = secret.iter().map(|b| format!("{b:02x}")).collect();
        let (host, sealed) = (url.host().to_owned(), seal_hook(&self.keys, &url, &secret)?);
        let id = self.ledger.submit(submitter(by), AlarmHookAdd { host, sealed, by: by.cloned() }).await?.output;
        Ok((id, secret))
    }

    /// Posts alarms to an address no more.
    pub async fn alarm_hook_remove(&self, by: Option<&Proved>, hook: u64) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        self.ledger.submit(submitter(by), AlarmHookRemove { hook, by: by.cloned() }).await.map(drop)
    }

    /// The canaries in use, for officers and operators.
    pub async fn canary_list(&self, by: Option<&Principal>) -> Result<Vec<Canary>, Error> {
        self.serves(by).await?;
        self.db().read_async(|tx| Ok(canary::canary_list(tx)?)).await
    }

    /// Makes a canary, by an officer or operator. What it is is shown once.
    pub async fn canary_make(&self, by: Option<&Proved>, kind: CanaryKind, note: &str) -> Result<NewCanary, Error> {
        let by = by.map(Proved::who);
        self.serves(by).await?;
        let (text, public, hash) = match kind {
            CanaryKind::Token => {
                let token = Token::generate()?;
                (token.reveal().to_owned(), None, token.hash())
            }
            CanaryKind::SshKey => {
                let (file, public) = canary::ssh_key("git@backup")?;
                (file, Some(public.to_string()), public.hash())
            }
        };
        let command = CanaryMake { kind, hash, note: note.to_owned() };
        let id = self.ledger.submit(submitter(by), command).await?.output;
        Ok(NewCanary { id, text, public })
    }

    /// Takes a canary in, by an officer or operator; the officers hear of it.
    pub async fn canary_remove(&self, by: Option<&Proved>, id: u64) -> Result<(), Error> {
        let by = by.map(Proved::who);
        self.serves(by).await?;
        self.ledger.submit(submitter(by), CanaryRemove(id)).await.map(drop)
    }

    pub(crate) fn bulk_reads(&self) -> &BulkReads {
        &self.bulk_reads
    }

    pub(crate) fn touched(&self) -> &Touched {
        self.authenticator.touched()
    }

    pub(crate) fn outboxes(&self) -> &Statuses {
        &self.told
    }

    /// Why the vaults refuse this site's journal, when they do.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.replicator.trouble().borrow().as_ref().map(ToString::to_string)
    }

    /// How each way to tell people is doing: its name, and how it goes.
    #[must_use]
    pub fn channels(&self) -> Vec<(&'static str, crate::outbox::OutboxStatus)> {
        let status = |status: &SharedStatus| status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.told.iter().map(|(name, shared)| (*name, status(shared))).collect()
    }
}
