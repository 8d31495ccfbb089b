//! Subversion's rules, for who administers a repository.

use super::Site;
use super::people::submitter;
use crate::access::{Administer, Authorized, Read};
use crate::error::Error;
use crate::names::RepoPath;
use crate::people::Principal;
use crate::svn::{CommitRules, PathRuleSpec, PathRules, SvnCommitRulesPut, SvnPathRulesPut};
use crate::svn::{Layout, SvnLayoutPut, layout_fetch};
use crate::svn::{SvnMailPut, commit_rules_fetch, is_told, path_rules_fetch, reads_all};

impl Site {
    /// Pages show whole revisions: so they are for who may read every path. Whoever administers the repository sees its rules anyway.
    pub(super) async fn must_read_all(&self, who: Option<&Principal>, proof: &Authorized<Read>) -> Result<(), Error> {
        let (repo, account) = (proof.repo().clone(), who.map(Principal::user));
        let path = repo.path.clone();
        if self.db().read_async(move |tx| Ok::<_, Error>(reads_all(tx, account, &repo)?)).await? {
            return Ok(());
        }
        Err(Error::forbidden(format!("you may not read all of {path}: use svn, which shows you what you may")))
    }

    /// A repository's rules of paths and for commits. One of Git has none: it has protections.
    pub async fn svn_rules(&self, by: Option<&Principal>, path: &RepoPath) -> Result<(PathRules, CommitRules), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
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

    /// Which paths of a repository Git has as branches and tags.
    pub async fn svn_layout(&self, by: Option<&Principal>, path: &RepoPath) -> Result<Layout, Error> {
        let repo = self.allow::<Administer>(by, path).await?.repo().id;
        self.db().read_async(move |tx| layout_fetch(tx, repo)).await
    }

    /// Gives Git other branches and tags of a repository: all of its commits are made anew.
    pub async fn svn_layout_put(&self, by: Option<&Principal>, path: &RepoPath, layout: Layout) -> Result<(), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        self.ledger.submit(submitter(by), SvnLayoutPut { proof, layout }).await.map(drop)
    }

    /// Whether somebody is told of a repository's commits by mail.
    pub async fn svn_mail(&self, who: &Principal, path: &RepoPath) -> Result<bool, Error> {
        let (repo, account) = (self.authorize::<Read>(Some(who), path).await?.repo().id, who.user());
        self.db().read_async(move |tx| Ok(is_told(tx, repo, account)?)).await
    }

    /// Has somebody told of a repository's commits by mail, or no longer. They are told of what they may read.
    pub async fn svn_mail_set(&self, who: &Principal, path: &RepoPath, on: bool) -> Result<(), Error> {
        let proof = self.authorize::<Read>(Some(who), path).await?;
        let command = SvnMailPut { proof, account: who.user(), on };
        self.ledger.submit(submitter(Some(who)), command).await.map(drop)
    }
}
