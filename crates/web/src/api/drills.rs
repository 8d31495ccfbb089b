//! `/outlast/drills`, and on the admin socket `/admin/drill...`: what was practised, and practising.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::drill::Drill;
use forge::{Error, VaultUrl};
use serde::Deserialize;
use serde_json::{Value, json};

/// Drills in one answer.
const LIST_MAX: u32 = 400;

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/drills", get(list))
}

pub(super) fn admin_router() -> Router<App> {
    Router::new()
        .route("/admin/drill", post(drill))
        .route("/admin/drills", post(record))
        .route("/admin/drills/{entry}", get(show))
}

/// For everybody: the numbers. What differs can name what is nobody's business.
async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let (drills, state) = (app.site.drill_list(LIST_MAX).await?, app.site.drill_state().await?);
    let drills: Vec<_> = drills.iter().map(shape).collect();
    Ok(Json(json!({ "alarm": state.alarm().is_some(), "age_seconds": state.age_s(), "drills": drills })))
}

fn shape(drill: &Drill) -> Value {
    json!({
        "entry": drill.id, "kind": drill.kind.as_str(), "entries": drill.through, "started_us": drill.started_us,
        "answers_ms": drill.answers_ms, "whole_ms": drill.whole_ms, "data_age_ms": drill.data_age_ms,
        "repositories": drill.repositories, "differences": drill.differences,
        "vaults": drill.vaults.split_whitespace().collect::<Vec<_>>(),
    })
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    vaults: Vec<String>,
    #[serde(default)]
    blind: bool,
}

async fn drill(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<Json<Value>, ApiError> {
    let vaults = wanted.vaults.iter().map(|text| text.parse::<VaultUrl>());
    let vaults = vaults.collect::<Result<Vec<_>, _>>().map_err(|e| Error::invalid(e.to_string()))?;
    let done = if wanted.blind {
        app.site.drill_blind(&vaults).await?
    } else {
        vec![app.site.drill(&vaults, &mut |_| {}).await?]
    };
    let mut drills = Vec::new();
    for (entry, _) in done {
        drills.push(signed(&app, entry).await?);
    }
    Ok(Json(json!({ "drills": drills })))
}

#[derive(Deserialize)]
struct Recorded {
    report: String,
}

async fn record(State(app): State<App>, Json(Recorded { report }): Json<Recorded>) -> Result<Json<Value>, ApiError> {
    let (entry, _) = app.site.drill_record(&report).await?;
    Ok(Json(json!({ "drills": [signed(&app, entry).await?] })))
}

async fn show(State(app): State<App>, Path(entry): Path<u64>) -> Result<Json<Value>, ApiError> {
    Ok(Json(json!({ "drills": [signed(&app, entry).await?] })))
}

async fn signed(app: &App, entry: u64) -> Result<Value, ApiError> {
    Ok(json!({ "entry": entry, "report": app.site.drill_fetch(entry).await?.report }))
}
