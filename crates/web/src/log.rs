//! The journal for anyone who checks it: `/log/checkpoint`, `/log/tile/...` (c2sp.org/tlog-tiles), `/log/policy`.
//!
//! Entries are encrypted before they become leaves, so that all of this is public and says only how many there are.

use crate::app::App;
use crate::errors::ApiError;
use axum::Router;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header;
use serde::Deserialize;

/// Full tiles never change; partial ones and the checkpoint do.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
const SHORT: &str = "public, max-age=5";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/log/checkpoint", get(checkpoint))
        .route("/log/policy", get(policy))
        .route("/log/tile/{*path}", get(tile))
}

async fn checkpoint(State(app): State<App>) -> Result<Response, ApiError> {
    let note = app.site.cosigned_checkpoint().await?.ok_or_else(ApiError::not_found)?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, SHORT)], note).into_response())
}

#[derive(Deserialize)]
struct Of {
    /// Whose cosignatures made this entry held; without it, those that count now.
    entry: Option<u64>,
}

async fn policy(State(app): State<App>, Query(of): Query<Of>) -> Result<Response, ApiError> {
    let policy = match of.entry {
        Some(entry) => app.site.policy_at(entry).await?,
        None => app.site.policy().await?,
    };
    let policy = policy.to_string();
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, SHORT)], policy).into_response())
}

async fn tile(State(app): State<App>, Path(path): Path<String>) -> Result<Response, ApiError> {
    let path = format!("tile/{path}");
    let bytes = app.site.tile(&path).await?.ok_or_else(ApiError::not_found)?;
    let caching = if path.contains(".p/") { SHORT } else { IMMUTABLE };
    let headers = [(header::CONTENT_TYPE, "application/octet-stream"), (header::CACHE_CONTROL, caching)];
    Ok((headers, bytes).into_response())
}
