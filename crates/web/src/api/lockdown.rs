//! `/outlast/lockdown`, `/outlast/frozen`, `/outlast/audit`: shutting an intruder out, and seeing what he did.

use super::Named;
use super::orders::{Caller, asked};
use super::shapes::time;
use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::audit::{AuditFilter, AuditLine};
use forge::lockdown::{Made, Why};
use forge::{Error, UserName};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/outlast/lockdown", get(look).post(start))
        .route("/outlast/lockdown/lift", post(lift))
        .route("/outlast/frozen/{name}/unfreeze", post(unfreeze))
        .route("/outlast/restore", post(restore))
        .route("/outlast/audit", get(audit))
}

pub(super) fn time_of(text: &str) -> Result<i64, ApiError> {
    let at = text.parse::<Timestamp>();
    at.map(Timestamp::as_microsecond)
        .map_err(|_| Error::invalid(format!("{text:?} is no time like 2026-11-25T08:00:00Z")).into())
}

fn shape(made: &Made) -> Value {
    let why = match made.why {
        Why::Made => "made since then".to_owned(),
        Why::Used => "used since then".to_owned(),
        Why::MadeBy(id) => format!("made by {id}"),
        Why::OwnedBy(id) => format!("of account {id}"),
    };
    json!({
        "id": made.id, "kind": made.kind.as_str(), "account": made.owner, "made": time(made.made_us),
        "made_by": made.made_by, "why": why,
    })
}

#[derive(Deserialize)]
struct Since {
    since: Option<String>,
}

/// What a lockdown would end.
async fn look(
    State(app): State<App>,
    by: Caller,
    Query(Since { since }): Query<Since>,
) -> Result<Json<Value>, ApiError> {
    let since_us = since.as_deref().map(time_of).transpose()?.unwrap_or(i64::MAX);
    let made = app.site.tainted(by.who(), since_us).await?;
    let in_force =
        app.site.lockdown_in_force().map(|lockdown| json!({ "id": lockdown.id, "started": time(lockdown.started_us) }));
    Ok(Json(json!({ "in_force": in_force, "would_end": made.iter().map(shape).collect::<Vec<_>>() })))
}

async fn start(
    State(app): State<App>,
    by: Caller,
    Json(Since { since }): Json<Since>,
) -> Result<Json<Value>, ApiError> {
    // Without a time only sessions end: nothing was made or used in the future.
    let since_us = since.as_deref().map(time_of).transpose()?.unwrap_or(i64::MAX);
    let made = app.site.lock_down(by.who(), since_us).await?;
    Ok(Json(json!({ "ended": made.iter().map(shape).collect::<Vec<_>>() })))
}

async fn lift(State(app): State<App>, by: Caller) -> Result<Response, ApiError> {
    Ok(asked(app.site.lockdown_lift(by.who()).await?))
}

async fn unfreeze(State(app): State<App>, by: Caller, Path(Named(name)): Path<Named>) -> Result<Json<Value>, ApiError> {
    app.site.account_unfreeze(by.who(), &name).await?;
    Ok(Json(json!({ "done": true })))
}

#[derive(Deserialize)]
struct Whose {
    actor: String,
    since: String,
    #[serde(default)]
    look: bool,
}

async fn restore(State(app): State<App>, by: Caller, Json(whose): Json<Whose>) -> Result<Json<Value>, ApiError> {
    let actor = whose.actor.parse::<UserName>()?;
    let restored = app.site.restore(by.who(), &actor, time_of(&whose.since)?, whose.look).await?;
    Ok(Json(json!({ "done": restored.done, "kept": restored.kept, "by_hand": restored.by_hand })))
}

#[derive(Deserialize)]
struct Wanted {
    actor: Option<String>,
    kind: Option<String>,
    #[serde(default)]
    from: u64,
    before: Option<u64>,
    since: Option<String>,
    until: Option<String>,
    #[serde(default)]
    newest: bool,
    #[serde(default = "limit_default")]
    limit: u32,
}

fn limit_default() -> u32 {
    200
}

async fn audit(State(app): State<App>, by: Caller, Query(wanted): Query<Wanted>) -> Result<Json<Value>, ApiError> {
    let actor = match wanted.actor.map(|name| name.parse::<UserName>()).transpose()? {
        Some(name) => Some(app.site.user_fetch(&name).await?.id),
        None => None,
    };
    let filter = AuditFilter {
        actor,
        kind: wanted.kind.as_deref().map(forge::audit::kind).transpose()?,
        from: wanted.from,
        before: wanted.before,
        since_us: wanted.since.as_deref().map(time_of).transpose()?,
        until_us: wanted.until.as_deref().map(time_of).transpose()?,
        newest: wanted.newest,
        limit: wanted.limit,
    };
    let lines = app.site.audit(by.who(), filter).await?;
    let shape = |line: &AuditLine| {
        json!({
            "entry": line.seq, "time": time(line.time_us), "actor": line.actor, "credential": line.credential,
            "address": line.address, "event": line.event, "about": line.about,
        })
    };
    Ok(Json(lines.iter().map(shape).collect()))
}
