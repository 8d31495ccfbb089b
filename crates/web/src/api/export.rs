//! `/admin/export`, `/admin/import`: on the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use forge::export::Subject;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/export", post(export)).route("/admin/import", post(import))
}

#[derive(Deserialize)]
struct Wanted {
    subject: String,
    to: PathBuf,
}

async fn export(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<Json<Value>, ApiError> {
    let subject: Subject = wanted.subject.parse()?;
    let report = app.site.export(&subject, &wanted.to).await?;
    Ok(Json(json!({
        "repositories": report.repositories, "kept": report.kept, "people": report.people, "files": report.files,
        "left_out": report.left_out,
    })))
}

#[derive(Deserialize)]
struct From {
    from: PathBuf,
}

async fn import(State(app): State<App>, Json(From { from }): Json<From>) -> Result<Json<Value>, ApiError> {
    let report = app.site.import(&from).await?;
    let repositories = report
        .repositories
        .iter()
        .map(|repo| json!({ "path": repo.path, "refs": repo.refs, "was_there": repo.was_there }));
    Ok(Json(json!({
        "origin": report.origin, "signed_by": report.signed_by, "people": report.people,
        "repositories": repositories.collect::<Vec<_>>(), "warnings": report.warnings,
    })))
}
