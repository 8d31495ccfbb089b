//! `/orgs`, `/orgs/ORG`, its members; `/user/orgs`. Organisations that lie in others are written with `%2F`.

use super::page::Page;
use super::{Named, repos, shapes};
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::access::{Know, Own, See};
use forge::event::org::OrgRole;
use forge::event::repo::Visibility;
use forge::org::command::OrgChange;
use forge::org::query::{Member, Org};
use forge::site::NewOrg;
use forge::{Error, OwnerPath, Principal};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

const LIST_MAX: u32 = 1000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/orgs", get(list).post(create))
        .route("/orgs/{org}", get(fetch).patch(change))
        .route("/orgs/{org}/repos", get(repositories).post(repo_create))
        .route("/orgs/{org}/members", get(members))
        .route("/orgs/{org}/members/{user}", get(is_member).delete(remove))
        .route("/orgs/{org}/memberships/{user}", get(membership).put(membership_put).delete(remove))
        .route("/orgs/{org}/public_members", get(public_members))
        .route("/orgs/{org}/public_members/{user}", get(is_public).put(publish).delete(conceal))
        .route("/user/orgs", get(own))
        .route("/users/{name}/orgs", get(of_user))
}

/// An organisation in an address. What can't be one is not there.
pub(super) fn path(org: &str) -> Result<OwnerPath, ApiError> {
    org.parse().map_err(|_| ApiError::not_found())
}

pub(super) fn shape(org: &Org) -> Value {
    json!({
        "id": org.id, "name": org.path, "username": org.path, "login": org.path,
        "full_name": org.full_name.clone().unwrap_or_default(),
        "description": org.description.clone().unwrap_or_default(),
        "website": org.website.clone().unwrap_or_default(), "location": "",
        "visibility": word(org.visibility), "repo_admin_change_team_access": false,
        "default_repository_permission": org.base.map_or("none", |base| base.as_str()),
        "members_can_create_repositories": org.members_create, "created_at": shapes::time(org.created_us),
    })
}

/// Gitea says `limited` for what every account sees.
fn word(visibility: Visibility) -> &'static str {
    match visibility {
        Visibility::Internal => "limited",
        other => other.as_str(),
    }
}

fn visibility(word: &str) -> Result<Visibility, Error> {
    let word = if word == "limited" { "internal" } else { word };
    Visibility::parse(word).ok_or_else(|| Error::invalid("a visibility is public, limited or private"))
}

async fn list(
    State(app): State<App>,
    who: Option<SignedIn>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    let orgs = app.site.org_list(who.as_ref(), None, page.after, page.limit).await?;
    Ok(Json(orgs.iter().map(shape).collect()))
}

async fn own(State(app): State<App>, SignedIn(who): SignedIn) -> Result<Json<Value>, ApiError> {
    let name = who.name().parse().map_err(|_| ApiError::not_found())?;
    Ok(Json(app.site.org_list_of(Some(&who), &name).await?.iter().map(shape).collect()))
}

async fn of_user(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(Named(name)): Path<Named>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    Ok(Json(app.site.org_list_of(who.as_ref(), &name).await?.iter().map(shape).collect()))
}

/// An organisation that is asked for, or what of one is to change.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(alias = "username", alias = "login")]
    name: Option<String>,
    full_name: Option<String>,
    description: Option<String>,
    website: Option<String>,
    visibility: Option<String>,
    default_repository_permission: Option<String>,
    members_can_create_repositories: Option<bool>,
}

impl Wanted {
    pub(super) fn parse(self) -> Result<NewOrg, ApiError> {
        let name = self.name.ok_or_else(|| Error::invalid("an organisation needs a name"))?;
        Ok(NewOrg {
            path: name.parse().map_err(|error| Error::invalid(format!("{error}")))?,
            full_name: self.full_name.unwrap_or_default(),
            description: self.description.unwrap_or_default(),
            visibility: visibility(self.visibility.as_deref().unwrap_or("private"))?,
        })
    }
}

async fn create(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let owner = who.name().parse().map_err(|_| ApiError::not_found())?;
    let org = app.site.org_create(Some(&who), owner, wanted.parse()?).await?;
    Ok((StatusCode::CREATED, Json(shape(&org))))
}

async fn fetch(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(org): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    Ok(Json(shape(app.site.org_authorize::<See>(who.as_ref(), &path(&org)?).await?.org())))
}

async fn change(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(org): Path<String>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let proof = app.site.org_authorize::<Own>(Some(&who), &path(&org)?).await?;
    let base = match wanted.default_repository_permission.as_deref() {
        None => None,
        Some("none") => Some(None),
        Some(word) => Some(Some(shapes::role(word).ok_or_else(unknown_role)?)),
    };
    let change = OrgChange {
        name: wanted.name.map(|name| name.parse()).transpose()?,
        full_name: wanted.full_name,
        description: wanted.description,
        website: wanted.website,
        visibility: wanted.visibility.as_deref().map(visibility).transpose()?,
        base,
        members_create: wanted.members_can_create_repositories,
    };
    Ok(Json(shape(&app.site.org_change(proof, change).await?)))
}

