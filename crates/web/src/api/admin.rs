//! `/admin/...`: what the command line asks for, on the admin socket only. Who can open the socket runs the site.

use super::Named;
use super::lockdown::time_of;
use super::{keys, orgs, repos, shapes, tokens};
use crate::app::App;
use crate::errors::ApiError;
use crate::receipts;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use axum::{Json, Router};
use forge::Error;
use forge::event::role::SiteRole;
use forge::people::command::WhichToken;
use forge::people::{Password, Token};
use forge::quota::{Quota, Subject};
use forge::site::{NewUser, ResetLink};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/admin/users", post(user_create))
        .route("/admin/orgs", post(org_create))
        .route("/admin/orgs/{org}/members/{user}", put(org_member_put))
        .route("/admin/users/{name}/roles/{role}", put(role_grant).delete(role_revoke))
        .route("/admin/quotas", put(quota_put))
        .route("/admin/users/{name}/reset", post(reset_link_make))
        .route("/admin/users/{name}/repos", post(repo_create))
        .route("/admin/users/{name}/tokens", post(token_create))
        .route("/admin/tokens/revoke", post(token_revoke))
        .route("/admin/users/{name}/keys", get(key_list).post(key_add))
        .route("/admin/keys/{id}", delete(key_remove))
        .route("/admin/receipts/{entry}", get(receipt))
        .route("/admin/incident-report", get(incident_report))
}

#[derive(Deserialize)]
struct WantedUser {
    username: String,
    email: Option<String>,
    password: Option<String>,
    #[serde(default)]
    officer: bool,
    #[serde(default)]
    operator: bool,
}

fn invalid(error: impl std::fmt::Display) -> Error {
    Error::invalid(error.to_string())
}

async fn user_create(
    State(app): State<App>,
    Json(wanted): Json<WantedUser>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = NewUser {
        name: wanted.username.parse().map_err(invalid)?,
        email: wanted.email.map(|email| email.parse()).transpose().map_err(invalid)?,
        password: wanted.password.as_deref().map(str::parse::<Password>).transpose().map_err(invalid)?,
        officer: wanted.officer,
        operator: wanted.operator,
    };
    let roles = (new.officer, new.operator);
    if roles == (false, false) || app.site.officer_rule().await?.is_none() {
        let user = app.site.user_create(None, new).await?;
        return Ok((StatusCode::CREATED, Json(shapes::user(&user))));
    }
    // The account alone is nobody's privilege; what it may do to the site is for officers to say.
    let user = app.site.user_create(None, NewUser { officer: false, operator: false, ..new }).await?;
    let name = user.name.parse().map_err(invalid)?;
    let asked = app.site.roles_set(None, &name, Some(roles.0), Some(roles.1)).await?;
    let mut shape = shapes::user(&user);
    if let forge::site::Asked::Ordered(order) = asked {
        shape["order"] = order.into();
    }
    Ok((StatusCode::CREATED, Json(shape)))
}

#[derive(Deserialize)]
struct WantedOrg {
    owner: String,
    #[serde(flatten)]
    org: orgs::Wanted,
}

async fn org_create(
    State(app): State<App>,
    Json(wanted): Json<WantedOrg>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let owner = wanted.owner.parse().map_err(invalid)?;
    let org = app.site.org_create(None, owner, wanted.org.parse()?).await?;
    Ok((StatusCode::CREATED, Json(orgs::shape(&org))))
}

