//! Organisations and their teams.

use super::people::{PAGE_MAX, submitter};
use super::{Asked, Site};
use crate::access::org_role;
use crate::access::{
    Know, OrgAct, OrgProof, Own, Read, See, authorize_found, authorize_org, authorize_repo, may_create,
};
use crate::clock::now_us;
use crate::db::Tx;
use crate::error::Error;
use crate::event::org::OrgRole;
use crate::event::repo::Visibility;
use crate::names::{OwnerPath, RepoPath, UserName};
use crate::orders::Act;
use crate::org::command::{MemberPut, MemberRemove, MemberShow, OrgChange, OrgCreate, OrgPut, Removing};
use crate::org::query::{self, Member, Org, Team};
use crate::org::team::{
    TeamCreate, TeamMemberAdd, TeamMemberRemove, TeamPut, TeamRemove, TeamRepoAdd, TeamRepoRemove, TeamSpec,
};
use crate::people::factor::factors;
use crate::people::policy::{OrgFactorsRequire, org_requires};
use crate::people::query::user_fetch;
use crate::people::{Principal, Proved, Scope};
use crate::repo::query::{Repo, repo_by_id};

/// An organisation to be made.
#[derive(Clone, Debug)]
pub struct NewOrg {
    /// Its name, below those it lies in.
    pub path: OwnerPath,
    /// The name as people write it.
    pub full_name: String,
    /// A few words.
    pub description: String,
    /// Who may see that it is there.
    pub visibility: Visibility,
}

impl Site {
    /// Makes an organisation, with its first owner. `by` None: at the admin socket.
    pub async fn org_create(&self, by: Option<&Principal>, owner: UserName, new: NewOrg) -> Result<Org, Error> {
        let NewOrg { path, full_name, description, visibility } = new;
        let command = OrgCreate { path, full_name, description, visibility, owner, by: by.cloned() };
        let id = self.ledger.submit(submitter(by), command).await?.output;
        let org = self.db().read_async(move |tx| query::org_by_id(tx, id)).await?;
        org.ok_or_else(|| Error::internal("the organisation is gone"))
    }

    /// Whether `by` may do `A` to the organisation.
    pub async fn org_authorize<A: OrgAct>(
        &self,
        by: Option<&Principal>,
        path: &OwnerPath,
    ) -> Result<OrgProof<A>, Error> {
        let (by, path) = (by.cloned(), path.clone());
        self.db().read_async(move |tx| authorize_org::<A>(tx, by.as_ref(), &path)).await
    }

    /// The organisation, for the operator at the admin socket.
    pub async fn org_as_site<A: OrgAct>(&self, path: &OwnerPath) -> Result<OrgProof<A>, Error> {
        let wanted = path.clone();
        let org = self.db().read_async(move |tx| query::org_fetch(tx, &wanted)).await?;
        Ok(OrgProof::by_site(org.ok_or_else(|| Error::not_found(path))?))
    }

    /// Whether an address is an organisation's, whoever asks: what is below it is found out with a right to it.
    pub async fn is_org(&self, path: &OwnerPath) -> Result<bool, Error> {
        let path = path.clone();
        self.db().read_async(move |tx| Ok(query::org_fetch(tx, &path)?.is_some())).await
    }

