//! `/-/new`: a repository in a few seconds.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::RepoPath;
use forge::event::repo::{Format, Visibility};
use forge::site::{NewRepo, RepoChange};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/new", get(form).post(create))
}

#[derive(Deserialize, Default)]
struct Wanted {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    visibility: String,
    #[serde(default)]
    format: String,
}

#[derive(Template)]
#[template(path = "site/new.html")]
struct NewPage {
    shell: Shell,
    owner: String,
    wanted: Wanted,
    error: String,
}

async fn form(visitor: Visitor) -> Result<Html<String>, PageError> {
    let owner = visitor.signed_in()?.name().to_owned();
    Ok(Html(NewPage { shell: visitor.shell, owner, wanted: Wanted::default(), error: String::new() }.render()?))
}

async fn create(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    match make(&app, &who, &wanted).await {
        Ok(path) => Ok(Redirect::to(&format!("/{path}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let owner = who.name().to_owned();
            let page = NewPage { shell: visitor.shell, owner, wanted, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

async fn make(app: &App, who: &forge::Principal, wanted: &Wanted) -> Result<String, forge::Error> {
    let path: RepoPath = format!("{}/{}", who.name(), wanted.name.trim())
        .parse()
        .map_err(|error| forge::Error::invalid(format!("{error}")))?;
    let mut new = NewRepo::new(path.clone());
    new.visibility = Visibility::parse(&wanted.visibility).unwrap_or(Visibility::Private);
    new.format = if wanted.format == "sha256" { Format::Sha256 } else { Format::Sha1 };
    let repo = app.site.repo_create(Some(who), new).await?;
    if !wanted.description.trim().is_empty() {
        let change = RepoChange { description: Some(wanted.description.clone()), ..RepoChange::default() };
        app.site.repo_change(Some(who), &path, change).await?;
    }
    Ok(repo.path)
}
