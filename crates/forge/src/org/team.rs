//! What can be done to teams.

use super::query::{self, Team};
use crate::access::{OrgProof, Own, lies_in};
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::org::{
    OrgMemberSet, OrgRole, TeamCreated, TeamMemberAdded, TeamMemberRemoved, TeamRemoved, TeamRepoAdded,
    TeamRepoRemoved, TeamSet,
};
use crate::event::repo::Access;
use crate::names::{RepoPath, UserName, plain_text};
use crate::people::query::user_fetch;
use crate::repo::command::DESCRIPTION_CHARS_MAX;
use crate::repo::query::repo_fetch;
use crate::writer::{Command, Decide, Urgency};

/// Teams of one organisation.
pub const TEAMS_MAX: u64 = 1_000;
/// Characters of a team's name.
const NAME_CHARS_MAX: usize = 60;

/// What a team is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TeamSpec {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The role of its members in its repositories.
    pub access: Access,
    /// Whether those are all of the organisation's.
    pub all_repos: bool,
    /// Whether its members may make repositories.
    pub create_repos: bool,
}

impl TeamSpec {
    fn checked(&self, tx: &mut Tx, org: u64, but: Option<u64>) -> Result<(String, Option<String>), Error> {
        let name = plain_text("a team's name", &self.name, NAME_CHARS_MAX)?;
        let name = name.filter(|name| !name.contains('\n')).ok_or_else(|| Error::invalid("a team needs a name"))?;
        let description = plain_text("a description", &self.description, DESCRIPTION_CHARS_MAX)?;
        match query::team_by_name(tx, org, &name)? {
            Some(other) if but != Some(other.id) => Err(Error::conflict(format!("there is a team {name} already"))),
            _ => Ok((name, description)),
        }
    }
}

/// The team, if the right is still there and it is one of its organisation's.
fn owned_team(proof: &OrgProof<Own>, tx: &mut Tx, ctx: &Decide, team: u64) -> Result<Team, Error> {
    let org = proof.recheck(tx, ctx)?.id;
    let found = query::team_by_id(tx, team)?.filter(|team| team.org == org);
    found.ok_or_else(|| Error::not_found("the team"))
}

/// Makes a team. Gives its id.
#[derive(Debug)]
pub struct TeamCreate {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// What it is.
    pub team: TeamSpec,
}

impl Command for TeamCreate {
    type Output = u64;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let org = self.proof.recheck(tx, ctx)?.id;
        let (name, description) = self.team.checked(tx, org, None)?;
        let count: u64 = tx.query_one("SELECT count(*) FROM team WHERE organisation = ?1", &[org.into()])?.get(0)?;
        if count >= TEAMS_MAX {
            return Err(Error::invalid(format!("an organisation has at most {TEAMS_MAX} teams")));
        }
        let TeamSpec { access, all_repos, create_repos, .. } = self.team;
        Ok((vec![TeamCreated { org, name, description, access, all_repos, create_repos }.into()], ctx.id(0)))
    }
}

/// Changes what a team is.
#[derive(Debug)]
pub struct TeamPut {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// Which.
    pub id: u64,
    /// What it is from now on.
    pub team: TeamSpec,
}

impl Command for TeamPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let old = owned_team(&self.proof, tx, ctx, self.id)?;
        let (name, description) = self.team.checked(tx, old.org, Some(old.id))?;
        let TeamSpec { access, all_repos, create_repos, .. } = self.team;
        let same = (&name, &description, access, all_repos, create_repos)
            == (&old.name, &old.description, old.access, old.all_repos, old.create_repos);
        let event = TeamSet { team: old.id, name, description, access, all_repos, create_repos };
        Ok(((!same).then(|| event.into()).into_iter().collect(), ()))
    }
}

/// Ends a team, with or without vaults: what it gave is gone with it.
#[derive(Debug)]
pub struct TeamRemove {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// Which.
    pub id: u64,
}

impl Command for TeamRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let team = owned_team(&self.proof, tx, ctx, self.id)?.id;
        Ok((vec![TeamRemoved { team }.into()], ()))
    }
}

/// Puts somebody into a team, and into its organisation if they are not in it.
#[derive(Debug)]
pub struct TeamMemberAdd {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// The team.
    pub id: u64,
    /// Who.
    pub user: UserName,
}

impl Command for TeamMemberAdd {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let Team { id: team, org, .. } = owned_team(&self.proof, tx, ctx, self.id)?;
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let mut events: Vec<Event> = Vec::new();
        if query::member_fetch(tx, org, account)?.is_none() {
            events.push(OrgMemberSet { org, account, role: OrgRole::Member }.into());
        }
        if !query::is_in_team(tx, team, account)? {
            events.push(TeamMemberAdded { team, account }.into());
        }
        Ok((events, ()))
    }
}

/// Takes somebody out of a team, with or without vaults.
#[derive(Debug)]
pub struct TeamMemberRemove {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// The team.
    pub id: u64,
    /// Who.
    pub user: UserName,
}

impl Command for TeamMemberRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let team = owned_team(&self.proof, tx, ctx, self.id)?.id;
        let account = user_fetch(tx, &self.user)?.ok_or_else(|| Error::not_found(&self.user))?.id;
        let there = query::is_in_team(tx, team, account)?;
        Ok((there.then(|| TeamMemberRemoved { team, account }.into()).into_iter().collect(), ()))
    }
}

/// Gives a team a repository of its organisation, or of one that lies in it.
#[derive(Debug)]
pub struct TeamRepoAdd {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// The team.
    pub id: u64,
    /// The repository.
    pub repo: RepoPath,
}

impl Command for TeamRepoAdd {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let (team, repo, there) = team_and_repo(&self.proof, tx, ctx, self.id, &self.repo)?;
        Ok(((!there).then(|| TeamRepoAdded { team, repo }.into()).into_iter().collect(), ()))
    }
}

/// A team, a repository that lies in its organisation, and whether the team has it. The organisation's owners may see all
/// of its repositories: others are not found.
fn team_and_repo(
    proof: &OrgProof<Own>,
    tx: &mut Tx,
    ctx: &Decide,
    team: u64,
    path: &RepoPath,
) -> Result<(u64, u64, bool), Error> {
    let team = owned_team(proof, tx, ctx, team)?;
    let repo = repo_fetch(tx, path)?.ok_or_else(|| Error::not_found(path))?;
    if !lies_in(tx, repo.namespace, team.org)? {
        return Err(Error::not_found(path));
    }
    let sql = "SELECT 1 FROM team_repo WHERE team = ?1 AND repo = ?2";
    let there = tx.query_opt(sql, &[team.id.into(), repo.id.into()])?.is_some();
    Ok((team.id, repo.id, there))
}

/// Takes a repository from a team, with or without vaults.
#[derive(Debug)]
pub struct TeamRepoRemove {
    /// The right to.
    pub proof: OrgProof<Own>,
    /// The team.
    pub id: u64,
    /// The repository.
    pub repo: RepoPath,
}

impl Command for TeamRepoRemove {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let (team, repo, there) = team_and_repo(&self.proof, tx, ctx, self.id, &self.repo)?;
        Ok((there.then(|| TeamRepoRemoved { team, repo }.into()).into_iter().collect(), ()))
    }
}
