//! `/-/new/import`: a repository from another forge.

use super::new::owners;
use crate::app::App;
use crate::imports::{Imports, Job, State as Going};
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::event::repo::Visibility;
use forge::import::{Egress, GitUrl, ImportFrom};
use forge::{Error, Principal, RepoPath};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/new/import", get(form).post(begin))
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    owner: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    url: String,
    /// Never shown again.
    #[serde(default)]
    credential: String,
    #[serde(default)]
    visibility: String,
}

#[derive(Template)]
#[template(path = "site/import.html")]
struct ImportPage {
    shell: Shell,
    owners: Vec<String>,
    wanted: Wanted,
    error: String,
}

#[derive(Deserialize)]
struct Asked {
    /// An import that was begun, to look at.
    job: Option<u64>,
}

async fn form(
    State(app): State<App>,
    visitor: Visitor,
    Query(Asked { job }): Query<Asked>,
) -> Result<Html<String>, PageError> {
    if let Some(id) = job {
        return progress(&app, visitor, id);
    }
    let owners = owners(&app, visitor.signed_in()?).await?;
    let page = ImportPage { shell: visitor.shell, owners, wanted: Wanted::default(), error: String::new() };
    Ok(Html(page.render()?))
}

fn parse(who: &Principal, wanted: &Wanted) -> Result<ImportFrom, Error> {
    let url: GitUrl = wanted.url.parse()?;
    let owner = if wanted.owner.is_empty() { who.name() } else { wanted.owner.as_str() };
    let name = if wanted.name.trim().is_empty() { url.name() } else { wanted.name.trim() };
    let path: RepoPath = format!("{owner}/{name}").parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let credential = Some(wanted.credential.trim().to_owned());
    let visibility = Visibility::parse(&wanted.visibility).unwrap_or(Visibility::Private);
    let url = url.with_credential(credential);
    Ok(ImportFrom { url, path, visibility, egress: Egress::Public, bytes: std::sync::Arc::default() })
}

async fn begin(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let begun = parse(&who, &wanted).and_then(|from| Imports::begin(&app.imports, app.site.clone(), who.clone(), from));
    match begun {
        Ok(id) => Ok(Redirect::to(&format!("/-/new/import?job={id}")).into_response()),
        Err(error) => {
            let owners = owners(&app, &who).await?;
            let page = ImportPage { shell: visitor.shell, owners, wanted, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

#[derive(Template)]
#[template(path = "site/import_progress.html")]
struct ProgressPage {
    shell: Shell,
    job: Job,
    bytes: String,
    running: bool,
    error: String,
    refs: u64,
    left_out: u64,
    warnings: Vec<String>,
}

fn progress(app: &App, visitor: Visitor, id: u64) -> Result<Html<String>, PageError> {
    let who = visitor.signed_in()?;
    let job = app.imports.of(who.user(), id).ok_or_else(PageError::not_found)?;
    let mut page = ProgressPage {
        shell: visitor.shell,
        bytes: show::bytes(job.bytes()),
        running: false,
        error: String::new(),
        refs: 0,
        left_out: 0,
        warnings: Vec::new(),
        job: job.clone(),
    };
    match job.state {
        Going::Running => page.running = true,
        Going::Failed(error) => page.error = error,
        Going::Done(done) => (page.refs, page.left_out, page.warnings) = (done.refs, done.left_out, done.warnings),
    }
    Ok(Html(page.render()?))
}
