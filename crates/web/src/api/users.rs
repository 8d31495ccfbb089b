//! `/user`, `/users/NAME`

use super::Named;
use super::shapes;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::people::Scope;
use serde_json::Value;

pub(super) fn router() -> Router<App> {
    Router::new().route("/user", get(own)).route("/users/{name}", get(other))
}

async fn own(State(app): State<App>, SignedIn(who): SignedIn) -> Result<Json<Value>, ApiError> {
    who.needs(Scope::UserRead)?;
    Ok(Json(shapes::user(&app.site.user_self(&who).await?)))
}

async fn other(State(app): State<App>, Path(Named(name)): Path<Named>) -> Result<Json<Value>, ApiError> {
    Ok(Json(shapes::stranger(&app.site.user_fetch(&name).await?)))
}
