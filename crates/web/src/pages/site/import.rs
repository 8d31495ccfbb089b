//! `/-/new/import`: a repository from another forge, or from a dump of Subversion.

mod dump;

use super::new::owners;
use crate::app::App;
use crate::imports::{Begin, Counts, Done, Imports, Job, State as Going};
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::event::repo::Visibility;
use forge::import::{Egress, GitUrl, ImportFrom};
use forge::site::SvnImportTo;
use forge::{Error, Principal, RepoPath};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/new/import", get(form).post(begin)).route(
        "/-/new/import/dump",
        // A dump goes on as it comes; quotas bound it.
        get(dump::form).post(dump::begin).layer(DefaultBodyLimit::disable()),
    )
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
    /// `svn`, or Git.
    #[serde(default)]
    kind: String,
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
    Ok(ImportFrom { url, path, visibility, egress: Egress::Public, bytes: Arc::default() })
}

async fn begin(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let begun = parse(&who, &wanted).and_then(|from| {
        if wanted.kind == "svn" {
            return begin_svn(&app, &who, from);
        }
        let counts = Counts::Git(from.bytes.clone());
        let begin = Begin { account: who.user(), from: from.url.to_string(), path: from.path.clone(), counts };
        let (site, by) = (app.site.clone(), who.clone());
        Imports::begin(&app.imports, begin, async move { site.import_from(Some(&by), from).await.map(Done::Git) })
    });
    match begun {
        Ok(id) => Ok(Redirect::to(&format!("/-/new/import?job={id}")).into_response()),
        Err(error) => {
            let owners = owners(&app, &who).await?;
            let page = ImportPage { shell: visitor.shell, owners, wanted, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

fn begin_svn(app: &App, who: &Principal, from: ImportFrom) -> Result<u64, Error> {
    let ImportFrom { url, path, visibility, egress, .. } = from;
    let to = SvnImportTo { path: path.clone(), visibility: Some(visibility), progress: Arc::default() };
    let counts = Counts::Svn(to.progress.clone());
    let begin = Begin { account: who.user(), from: url.to_string(), path, counts };
    let (site, by) = (app.site.clone(), who.clone());
    let work = async move { site.svn_import_from(Some(&by), to, &url, egress).await.map(Done::Svn) };
    Imports::begin(&app.imports, begin, work)
}

#[derive(Template)]
#[template(path = "site/import_progress.html")]
struct ProgressPage {
    shell: Shell,
    job: Job,
    counts: Vec<(&'static str, String)>,
    running: bool,
    error: String,
    facts: Vec<(&'static str, String)>,
    warnings: Vec<String>,
}

fn progress(app: &App, visitor: Visitor, id: u64) -> Result<Html<String>, PageError> {
    let who = visitor.signed_in()?;
    let job = app.imports.of(who.user(), id).ok_or_else(PageError::not_found)?;
    let counts = job.counts.shown(show::bytes);
    let (mut running, mut error, mut facts, mut warnings) = (false, String::new(), Vec::new(), Vec::new());
    match job.state.clone() {
        Going::Running => running = true,
        Going::Failed(why) => error = why,
        Going::Done(Done::Git(done)) => {
            facts.push(("Refs", done.refs.to_string()));
            if done.left_out > 0 {
                facts.push(("Left there", format!("{} refs of the other forge's own", done.left_out)));
            }
            warnings = done.warnings;
        }
        Going::Done(Done::Svn(done)) => facts.push(("Newest revision", format!("r{}", done.youngest))),
        Going::Done(Done::Converted(done)) => {
            facts.push(("Newest revision", format!("r{}", done.youngest)));
            facts.push(("Branches and tags", done.refs.to_string()));
        }
    }
    let page = ProgressPage { shell: visitor.shell, job, counts, running, error, facts, warnings };
    Ok(Html(page.render()?))
}
