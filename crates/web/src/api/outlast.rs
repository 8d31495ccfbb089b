//! `/version` and `/outlast/status`: how the site is held.

use crate::app::App;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/status", get(status))
}

pub(super) async fn version() -> Json<Value> {
    Json(json!({ "version": env!("CARGO_PKG_VERSION") }))
}

async fn status(State(app): State<App>) -> Json<Value> {
    let vaults = app.site.vaults();
    let shape = |vault: &forge::VaultStatus| {
        json!({
            "name": vault.name, "domain": vault.domain, "entries": vault.size, "behind": vault.lag,
            "answers": vault.connected, "since_seconds": vault.since_s, "free_bytes": vault.free_bytes, "slowed_down": vault.slowed_down,
        })
    };
    Json(json!({
        "entries": app.site.size(), "held": app.site.held(), "projected": app.site.projected(),
        "writes": app.site.writability().err().map_or("taken".to_owned(), |error| error.to_string()),
        "practice": app.practice,
        "note": app.practice.then_some("The vaults run on this machine: this is practice, not protection."),
        "vaults": vaults.iter().map(shape).collect::<Vec<_>>(),
    }))
}
