//! `/repos/OWNER/NAME/collaborators`

use super::Named;
use super::{repos, shapes};
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::{get, put};
use axum::{Json, Router};
use forge::Error;
use forge::event::repo::Access;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

const LIST_MAX: u32 = 1000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/repos/{owner}/{name}/collaborators", get(list))
        .route("/repos/{owner}/{name}/collaborators/{user}", put(add).delete(remove))
}

async fn list(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let people = app.site.collaborator_list(Some(&who), &repos::path(&owner, &name)?, 0, LIST_MAX).await?;
    let shape = |c: &forge::repo::query::Collaborator| json!({ "id": c.account, "login": c.name, "permission": c.access.as_str(), "permissions": shapes::permissions(Some(c.access)) });
    Ok(Json(people.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct Wanted {
    permission: Option<String>,
}

async fn add(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, Named(user))): Path<(String, String, Named)>,
    wanted: Option<Json<Wanted>>,
) -> Result<StatusCode, ApiError> {
    let access = match wanted.and_then(|Json(wanted)| wanted.permission) {
        None => Access::Write,
        Some(word) => shapes::role(&word)
            .ok_or_else(|| Error::invalid("a permission is read, triage, write, maintain or admin"))?,
    };
    app.site.collaborator_put(Some(&who), &repos::path(&owner, &name)?, user, access).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, Named(user))): Path<(String, String, Named)>,
) -> Result<StatusCode, ApiError> {
    app.site.collaborator_remove(Some(&who), &repos::path(&owner, &name)?, user).await?;
    Ok(StatusCode::NO_CONTENT)
}