async fn org_member_put(
    State(app): State<App>,
    Path((org, Named(user))): Path<(String, Named)>,
    wanted: Option<Json<orgs::Role>>,
) -> Result<StatusCode, ApiError> {
    let proof = app.site.org_as_site(&orgs::path(&org)?).await?;
    app.site.org_member_put(proof, user, orgs::org_role(wanted)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn role(word: &str) -> Result<SiteRole, ApiError> {
    SiteRole::parse(word).ok_or_else(|| Error::invalid("a role that is granted so is auditor").into())
}

async fn role_grant(
    State(app): State<App>,
    Path((Named(name), word)): Path<(Named, String)>,
) -> Result<StatusCode, ApiError> {
    app.site.site_role_grant(name, role(&word)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn role_revoke(
    State(app): State<App>,
    Path((Named(name), word)): Path<(Named, String)>,
) -> Result<StatusCode, ApiError> {
    app.site.site_role_revoke(name, role(&word)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn reset_link_make(
    State(app): State<App>,
    Path(Named(name)): Path<Named>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let shape = match app.site.reset_link_make(None, &name).await? {
        ResetLink::Shown { address, expires_us } => json!({ "url": address, "expires_at": shapes::time(expires_us) }),
        ResetLink::Mailed => json!({}),
    };
    Ok((StatusCode::CREATED, Json(shape)))
}

/// Whose quota, one of them or neither: everybody's. What is not said is the default.
#[derive(Deserialize)]
struct WantedQuota {
    owner: Option<String>,
    repository: Option<String>,
    repositories: Option<u64>,
    bytes: Option<u64>,
    repository_bytes: Option<u64>,
}

async fn quota_put(State(app): State<App>, Json(wanted): Json<WantedQuota>) -> Result<StatusCode, ApiError> {
    let subject = match (wanted.owner, wanted.repository) {
        (None, None) => Subject::Everybody,
        (Some(owner), None) => Subject::Owner(owner.parse()?),
        (None, Some(repo)) => Subject::Repo(repo.parse()?),
        (Some(_), Some(_)) => return Err(Error::invalid("a quota is an owner's or a repository's").into()),
    };
    let quota = Quota { repos: wanted.repositories, bytes: wanted.bytes, repo_bytes: wanted.repository_bytes };
    app.site.quota_put(subject, quota).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn repo_create(
    State(app): State<App>,
    Path(owner): Path<String>,
    Json(wanted): Json<repos::Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let repo = app.site.repo_create(None, wanted.parse(&owner)?).await?;
    Ok((StatusCode::CREATED, Json(shapes::repo(&repo, &app.site))))
}

async fn token_create(
    State(app): State<App>,
    Path(Named(name)): Path<Named>,
    Json(wanted): Json<tokens::Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (token, info) = app.site.token_create(&name, wanted.parse()?).await?;
    Ok((StatusCode::CREATED, Json(shapes::token(&info, Some(token.reveal()), None))))
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Revoked {
    Id(u64),
    Token(String),
}

async fn token_revoke(State(app): State<App>, Json(revoked): Json<Revoked>) -> Result<Json<Value>, ApiError> {
    let which = match revoked {
        Revoked::Id(id) => WhichToken::Id(id),
        Revoked::Token(text) => WhichToken::Hash(text.parse::<Token>().map_err(invalid)?.hash()),
    };
    let id = app.site.token_revoke(None, which).await?;
    Ok(Json(json!({ "id": id })))
}

async fn key_list(State(app): State<App>, Path(Named(name)): Path<Named>) -> Result<Json<Value>, ApiError> {
    let listed = app.site.ssh_key_list_of(&name).await?;
    Ok(Json(listed.iter().map(|key| keys::shape(&app, key)).collect()))
}

async fn key_add(
    State(app): State<App>,
    Path(Named(name)): Path<Named>,
    Json(wanted): Json<keys::Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let key = app.site.ssh_key_add_for(&name, wanted.parse()?).await?;
    Ok((StatusCode::CREATED, Json(keys::shape(&app, &key))))
}

async fn key_remove(State(app): State<App>, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.ssh_key_remove(None, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn receipt(State(app): State<App>, Path(entry): Path<u64>) -> Result<Response, ApiError> {
    Ok(receipts::answer(entry, app.site.receipt(entry).await?))
}

#[derive(Deserialize)]
struct Since {
    since: String,
}

async fn incident_report(State(app): State<App>, Query(Since { since }): Query<Since>) -> Result<Response, ApiError> {
    let report = app.site.incident_report(None, time_of(&since)?).await?;
    let headers = [("content-type", "text/plain; charset=utf-8"), ("cache-control", "private, no-store")];
    Ok((headers, report).into_response())
}
