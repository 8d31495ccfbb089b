//! `/healthz` and `/metrics`.

use crate::app::App;
use crate::errors::ApiError;
use crate::metrics::{ClassLabel, DrillLabel, JobLabel, VaultLabel};
use axum::Json;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use forge::load::Class;
use http::StatusCode;
use serde_json::json;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/healthz", get(healthz)).route("/metrics", get(metrics))
}

/// 200 when the site serves and can take writes; 503 with the reason when it only reads. A load balancer that must know
/// whether the process lives takes any answer for yes.
async fn healthz(State(app): State<App>) -> Response {
    let state = app.site.writability();
    let status = if state.is_ok() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = match state {
        Ok(()) => json!({ "status": "ok" }),
        Err(error) => json!({ "status": "read-only", "message": error.to_string() }),
    };
    (status, Json(body)).into_response()
}

/// What monitoring reads; to addresses that the operator did not name it isn't there.
async fn metrics(State(app): State<App>) -> Response {
    if let Some(client) = crate::proxies::client()
        && !app.metrics_allow.iter().any(|network| network.contains(client))
    {
        return ApiError::not_found().into_response();
    }
    let metrics = &app.metrics;
    metrics.journal_entries.set(app.site.size().cast_signed());
    metrics.journal_held.set(app.site.held().cast_signed());
    metrics.writer_queue.set(app.site.queue_len().try_into().unwrap_or(i64::MAX));
    let (hits, misses) = app.cache_counts();
    metrics.cache_hits.set(hits.cast_signed());
    metrics.cache_misses.set(misses.cast_signed());
    for vault in app.site.vaults() {
        let label = VaultLabel { vault: vault.name.clone() };
        metrics.vault_lag.get_or_create(&label).set(vault.lag.cast_signed());
        metrics.vault_up.get_or_create(&label).set(i64::from(vault.connected));
    }
    // A database that can't be read shows in everything else.
    if let Ok(drills) = app.site.drill_state().await {
        metrics.drill_alarm.set(i64::from(drills.alarm().is_some()));
        for drill in &drills.last {
            let label = DrillLabel { kind: drill.kind.as_str() };
            metrics.drill_started.get_or_create(&label).set(drill.started_us / 1_000_000);
            metrics.drill_differences.get_or_create(&label).set(drill.differences.cast_signed());
            metrics.drill_answers_ms.get_or_create(&label).set(drill.answers_ms.cast_signed());
        }
    }
    for class in Class::BOUNDED {
        let (label, counts) = (ClassLabel { class: class.as_str() }, app.site.load().counts(class));
        metrics.load_admitted.get_or_create(&label).set(counts.admitted.cast_signed());
        metrics.load_shed.get_or_create(&label).set(counts.shed.cast_signed());
        metrics.load_waiting.get_or_create(&label).set(counts.waiting.cast_signed());
        metrics.load_working.get_or_create(&label).set(counts.working.cast_signed());
    }
    for (job, state) in app.site.job_states() {
        let label = JobLabel { job: job.word() };
        metrics.job_runs.get_or_create(&label).set(state.runs.cast_signed());
        metrics.job_failures.get_or_create(&label).set(state.failures.cast_signed());
    }
    let content_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(http::header::CONTENT_TYPE, content_type)], metrics.render()).into_response()
}
