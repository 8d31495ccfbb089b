//! `/-/sign-in/reset/SECRET`: another password for who has forgotten theirs, with a link that is good once.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::people::Password;
use http::{StatusCode, header};
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/sign-in/reset/{secret}", get(form).post(set))
}

#[derive(Template)]
#[template(path = "reset.html")]
struct ResetPage {
    shell: Shell,
    name: String,
    error: String,
}

async fn form(State(app): State<App>, visitor: Visitor, Path(secret): Path<String>) -> Result<Response, PageError> {
    page(&app, visitor, &secret, String::new()).await
}

async fn page(app: &App, visitor: Visitor, secret: &str, error: String) -> Result<Response, PageError> {
    let name = app.site.reset_link_of(secret).await?;
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    // The address is the secret: it is not for the page's form of colours to carry on.
    let shell = Shell { here: "/".to_owned(), ..visitor.shell };
    let headers = [(header::CACHE_CONTROL, "private, no-store"), (header::REFERRER_POLICY, "no-referrer")];
    Ok((status, headers, Html(ResetPage { shell, name, error }.render()?)).into_response())
}

#[derive(Deserialize)]
struct New {
    password: String,
}

async fn set(
    State(app): State<App>,
    visitor: Visitor,
    Path(secret): Path<String>,
    Form(New { password }): Form<New>,
) -> Result<Response, PageError> {
    let set = match password.parse::<Password>() {
        Ok(password) => app.site.reset_link_use(&secret, password).await,
        Err(error) => Err(error),
    };
    match set {
        Ok(()) => Ok(Redirect::to("/-/sign-in").into_response()),
        Err(error @ forge::Error::NotFound(_)) => Err(error.into()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => page(&app, visitor, &secret, error.to_string()).await,
    }
}
