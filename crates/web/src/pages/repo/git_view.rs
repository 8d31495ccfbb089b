//! `/OWNER/NAME/-/settings/git`: how Git sees a repository of Subversion, and making one of Git of it.

use super::frame::{Frame, RepoPage};
use super::settings::administrator;
use super::svn_rules::elsewhere;
use crate::app::App;
use crate::imports::{Begin, Counts, Done, Imports};
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::event::repo::Visibility;
use forge::site::ConvertTo;
use forge::svn::{Authors, Layout};
use forge::{Error, Principal, RepoPath};
use http::StatusCode;
use serde::Deserialize;
use std::sync::Arc;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Wanted {
    path: String,
    authors: String,
    visibility: String,
}

/// A layout as a form has it.
#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Branches {
    /// `detect`, `root` or `parts`.
    kind: String,
    trunk: String,
    branches: String,
    tags: String,
}

impl From<Layout> for Branches {
    fn from(layout: Layout) -> Self {
        let [trunk, branches, tags] = layout.paths().map(|path| path.unwrap_or_default().to_owned());
        Self { kind: layout.kind().to_owned(), trunk, branches, tags }
    }
}

impl Branches {
    fn layout(&self) -> Result<Layout, Error> {
        let [trunk, branches, tags] = [&self.trunk, &self.branches, &self.tags].map(|path| path.trim());
        Layout::of(&self.kind, trunk, branches, tags).map_err(|error| Error::invalid(format!("{error}")))
    }
}

#[derive(Template)]
#[template(path = "repo/git_view.html")]
struct GitPage {
    shell: Shell,
    frame: Frame,
    layout: Branches,
    wanted: Wanted,
    error: String,
    done: &'static str,
}

/// What was sent and is wrong is shown again.
#[derive(Default)]
struct Sent {
    layout: Option<Branches>,
    wanted: Option<Wanted>,
    error: String,
    done: &'static str,
}

async fn show(app: &App, page: &RepoPage, sent: Sent) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let admin = administrator(page, &frame)?;
    let Sent { layout, wanted, error, done } = sent;
    let layout = match layout {
        Some(layout) => layout,
        None => app.site.svn_layout(Some(&admin), &page.address).await?.into(),
    };
    let wanted = wanted.unwrap_or_else(|| Wanted {
        path: format!("{}-git", page.address),
        visibility: page.code.repo().visibility.as_str().to_owned(),
        ..Wanted::default()
    });
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = GitPage { shell: page.shell(), frame, layout, wanted, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn view(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    match elsewhere(&page)? {
        Some(answer) => Ok(answer),
        None => show(&app, &page, Sent::default()).await,
    }
}

pub(crate) async fn layout_set(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<Branches>,
) -> Result<Response, PageError> {
    if let Some(answer) = elsewhere(&page)? {
        return Ok(answer);
    }
    let done = match form.layout() {
        Ok(layout) => app.site.svn_layout_put(page.visitor.who.as_ref(), &page.address, layout).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => show(&app, &page, Sent { done: "The next fetch has these branches.", ..Sent::default() }).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => show(&app, &page, Sent { layout: Some(form), error: error.to_string(), ..Sent::default() }).await,
    }
}

pub(crate) async fn convert(
    State(app): State<App>,
    page: RepoPage,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    if let Some(answer) = elsewhere(&page)? {
        return Ok(answer);
    }
    let who = administrator(&page, &page.frame("settings"))?;
    match begin(&app, &who, &page.address, &wanted) {
        Ok(id) => Ok(Redirect::to(&format!("/-/new/import?job={id}")).into_response()),
        Err(error) => {
            show(&app, &page, Sent { wanted: Some(wanted), error: error.to_string(), ..Sent::default() }).await
        }
    }
}

fn begin(app: &App, who: &Principal, from: &RepoPath, wanted: &Wanted) -> Result<u64, Error> {
    let path: RepoPath = wanted.path.trim().parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let authors = Authors::parse(&wanted.authors).map_err(|error| Error::invalid(error.to_string()))?;
    let visibility = Some(Visibility::parse(&wanted.visibility).unwrap_or(Visibility::Private));
    let to = ConvertTo { path: path.clone(), visibility, authors, progress: Arc::default() };
    let counts = Counts::Converting(to.progress.clone());
    let begin = Begin { account: who.user(), from: from.to_string(), path, counts };
    let (site, by, from) = (app.site.clone(), who.clone(), from.clone());
    let work = async move { site.svn_convert(Some(&by), &from, to).await.map(Done::Converted) };
    Imports::begin(&app.imports, begin, work)
}
