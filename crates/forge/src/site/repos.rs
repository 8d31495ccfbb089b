//! Repositories, besides their content.

use super::Site;
use super::people::{PAGE_MAX, submitter};
use crate::access::{Act, Administer, Authorized, Maintain, Read, See, authorize, authorize_org};
use crate::error::Error;
use crate::event::people::NamespaceKind;
use crate::event::repo::{Access, Format, RepoKind, Visibility};
use crate::names::{OwnerPath, RepoName, RepoPath, UserName};
use crate::people::policy::org_lacks;
use crate::people::query::namespace_fetch;
use crate::people::{Principal, Scope};
use crate::repo::command::{
    CollaboratorPut, CollaboratorRemove, HeadChange, RepoCreate, RepoDescribe, RepoRename, VisibilitySet,
};
use crate::repo::query::{self, Collaborator, Repo, RepoFilter};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// A repository to be made.
#[derive(Clone, Debug)]
pub struct NewRepo {
    /// Where.
    pub path: RepoPath,
    /// How its objects are named.
    pub format: Format,
    /// Who may read it; None: as the site's settings have it.
    pub visibility: Option<Visibility>,
    /// The branch HEAD points to, without `refs/heads/`; None: as the site's settings have it.
    pub branch: Option<String>,
    /// Git or Subversion.
    pub kind: RepoKind,
}

impl NewRepo {
    /// Git, SHA-1, otherwise as the site's settings have it.
    #[must_use]
    pub fn new(path: RepoPath) -> Self {
        Self { path, format: Format::Sha1, visibility: None, branch: None, kind: RepoKind::Git }
    }
}

/// What may be changed of a repository; None: stays.
#[derive(Clone, Debug, Default)]
pub struct RepoChange {
    /// Its name.
    pub name: Option<RepoName>,
    /// Who may read it.
    pub visibility: Option<Visibility>,
    /// The branch HEAD points to.
    pub branch: Option<String>,
    /// What it is, in a few words; empty: nothing.
    pub description: Option<String>,
    /// Where there is more; empty: nowhere.
    pub website: Option<String>,
}

/// Without what is private in organisations that require a second factor which the viewer has not.
fn without_lacking(tx: &mut crate::db::Tx, viewer: Option<u64>, listed: Vec<Repo>) -> Result<Vec<Repo>, Error> {
    let Some(viewer) = viewer else { return Ok(listed) };
    let mut lacking = BTreeMap::new();
    for repo in listed.iter().filter(|repo| repo.visibility == Visibility::Private) {
        if let Entry::Vacant(unknown) = lacking.entry(repo.namespace) {
            unknown.insert(org_lacks(tx, viewer, repo.namespace)?.is_some());
        }
    }
    let open = |repo: &Repo| repo.visibility != Visibility::Private || lacking.get(&repo.namespace) != Some(&true);
    Ok(listed.into_iter().filter(open).collect())
}

impl Site {
    /// Makes a repository. `by` None: at the admin socket.
    pub async fn repo_create(&self, by: Option<&Principal>, new: NewRepo) -> Result<Repo, Error> {
        let NewRepo { path, format, visibility, branch, kind } = new;
        let svn = match kind {
            RepoKind::Git => None,
            RepoKind::Svn => Some(self.subversion.begin().await?),
        };
        let command = RepoCreate { path, format, visibility, branch, by: by.cloned(), svn };
        Ok(self.ledger.submit(submitter(by), command).await?.output)
    }

    /// Whether `who` may do `A` to the repository, and the proof of it.
    pub async fn authorize<A: Act>(&self, who: Option<&Principal>, path: &RepoPath) -> Result<Authorized<A>, Error> {
        let (who, path) = (who.cloned(), path.clone());
        self.db().read_async(move |tx| authorize::<A>(tx, who.as_ref(), &path)).await
    }

    /// As [`Site::authorize`]; at the admin socket (`by` None) everything is allowed.
    pub(crate) async fn allow<A: Act>(&self, by: Option<&Principal>, path: &RepoPath) -> Result<Authorized<A>, Error> {
        if by.is_some() {
            return self.authorize::<A>(by, path).await;
        }
        let wanted = path.clone();
        let repo = self.db().read_async(move |tx| query::repo_fetch(tx, &wanted)).await?;
        Ok(Authorized::by_site(repo.ok_or_else(|| Error::not_found(path))?))
    }

    /// A repository somebody may read.
    pub async fn repo_fetch(&self, who: Option<&Principal>, path: &RepoPath) -> Result<Repo, Error> {
        Ok(self.authorize::<Read>(who, path).await?.repo().clone())
    }