    /// The organisations that somebody may see among those that lie in one (None: in none).
    pub async fn org_list(
        &self,
        who: Option<&Principal>,
        within: Option<&Org>,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Org>, Error> {
        // A token that does not read its owner's things sees what nobody in particular sees.
        let viewer = who.filter(|who| who.scopes().has(Scope::UserRead)).map_or(0, Principal::user);
        let (parent, limit) = (within.map_or(0, |org| org.id), limit.clamp(1, PAGE_MAX));
        let read = move |tx: &mut Tx| {
            // Who belongs to one belongs to all that lie in it.
            let all = parent != 0 && viewer != 0 && org_role(tx, viewer, parent)?.is_some();
            Ok(query::org_list_below(tx, parent, (!all).then_some(viewer), after, limit)?)
        };
        self.db().read_async(read).await
    }

    /// The organisations an account is in, as far as `who` may know: all of one's own; others' where they show it.
    pub async fn org_list_of(&self, who: Option<&Principal>, user: &UserName) -> Result<Vec<Org>, Error> {
        let (who, user) = (who.cloned(), user.clone());
        let read = move |tx: &mut Tx| {
            let account = user_fetch(tx, &user)?.ok_or_else(|| Error::not_found(&user))?.id;
            let own = who.as_ref().is_some_and(|who| who.user() == account && who.scopes().has(Scope::UserRead));
            let mut seen = Vec::new();
            for org in query::org_list_of(tx, account, !own, PAGE_MAX)? {
                seen.extend(visible(tx, who.as_ref(), org)?);
            }
            Ok(seen)
        };
        self.db().read_async(read).await
    }

    /// Where somebody may make repositories besides their own namespace.
    pub async fn org_list_for_new(&self, who: &Principal) -> Result<Vec<Org>, Error> {
        let user = who.user();
        let read = move |tx: &mut Tx| {
            let mut may = Vec::new();
            for org in query::org_list_of(tx, user, false, PAGE_MAX)? {
                may.extend(may_create(tx, user, org.id)?.then_some(org));
            }
            Ok(may)
        };
        self.db().read_async(read).await
    }

    /// Whether somebody may make repositories in a namespace.
    pub async fn may_create_in(&self, who: &Principal, namespace: u64) -> Result<bool, Error> {
        let user = who.user();
        self.db().read_async(move |tx| Ok(may_create(tx, user, namespace)?)).await
    }

    /// Changes an organisation. Gives it back as it is then.
    pub async fn org_change(&self, proof: OrgProof<Own>, change: OrgChange) -> Result<Org, Error> {
        let id = proof.org().id;
        if change.base.is_some_and(|base| base != proof.org().base) {
            may_give(&proof)?;
        }
        self.ledger.submit(proof.submitter(), OrgPut { proof, change }).await?;
        let org = self.db().read_async(move |tx| query::org_by_id(tx, id)).await?;
        org.ok_or_else(|| Error::internal("the organisation is gone"))
    }

    /// Who is in an organisation itself: for who knows it all of them, for others those who show it.
    pub async fn org_members(&self, proof: &OrgProof<See>, after: u64, limit: u32) -> Result<Vec<Member>, Error> {
        let (org, all, limit) = (proof.org().id, proof.role().is_some(), limit.clamp(1, 10 * PAGE_MAX));
        let found = self.db().read_async(move |tx| query::member_list(tx, org, after, limit)).await?;
        Ok(found.into_iter().filter(|member| all || member.shown).collect())
    }

    /// Whether an organisation itself requires a second factor, and which of its members have none.
    pub async fn org_factors(&self, proof: &OrgProof<Own>) -> Result<(bool, Vec<u64>), Error> {
        let org = proof.org().id;
        let read = move |tx: &mut Tx| {
            let mut without = Vec::new();
            for member in query::member_list(tx, org, 0, 10 * PAGE_MAX)? {
                if !factors(tx, member.account, now_us())?.any() {
                    without.push(member.account);
                }
            }
            Ok((org_requires(tx, org)?, without))
        };
        self.db().read_async(read).await
    }

    /// Says whether an organisation requires a second factor of everybody who has a part in it. That it does no longer is an order,
    /// once there is an officers' rule.
    pub async fn org_factors_require(&self, by: &Proved, path: &OwnerPath, required: bool) -> Result<Asked<()>, Error> {
        let proof = self.org_authorize::<Own>(Some(by.who()), path).await?;
        let (org, path) = (proof.org().id, proof.org().path.clone());
        let lifted = !required && self.db().read_async(move |tx| org_requires(tx, org)).await?;
        if lifted && self.officer_rule().await?.is_some() {
            let act = Act::OrgFactorsOptional { org, path };
            return Ok(Asked::Ordered(self.order_file(Some(by.who()), act).await?));
        }
        self.change_rights(by.who().submitter(), OrgFactorsRequire { proof, required }).await?;
        Ok(Asked::Done(()))
    }

    /// Makes somebody a member or an owner.
    pub async fn org_member_put(&self, proof: OrgProof<Own>, user: UserName, role: OrgRole) -> Result<(), Error> {
        may_give(&proof)?;
        self.change_rights(proof.submitter(), MemberPut { proof, user, role }).await.map(drop)
    }

    /// Takes somebody out; an owner's right, or their own. Effective when it returns, with or without vaults.
    pub async fn org_member_remove(&self, by: &Principal, path: &OwnerPath, user: UserName) -> Result<(), Error> {
        let leaves = by.name().eq_ignore_ascii_case(user.as_str());
        let proof = if leaves {
            by.needs(Scope::OrgWrite)?;
            Removing::Self_(self.org_authorize::<Know>(Some(by), path).await?)
        } else {
            Removing::Owner(self.org_authorize::<Own>(Some(by), path).await?)
        };
        self.change_rights(by.submitter(), MemberRemove { proof, user }).await.map(drop)
    }

    /// Shows everybody that one belongs to an organisation, or no longer.
    pub async fn org_member_show(&self, by: &Principal, path: &OwnerPath, shown: bool) -> Result<(), Error> {
        by.needs(Scope::OrgWrite)?;
        let proof = self.org_authorize::<Know>(Some(by), path).await?;
        self.ledger.submit(by.submitter(), MemberShow { proof, shown }).await.map(drop)
    }

    /// An organisation's teams.
    pub async fn team_list(&self, proof: &OrgProof<Know>, after: u64, limit: u32) -> Result<Vec<Team>, Error> {
        let (org, limit) = (proof.org().id, limit.clamp(1, 10 * PAGE_MAX));
        self.db().read_async(move |tx| Ok(query::team_list(tx, org, after, limit)?)).await
    }

    /// A team by its id alone, with the right to its organisation. [`Error::NotFound`] also where the organisation may be seen and
    /// no more: whether a number is a team's is for those in it.
    pub async fn team<A: OrgAct>(&self, by: Option<&Principal>, id: u64) -> Result<(OrgProof<A>, Team), Error> {
        let by = by.cloned();
        let read = move |tx: &mut Tx| {
            let absent = || Error::not_found(format!("the team {id}"));
            let team = query::team_by_id(tx, id)?.ok_or_else(absent)?;
            let org = query::org_by_id(tx, team.org)?.ok_or_else(absent)?;
            authorize_found::<Know>(tx, by.as_ref(), org.clone()).map_err(|_| absent())?;
            Ok((authorize_found::<A>(tx, by.as_ref(), org)?, team))
        };
        self.db().read_async(read).await
    }

    /// Makes a team.
    pub async fn team_create(&self, proof: OrgProof<Own>, team: TeamSpec) -> Result<Team, Error> {
        let id = self.ledger.submit(proof.submitter(), TeamCreate { proof, team }).await?.output;
        self.team_by_id(id).await
    }

    /// Changes what a team is.
    pub async fn team_change(&self, proof: OrgProof<Own>, id: u64, team: TeamSpec) -> Result<Team, Error> {
        may_give(&proof)?;
        self.change_rights(proof.submitter(), TeamPut { proof, id, team }).await?;
        self.team_by_id(id).await
    }

    async fn team_by_id(&self, id: u64) -> Result<Team, Error> {
        let team = self.db().read_async(move |tx| query::team_by_id(tx, id)).await?;
        team.ok_or_else(|| Error::internal("the team is gone"))
    }

    /// Ends a team.
    pub async fn team_remove(&self, proof: OrgProof<Own>, id: u64) -> Result<(), Error> {
        self.change_rights(proof.submitter(), TeamRemove { proof, id }).await.map(drop)
    }

    /// Who is in a team: ids and names.
    pub async fn team_members(
        &self,
        proof: &OrgProof<Know>,
        team: &Team,
        after: u64,
    ) -> Result<Vec<(u64, String)>, Error> {
        let id = if team.org == proof.org().id { team.id } else { 0 };
        self.db().read_async(move |tx| Ok(query::team_member_list(tx, id, after, 10 * PAGE_MAX)?)).await
    }

    /// Puts somebody into a team, and into its organisation if they are not in it.
    pub async fn team_member_add(&self, proof: OrgProof<Own>, id: u64, user: UserName) -> Result<(), Error> {
        may_give(&proof)?;
        self.change_rights(proof.submitter(), TeamMemberAdd { proof, id, user }).await.map(drop)
    }

    /// Takes somebody out of a team.
    pub async fn team_member_remove(&self, proof: OrgProof<Own>, id: u64, user: UserName) -> Result<(), Error> {
        self.change_rights(proof.submitter(), TeamMemberRemove { proof, id, user }).await.map(drop)
    }

    /// The repositories a team was given by name, as far as `who` may see them.
    pub async fn team_repos(
        &self,
        who: Option<&Principal>,
        proof: &OrgProof<Know>,
        team: &Team,
    ) -> Result<Vec<Repo>, Error> {
        let (who, id) = (who.cloned(), if team.org == proof.org().id { team.id } else { 0 });
        let read = move |tx: &mut Tx| {
            let mut seen = Vec::new();
            for id in query::team_repo_list(tx, id, 0, 10 * PAGE_MAX)? {
                let Some(repo) = repo_by_id(tx, id)? else { continue };
                match authorize_repo::<Read>(tx, who.as_ref(), repo) {
                    Ok(proof) => seen.push(proof.repo().clone()),
                    Err(Error::NotFound(_) | Error::FactorRequired { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(seen)
        };
        self.db().read_async(read).await
    }

    /// Gives a team a repository of its organisation.
    pub async fn team_repo_add(&self, proof: OrgProof<Own>, id: u64, repo: RepoPath) -> Result<(), Error> {
        may_give(&proof)?;
        self.change_rights(proof.submitter(), TeamRepoAdd { proof, id, repo }).await.map(drop)
    }

    /// Takes a repository from a team.
    pub async fn team_repo_remove(&self, proof: OrgProof<Own>, id: u64, repo: RepoPath) -> Result<(), Error> {
        self.change_rights(proof.submitter(), TeamRepoRemove { proof, id, repo }).await.map(drop)
    }

    /// The teams that have a role in a repository, for who administers it.
    pub async fn team_list_of_repo(&self, by: Option<&Principal>, path: &RepoPath) -> Result<Vec<Team>, Error> {
        let proof = self.allow::<crate::access::Administer>(by, path).await?;
        let (repo, namespace) = (proof.repo().id, proof.repo().namespace);
        self.db().read_async(move |tx| Ok(query::team_list_of_repo(tx, repo, namespace)?)).await
    }
}

/// Whether it was proved with what may give people roles: a token does so with a scope of its own.
fn may_give(proof: &OrgProof<Own>) -> Result<(), Error> {
    proof.by().map_or(Ok(()), |who| who.needs(Scope::Access))
}

/// The organisation, if this one may see it.
fn visible(tx: &mut Tx, who: Option<&Principal>, org: Org) -> Result<Option<Org>, Error> {
    match authorize_found::<See>(tx, who, org) {
        Ok(proof) => Ok(Some(proof.org().clone())),
        Err(Error::NotFound(_)) => Ok(None),
        Err(error) => Err(error),
    }
}
