//! `/outlast/alarms`: what officers must hear of. At the admin socket also where alarms are posted, and canaries.

use super::orders::Caller;
use super::shapes::time;
use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, Query, State};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use forge::Error;
use forge::alarm::Alarm;
use forge::event::alarm::CanaryKind;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/alarms", get(list)).route("/outlast/alarms/{id}/acknowledge", post(acknowledge))
}

pub(super) fn admin_router() -> Router<App> {
    Router::new()
        .route("/admin/alarm-webhooks", get(hook_list).post(hook_add))
        .route("/admin/alarm-webhooks/{id}", delete(hook_remove))
        .route("/admin/canaries", get(canary_list).post(canary_make))
        .route("/admin/canaries/{id}", delete(canary_remove))
}

#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    all: bool,
    before: Option<u64>,
}

fn shape(alarm: &Alarm) -> Value {
    let line = alarm.line.as_ref();
    json!({
        "id": alarm.id, "alarm": alarm.rule.as_str(), "time": time(alarm.raised_us),
        "event": line.map(|line| line.event), "about": line.map(|line| &line.about),
        "actor": line.and_then(|line| line.actor.as_ref()), "address": line.and_then(|line| line.address.as_ref()),
        "acknowledged": alarm.seen_us.map(time), "acknowledged_by": alarm.seen_by,
    })
}

async fn list(State(app): State<App>, by: Caller, Query(which): Query<Which>) -> Result<Json<Value>, ApiError> {
    let alarms = app.site.alarm_list(by.who(), !which.all, which.before).await?;
    Ok(Json(alarms.iter().map(shape).collect()))
}

async fn acknowledge(State(app): State<App>, by: Caller, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.alarm_acknowledge(by.who(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn hook_list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let hooks = app.site.alarm_hook_list(None).await?;
    let shape =
        |hook: &forge::alarm::AlarmHook| json!({ "id": hook.id, "host": hook.host, "added": time(hook.added_us) });
    Ok(Json(hooks.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct WantedHook {
    url: String,
}

async fn hook_add(
    State(app): State<App>,
    Json(WantedHook { url }): Json<WantedHook>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (id, secret) = app.site.alarm_hook_add(None, &url).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id, "secret": secret }))))
}

async fn hook_remove(State(app): State<App>, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.alarm_hook_remove(None, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn canary_list(State(app): State<App>) -> Result<Json<Value>, ApiError> {
    let canaries = app.site.canary_list(None).await?;
    let shape = |canary: &forge::canary::Canary| json!({ "id": canary.id, "kind": canary.kind.as_str(), "note": canary.note, "made": time(canary.made_us) });
    Ok(Json(canaries.iter().map(shape).collect()))
}

#[derive(Deserialize)]
struct WantedCanary {
    kind: String,
    note: String,
}

async fn canary_make(
    State(app): State<App>,
    Json(WantedCanary { kind, note }): Json<WantedCanary>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let kind = CanaryKind::parse(&kind).ok_or_else(|| Error::invalid("a canary looks like a token or an ssh-key"))?;
    let made = app.site.canary_make(None, kind, &note).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": made.id, "canary": made.text, "public": made.public }))))
}

async fn canary_remove(State(app): State<App>, Path(id): Path<u64>) -> Result<StatusCode, ApiError> {
    app.site.canary_remove(None, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
