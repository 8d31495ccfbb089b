//! `/admin/recovery-shares`: which shares of each recovery key there are, by their digests. On the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/recovery-shares", get(show).post(publish))
}

async fn show(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let shares = app.site.recovery_shares().await?;
    Ok(Json(json!({ "public": shares.iter().map(ToString::to_string).collect::<Vec<_>>() })))
}

#[derive(Deserialize)]
struct Wanted {
    public: String,
}

async fn publish(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<Json<Value>, ApiError> {
    app.site.recovery_shares_publish(wanted.public.parse()?).await?;
    show(State(app)).await
}
