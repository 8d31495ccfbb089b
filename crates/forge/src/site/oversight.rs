//! One account, for who runs the site.

use super::Site;
use super::people::submitter;
use crate::error::Error;
use crate::names::UserName;
use crate::people::authenticate::now_us;
use crate::people::last_use::LastUse;
use crate::people::oversight::{Act, Look, Oversee, look};
use crate::people::{Principal, Proved};
use crate::quota::{Quota, QuotaPut, Subject};

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