pub(super) fn unknown_role() -> Error {
    Error::invalid("a permission is read, triage, write, maintain or admin")
}

async fn repositories(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(org): Path<String>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    let org = path(&org)?;
    app.site.org_authorize::<See>(who.as_ref(), &org).await?;
    let found = app.site.repo_list(who.as_ref(), Some(&org), None, page.after, page.limit).await?;
    Ok(Json(found.iter().map(|repo| shapes::repo(repo, &app.site)).collect()))
}

async fn repo_create(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(org): Path<String>,
    Json(wanted): Json<repos::Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    app.site.org_authorize::<See>(Some(&who), &path(&org)?).await?;
    let repo = app.site.repo_create(Some(&who), wanted.parse(&org)?).await?;
    Ok((StatusCode::CREATED, Json(shapes::repo(&repo, &app.site))))
}

/// Those in it that this one may know of.
async fn known(app: &App, who: Option<&Principal>, org: &str) -> Result<Vec<Member>, ApiError> {
    let proof = app.site.org_authorize::<See>(who, &path(org)?).await?;
    Ok(app.site.org_members(&proof, 0, LIST_MAX).await?)
}

fn person(member: &Member) -> Value {
    json!({ "id": member.account, "login": member.name, "username": member.name })
}

async fn members(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(org): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    Ok(Json(known(&app, who.as_ref(), &org).await?.iter().map(person).collect()))
}

async fn public_members(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(org): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    let known = known(&app, who.as_ref(), &org).await?;
    Ok(Json(known.iter().filter(|member| member.shown).map(person).collect()))
}

/// The one of this name among those known.
async fn one(app: &App, who: Option<&Principal>, org: &str, user: &Named) -> Result<Member, ApiError> {
    let known = known(app, who, org).await?;
    let found = known.into_iter().find(|member| member.name.eq_ignore_ascii_case(user.0.as_str()));
    found.ok_or_else(ApiError::not_found)
}

async fn is_member(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((org, user)): Path<(String, Named)>,
) -> Result<StatusCode, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    one(&app, who.as_ref(), &org, &user).await.map(|_| StatusCode::NO_CONTENT)
}

async fn is_public(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((org, user)): Path<(String, Named)>,
) -> Result<StatusCode, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    let member = one(&app, who.as_ref(), &org, &user).await?;
    if member.shown { Ok(StatusCode::NO_CONTENT) } else { Err(ApiError::not_found()) }
}

async fn membership(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((org, user)): Path<(String, Named)>,
) -> Result<Json<Value>, ApiError> {
    let proof = app.site.org_authorize::<Know>(Some(&who), &path(&org)?).await?;
    let member = one(&app, Some(&who), &org, &user).await?;
    Ok(Json(membership_shape(proof.org(), &member)))
}

/// GitHub's word for an owner is `admin`.
fn membership_shape(org: &Org, member: &Member) -> Value {
    let role = if member.role == OrgRole::Owner { "admin" } else { "member" };
    json!({ "state": "active", "role": role, "user": person(member), "organization": shape(org) })
}

#[derive(Deserialize)]
pub(super) struct Role {
    role: Option<String>,
}

pub(super) fn org_role(wanted: Option<Json<Role>>) -> Result<OrgRole, Error> {
    match wanted.and_then(|Json(wanted)| wanted.role).as_deref() {
        None | Some("member") => Ok(OrgRole::Member),
        Some("admin" | "owner") => Ok(OrgRole::Owner),
        Some(_) => Err(Error::invalid("a role is member or owner")),
    }
}

async fn membership_put(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((org, user)): Path<(String, Named)>,
    wanted: Option<Json<Role>>,
) -> Result<Json<Value>, ApiError> {
    let proof = app.site.org_authorize::<Own>(Some(&who), &path(&org)?).await?;
    app.site.org_member_put(proof.clone(), user.0.clone(), org_role(wanted)?).await?;
    let member = one(&app, Some(&who), &org, &user).await?;
    Ok(Json(membership_shape(proof.org(), &member)))
}

async fn remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((org, Named(user))): Path<(String, Named)>,
) -> Result<StatusCode, ApiError> {
    app.site.org_member_remove(&who, &path(&org)?, user).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn show(app: &App, who: &Principal, org: &str, user: &Named, shown: bool) -> Result<StatusCode, ApiError> {
    let org = path(org)?;
    if !who.name().eq_ignore_ascii_case(user.0.as_str()) {
        app.site.org_authorize::<Know>(Some(who), &org).await?;
        return Err(Error::forbidden("everybody says only of themselves whether they are seen").into());
    }
    app.site.org_member_show(who, &org, shown).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn publish(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((org, user)): Path<(String, Named)>,
) -> Result<StatusCode, ApiError> {
    show(&app, &who, &org, &user, true).await
}

async fn conceal(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((org, user)): Path<(String, Named)>,
) -> Result<StatusCode, ApiError> {
    show(&app, &who, &org, &user, false).await
}
