//! `/orgs/ORG/teams`, `/teams/ID`, who is in them, and what they use.

use super::{Named, orgs, repos, shapes};
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use forge::Error;
use forge::access::{Know, Own};
use forge::event::repo::Access;
use forge::org::query::{Org, Team};
use forge::org::team::TeamSpec;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

const LIST_MAX: u32 = 1000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/orgs/{org}/teams", get(list).post(create))
        .route("/teams/{id}", get(fetch).patch(change).delete(remove))
        .route("/teams/{id}/members", get(members))
        .route("/teams/{id}/members/{user}", get(is_member).put(member_add).delete(member_remove))
        .route("/teams/{id}/repos", get(repositories))
        .route("/teams/{id}/repos/{owner}/{name}", put(repo_add).delete(repo_remove))
        .route("/repos/{owner}/{name}/teams", get(of_repository))
}

fn shape(team: &Team, org: Option<&Org>) -> Value {
    json!({
        "id": team.id, "name": team.name, "description": team.description.clone().unwrap_or_default(),
        "permission": team.access.as_str(), "includes_all_repositories": team.all_repos,
        "can_create_org_repo": team.create_repos, "members_count": team.members,
        "organization": org.map(orgs::shape),
    })
}

async fn list(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(org): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let proof = app.site.org_authorize::<Know>(Some(&who), &orgs::path(&org)?).await?;
    let teams = app.site.team_list(&proof, 0, LIST_MAX).await?;
    Ok(Json(teams.iter().map(|team| shape(team, Some(proof.org()))).collect()))
}

/// A team that is asked for, or what of one is to change.
#[derive(Deserialize)]
struct Wanted {
    name: Option<String>,
    description: Option<String>,
    permission: Option<String>,
    includes_all_repositories: Option<bool>,
    can_create_org_repo: Option<bool>,
}

impl Wanted {
    /// What is not said stays as it is.
    fn over(self, old: TeamSpec) -> Result<TeamSpec, Error> {
        Ok(TeamSpec {
            name: self.name.unwrap_or(old.name),
            description: self.description.unwrap_or(old.description),
            access: match self.permission {
                None => old.access,
                Some(word) => shapes::role(&word).ok_or_else(orgs::unknown_role)?,
            },
            all_repos: self.includes_all_repositories.unwrap_or(old.all_repos),
            create_repos: self.can_create_org_repo.unwrap_or(old.create_repos),
        })
    }
}

async fn create(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(org): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let proof = app.site.org_authorize::<Own>(Some(&who), &orgs::path(&org)?).await?;
    let nothing = TeamSpec {
        name: String::new(),
        description: String::new(),
        access: Access::Read,
        all_repos: false,
        create_repos: false,
    };
    let team = app.site.team_create(proof.clone(), wanted.over(nothing)?).await?;
    Ok((StatusCode::CREATED, Json(shape(&team, Some(proof.org())))))
}

async fn fetch(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<Json<Value>, ApiError> {
    let (proof, team) = app.site.team::<Know>(Some(&who), id).await?;
    Ok(Json(shape(&team, Some(proof.org()))))
}

async fn change(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(id): Path<u64>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let (proof, team) = app.site.team::<Own>(Some(&who), id).await?;
    let old = TeamSpec {
        name: team.name,
        description: team.description.unwrap_or_default(),
        access: team.access,
        all_repos: team.all_repos,
        create_repos: team.create_repos,
    };
    let team = app.site.team_change(proof.clone(), id, wanted.over(old)?).await?;
    Ok(Json(shape(&team, Some(proof.org()))))
}

async fn remove(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    let (proof, _) = app.site.team::<Own>(Some(&who), id).await?;
    app.site.team_remove(proof, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn person((id, name): &(u64, String)) -> Value {
    json!({ "id": id, "login": name, "username": name })
}

async fn members(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(id): Path<u64>,
) -> Result<Json<Value>, ApiError> {
    let (proof, team) = app.site.team::<Know>(Some(&who), id).await?;
    Ok(Json(app.site.team_members(&proof, &team, 0).await?.iter().map(person).collect()))
}

async fn is_member(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((id, Named(user))): Path<(u64, Named)>,
) -> Result<Json<Value>, ApiError> {
    let (proof, team) = app.site.team::<Know>(Some(&who), id).await?;
    let members = app.site.team_members(&proof, &team, 0).await?;
    let found = members.iter().find(|(_, name)| name.eq_ignore_ascii_case(user.as_str()));
    found.map(|member| Json(person(member))).ok_or_else(ApiError::not_found)
}

async fn member_add(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((id, Named(user))): Path<(u64, Named)>,
) -> Result<StatusCode, ApiError> {
    let (proof, _) = app.site.team::<Own>(Some(&who), id).await?;
    app.site.team_member_add(proof, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn member_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((id, Named(user))): Path<(u64, Named)>,
) -> Result<StatusCode, ApiError> {
    let (proof, _) = app.site.team::<Own>(Some(&who), id).await?;
    app.site.team_member_remove(proof, id, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn repositories(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(id): Path<u64>,
) -> Result<Json<Value>, ApiError> {
    let (proof, team) = app.site.team::<Know>(Some(&who), id).await?;
    let found = app.site.team_repos(Some(&who), &proof, &team).await?;
    Ok(Json(found.iter().map(|repo| shapes::repo(repo, &app.site)).collect()))
}

async fn repo_add(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((id, owner, name)): Path<(u64, String, String)>,
) -> Result<StatusCode, ApiError> {
    let (proof, _) = app.site.team::<Own>(Some(&who), id).await?;
    app.site.team_repo_add(proof, id, repos::path(&owner, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn repo_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((id, owner, name)): Path<(u64, String, String)>,
) -> Result<StatusCode, ApiError> {
    let (proof, _) = app.site.team::<Own>(Some(&who), id).await?;
    app.site.team_repo_remove(proof, id, repos::path(&owner, &name)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn of_repository(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let teams = app.site.team_list_of_repo(Some(&who), &repos::path(&owner, &name)?).await?;
    Ok(Json(teams.iter().map(|team| shape(team, None)).collect()))
}
