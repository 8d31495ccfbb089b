//! `/repos/OWNER/NAME/branches`, `/tags`, `/git/refs`: the refs as they are held.

use super::repos;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use git::RefSnapshot;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/repos/{owner}/{name}/branches", get(branches))
        .route("/repos/{owner}/{name}/tags", get(tags))
        .route("/repos/{owner}/{name}/git/refs", get(refs))
}

async fn snapshot(app: &App, who: Option<SignedIn>, owner: &str, name: &str) -> Result<Arc<RefSnapshot>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    Ok(app.site.open_for_read(who.as_ref(), &repos::path(owner, name)?).await?.refs().clone())
}

fn named(snapshot: &RefSnapshot, prefix: &str) -> Value {
    let shape = |r: &git::Ref| {
        let name = r.name.as_str().strip_prefix(prefix)?;
        let id = r.peeled.unwrap_or(r.id).to_string();
        Some(json!({ "name": name, "id": r.id.to_string(), "commit": { "id": id, "sha": id } }))
    };
    snapshot.refs().iter().filter_map(shape).collect()
}

async fn branches(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(named(&*snapshot(&app, who, &owner, &name).await?, "refs/heads/")))
}

async fn tags(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(named(&*snapshot(&app, who, &owner, &name).await?, "refs/tags/")))
}

async fn refs(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let snapshot = snapshot(&app, who, &owner, &name).await?;
    let shape = |r: &git::Ref| json!({ "ref": r.name.as_str(), "object": { "sha": r.id.to_string() } });
    Ok(Json(snapshot.refs().iter().map(shape).collect()))
}
