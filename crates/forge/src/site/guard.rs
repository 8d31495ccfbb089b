//! Guarded acts: orders, officers, the trash.

use super::Site;
use super::people::{PAGE_MAX, submitter};
use super::vaults::known_with;
use crate::access::Administer;
use crate::clock::now_us;
use crate::db::Tx;
use crate::error::Error;
use crate::jobs::Job;
use crate::names::{RepoName, RepoPath, UserName, plain_text};
use crate::orders::{
    self, Act, FiledOrder, Officer, OfficerKey, OfficerKeyAdd, OfficerRule, OfficersFound, OrderFile, OrderSign,
    OrderVeto, OrdersSettle, RepoDelete, RolesChange, Rule, RuleSet, SignatureLine, Signing, TrashRestore, Trashed,
    Verb, VetoBy, Wish,
};
use crate::people::webauthn::{Assertion, RelyingParty};
use crate::people::{Principal, query};
use journal::order::{RecoveryHalf, SignedOrder};
use std::sync::Arc;
use std::time::Duration;

/// How often it is looked whether an order is due.
const SETTLE_EVERY: Duration = Duration::from_secs(1);
/// Characters of a key's name.
const KEY_NAME_CHARS_MAX: usize = 100;

/// What came of asking for an act that may be guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked<T> {
    /// It is done: there is no officers' rule, which only a site that is being set up or tried out has not.
    Done(T),
    /// It waits for officers: the order's id.
    Ordered(u64),
}

impl Site {
    pub(super) fn rp(&self) -> Option<RelyingParty> {
        RelyingParty::of(self.base_url())
    }

    /// The officers' rule; None: the guard is not in force yet.
    pub async fn officer_rule(&self) -> Result<Option<Rule>, Error> {
        self.db().read_async(|tx| Ok(orders::rule_fetch(tx)?)).await
    }

    /// Whether an account is an officer's, and the credential may be used for that.
    pub async fn is_officer(&self, who: &Principal) -> Result<bool, Error> {
        if !who.acts_for_the_site() {
            return Ok(false);
        }
        let id = who.user();
        let user = self.db().read_async(move |tx| query::user_by_id(tx, id)).await?;
        Ok(user.is_some_and(|user| user.officer))
    }

    /// Refuses unless it is an officer or operator, or at the admin socket.
    pub(super) async fn serves(&self, by: Option<&Principal>) -> Result<(), Error> {
        let Some(who) = by else { return Ok(()) };
        if who.is_operator() || self.is_officer(who).await? {
            return Ok(());
        }
        Err(Error::not_found("the officers' desk"))
    }

    /// The officers, with their keys, for officers and operators.
    pub async fn officer_list(&self, by: Option<&Principal>) -> Result<Vec<Officer>, Error> {
        self.serves(by).await?;
        self.db().read_async(|tx| Ok(orders::officers(tx)?)).await
    }

