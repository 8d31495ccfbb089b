//! `/OWNER/NAME/-/settings/delete`: into the trash, by an order once there is an officers' rule.

use super::frame::RepoPage;
use super::settings::administrator;
use crate::app::App;
use crate::pages::error::PageError;
use axum::Form;
use axum::extract::State;
use axum::response::Redirect;
use forge::site::Asked;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Confirmed {
    /// The repository's path, typed.
    path: String,
}

pub(crate) async fn delete(
    State(app): State<App>,
    page: RepoPage,
    Form(Confirmed { path }): Form<Confirmed>,
) -> Result<Redirect, PageError> {
    let frame = page.frame("settings");
    let who = administrator(&page, &frame)?;
    if path.trim() != frame.path {
        return Err(PageError::invalid(format!("Type {} to delete it: nothing was done.", frame.path)));
    }
    match app.site.repo_delete(Some(&who), &page.address).await? {
        Asked::Done(()) => Ok(Redirect::to("/-/trash")),
        Asked::Ordered(id) => Ok(Redirect::to(&format!("/-/orders/{id}"))),
    }
}
