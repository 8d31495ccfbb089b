//! `/admin/oidc`: with whom people may sign in, at the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use forge::site::NewProvider;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/oidc", get(list).put(put)).route("/admin/oidc/{name}", delete(remove))
}

async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let shape = |known: forge::oidc::Provider| {
        json!({
            "callback": app.site.provider_back(&known.name), "name": known.name, "label": known.label,
            "issuer": known.issuer, "client_id": known.client_id, "registers": known.registers, "hosts": known.hosts,
        })
    };
    Ok(Json(app.site.providers().await?.into_iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct Wanted {
    name: String,
    #[serde(default)]
    label: String,
    issuer: String,
    client_id: String,
    secret: Option<String>,
    #[serde(default)]
    registers: bool,
    #[serde(default)]
    hosts: Vec<String>,
}

async fn put(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<Json<Value>, ApiError> {
    let Wanted { name, label, issuer, client_id, secret, registers, hosts } = wanted;
    let callback = app.site.provider_back(&name);
    app.site.provider_put(None, NewProvider { name, label, issuer, client_id, secret, registers, hosts }).await?;
    Ok(Json(json!({ "callback": callback })))
}

async fn remove(State(app): State<App>, Path(name): Path<String>) -> Result<StatusCode, ApiError> {
    app.site.provider_remove(None, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
