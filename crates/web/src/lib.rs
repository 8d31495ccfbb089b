//! The site's doors over HTTP: the pages, Git's smart protocol, the REST API, the log for anyone who checks it, health and metrics.
//!
//! A handler extracts, authorizes, makes one call into `forge`, and answers; it holds no SQL and starts no process.
//!
//! # Invariants
//! 1. Who asks is decided in one place ([`identity`]); no handler reads an `Authorization` header itself.
//! 2. What one may not see answers as what does not exist: same status, same bytes.
//! 3. A `GET` or `HEAD` changes nothing.
//! 4. What comes from the network waits for its turn, by who sends it and what it costs ([`flood`]).

mod api;
mod app;
mod codings;
mod errors;
mod flood;
mod git_http;
mod health;
mod identity;
mod imports;
pub mod listen;
mod log;
mod metrics;
mod pages;
mod proxies;
mod receipts;
mod response_cache;
pub mod svn_http;

pub use app::App;
pub use errors::ApiError;
pub use flood::Apart;
pub use imports::Imports;
pub use metrics::Metrics;
pub use pages::Kept;
pub use proxies::{Network, NotANetwork, Proxies};
pub use response_cache::ResponseCache;

use axum::extract::{DefaultBodyLimit, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::{Extension, Router};
use tower::ServiceExt as _;

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
    let common = Router::new().merge(health::router()).merge(log::router()).merge(api);
    let router = match door {
        Door::Admin => common.fallback(git_http::handle),
        Door::Public => {
            let pages = pages::router(app.clone()).with_state(app.clone());
            let admit = axum::middleware::from_fn_with_state(app.clone(), flood::admit);
            common.fallback(beyond).layer(axum::Extension(Pages(pages))).layer(admit)
        }
    };
    let router = router.layer(axum::middleware::from_fn(no_token_in_the_address));
    let https = app.is_https();
    let declared = axum::middleware::from_fn(move |request: Request, next: axum::middleware::Next| {
        as_declared(https, request, next)
    });
    let asked_by = axum::middleware::from_fn_with_state(app.clone(), proxies::asked_by);
    router.layer(declared).layer(axum::Extension(door)).layer(asked_by).with_state(app)
}

/// Refuses a request with a credential in its query: addresses end up in logs, histories and other sites' statistics.
async fn no_token_in_the_address(request: Request, next: axum::middleware::Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let names =
        |pair: &str| ["access_token", "private_token", "token"].contains(&pair.split('=').next().unwrap_or(pair));
    if query.contains("olp_") || query.split('&').any(names) {
        let text = "a token in an address is refused, and by now in somebody's log: revoke it, and send the next one in the \
                    Authorization header";
        return ApiError::bad_request(text).into_response();
    }
    next.run(request).await
}

/// Nothing here is to be taken for another type than the one it says, or shown in a frame; what programs are told no browser keeps;
/// and where there is https, nothing is asked for without it for a year.
async fn as_declared(https: bool, request: Request, next: axum::middleware::Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut declare = |name: http::HeaderName, value| {
        headers.entry(name).or_insert(http::HeaderValue::from_static(value));
    };
    declare(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    declare(http::header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'");
    if is_api {
        declare(http::header::CACHE_CONTROL, "no-store");
    }
    if https {
        declare(http::header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains");
    }
    response
}

/// The pages, for what is no address of a program's.
#[derive(Clone)]
struct Pages(Router);

/// What no route matched: Git's, an address of the API that isn't there, or a page's.
async fn beyond(State(app): State<App>, Extension(Pages(pages)): Extension<Pages>, request: Request) -> Response {
    let path = request.uri().path();
    if svn_http::is_svn(path) {
        return svn_http::handle(State(app), request).await;
    }
    if git_http::is_git(path) || path.starts_with("/api/") {
        return git_http::handle(State(app), request).await;
    }
    pages.oneshot(request).await.unwrap_or_else(|never| match never {})
}
