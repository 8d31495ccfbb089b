//! One account, for who runs the site.

use super::Site;
use super::people::submitter;
use crate::clock::now_us;
use crate::error::Error;
use crate::names::UserName;
use crate::people::last_use::LastUse;
use crate::people::oversight::{Act, Look, Oversee, look};
use crate::people::query::User;
use crate::people::reset::{Reset, ResetMake, ResetUse, gone, reset_fetch};
use crate::people::{Password, Principal, Proved, SessionSecret};
use crate::quota::{Quota, QuotaPut, Subject};
use crate::writer::Submitter;

impl Site {
    /// An account as who runs the site sees it, and when any credential of it was used last.
    pub async fn account_look(&self, by: &Principal, name: &UserName) -> Result<(Look, Option<LastUse>), Error> {
        by.needs_operator()?;
        let name = name.clone();
        let look = self.db().read_async(move |tx| look(tx, &name, now_us())).await?;
        let uses = look.credential_ids.iter().filter_map(|id| self.last_uses.get(*id));
        let last = uses.max_by_key(|used| used.time_us);
        Ok((look, last))
    }

    /// Does something to an account. Effective when it returns, with or without vaults. `by` None: at the admin socket.
    pub async fn account_oversee(&self, by: Option<&Proved>, name: &UserName, act: Act) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let account = self.user_fetch(name).await?.id;
        self.change_rights(submitter(by), Oversee { account, act, by: by.cloned() }).await.map(drop)
    }

    /// Sets how much an account may take; an operator's act.
    pub async fn account_quota_put(&self, by: &Proved, name: &UserName, quota: Quota) -> Result<(), Error> {
        by.who().needs_operator()?;
        let subject = Subject::Owner(name.clone().into());
        self.settings_change(by.who().submitter(), QuotaPut { subject, quota }).await
    }
}

/// A link for a forgotten password.
#[derive(Debug)]
pub enum ResetLink {
    /// Its secret is shown; nothing else keeps it.
    Shown {
        /// Where it leads.
        address: String,
        /// Until when it is good, microseconds since 1970.
        expires_us: i64,
    },
    /// It was mailed to the account's own address, and nobody else has seen it.
    Mailed,
}

impl Site {
    /// Makes a link that sets an account's password once. Once there is an officers' rule an operator's is mailed to the account. `by`
    /// None: at the admin socket.
    pub async fn reset_link_make(&self, by: Option<&Proved>, name: &UserName) -> Result<ResetLink, Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let account = self.user_fetch(name).await?.id;
        let secret = SessionSecret::generate()?;
        let command = ResetMake { account, hash: secret.hash(), by: by.cloned() };
        let made = self.change_rights(submitter(by), command).await?.output;
        let address = format!("{}/-/sign-in/reset/{}", self.base_url(), secret.reveal());
        let Some(to) = made.to else { return Ok(ResetLink::Shown { address, expires_us: made.expires_us }) };
        let site = self.base_url();
        let text = format!(
            "Somebody who runs {site} made this link for you, {}. Whoever opens it sets your password, once, within 24 hours:\n\n\
             {address}\n\nIf you asked for none, tell an officer of the site.\n",
            made.name
        );
        let sent = self.mail_post(&to, "A link that sets your password", text).await;
        sent.map(|_| ResetLink::Mailed).map_err(|error| {
            Error::conflict(format!("the link was made, and could not be mailed: {error}. Make another"))
        })
    }

    /// Whose password a link sets.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it is good for nothing, whatever the reason.
    pub async fn reset_link_of(&self, secret: &str) -> Result<String, Error> {
        Ok(self.reset_of(secret).await?.1.name)
    }

    async fn reset_of(&self, secret: &str) -> Result<(Reset, User), Error> {
        let hash = secret.parse::<SessionSecret>().map_err(|_| gone())?.hash();
        let found = self.db().read_async(move |tx| Ok::<_, Error>(reset_fetch(tx, &hash, now_us())?)).await?;
        found.ok_or_else(gone)
    }

    /// Sets a password with a link, which is used up by it; what the account had signed in is signed out.
    pub async fn reset_link_use(&self, secret: &str, password: Password) -> Result<(), Error> {
        let (reset, user) = self.reset_of(secret).await?;
        password.must_be_hard_to_guess(&user.name, self.host())?;
        let password_hash = self.authenticator.passwords().hash(password).await?;
        let hash = secret.parse::<SessionSecret>().map_err(|_| gone())?.hash();
        // The journal says what it was done with, so that who looks for what came of a link finds it.
        let by = Submitter { actor: Some(user.id), credential: Some(reset.id) };
        self.change_rights(by, ResetUse { hash, password_hash }).await.map(drop)
    }
}
