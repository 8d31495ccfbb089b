//! Who may do what to an organisation: as for repositories, one function, and a type that only it can make.

use super::role::org_role;
use crate::db::Tx;
use crate::error::Error;
use crate::event::org::OrgRole;
use crate::event::repo::Visibility;
use crate::names::OwnerPath;
use crate::org::query::{self, Org};
use crate::people::authenticate::still_good;
use crate::people::policy::{must_not_lack, org_lacks};
use crate::people::{Principal, Scope};
use crate::writer::{Decide, Submitter};
use std::marker::PhantomData;

/// Something one does to an organisation.
pub trait OrgAct: Copy + Send + Sync + 'static {
    /// What one must be in it; None: who may see it.
    const NEEDS: Option<OrgRole>;
    /// What a token needs for it; None: any does.
    const SCOPE: Option<Scope>;
}

/// See that it is there, what it says of itself, and who shows that they belong to it.
#[derive(Clone, Copy, Debug)]
pub enum See {}

/// See who belongs to it, and its teams.
#[derive(Clone, Copy, Debug)]
pub enum Know {}

/// Change it, who belongs to it, its teams.
#[derive(Clone, Copy, Debug)]
pub enum Own {}

impl OrgAct for See {
    const NEEDS: Option<OrgRole> = None;
    const SCOPE: Option<Scope> = None;
}

impl OrgAct for Know {
    const NEEDS: Option<OrgRole> = Some(OrgRole::Member);
    const SCOPE: Option<Scope> = Some(Scope::UserRead);
}

impl OrgAct for Own {
    const NEEDS: Option<OrgRole> = Some(OrgRole::Owner);
    const SCOPE: Option<Scope> = Some(Scope::OrgWrite);
}

/// The proof that somebody may do `A` to an organisation.
#[derive(Clone, Debug)]
pub struct OrgProof<A: OrgAct> {
    org: Org,
    by: Option<Principal>,
    role: Option<OrgRole>,
    lacks_factor: bool,
    act: PhantomData<A>,
}

impl<A: OrgAct> OrgProof<A> {
    /// The organisation, as it was when it was asked.
    #[must_use]
    pub fn org(&self) -> &Org {
        &self.org
    }

    /// What the one who asked is in it.
    #[must_use]
    pub fn role(&self) -> Option<OrgRole> {
        self.role
    }

    /// Whether they belong to it and lack the second factor that it requires: they see that it is there, and no more.
    #[must_use]
    pub fn lacks_factor(&self) -> bool {
        self.lacks_factor
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

    /// For the site's operator at the admin socket.
    pub(crate) fn by_site(org: Org) -> Self {
        Self { org, by: None, role: Some(OrgRole::Owner), lacks_factor: false, act: PhantomData }
    }

    /// Asks again, when it is decided, whether it may be done.
    pub(crate) fn recheck(&self, tx: &mut Tx, ctx: &Decide) -> Result<Org, Error> {
        let org = query::org_by_id(tx, self.org.id)?.ok_or_else(|| Error::not_found(&self.org.path))?;
        let Some(who) = &self.by else { return Ok(org) };
        if !still_good(tx, who.credential(), ctx.now_us)? {
            return Err(Error::Unauthenticated("this access token was revoked meanwhile".into()));
        }
        authorize_found::<A>(tx, Some(who), org).map(|proof| proof.org)
    }
}

/// Whether `who` (None: nobody in particular) may do `A` to the organisation at `path`.
///
/// [`Error::NotFound`] when it is not there or may not be seen, [`Error::Forbidden`] when it may be seen and no more.
pub fn authorize_org<A: OrgAct>(tx: &mut Tx, who: Option<&Principal>, path: &OwnerPath) -> Result<OrgProof<A>, Error> {
    let org = query::org_fetch(tx, path)?.ok_or_else(|| Error::not_found(path))?;
    authorize_found(tx, who, org)
}

/// As [`authorize_org`], for one that was found otherwise.
pub(crate) fn authorize_found<A: OrgAct>(tx: &mut Tx, who: Option<&Principal>, org: Org) -> Result<OrgProof<A>, Error> {
    // What a token may not read of its owner's it does not know either.
    let scoped = who.filter(|who| who.scopes().has(Scope::UserRead) || who.scopes().has(Scope::OrgWrite));
    let role = scoped.map_or(Ok(None), |who| org_role(tx, who.user(), org.id))?;
    let sees = match org.visibility {
        Visibility::Public => true,
        Visibility::Internal => scoped.is_some(),
        Visibility::Private => role.is_some(),
    };
    if !sees {
        return Err(Error::not_found(&org.path));
    }
    let lacking = match (who, role) {
        (Some(who), Some(_)) => org_lacks(tx, who.user(), org.id)?.is_some(),
        _ => false,
    };
    if A::NEEDS.is_some() {
        let Some(who) = who else {
            return Err(Error::Unauthenticated(format!("sign in to see more of {}", org.path)));
        };
        if role < A::NEEDS {
            return Err(Error::forbidden(format!("that is for those in {}; an owner of it can say who is", org.path)));
        }
        must_not_lack(tx, who.user(), org.id)?;
        A::SCOPE.map_or(Ok(()), |scope| who.needs(scope))?;
    }
    let role = role.filter(|_| !lacking);
    Ok(OrgProof { org, by: who.cloned(), role, lacks_factor: lacking, act: PhantomData })
}