    /// Somebody's role in a repository; None: none, they read what is public or internal.
    pub async fn repo_access(&self, who: &Principal, repo: &Repo) -> Result<Option<Access>, Error> {
        let (user, repo) = (who.user(), repo.clone());
        self.db().read_async(move |tx| Ok(crate::access::role(tx, user, &repo)?)).await
    }

    /// Repositories somebody may see, by id; with `text`, those with it in their name. `after` is the id of the last of the page
    /// before.
    pub async fn repo_list(
        &self,
        who: Option<&Principal>,
        owner: Option<&OwnerPath>,
        text: Option<&str>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Repo>, Error> {
        // A token without repo:read sees what nobody in particular sees.
        let viewer = who.filter(|who| who.scopes().has(Scope::RepoRead)).map(Principal::user);
        let confined = who.filter(|who| who.is_confined()).cloned();
        let (who, owner) = (who.cloned(), owner.cloned());
        let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
        let read = move |tx: &mut crate::db::Tx| {
            let namespace = match owner {
                None => None,
                Some(owner) => match namespace_fetch(tx, owner.names())? {
                    // Whose organisation is not to be seen, no list of it is either.
                    Some((_, NamespaceKind::Group)) => Some(authorize_org::<See>(tx, who.as_ref(), &owner)?.org().id),
                    Some((id, NamespaceKind::User)) => Some(id),
                    None => return Err(Error::not_found(owner)),
                },
            };
            let filter = RepoFilter { viewer, namespace, text, after, limit: limit.clamp(1, PAGE_MAX) };
            let mut listed = query::repo_list(tx, &filter)?;
            // A token for certain repositories does not tell of the others.
            if let Some(who) = confined {
                let mut covered = Vec::new();
                for repo in listed {
                    if repo.visibility == Visibility::Public || who.covers(tx, &repo)? {
                        covered.push(repo);
                    }
                }
                listed = covered;
            }
            without_lacking(tx, viewer, listed)
        };
        self.db().read_async(read).await
    }

    /// Changes a repository's settings; each change is an entry of its own. Gives it back as it is then.
    pub async fn repo_change(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        change: RepoChange,
    ) -> Result<Repo, Error> {
        let maintain = self.allow::<Maintain>(by, path).await?;
        // Asked before anything is done, so that a request is not carried out by half.
        let administer = match change.visibility.is_some() || change.name.is_some() {
            true => Some(self.allow::<Administer>(by, path).await?),
            false => None,
        };
        let id = maintain.repo().id;
        if change.description.is_some() || change.website.is_some() {
            let (proof, description, website) = (maintain.clone(), change.description, change.website);
            self.ledger.submit(submitter(by), RepoDescribe { proof, description, website }).await?;
        }
        if let Some(branch) = change.branch {
            self.ledger.submit(submitter(by), HeadChange { proof: maintain, branch }).await?;
        }
        if let (Some(visibility), Some(proof)) = (change.visibility, administer.clone()) {
            self.ledger.submit(submitter(by), VisibilitySet { proof, visibility }).await?;
        }
        if let (Some(name), Some(proof)) = (change.name, administer) {
            self.ledger.submit(submitter(by), RepoRename { proof, name }).await?;
        }
        let repo = self.db().read_async(move |tx| query::repo_by_id(tx, id)).await?;
        repo.ok_or_else(|| Error::not_found(path))
    }

    /// Puts one pack of everything a repository has into the vaults now, at the admin socket; otherwise that follows the volume of
    /// pushes.
    pub async fn consolidate(&self, path: &RepoPath) -> Result<(), Error> {
        let repo = self.allow::<Administer>(None, path).await?.repo().clone();
        self.must_be(&repo, RepoKind::Git)?;
        let id = repo.id;
        self.maintenance().consolidate(id).await
    }

    /// Who may use a repository besides its owner.
    pub async fn collaborator_list(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Collaborator>, Error> {
        let (id, limit) = (self.allow::<Administer>(by, path).await?.repo().id, limit.clamp(1, PAGE_MAX));
        self.db().read_async(move |tx| Ok(query::collaborator_list(tx, id, after, limit)?)).await
    }

    /// Lets an account use a repository.
    pub async fn collaborator_put(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        user: UserName,
        access: Access,
    ) -> Result<(), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        by.map_or(Ok(()), |who| who.needs(Scope::Access))?;
        self.ledger.submit(submitter(by), CollaboratorPut { proof, user, access }).await.map(drop)
    }

    /// Takes an account's use of a repository away. Effective when it returns, with or without vaults.
    pub async fn collaborator_remove(
        &self,
        by: Option<&Principal>,
        path: &RepoPath,
        user: UserName,
    ) -> Result<(), Error> {
        let proof = self.allow::<Administer>(by, path).await?;
        self.change_rights(submitter(by), CollaboratorRemove { proof, user }).await.map(drop)
    }
}
