//! What can be done to repositories, besides pushing.

use super::query::{self, Repo};
use crate::access::{self, Act, Administer, Authorized, Maintain};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::people::NamespaceKind;
use crate::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, Format, HeadSet, RepoCreated, RepoDescribed, RepoKind, RepoRenamed,
    RepoVisibilitySet, Visibility,
};
use crate::event::svn::{SvnBegun, SvnFile};
use crate::names::{RepoName, RepoPath, UserName, is_harmless};
use crate::people::authenticate::still_good;
use crate::people::query::{namespace_fetch, user_by_id, user_fetch};
use crate::people::{Principal, Scope};
use crate::settings::{self, Name};
use crate::writer::{Command, Decide, Urgency};

/// Repositories in one namespace.
pub const REPOS_PER_NAMESPACE_MAX: u64 = 100_000;

/// Makes a repository, empty. Gives it back.
#[derive(Clone, Debug)]
pub struct RepoCreate {
    /// Where.
    pub path: RepoPath,
    /// How its objects are named.
    pub format: Format,
    /// Who may read it; None: as the site's settings have it.
    pub visibility: Option<Visibility>,
    /// The branch HEAD points to, without `refs/heads/`; None: as the site's settings have it.
    pub branch: Option<String>,
    /// Who makes it; None: the site's operator, at the admin socket.
    pub by: Option<Principal>,
    /// What a repository of Subversion begins with; None: it is one of Git.
    pub svn: Option<Vec<SvnFile>>,
}

impl RepoCreate {
    /// One of Git with SHA-1, otherwise as the site's settings have it.
    #[must_use]
    pub fn new(path: RepoPath, by: Option<Principal>) -> Self {
        Self { path, format: Format::Sha1, visibility: None, branch: None, by, svn: None }
    }
}

impl RepoCreate {
    /// Whether it may be made now; the namespace it would lie in.
    pub(crate) fn check(&self, tx: &mut Tx) -> Result<u64, Error> {
        let no_owner = || Error::not_found(format!("the namespace {}", self.path.owner_text()));
        let (namespace, kind) = namespace_fetch(tx, self.path.owner())?.ok_or_else(no_owner)?;
        if crate::orders::in_trash(tx, namespace)? {
            return Err(no_owner());
        }
        if let Some(who) = &self.by {
            who.needs(Scope::RepoCreate)?;
            makers(tx, who, kind)?;
            if !access::may_create(tx, who.user(), namespace)? {
                return Err(Error::forbidden(format!("you may not make repositories in {}", self.path.owner_text())));
            }
        }
        if query::repo_fetch(tx, &self.path)?.is_some() {
            return Err(Error::conflict(format!("{} is there already", self.path)));
        }
        is_no_namespace(tx, namespace, self.path.name())?;
        crate::quota::one_more_repo(tx, namespace)?;
        let sql = "SELECT count(*) FROM repository WHERE namespace = ?1";
        let count: u64 = tx.query_one(sql, &[namespace.into()])?.get(0)?;
        if count >= REPOS_PER_NAMESPACE_MAX {
            return Err(Error::invalid(format!(
                "{} has {count} repositories and takes no more",
                self.path.owner_text()
            )));
        }
        Ok(namespace)
    }
}

impl Command for RepoCreate {
    type Output = Repo;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, Repo), Error> {
        let namespace = self.check(tx)?;
        let head = head_name(&self.branch.map_or_else(|| settings::text(tx, Name::Branch), Ok)?)?;
        let (format, name) = (self.format, self.path.name().as_str().to_owned());
        let visibility = match self.visibility {
            Some(visibility) => visibility,
            None => Visibility::parse(&settings::text(tx, Name::Visibility)?).unwrap_or(Visibility::Private),
        };
        let (path, id) = (format!("{}/{name}", query::namespace_path(tx, namespace)?), ctx.id(0));
        let kind = if self.svn.is_some() { RepoKind::Svn } else { RepoKind::Git };
        let event = RepoCreated { namespace, name: name.clone(), kind, format, visibility, head: head.clone() };
        let created_us = ctx.now_us;
        let repo = Repo {
            id,
            namespace,
            path,
            name,
            kind,
            format,
            visibility,
            head,
            created_us,
            pushed_us: None,
            seq: id,
            description: None,
            website: None,
        };
        let begun = self.svn.map(|files| SvnBegun { repo: id, files }.into());
        Ok((std::iter::once(event.into()).chain(begun).collect(), repo))
    }
}