    pub(super) async fn order_file(&self, by: Option<&Principal>, act: Act) -> Result<u64, Error> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))?;
        let command = OrderFile { site: self.keys.origin().to_string(), act, nonce };
        Ok(self.ledger.submit(submitter(by), command).await?.output)
    }

    /// Deletes a repository: into the trash, by an order once there is a rule.
    pub async fn repo_delete(&self, by: Option<&Principal>, path: &RepoPath) -> Result<Asked<()>, Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        if self.officer_rule().await?.is_some() {
            let act = Act::RepoDelete { repo: proof.repo().id, path: proof.repo().path.clone() };
            return Ok(Asked::Ordered(self.order_file(by, act).await?));
        }
        let id = proof.repo().id;
        self.push.fuse.pass(submitter(by), 1, 0).await?;
        self.change_rights(submitter(by), RepoDelete { proof }).await?;
        self.repositories.close(id).await;
        Ok(Asked::Done(()))
    }

    /// Asks for an act that is only ever done by an order. Gives the order's id.
    pub async fn order_ask(&self, by: Option<&Principal>, wish: Wish) -> Result<u64, Error> {
        let (who, told) = (by.cloned(), known_with(self.data(), &[])?);
        let act = self.db().read_async(move |tx| orders::act_of(tx, who.as_ref(), &wish, &told)).await?;
        if let Act::VaultEnrol { name, .. } = &act {
            self.vault_answers(name).await?;
        }
        self.order_file(by, act).await
    }

    /// Brings something back from the trash, with all that went with it. Gives its path.
    pub async fn trash_restore(
        &self,
        by: Option<&Principal>,
        id: u64,
        name: Option<RepoName>,
    ) -> Result<String, Error> {
        let command = TrashRestore { id, name, by: by.cloned() };
        Ok(self.ledger.submit(submitter(by), command).await?.output)
    }

    /// What is in the trash that somebody may bring back.
    pub async fn trash_list(&self, by: Option<&Principal>) -> Result<Vec<Trashed>, Error> {
        let by = by.cloned();
        self.db().read_async(move |tx| Ok(orders::trash_list(tx, by.as_ref(), PAGE_MAX)?)).await
    }

    /// Makes somebody an officer or operator, or no longer: by an order once there is a rule. None: stays.
    pub async fn roles_set(
        &self,
        by: Option<&Principal>,
        name: &UserName,
        officer: Option<bool>,
        operator: Option<bool>,
    ) -> Result<Asked<()>, Error> {
        self.serves(by).await?;
        if self.officer_rule().await?.is_some() {
            let user = self.user_fetch(name).await?;
            let (officer, operator) = (officer.unwrap_or(user.officer), operator.unwrap_or(user.operator));
            let act = Act::RolesSet { account: user.id, name: user.name, officer, operator };
            return Ok(Asked::Ordered(self.order_file(by, act).await?));
        }
        if by.is_some() && officer.is_some() {
            return Err(Error::forbidden("the first officers are made at the site's machine: outlast officer appoint"));
        }
        self.change_rights(submitter(by), RolesChange { name: name.clone(), officer, operator }).await?;
        Ok(Asked::Done(()))
    }

    /// Enrols an officer's key: at the admin socket, and by an order once there is a rule.
    pub async fn officer_key_add(
        &self,
        by: Option<&Principal>,
        name: &UserName,
        label: &str,
        key: OfficerKey,
    ) -> Result<Asked<u64>, Error> {
        self.serves(by).await?;
        let account = self.user_fetch(name).await?;
        let label = plain_text("a key's name", label, KEY_NAME_CHARS_MAX)?.unwrap_or_else(|| "key".to_owned());
        if self.officer_rule().await?.is_some() {
            let act = Act::KeyAdd { account: account.id, name: account.name, label, public_key: key.0 };
            return Ok(Asked::Ordered(self.order_file(by, act).await?));
        }
        if by.is_some() {
            return Err(Error::forbidden(
                "the first officers' keys are enrolled at the site's machine: outlast officer enrol",
            ));
        }
        let command = OfficerKeyAdd { account: account.id, name: label, key };
        Ok(Asked::Done(self.ledger.submit(submitter(by), command).await?.output))
    }

    /// Asks that an officer's key no longer counts.
    pub async fn officer_key_remove(&self, by: Option<&Principal>, key: u64) -> Result<u64, Error> {
        self.serves(by).await?;
        let officers = self.officer_list(by).await?;
        let owner = officers.into_iter().find(|officer| officer.keys.iter().any(|known| known.id == key));
        let owner = owner.ok_or_else(|| Error::not_found(format!("the officers' key {key}")))?;
        self.order_file(by, Act::KeyRemove { key, name: owner.name }).await
    }

    /// Founds the guard: officers with accounts, a key of each, and their rule, in one act. At the admin socket alone: whoever
    /// rules an account must not make himself the officers.
    pub async fn officers_found(&self, officers: Vec<(UserName, OfficerKey)>, rule: OfficerRule) -> Result<(), Error> {
        self.change_rights(submitter(None), OfficersFound { officers, rule }).await.map(drop)
    }

    /// Sets the officers' rule: at the admin socket, and by an order once there is one.
    pub async fn officer_rule_set(&self, by: Option<&Principal>, rule: OfficerRule) -> Result<Asked<()>, Error> {
        self.serves(by).await?;
        if self.officer_rule().await?.is_some() {
            let act = Act::RuleSet { needed: rule.needed, delay_us: rule.delay_us };
            return Ok(Asked::Ordered(self.order_file(by, act).await?));
        }
        if by.is_some() {
            return Err(Error::forbidden("the first rule is made at the site's machine: outlast officer rule"));
        }
        self.ledger.submit(submitter(by), RuleSet(rule)).await?;
        Ok(Asked::Done(()))
    }

    /// Orders, the newest first: those that wait, or all with ids below `before`. Officers and operators see all, others their own.
    pub async fn order_list(
        &self,
        by: Option<&Principal>,
        pending: bool,
        before: Option<u64>,
    ) -> Result<Vec<FiledOrder>, Error> {
        let (rp, before) = (self.rp(), before.unwrap_or(u64::MAX));
        let own = if self.serves(by).await.is_ok() { None } else { by.map(Principal::user) };
        let read = move |tx: &mut Tx| orders::order_list(tx, rp.as_ref(), pending, before, PAGE_MAX);
        let mut orders = self.db().read_async(read).await?;
        orders.retain(|order| own.is_none() || order.order.requester == own);
        Ok(orders)
    }

    /// An order, for officers, operators and who asked for it.
    pub async fn order_fetch(&self, by: Option<&Principal>, id: u64) -> Result<FiledOrder, Error> {
        self.order_seen(by, id).await?;
        self.order_read(id).await
    }

    async fn order_read(&self, id: u64) -> Result<FiledOrder, Error> {
        let rp = self.rp();
        let order = self.db().read_async(move |tx| orders::order_fetch(tx, rp.as_ref(), id)).await?;
        order.ok_or_else(|| Error::not_found(format!("order {id}")))
    }

    /// Whether somebody may see an order: officers, operators and who asked for it. To others it is not there.
    async fn order_seen(&self, by: Option<&Principal>, id: u64) -> Result<(), Error> {
        let requester = move |tx: &mut Tx| {
            let row = tx.query_opt("SELECT requester FROM filed_order WHERE id = ?1", &[id.into()])?;
            Ok::<_, Error>(row.map(|row| row.get::<Option<u64>>(0)).transpose()?)
        };
        let requester = self.db().read_async(requester).await?;
        let own = |requester: Option<u64>| requester.is_some() && requester == by.map(Principal::user);
        match requester {
            Some(requester) if own(requester) || self.serves(by).await.is_ok() => Ok(()),
            _ => Err(Error::not_found(format!("order {id}"))),
        }
    }

    /// An order that was carried out, with the officers' signatures, for the vaults' owners. For who may see the order.
    pub async fn order_signed(&self, by: Option<&Principal>, id: u64) -> Result<SignedOrder, Error> {
        self.order_seen(by, id).await?;
        self.db().read_async(move |tx| orders::order_signed(tx, id)).await
    }

    /// What an erasure erases: the list whose hash is in its order, for officers to read and for the vaults' owners. For who may see the
    /// order.
    pub async fn order_list_file(&self, by: Option<&Principal>, id: u64) -> Result<String, Error> {
        let order = self.order_fetch(by, id).await?;
        let read = move |tx: &mut Tx| Ok::<_, Error>(orders::erase_list(tx, &order.order)?.to_string());
        self.db().read_async(read).await
    }

    /// Asks for other recovery keys. An order always: vaults take them from officers alone.
    pub async fn recovery_keys_replace(&self, by: Option<&Principal>, keys: Vec<RecoveryHalf>) -> Result<u64, Error> {
        self.serves(by).await?;
        if self.officer_rule().await?.is_none() {
            return Err(Error::conflict(
                "only officers replace a recovery key, and vaults check their signatures: outlast officer rule --needed M",
            ));
        }
        self.order_file(by, Act::RecoveryKeys { keys }).await
    }

    /// Takes an officer's signature or veto over an order, whoever brings it: the line that `outlast officer sign` printed. Who may not
    /// see the order learns nothing from trying: it is looked for before the line is read. Gives the order as it is then.
    pub async fn order_line(
        &self,
        by: Option<&Principal>,
        id: u64,
        line: &str,
        reason: &str,
    ) -> Result<FiledOrder, Error> {
        self.order_seen(by, id).await?;
        let line: SignatureLine = line.parse()?;
        match line.verb {
            Verb::Approve => self.sign(by, id, Signing::Line(line)).await,
            Verb::Veto => self.veto(by, id, VetoBy::Signature(line), reason).await,
        }
    }

    /// Signs an order with a passkey of who is signed in: `assertion` is what the authenticator answered, as the pages' script gives it.
    /// Who may not see the order learns nothing, as of [`order_line`](Self::order_line). Gives the order as it is then.
    pub async fn order_sign(&self, who: &Principal, id: u64, assertion: &str) -> Result<FiledOrder, Error> {
        self.order_seen(Some(who), id).await?;
        let assertion = Assertion::from_json(assertion)?;
        self.sign(Some(who), id, Signing::Passkey(who.clone(), assertion)).await
    }

    async fn sign(&self, by: Option<&Principal>, order: u64, with: Signing) -> Result<FiledOrder, Error> {
        self.ledger.submit(submitter(by), OrderSign { rp: self.rp(), order, with }).await?;
        self.orders_settle().await?;
        self.order_read(order).await
    }

    /// An officer who is signed in stops an order; at the admin socket nobody is. Effective when it returns, with or without vaults. Gives
    /// the order as it is then.
    pub async fn order_veto(&self, by: Option<&Principal>, id: u64, reason: &str) -> Result<FiledOrder, Error> {
        self.order_seen(by, id).await?;
        let no_role = || Error::forbidden("this socket gives no role: sign the veto with `outlast officer veto`");
        let who = by.ok_or_else(no_role)?;
        self.veto(Some(who), id, VetoBy::SignedIn(who.clone()), reason).await
    }

    async fn veto(&self, by: Option<&Principal>, order: u64, who: VetoBy, reason: &str) -> Result<FiledOrder, Error> {
        let command = OrderVeto { order, by: who, reason: reason.to_owned() };
        self.ledger.submit(submitter(by), command).await?;
        self.order_read(order).await
    }

    /// Carries out what is due and closes what is over. The site does so by itself every second.
    pub async fn orders_settle(&self) -> Result<(), Error> {
        settle(&self.ledger, &self.authenticator, &self.shut, self.rp()).await
    }
}

