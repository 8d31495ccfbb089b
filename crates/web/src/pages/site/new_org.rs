//! `/-/new/organisation`

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::Error;
use forge::event::repo::Visibility;
use forge::site::NewOrg;
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/new/organisation", get(form).post(create))
}

#[derive(Deserialize, Default)]
struct Wanted {
    /// The organisation it lies in; empty: none.
    #[serde(default)]
    parent: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    visibility: String,
}

#[derive(Template)]
#[template(path = "org/new.html")]
struct NewPage {
    shell: Shell,
    wanted: Wanted,
    error: String,
}

async fn form(visitor: Visitor, Query(wanted): Query<Wanted>) -> Result<Html<String>, PageError> {
    visitor.signed_in()?;
    Ok(Html(NewPage { shell: visitor.shell, wanted, error: String::new() }.render()?))
}

async fn create(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    match make(&app, visitor.signed_in()?, &wanted).await {
        Ok(path) => Ok(Redirect::to(&format!("/{path}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let page = NewPage { shell: visitor.shell, wanted, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

async fn make(app: &App, who: &forge::Principal, wanted: &Wanted) -> Result<String, Error> {
    let name = wanted.name.trim();
    let path = if wanted.parent.is_empty() { name.to_owned() } else { format!("{}/{name}", wanted.parent) };
    let new = NewOrg {
        path: path.parse()?,
        full_name: wanted.full_name.clone(),
        description: wanted.description.clone(),
        visibility: Visibility::parse(&wanted.visibility).unwrap_or(Visibility::Private),
    };
    let owner = who.name().parse().map_err(|_| Error::internal("the account's name is none"))?;
    Ok(app.site.org_create(Some(who), owner, new).await?.path)
}
