//! Protected branches and tags.

use super::people::submitter;
use super::{Asked, Site};
use crate::access::{Administer, Authorized, Read};
use crate::error::Error;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::protect::command::{Changed, ProtectionPut, ProtectionRemove, ProtectionSpec};
use crate::protect::query::{Protection, protection_list};

impl Site {
    /// A repository's rules, for who administers it.
    pub async fn protections(&self, by: Option<&Principal>, path: &RepoPath) -> Result<Vec<Protection>, Error> {
        let repo = self.allow::<Administer>(by, path).await?.repo().id;
        self.db().read_async(move |tx| Ok(protection_list(tx, repo)?)).await
    }

    /// The same for who may read it: that a branch is protected is no secret, who may push to it is not said.
    pub async fn protections_seen(&self, proof: &Authorized<Read>) -> Result<Vec<Protection>, Error> {
        let repo = proof.repo().id;
        self.db().read_async(move |tx| Ok(protection_list(tx, repo)?)).await
    }

    /// Makes (`id` None) or changes a rule: by an order where that loosens what is protected. Gives it as it is then.
    pub async fn protection_put(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        id: Option<u64>,
        rule: ProtectionSpec,
    ) -> Result<Asked<Protection>, Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        let repo = proof.repo().id;
        let id = match self.ledger.submit(submitter(by), ProtectionPut { proof, id, rule }).await?.output {
            Changed::Done(id) => id,
            Changed::Loosens(act) => return Ok(Asked::Ordered(self.order_file(by, *act).await?)),
        };
        let rules = self.db().read_async(move |tx| protection_list(tx, repo)).await?;
        let rule = rules.into_iter().find(|rule| rule.id == id);
        rule.map(Asked::Done).ok_or_else(|| Error::internal("the rule is gone"))
    }

    /// Ends a rule: by an order once there is an officers' rule.
    pub async fn protection_remove(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        id: u64,
    ) -> Result<Asked<()>, Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        match self.ledger.submit(submitter(by), ProtectionRemove { proof, id }).await?.output {
            Changed::Done(_) => Ok(Asked::Done(())),
            Changed::Loosens(act) => Ok(Asked::Ordered(self.order_file(by, *act).await?)),
        }
    }
}
