//! The REST API: resources in the Gitea/Forgejo shapes under `/api/v1`; what only Outlast has is under
//! `/api/v1/outlast/`. One file for each resource; the path of the URL is the path of the file.

mod admin;
mod alarms;
mod authorities;
mod branches;
mod collaborators;
mod credentials;
mod doctor;
mod drills;
mod export;
mod gpg_keys;
mod incidents;
mod keys;
mod lockdown;
mod mail;
mod oidc;
mod openapi;
mod orders;
mod orgs;
mod outlast;
mod page;
mod protections;
mod repos;
mod settings;
mod shapes;
mod shares;
mod svn_layout;
mod svn_rules;
mod teams;
mod tokens;
mod users;

use crate::Door;
use crate::app::App;
use crate::errors::ApiError;
use axum::Router;
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use forge::UserName;
use http::header::{ALLOW, CONTENT_TYPE};

pub(crate) fn router(door: Door) -> Router<App> {
    let public = Router::new()
        .route("/version", get(outlast::version))
        .merge(users::router())
        .merge(tokens::router())
        .merge(credentials::router())
        .merge(keys::router())
        .merge(gpg_keys::router())
        .merge(repos::router())
        .merge(branches::router())
        .merge(collaborators::router())
        .merge(orgs::router())
        .merge(protections::router())
        .merge(svn_layout::router())
        .merge(svn_rules::router())
        .merge(teams::router())
        .merge(outlast::router())
        .merge(openapi::router())
        .merge(settings::router())
        .merge(drills::router())
        .merge(orders::router())
        .merge(alarms::router())
        .merge(lockdown::router());
    let routes = match door {
        Door::Public => public,
        Door::Admin => public
            .merge(admin::router())
            .merge(credentials::admin_router())
            .merge(settings::admin_router())
            .merge(doctor::router())
            .merge(drills::admin_router())
            .merge(alarms::admin_router())
            .merge(mail::admin_router())
            .merge(oidc::admin_router())
            .merge(orders::admin_router())
            .merge(incidents::admin_router())
            .merge(authorities::admin_router())
            .merge(shares::admin_router())
            .merge(export::admin_router()),
    };
    Router::new().nest("/api/v1", routes.layer(map_response(in_words)))
}

/// What the framework refuses (a body that is no JSON, a number that is none) is told as all else is: by a message in JSON.
async fn in_words(response: Response) -> Response {
    let typed = response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    let status = response.status();
    if !typed || !status.is_client_error() {
        return response;
    }
    let allow = response.headers().get(ALLOW).cloned();
    let words = axum::body::to_bytes(response.into_body(), WORDS_BYTES_MAX).await.unwrap_or_default();
    let words = match String::from_utf8_lossy(&words).into_owned() {
        none if none.is_empty() => status.canonical_reason().unwrap_or_default().to_owned(),
        words => words,
    };
    let mut told = ApiError::new(status, words).into_response();
    if let Some(allow) = allow {
        told.headers_mut().insert(ALLOW, allow);
    }
    told
}

/// More than the framework says.
const WORDS_BYTES_MAX: usize = 16 * 1024;

/// A user's name in an address.
struct Named(UserName);

impl<'de> serde::Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}
