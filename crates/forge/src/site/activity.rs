//! What happened, for who asks.

use super::Site;
use crate::activity::{ActivityFilter, ActivityPage, activity_list};
use crate::error::Error;
use crate::people::{Principal, Scope};

impl Site {
    /// What happened in repositories and organisations that somebody may see, the newest first.
    pub async fn activity(&self, who: Option<&Principal>, filter: ActivityFilter) -> Result<ActivityPage, Error> {
        // A token without repo:read sees what nobody in particular sees.
        let who = who.filter(|who| who.scopes().has(Scope::RepoRead)).cloned();
        let held = self.held();
        self.db().read_async(move |tx| activity_list(tx, who.as_ref(), held, &filter)).await
    }

    /// The log's name, which stays for ever, over every move and recovery.
    #[must_use]
    pub fn origin(&self) -> String {
        self.keys().origin().to_string()
    }
}