/// Who makes repositories at all, by the site's settings.
fn makers(tx: &mut Tx, who: &Principal, owner: NamespaceKind) -> Result<(), Error> {
    let made_by = settings::text(tx, Name::ReposMadeBy)?;
    let may = match made_by.as_str() {
        "operators" => false,
        "organisations" => owner == NamespaceKind::Group,
        _ => true,
    };
    if may || runs_site(tx, who)? {
        return Ok(());
    }
    Err(Error::forbidden(match made_by.as_str() {
        "organisations" => "on this site repositories are made in organisations: choose one, or ask an operator",
        _ => "on this site only operators make repositories: ask one",
    }))
}

/// Whether an account is an operator's, whatever it is signed in with.
pub(crate) fn runs_site(tx: &mut Tx, who: &Principal) -> Result<bool, Error> {
    Ok(user_by_id(tx, who.user())?.is_some_and(|user| user.operator))
}

/// What lies in an organisation is one thing: a repository or another organisation.
fn is_no_namespace(tx: &mut Tx, parent: u64, name: &RepoName) -> Result<(), Error> {
    let sql = "SELECT id FROM namespace WHERE parent = ?1 AND lower(name) = ?2";
    match tx.query_opt(sql, &[parent.into(), name.as_str().to_ascii_lowercase().into()])? {
        None => Ok(()),
        Some(_) => Err(Error::conflict(format!("the name {name} is an organisation's"))),
    }
}

/// The full ref name of a branch; git's rules for it, and nothing that shows otherwise than it is.
pub fn head_name(branch: &str) -> Result<String, Error> {
    ref_name("refs/heads/", branch, "a branch")
}

/// The same of a tag.
pub fn tag_name(tag: &str) -> Result<String, Error> {
    ref_name("refs/tags/", tag, "a tag")
}

fn ref_name(prefix: &str, name: &str, what: &str) -> Result<String, Error> {
    let part = |p: &str| !p.is_empty() && !p.starts_with('.') && !p.ends_with(".lock");
    let plain = |c: char| is_harmless(c) && !" ~^:?*[\\".contains(c);
    let fits = name.split('/').all(part) && name.chars().all(plain) && !name.starts_with('-');
    if fits && name.len() <= 200 && !name.contains("..") && !name.contains("@{") && !name.ends_with('.') {
        return Ok(format!("{prefix}{name}"));
    }
    Err(Error::invalid(format!("that is not the name of {what}: see git check-ref-format")))
}

/// Asks again, when it is decided, whether it may be done: rights may have been taken away since it was asked for.
pub(crate) fn recheck<A: Act>(tx: &mut Tx, ctx: &Decide, proof: &Authorized<A>) -> Result<Repo, Error> {
    let repo = query::repo_by_id(tx, proof.repo().id)?.ok_or_else(|| Error::not_found(&proof.repo().path))?;
    let Some(who) = proof.by() else { return Ok(repo) };
    if !still_good(tx, who.credential(), ctx.now_us)? {
        return Err(Error::Unauthenticated("this access token was revoked meanwhile".into()));
    }
    access::authorize_repo::<A>(tx, Some(who), repo).map(|proof| proof.repo().clone())
}

/// Gives a repository another name.
#[derive(Debug)]
pub struct RepoRename {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// The new name.
    pub name: RepoName,
}

