//! `/OWNER/NAME/-/settings/export`: all of it in one file, for who administers it and has just proved that it is them.

use super::frame::RepoPage;
use super::settings::administrator;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::site::export_response;
use axum::extract::State;
use axum::response::Response;
use forge::export::Subject;

pub(crate) async fn export(
    State(app): State<App>,
    page: RepoPage,
    Proven { by, .. }: Proven,
) -> Result<Response, PageError> {
    administrator(&page, &page.frame("settings"))?;
    export_response(&app, &by, Subject::Repository(page.address.clone())).await
}
