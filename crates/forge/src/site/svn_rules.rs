//! Subversion's rules, for who administers a repository.

use super::Site;
use super::people::submitter;
use crate::access::{Administer, Authorized, Read, role};
use crate::error::Error;
use crate::event::repo::{Access, RepoKind};
use crate::names::RepoPath;
use crate::people::Principal;
use crate::svn::{CommitRules, PathRuleSpec, PathRules, SvnCommitRulesPut, SvnPathRulesPut};
use crate::svn::{commit_rules_fetch, path_rules_fetch};

impl Site {
    /// Pages show whole revisions: so they are for who may read every path. Whoever administers the repository sees its rules anyway.
    pub(super) async fn must_read_all(&self, who: Option<&Principal>, proof: &Authorized<Read>) -> Result<(), Error> {
        let (repo, account) = (proof.repo().clone(), who.map(Principal::user));
        let path = repo.path.clone();
        let reads = self.db().read_async(move |tx| {
            let administers = account.map_or(Ok(None), |id| role(tx, id, &repo))? >= Some(Access::Admin);
            Ok::<_, Error>(administers || path_rules_fetch(tx, repo.id)?.reads_all(account))
        });
        if reads.await? {
            return Ok(());
        }
        Err(Error::forbidden(format!("you may not read all of {path}: use svn, which shows you what you may")))
    }

    /// A repository's rules of paths and for commits.
    pub async fn svn_rules(&self, by: Option<&Principal>, path: &RepoPath) -> Result<(PathRules, CommitRules), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        if proof.repo().kind != RepoKind::Svn {
            return Err(Error::invalid("a repository of Git has no rules of Subversion; see its protections"));
        }
        let repo = proof.repo().id;
        self.db().read_async(move |tx| Ok((path_rules_fetch(tx, repo)?, commit_rules_fetch(tx, repo)?))).await
    }

    /// Gives it other rules of paths: all of them.
    pub async fn svn_path_rules_put(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        rules: Vec<PathRuleSpec>,
    ) -> Result<(), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        self.ledger.submit(submitter(by), SvnPathRulesPut { proof, rules }).await.map(drop)
    }

    /// Gives it other rules for commits.
    pub async fn svn_commit_rules_put(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        rules: CommitRules,
    ) -> Result<(), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        self.ledger.submit(submitter(by), SvnCommitRulesPut { proof, rules }).await.map(drop)
    }
}
