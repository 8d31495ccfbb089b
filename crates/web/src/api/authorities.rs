//! `/admin/authorities`: whose SSH certificates are trusted, at the admin socket.

use super::{shapes, tokens};
use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use forge::Error;
use forge::access::Own;
use forge::certificate::SshAuthority;
use forge::certificate::command::{NewAuthority, Which};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn admin_router() -> Router<App> {
    Router::new()
        .route("/admin/authorities", get(list).post(add))
        .route("/admin/authorities/{id}", delete(remove))
        .route("/admin/authorities/{id}/revoke", post(revoke))
}

fn shape(authority: &SshAuthority) -> Value {
    json!({
        "id": authority.id, "organisation": authority.org, "name": authority.name,
        "fingerprint": authority.fingerprint, "hours_max": authority.age_max_us / (60 * 60 * 1_000_000),
        "added_at": shapes::time(authority.added_us),
    })
}

async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.site.ssh_authorities().await?.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct Wanted {
    /// None: for the whole site.
    org: Option<String>,
    #[serde(default)]
    name: String,
    key: String,
    /// As a token's: `12h`.
    age_max: Option<String>,
}

async fn add(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<(StatusCode, Json<Value>), ApiError> {
    let org = match wanted.org {
        Some(path) => Some(app.site.org_as_site::<Own>(&path.parse()?).await?),
        None => None,
    };
    let age_max_us = wanted.age_max.as_deref().map(tokens::duration_us).transpose()?;
    let new = NewAuthority { key: wanted.key.parse()?, name: wanted.name, age_max_us };
    let id = app.site.ssh_authority_add_as_site(org, new).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))))
}

async fn remove(State(app): State<App>, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.ssh_authority_remove(None, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Revoked {
    serial: Option<u64>,
    key_id: Option<String>,
}

async fn revoke(
    State(app): State<App>,
    Path(id): Path<u64>,
    Json(revoked): Json<Revoked>,
) -> Result<StatusCode, ApiError> {
    let which = match revoked {
        Revoked { serial: Some(serial), key_id: None } => Which::Serial(serial),
        Revoked { serial: None, key_id: Some(key_id) } => Which::KeyId(key_id),
        _ => return Err(Error::invalid("say which: a serial, or a key_id").into()),
    };
    app.site.ssh_certificates_revoke(None, id, which).await?;
    Ok(StatusCode::NO_CONTENT)
}
