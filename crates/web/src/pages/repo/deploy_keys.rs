//! `/OWNER/NAME/-/settings/keys`: the repository's deploy keys, for who administers it.

use super::frame::{Frame, RepoPage};
use super::settings::administrator;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::site::{KeyRow, KeyWanted, WhichKey};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use http::StatusCode;

#[derive(Template)]
#[template(path = "repo/deploy_keys.html")]
struct KeysPage {
    shell: Shell,
    frame: Frame,
    /// Where its forms go.
    action: String,
    error: String,
    done: &'static str,
    keys: Vec<KeyRow>,
    form: KeyWanted,
}

pub(crate) async fn keys(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    shown(&app, page, KeyWanted::default(), String::new(), "").await
}

async fn shown(
    app: &App,
    page: RepoPage,
    form: KeyWanted,
    error: String,
    done: &'static str,
) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let who = administrator(&page, &frame)?;
    let listed = app.site.deploy_key_list(&who, &page.address).await?;
    let keys = listed.iter().map(|key| KeyRow::new(app, key)).collect();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let (shell, action) = (page.shell(), format!("{}/settings/keys", frame.base()));
    Ok((status, Html(KeysPage { shell, frame, action, error, done, keys, form }.render()?)).into_response())
}

pub(crate) async fn add(
    State(app): State<App>,
    page: RepoPage,
    Proven { by, .. }: Proven,
    Form(form): Form<KeyWanted>,
) -> Result<Response, PageError> {
    administrator(&page, &page.frame("settings"))?;
    let added = async { app.site.deploy_key_add(&by, &page.address, form.parse()?, form.writes.is_some()).await };
    match added.await {
        Ok(_) => shown(&app, page, KeyWanted::default(), String::new(), "The key works from now on.").await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => shown(&app, page, form, error.to_string(), "").await,
    }
}

pub(crate) async fn remove(
    State(app): State<App>,
    page: RepoPage,
    Form(WhichKey { id }): Form<WhichKey>,
) -> Result<Response, PageError> {
    let who = administrator(&page, &page.frame("settings"))?;
    let (error, done) = match app.site.deploy_key_remove(&who, &page.address, id).await {
        Ok(()) => (String::new(), "The key opens nothing any more."),
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => (error.to_string(), ""),
    };
    shown(&app, page, KeyWanted::default(), error, done).await
}
