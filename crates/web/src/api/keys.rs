//! `/user/keys` and `/repos/OWNER/NAME/keys`: SSH keys, in the shapes of Gitea with what GitHub's have besides.

use super::{repos, shapes, tokens};
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::Error;
use forge::ssh::SshKey;
use forge::ssh::command::NewSshKey;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/user/keys", get(list).post(add))
        .route("/user/keys/{id}", get(fetch).delete(remove))
        .route("/repos/{owner}/{name}/keys", get(deploy_list).post(add))
        .route("/repos/{owner}/{name}/keys/{id}", get(deploy_fetch).delete(deploy_remove))
}

/// A key that is asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    #[serde(default)]
    title: String,
    key: String,
    /// As a token's: `365d`.
    expires_in: Option<String>,
}

impl Wanted {
    pub(super) fn parse(self) -> Result<NewSshKey, ApiError> {
        let age_us = self.expires_in.as_deref().map(tokens::duration_us).transpose()?;
        Ok(NewSshKey { key: self.key.parse()?, name: self.title, age_us })
    }
}

/// A key, without the address that it is found at.
pub(super) fn shape(app: &App, key: &SshKey) -> Value {
    let last = app.site.last_use(key.id);
    json!({
        "id": key.id, "key_id": key.id, "title": key.name, "key": key.line(), "fingerprint": key.fingerprint,
        "key_type": if key.repo.is_some() { "deploy" } else { "user" },
        "read_only": key.repo.is_some() && !key.writes, "verified": true,
        "created_at": shapes::time(key.created_us), "expires_at": shapes::time(key.expires_us),
        "last_used": last.as_ref().map(|last| shapes::time(last.time_us)),
        "last_used_from": last.as_ref().map(|last| &last.address),
    })
}

fn found_at(app: &App, key: &SshKey, address: &str) -> Value {
    let mut value = shape(app, key);
    value["url"] = json!(format!("{}/api/v1/{address}/{}", app.site.base_url(), key.id));
    value
}

fn with_id(keys: Vec<SshKey>, id: u64) -> Result<SshKey, ApiError> {
    keys.into_iter().find(|key| key.id == id).ok_or_else(ApiError::not_found)
}

async fn list(State(app): State<App>, SignedIn(who): SignedIn) -> Result<Json<Value>, ApiError> {
    let keys = app.site.ssh_key_list(&who).await?;
    Ok(Json(keys.iter().map(|key| found_at(&app, key, "user/keys")).collect()))
}

async fn fetch(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<Json<Value>, ApiError> {
    let key = with_id(app.site.ssh_key_list(&who).await?, id)?;
    Ok(Json(found_at(&app, &key, "user/keys")))
}

/// No program adds a key: not with a token, which it would outlive. On a page, with a fresh proof, or at the machine.
async fn add() -> ApiError {
    Error::ReauthRequired.into()
}

async fn remove(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.ssh_key_remove(Some(&who), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

type RepoAddress = Path<(String, String)>;

async fn deploy_list(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): RepoAddress,
) -> Result<Json<Value>, ApiError> {
    let path = repos::path(&owner, &name)?;
    let keys = app.site.deploy_key_list(&who, &path).await?;
    Ok(Json(keys.iter().map(|key| found_at(&app, key, &format!("repos/{path}/keys"))).collect()))
}

async fn deploy_fetch(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Result<Json<Value>, ApiError> {
    let path = repos::path(&owner, &name)?;
    let key = with_id(app.site.deploy_key_list(&who, &path).await?, id)?;
    Ok(Json(found_at(&app, &key, &format!("repos/{path}/keys"))))
}

async fn deploy_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Result<StatusCode, ApiError> {
    app.site.deploy_key_remove(&who, &repos::path(&owner, &name)?, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
