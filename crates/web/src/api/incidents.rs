//! `/admin/incidents`: what the operator at the machine tells everybody on the status page. On the admin socket.

use super::shapes::time;
use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::incident::Incident;
use serde::Deserialize;
use serde_json::{Value, json};

/// Incidents in the list.
const INCIDENTS_MAX: u32 = 50;

pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/incidents", get(list).post(open)).route("/admin/incidents/{id}", post(note))
}

fn shape(incident: &Incident) -> Value {
    let note = |(at, text): &(i64, String)| json!({ "noted": time(*at), "text": text });
    json!({
        "id": incident.id, "title": incident.title, "opened": time(incident.opened_us),
        "resolved": incident.resolved_us.map(time), "notes": incident.notes.iter().map(note).collect::<Vec<_>>(),
    })
}

async fn list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    Ok(Json(app.site.incident_list(INCIDENTS_MAX).await?.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct Opened {
    title: String,
    text: String,
}

async fn open(State(app): State<App>, Json(wanted): Json<Opened>) -> Result<Json<Value>, ApiError> {
    let id = app.site.incident_open(None, wanted.title, wanted.text).await?;
    Ok(Json(json!({ "id": id })))
}

#[derive(Deserialize)]
struct Noted {
    text: String,
    #[serde(default)]
    resolved: bool,
}

async fn note(State(app): State<App>, Path(id): Path<u64>, Json(wanted): Json<Noted>) -> Result<Json<Value>, ApiError> {
    app.site.incident_note(None, id, wanted.text, wanted.resolved).await?;
    Ok(Json(json!({ "id": id, "resolved": wanted.resolved })))
}
