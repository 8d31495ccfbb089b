//! `/user/gpg_keys`: the OpenPGP keys that somebody signs with, in Gitea's shapes.

use super::shapes;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::Error;
use forge::openpgp::AccountKey;
use git::openpgp::OpenPgpKey;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/user/gpg_keys", get(list).post(add)).route("/user/gpg_keys/{id}", get(fetch).delete(remove))
}

fn shape(key: &AccountKey) -> Value {
    let id_of = |fingerprint: &str| fingerprint[fingerprint.len().saturating_sub(16)..].to_owned();
    let mut parts = key.fingerprints.iter();
    let own = parts.next().map(String::as_str).unwrap_or_default();
    json!({
        "id": key.id, "name": key.name, "key_id": id_of(own), "fingerprint": own, "created_at": shapes::time(key.created_us),
        "subkeys": parts.map(|part| json!({ "key_id": id_of(part), "fingerprint": part })).collect::<Vec<_>>(),
        "can_sign": true, "verified": true,
    })
}

#[derive(Deserialize)]
struct Wanted {
    armored_public_key: String,
    #[serde(default)]
    name: String,
}

async fn list(State(app): State<App>, SignedIn(who): SignedIn) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.site.openpgp_key_list(&who).await?.iter().map(shape).collect()))
}

async fn fetch(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<Json<Value>, ApiError> {
    let found = app.site.openpgp_key_list(&who).await?.into_iter().find(|key| key.id == id);
    Ok(Json(shape(&found.ok_or_else(ApiError::not_found)?)))
}

async fn add(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let key = OpenPgpKey::parse(&wanted.armored_public_key).map_err(|error| Error::invalid(error.to_string()))?;
    Ok((StatusCode::CREATED, Json(shape(&app.site.openpgp_key_add(&who, key, wanted.name).await?))))
}

async fn remove(State(app): State<App>, SignedIn(who): SignedIn, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.openpgp_key_remove(&who, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
