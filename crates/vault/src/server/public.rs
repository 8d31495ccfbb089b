//! What everybody may see: how this vault is, and what it has signed.

use super::body::{Body, full};
use super::{Shared, gossip, ward};
use crate::ward as page;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Response, StatusCode};
use std::sync::Arc;

/// The addresses that need no credential.
pub(super) fn is_public(method: &Method, path: &str) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
        && matches!(path, "/" | "/status.json" | "/metrics" | "/checkpoint" | "/fork")
}

/// Answers one of them.
pub(super) async fn answer(shared: Arc<Shared>, path: String) -> Response<Body> {
    let made = tokio::task::spawn_blocking(move || make(&shared, &path)).await;
    made.unwrap_or_else(|error| {
        tracing::error!(%error, "the status could not be made");
        said(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            "the vault failed; its log says how".to_owned(),
        )
    })
}

fn make(shared: &Shared, path: &str) -> Response<Body> {
    match path {
        "/checkpoint" => match ward::checkpoint(shared) {
            Some(note) => said(StatusCode::OK, "text/plain; charset=utf-8", note),
            None => said(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "nothing is signed here".to_owned()),
        },
        "/fork" => match gossip::proof(shared) {
            Some(proof) => said(StatusCode::OK, "text/plain; charset=utf-8", proof),
            None => said(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", "no fork was seen here".to_owned()),
        },
        "/status.json" => said(StatusCode::OK, "application/json", page::json(&shared.watch.report(shared))),
        "/metrics" => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            said(StatusCode::OK, kind, page::metrics(&shared.watch.report(shared)))
        }
        _ => {
            let (text, policy) = page::html(&shared.watch.report(shared));
            let mut response = said(StatusCode::OK, "text/html; charset=utf-8", text);
            if let Ok(policy) = HeaderValue::from_str(&policy) {
                response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
            }
            response
        }
    }
}

fn said(status: StatusCode, kind: &'static str, text: String) -> Response<Body> {
    let mut response = Response::new(full(text));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=10"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
