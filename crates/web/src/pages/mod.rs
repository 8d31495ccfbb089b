//! The pages for people.
//!
//! Addresses of the site's own begin with `/-/` and are routes. Everything else is an owner's or a repository's: owners nest, so
//! these can't be patterns of a router, and arrive in [`fallback`], which splits at `/-/` and asks the router of organisations or
//! that of repositories.
//!
//! # Invariants
//! 1. A `GET` changes nothing. What changes something is a `POST` that [`guard`] has seen to come from the site itself.
//! 2. Nothing in a page is a script or a style of its own; [`headers`] forbids what slips through.
//! 3. What one may not see is the same page as what is not there.
//! 4. Text of strangers reaches a page through askama's escaping or through `render`, and never otherwise.

mod activity;
mod assets;
mod avatar;
pub(crate) mod cookies;
mod error;
mod guard;
mod headers;
mod multipart;
mod org;
mod part;
mod party;
mod proven;
mod repo;
mod show;
mod site;
mod visitor;

use crate::app::App;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
pub(crate) use error::PageError;
use forge::{OwnerPath, RepoPath};
use http::{Method, Uri};
pub use part::Kept;
pub(crate) use part::{ANSWER_BYTES_MAX, Whole};
pub(crate) use repo::percent_decoded;
use tower::ServiceExt as _;
use tower_http::compression::CompressionLayer;

/// Every page, with what guards and frames them.
pub(crate) fn router(app: App) -> Router<App> {
    let repositories = repo::router().with_state(app.clone());
    let organisations = org::router().with_state(app.clone());
    let pages = Router::new()
        .merge(site::router())
        .fallback(fallback)
        .layer(axum::Extension(Below { repositories, organisations }))
        .layer(from_fn(crate::flood::turned_away))
        .layer(from_fn_with_state(app, error::render))
        .layer(from_fn(guard::same_origin))
        .layer(from_fn(headers::secure))
        .layer(from_fn(part::deliver))
        .layer(CompressionLayer::new().gzip(true));
    let assets = Router::new()
        .route("/-/assets/{version}/{name}", get(assets::asset))
        .route("/-/avatar/{name}", get(avatar::avatar))
        .layer(from_fn(headers::secure))
        .layer(CompressionLayer::new().gzip(true));
    assets.merge(pages)
}

/// What is below a repository's and an organisation's address.
#[derive(Clone)]
struct Below {
    repositories: Router,
    organisations: Router,
}

/// Whatever no route matched: Git's requests, owners, repositories.
async fn fallback(
    State(app): State<App>,
    axum::Extension(Below { repositories, organisations }): axum::Extension<Below>,
    request: Request<Body>,
) -> Response {
    let path = request.uri().path();
    let (front, below) = match path.split_once("/-/") {
        Some((front, below)) => (front, below),
        None => (path.strip_suffix("/-").unwrap_or(path), ""),
    };
    let front = front.trim_matches('/').to_owned();
    if front.is_empty() {
        return PageError::not_found().into_response();
    }
    let below = below.to_owned();
    let organisation = front.parse::<OwnerPath>().ok();
    if let Some(path) = organisation {
        match app.site.is_org(&path).await {
            Ok(true) => return within(organisations, request, path, &below).await,
            Ok(false) => {}
            Err(error) => return PageError::from(error).into_response(),
        }
    }
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    if !front.contains('/') {
        return match below.as_str() {
            "" if is_get => {
                let owner = front.clone();
                site::profile::page(app, owner, request)
            }
            .await
            .into_response(),
            _ => PageError::not_found().into_response(),
        };
    }
    let Ok(repository) = front.parse::<RepoPath>() else { return PageError::not_found().into_response() };
    within(repositories, request, repository, &below).await
}

/// Asks the router of what an address names, with the rest of the address as its path.
async fn within<T: Clone + Send + Sync + 'static>(
    router: Router,
    mut request: Request<Body>,
    named: T,
    below: &str,
) -> Response {
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(uri) = format!("/{below}{query}").parse::<Uri>() else { return PageError::not_found().into_response() };
    *request.uri_mut() = uri;
    request.extensions_mut().insert(named);
    router.oneshot(request).await.unwrap_or_else(|never| match never {})
}
