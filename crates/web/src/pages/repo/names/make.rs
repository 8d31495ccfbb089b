//! `/-/branches/new`, `/-/tags/new`: a name for a place in the history.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::repo::edit::Trouble;
use crate::pages::repo::frame::{Frame, RepoPage};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::NameKind;
use forge::site::NewName;
use http::StatusCode;
use serde::Deserialize;

/// Names that are offered while somebody types where.
const OFFERED_MAX: usize = 100;

#[derive(Deserialize, Default)]
pub(crate) struct Wanted {
    #[serde(default)]
    name: String,
    /// Where: a branch, a tag, an id; empty: the default branch.
    #[serde(default)]
    from: String,
    #[serde(default)]
    message: String,
}

#[derive(Template)]
#[template(path = "repo/new_name.html")]
struct NewNamePage {
    shell: Shell,
    frame: Frame,
    branches: bool,
    wanted: Wanted,
    offered: Vec<String>,
    error: String,
}

pub(crate) async fn branch_new(page: RepoPage, Query(wanted): Query<Wanted>) -> Result<Response, PageError> {
    form(page, NameKind::Branch, wanted, None).await
}

pub(crate) async fn tag_new(page: RepoPage, Query(wanted): Query<Wanted>) -> Result<Response, PageError> {
    form(page, NameKind::Tag, wanted, None).await
}

pub(crate) async fn branch_do(
    State(app): State<App>,
    page: RepoPage,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    make(&app, page, NameKind::Branch, wanted).await
}

pub(crate) async fn tag_do(
    State(app): State<App>,
    page: RepoPage,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    make(&app, page, NameKind::Tag, wanted).await
}

async fn form(
    page: RepoPage,
    kind: NameKind,
    mut wanted: Wanted,
    trouble: Option<Trouble>,
) -> Result<Response, PageError> {
    page.writer()?;
    let (shell, frame) = (page.shell(), page.frame(if kind == NameKind::Tag { "tags" } else { "branches" }));
    let offered = page.read(move |source| {
        let branches = source.short_names(NameKind::Branch)?.into_iter().take(OFFERED_MAX);
        Ok(branches.chain(source.short_names(NameKind::Tag)?.into_iter().take(OFFERED_MAX)).collect())
    });
    let offered = offered.await?;
    if wanted.from.is_empty() {
        wanted.from.clone_from(&frame.branch);
    }
    let (status, error) = trouble.map_or((StatusCode::OK, String::new()), |it| (it.status, it.text));
    let page = NewNamePage { shell, frame, branches: kind == NameKind::Branch, wanted, offered, error };
    Ok((status, Html(page.render()?)).into_response())
}

async fn make(app: &App, page: RepoPage, kind: NameKind, wanted: Wanted) -> Result<Response, PageError> {
    let who = page.writer()?.clone();
    let frame = page.frame("");
    let at = if wanted.from.trim().is_empty() { frame.branch.clone() } else { wanted.from.trim().to_owned() };
    let message = if kind == NameKind::Tag { wanted.message.clone() } else { String::new() };
    let new = NewName { kind, name: wanted.name.trim().to_owned(), at, message };
    match app.site.name_make(&who, &page.address, new).await {
        Ok(held) => {
            let list = if kind == NameKind::Tag { "tags" } else { "branches" };
            Ok(Redirect::to(&format!("{}/{list}?entry={}", frame.base(), held.entry)).into_response())
        }
        Err(error) => form(page, kind, wanted, Some(Trouble::of(error)?)).await,
    }
}
