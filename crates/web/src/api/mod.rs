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
mod orders;
mod orgs;
mod outlast;
mod page;
mod protections;
mod repos;
mod settings;
mod shapes;
mod shares;
mod teams;
mod tokens;
mod users;

use crate::Door;
use crate::app::App;
use axum::Router;
use axum::routing::get;
use forge::UserName;

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
        .merge(teams::router())
        .merge(outlast::router())
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
    Router::new().nest("/api/v1", routes)
}

/// A user's name in an address.
struct Named(UserName);

impl<'de> serde::Deserialize<'de> for Named {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(serde::de::Error::custom)
    }
}
