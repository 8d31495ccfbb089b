//! Pages of an organisation.

mod certificates;
mod frame;
mod home;
mod people;
mod settings;
mod teams;

use crate::app::App;
use axum::Router;
use axum::routing::{get, post};

/// What is below `/ORG/-`.
pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/", get(home::home))
        .route("/people", get(people::people).post(people::put))
        .route("/people/remove", post(people::remove))
        .route("/people/show", post(people::show))
        .route("/teams", get(teams::teams).post(teams::create))
        .route("/teams/{id}", get(teams::team).post(teams::change))
        .route("/teams/{id}/remove", post(teams::remove))
        .route("/teams/{id}/people", post(teams::member_add))
        .route("/teams/{id}/people/remove", post(teams::member_remove))
        .route("/teams/{id}/repositories", post(teams::repo_add))
        .route("/teams/{id}/repositories/remove", post(teams::repo_remove))
        .route("/certificates", get(certificates::certificates).post(certificates::add))
        .route("/certificates/remove", post(certificates::remove))
        .route("/certificates/revoke", post(certificates::revoke))
        .route("/settings", get(settings::settings).post(settings::set))
        .route("/settings/factors", post(settings::factors))
}