impl Command for RepoRename {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let name = self.name.as_str().to_owned();
        let sql = "SELECT id FROM repository WHERE namespace = ?1 AND lower(name) = ?2";
        let there = tx.query_opt(sql, &[repo.namespace.into(), name.to_ascii_lowercase().into()])?;
        let other = there.map(|row| row.get::<u64>(0)).transpose()?;
        match other {
            Some(id) if id != repo.id => Err(Error::conflict(format!("there is a repository {name} already"))),
            _ if name == repo.name => Ok((Vec::new(), ())),
            _ => is_no_namespace(tx, repo.namespace, &self.name)
                .map(|()| (vec![RepoRenamed { repo: repo.id, namespace: repo.namespace, name }.into()], ())),
        }
    }
}

/// Says who may read a repository.
#[derive(Debug)]
pub struct VisibilitySet {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// Who.
    pub visibility: Visibility,
}

impl Command for VisibilitySet {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let change = repo.visibility != self.visibility;
        let event = RepoVisibilitySet { repo: repo.id, visibility: self.visibility };
        Ok((change.then(|| event.into()).into_iter().collect(), ()))
    }
}

/// Points HEAD to another branch.
#[derive(Debug)]
pub struct HeadChange {
    /// The right to.
    pub proof: Authorized<Maintain>,
    /// The branch, without `refs/heads/`.
    pub branch: String,
}

impl Command for HeadChange {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let target = head_name(&self.branch)?;
        let change = repo.head != target;
        Ok((change.then(|| HeadSet { repo: repo.id, target }.into()).into_iter().collect(), ()))
    }
}

/// Lets an account use a repository, or changes what it may do there.
#[derive(Debug)]
pub struct CollaboratorPut {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// The account.
    pub user: UserName,
    /// What it may do.
    pub access: Access,
}

impl Command for CollaboratorPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        if access::owns_namespace(tx, account, repo.namespace)? {
            return Err(Error::invalid(format!("{} owns it already", self.user)));
        }
        // What teams give beside it is another matter, and may end.
        let sql = "SELECT access FROM collaborator WHERE repo = ?1 AND account = ?2";
        let named = tx.query_opt(sql, &[repo.id.into(), account.into()])?;
        let named: Option<Access> = named.map(|row| row.get(0)).transpose()?;
        let event = CollaboratorSet { repo: repo.id, account, access: self.access };
        Ok(((named != Some(self.access)).then(|| event.into()).into_iter().collect(), ()))
    }
}

/// Takes an account's use of a repository away, with or without vaults.
#[derive(Debug)]
pub struct CollaboratorRemove {
    /// The right to.
    pub proof: Authorized<Administer>,
    /// The account.
    pub user: UserName,
}

impl Command for CollaboratorRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let sql = "SELECT account FROM collaborator WHERE repo = ?1 AND account = ?2";
        let there = tx.query_opt(sql, &[repo.id.into(), account.into()])?.is_some();
        Ok((there.then(|| CollaboratorRemoved { repo: repo.id, account }.into()).into_iter().collect(), ()))
    }
}

/// The longest description of a repository, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 500;

/// Says what a repository is. None: leaves it as it is; an empty text takes it away.
#[derive(Debug)]
pub struct RepoDescribe {
    /// The right to.
    pub proof: Authorized<Maintain>,
    /// A few words.
    pub description: Option<String>,
    /// Where there is more.
    pub website: Option<String>,
}

impl Command for RepoDescribe {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let repo = recheck(tx, ctx, &self.proof)?;
        let description = match self.description {
            None => repo.description.clone(),
            Some(text) => crate::names::plain_text("a description", &text, DESCRIPTION_CHARS_MAX)?,
        };
        let website = match self.website {
            None => repo.website.clone(),
            Some(text) => crate::names::website(&text)?,
        };
        if (&description, &website) == (&repo.description, &repo.website) {
            return Ok((Vec::new(), ()));
        }
        Ok((vec![RepoDescribed { repo: repo.id, description, website }.into()], ()))
    }
}
