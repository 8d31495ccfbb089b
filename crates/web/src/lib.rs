//! The site's doors over HTTP: Git's smart protocol, the REST API, the log for anyone who checks it, health and metrics.
//!
//! A handler extracts, authorizes, makes one call into `forge`, and answers; it holds no SQL and starts no process.
//!
//! # Invariants
//! 1. Who asks is decided in one place ([`identity`]); no handler reads an `Authorization` header itself.
//! 2. What one may not see answers as what does not exist: same status, same bytes.
//! 3. A `GET` or `HEAD` changes nothing.

mod api;
mod app;
mod errors;
mod git_http;
mod health;
mod identity;
pub mod listen;
mod log;
mod metrics;
mod receipts;

pub use app::App;
pub use errors::ApiError;
pub use metrics::Metrics;

use axum::Router;
use axum::extract::DefaultBodyLimit;

/// The largest body that the API takes, in bytes. Git's requests have limits of their own.
pub const API_BODY_BYTES_MAX: usize = 1 << 20;

/// Which door a request came through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// The network.
    Public,
    /// The admin socket, which only the account that runs the site can open; its requests act for the operator at the
    /// machine, not for a user.
    Admin,
}

/// Every route of a door.
pub fn router(app: App, door: Door) -> Router {
    let api = api::router(door).layer(DefaultBodyLimit::max(API_BODY_BYTES_MAX));
    Router::new()
        .merge(health::router())
        .merge(log::router())
        .merge(api)
        .fallback(git_http::handle)
        .layer(axum::Extension(door))
        .with_state(app)
}
