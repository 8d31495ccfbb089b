//! Who may do what to a repository: one function, and a type that only it can make.
//!
//! Invariants:
//! 1. Everything that opens a repository asks for an [`Authorized`], which only [`authorize`] makes (and [`Authorized::by_site`],
//!    for what the site does itself).
//! 2. What one may not see is [`Error::NotFound`], in the words of what does not exist.
//! 3. A token narrows what its owner may do and never widens it; a public repository is read with any.
//! 4. Operators have no access of their own to what is private.
//! 5. What a role may do is [`ACTS`], and docs/access.md says the same: a test compares them.

mod chain;
mod door;
mod org;
mod role;

pub(crate) use chain::{lies_in, up_from};
pub use door::Door;
pub(crate) use org::authorize_found;
pub use org::{Know, OrgAct, OrgProof, Own, See, authorize_org};
pub(crate) use role::{may_create, org_role, owns_namespace, role};

use crate::db::Tx;
use crate::error::Error;
use crate::event::repo::{Access, Visibility};
use crate::names::RepoPath;
use crate::people::policy::must_not_lack;
use crate::people::{Principal, Scope};
use crate::repo::query::{self, Repo};
use crate::writer::Submitter;
use std::marker::PhantomData;

/// Something one does to a repository.
pub trait Act: Copy + Send + Sync + 'static {
    /// The role it takes.
    const NEEDS: Access;
    /// What a token needs for it.
    const SCOPE: Scope;
    /// How it is told to who may not.
    const VERB: &'static str;
}

/// An act as data: a line of the table in docs/access.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActRow {
    /// The type's name.
    pub name: &'static str,
    /// The role it takes.
    pub needs: Access,
    /// The scope a token needs for it.
    pub scope: Scope,
    /// What it lets one do.
    pub allows: &'static str,
}

macro_rules! acts {
    ($($(#[$doc:meta])* $name:ident: $needs:ident, $scope:ident, $verb:literal, $allows:literal;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq)]
            pub enum $name {}

            impl Act for $name {
                const NEEDS: Access = Access::$needs;
                const SCOPE: Scope = Scope::$scope;
                const VERB: &'static str = $verb;
            }
        )*

        /// Every act there is, from the foot of the ladder to its top.
        pub const ACTS: &[ActRow] = &[$(ActRow {
            name: stringify!($name),
            needs: Access::$needs,
            scope: Scope::$scope,
            allows: $allows,
        },)*];
    };
}

acts! {
    /// Fetch, and see that it is there.
    Read: Read, RepoRead, "read", "see it and its pages, clone and fetch";
    /// Sort issues.
    Triage: Triage, RepoWrite, "sort the issues of", "sort what others write: labels, milestones, assignees, open and closed";
    /// Push.
    Write: Write, RepoWrite, "push to", "push and commit, make and move branches and tags as far as protections allow; in Subversion lock, and break locks";
    /// Say what it is and shows first.
    Maintain: Maintain, RepoWrite, "change the description of", "change description, website and default branch";
    /// Change who may do what in it.
    Administer: Admin, RepoWrite, "change the settings of", "change name, visibility, people, teams and protections";
}

/// The proof that somebody may do `A` to a repository.
#[derive(Clone, Debug)]
pub struct Authorized<A: Act> {
    repo: Repo,
    by: Option<Principal>,
    act: PhantomData<A>,
}

impl<A: Act> Authorized<A> {
    /// The repository, as it was when it was asked.
    #[must_use]
    pub fn repo(&self) -> &Repo {
        &self.repo
    }

    /// Who; None: anybody, or the site itself.
    #[must_use]
    pub fn by(&self) -> Option<&Principal> {
        self.by.as_ref()
    }

    /// What the journal says of who did it.
    #[must_use]
    pub fn submitter(&self) -> Submitter {
        self.by.as_ref().map(Principal::submitter).unwrap_or_default()
    }

    /// For what the site does itself, and for its operator at the admin socket.
    pub(crate) fn by_site(repo: Repo) -> Self {
        Self { repo, by: None, act: PhantomData }
    }
}

/// Whether `who` (None: nobody in particular) may do `A` to the repository at `path`.
///
/// [`Error::NotFound`] when it is not there or may not be seen, [`Error::Forbidden`] when it may be seen and no more,
/// [`Error::FactorRequired`] when its organisation wants a second factor that one with a role in it has not.
pub fn authorize<A: Act>(tx: &mut Tx, who: Option<&Principal>, path: &RepoPath) -> Result<Authorized<A>, Error> {
    let repo = query::repo_fetch(tx, path)?.ok_or_else(|| Error::not_found(path))?;
    authorize_repo(tx, who, repo)
}

/// As [`authorize`], for a repository that was found by its id.
pub(crate) fn authorize_repo<A: Act>(tx: &mut Tx, who: Option<&Principal>, repo: Repo) -> Result<Authorized<A>, Error> {
    let here = match who {
        Some(who) if who.covers(tx, &repo)? => Some(who),
        _ => None,
    };
    let role = here.map_or(Ok(None), |who| role(tx, who.user(), &repo))?;
    let scoped = here.is_some_and(|who| who.scopes().has(Scope::RepoRead));
    let reads = match repo.visibility {
        Visibility::Public => true,
        Visibility::Internal => scoped,
        Visibility::Private => scoped && role.is_some(),
    };
    if !reads {
        return Err(Error::not_found(&repo.path));
    }
    // What everybody reads is read by those who have a part in it too.
    if let (Some(who), Some(_)) = (here, role)
        && (repo.visibility == Visibility::Private || A::NEEDS > Access::Read)
    {
        must_not_lack(tx, who.user(), repo.namespace)?;
    }
    if A::NEEDS == Access::Read {
        return Ok(Authorized { repo, by: who.cloned(), act: PhantomData });
    }
    let Some(who) = who else {
        return Err(Error::Unauthenticated(format!("sign in to {} {}", A::VERB, repo.path)));
    };
    if role.is_none_or(|role| role < A::NEEDS) {
        return Err(Error::forbidden(format!("you may not {} {}; its owner can allow it", A::VERB, repo.path)));
    }
    who.needs(A::SCOPE)?;
    Ok(Authorized { repo, by: Some(who.clone()), act: PhantomData })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ladder_is_in_order_and_its_numbers_are_those_of_old() {
        use Access as A;
        assert_eq!(A::ALL, [A::Read, A::Triage, A::Write, A::Maintain, A::Admin]);
        assert!(A::ALL.is_sorted() && ACTS.iter().map(|act| act.needs).is_sorted());
        let numbers = A::ALL.iter().map(|access| minicbor::to_vec(access).unwrap());
        assert!(numbers.eq([[0], [3], [1], [4], [2]]));
    }

    #[test]
    fn the_page_says_what_the_code_does() {
        let page = include_str!("../../../docs/access.md");
        for act in ACTS {
            let line = format!("| {} | {} | `{}` | {} |", act.name, act.needs, act.scope.as_str(), act.allows);
            assert!(page.contains(&line), "docs/access.md has no line\n{line}");
        }
        for visibility in Visibility::ALL {
            assert!(page.contains(&format!("| {visibility} |")), "docs/access.md does not explain {visibility}");
        }
    }
}