pub(super) async fn settle(
    ledger: &crate::Ledger,
    authenticator: &crate::people::Authenticator,
    shut: &super::lockdown::Shut,
    rp: Option<RelyingParty>,
) -> Result<(), Error> {
    let pending =
        |tx: &mut Tx| Ok::<_, Error>(tx.query("SELECT id FROM filed_order WHERE state = 'pending'", &[])?.len());
    if ledger.db().read_async(pending).await? == 0 {
        return Ok(());
    }
    loop {
        let rp = rp.clone();
        let read = move |tx: &mut Tx| OrdersSettle::read(tx, rp, now_us());
        let settle = ledger.db().read_async(read).await?;
        if !ledger.submit(submitter(None), settle).await?.output {
            return Ok(());
        }
        // A role or a repository may be another's now.
        authenticator.rights_changed();
        shut.set(ledger.db().read_async(crate::lockdown::in_force).await?);
    }
}

/// Runs until the site stops.
pub(super) fn settling(site: &Arc<Site>) -> impl Future<Output = ()> + use<> {
    let (ledger, authenticator, rp) = (site.ledger.clone(), site.authenticator.clone(), site.rp());
    let (shut, jobs) = (site.shut.clone(), site.jobs.clone());
    async move {
        loop {
            jobs.next(Job::Settle, SETTLE_EVERY);
            tokio::time::sleep(SETTLE_EVERY).await;
            let settled = settle(&ledger, &authenticator, &shut, rp.clone());
            if let Err(error) = jobs.run(Job::Settle, settled).await {
                tracing::warn!(%error, "an order that is due waits on");
            }
        }
    }
}
