//! Lockdown.

use super::Site;
use super::guard::Asked;
use super::people::submitter;
use super::svn_restore::Mode;
use crate::error::Error;
use crate::lockdown::{self, AccountUnfreeze, InForce, LockDown, LockdownLift, Made};
use crate::names::UserName;
use crate::orders::Act;
use crate::people::Principal;
use crate::restore::{self, Restore, Restored, Selection};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long after a lockdown open connections are cut: so that who locked down still reads the answer.
const CUT_AFTER: Duration = Duration::from_secs(1);

/// What doors and pages must know of lockdowns, without asking the database.
#[derive(Clone, Debug)]
pub(crate) struct Shut {
    in_force: Arc<std::sync::Mutex<Option<InForce>>>,
    cuts: watch::Sender<u64>,
}

impl Shut {
    pub(crate) fn new(in_force: Option<InForce>) -> Self {
        Self { in_force: Arc::new(std::sync::Mutex::new(in_force)), cuts: watch::Sender::new(0) }
    }

    pub(super) fn set(&self, in_force: Option<InForce>) {
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner) = in_force;
    }

    fn get(&self) -> Option<InForce> {
        *self.in_force.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Site {
    /// The lockdown in force, if there is one.
    #[must_use]
    pub fn lockdown_in_force(&self) -> Option<InForce> {
        self.shut.get()
    }

    /// Changes with every lockdown: doors cut the connections that are open then, whoever's they are.
    #[must_use]
    pub fn cuts(&self) -> watch::Receiver<u64> {
        self.shut.cuts.subscribe()
    }

    /// What a lockdown since then would end: the tree of what was made or used, for officers and operators.
    pub async fn tainted(&self, by: Option<&Principal>, since_us: i64) -> Result<Vec<Made>, Error> {
        self.serves(by).await?;
        let used = self.last_uses.since(since_us);
        self.db().read_async(move |tx| Ok(lockdown::tainted(tx, since_us, &used)?)).await
    }

    /// Locks the site down: an officer's act, or the operator's at the machine. In force when it returns, with or without vaults; open
    /// connections are cut a moment later. Gives what was ended.
    pub async fn lock_down(&self, by: Option<&Principal>, since_us: i64) -> Result<Vec<Made>, Error> {
        let command = LockDown { since_us, used: self.last_uses.since(since_us), by: by.cloned() };
        let made = self.change_rights(submitter(by), command).await?.output;
        self.shut.set(self.db().read_async(|tx| Ok::<_, Error>(lockdown::in_force(tx)?)).await?);
        let cuts = self.shut.cuts.clone();
        tokio::spawn(async move {
            tokio::time::sleep(CUT_AFTER).await;
            cuts.send_modify(|cut| *cut += 1);
        });
        Ok(made)
    }

    /// Lifts the lockdown: by an order, which does not wait; at once where there is no officers' rule.
    pub async fn lockdown_lift(&self, by: Option<&Principal>) -> Result<Asked<()>, Error> {
        self.serves(by).await?;
        let in_force = self.lockdown_in_force().ok_or_else(|| Error::conflict("the site is not locked down"))?;
        if self.officer_rule().await?.is_some() {
            return Ok(Asked::Ordered(self.order_file(by, Act::LockdownLift { lockdown: in_force.id }).await?));
        }
        if by.is_some() {
            return Err(Error::forbidden("there is no officers' rule: lift it at the site's machine"));
        }
        self.ledger.submit(submitter(by), LockdownLift).await?;
        self.shut.set(None);
        Ok(Asked::Done(()))
    }

    /// Lets a frozen account go on: an officer's act.
    pub async fn account_unfreeze(&self, by: Option<&Principal>, name: &UserName) -> Result<(), Error> {
        self.serves(by).await?;
        let account = self.user_fetch(name).await?.id;
        self.change_rights(submitter(by), AccountUnfreeze { account, by: by.cloned() }).await.map(drop)
    }

    /// Puts back every ref and setting that an account changed since then, and takes back its revisions of Subversion by new ones: an
    /// officer's act, or the operator's at the machine. Once there is an officers' rule an officer's leaves out, and names, what takes more
    /// than one of them, or others. With `look` it only says what it would do, and to an operator who is no officer not which paths.
    ///
    /// # Errors
    /// [`Error::NotHeldYet`]: entries are written that put something back. What follows from them follows when they are held; commits are
    /// taken back when it is done again.
    pub async fn restore(
        self: &Arc<Self>,
        by: Option<&Principal>,
        actor: &UserName,
        since_us: i64,
        look: bool,
    ) -> Result<Restored, Error> {
        self.serves(by).await?;
        let selection = Selection::account(self.user_fetch(actor).await?.id, since_us);
        if look {
            let by_officer = by.is_some();
            let mut told = self.db().read_async(move |tx| restore::plan(tx, &selection, by_officer)).await?.report;
            told.touched.clear();
            let names = match by {
                Some(who) => self.is_officer(who).await?,
                None => true,
            };
            self.svn_take_back(by, actor.as_str(), Mode::Look { names }, &mut told).await;
            return Ok(told);
        }
        let (site, by, actor) = (self.clone(), by.cloned(), actor.clone());
        // A task of its own: what was written is followed by the rest also when who asked leaves.
        let restoring = tokio::spawn(async move { site.put_back(by.as_ref(), &actor, selection).await });
        restoring.await.map_err(|e| Error::internal(format!("a restore broke off: {e}")))?
    }

    async fn put_back(
        &self,
        by: Option<&Principal>,
        actor: &UserName,
        selection: Selection,
    ) -> Result<Restored, Error> {
        let mut whole = Restored::default();
        loop {
            let command = Restore { selection: selection.clone(), by: by.cloned() };
            let said = match self.change_rights(submitter(by), command).await {
                Ok(answer) => answer.output,
                Err(error) => {
                    if let Error::NotHeldYet { seq, .. } = error {
                        self.svn_follow_of(selection, seq + 1).await?;
                    }
                    return Err(error);
                }
            };
            let more = said.more;
            whole.add(said);
            if !more {
                self.settings_read().await?;
                self.svn_take_back(by, actor.as_str(), Mode::Do, &mut whole).await;
                return Ok(whole);
            }
        }
    }
}
