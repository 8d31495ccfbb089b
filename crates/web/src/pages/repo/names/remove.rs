//! `/-/branches/delete/NAME`, `/-/tags/delete/NAME`: what goes with it is shown first.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::repo::edit::Trouble;
use crate::pages::repo::frame::{Frame, RepoPage, Rest, RevisionRow};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::{NameKind, RevisionId};
use forge::event::protect::Protected;
use forge::protect::query::deciding;
use http::StatusCode;
use serde::Deserialize;

#[derive(Template)]
#[template(path = "repo/remove_name.html")]
struct RemoveNamePage {
    shell: Shell,
    frame: Frame,
    branches: bool,
    name: String,
    /// What it is at: an annotated tag itself.
    seen: String,
    revision: RevisionRow,
    /// Commits that the default branch lacks.
    ahead: u32,
    /// The rule that protects it.
    rule: String,
    error: String,
}

#[derive(Deserialize)]
pub(crate) struct Seen {
    seen: String,
}

/// The name in the address, after `delete/`.
fn named(rest: Rest) -> Result<String, PageError> {
    let name = rest.0.strip_prefix(b"delete/").map(<[u8]>::to_vec).ok_or_else(PageError::not_found)?;
    String::from_utf8(name).map_err(|_| PageError::not_found())
}

pub(crate) async fn branch_remove(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    ask(&app, page, NameKind::Branch, named(rest)?, None).await
}

pub(crate) async fn tag_remove(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    ask(&app, page, NameKind::Tag, named(rest)?, None).await
}

pub(crate) async fn branch_gone(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Form(seen): Form<Seen>,
) -> Result<Response, PageError> {
    remove(&app, page, NameKind::Branch, named(rest)?, seen).await
}

pub(crate) async fn tag_gone(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Form(seen): Form<Seen>,
) -> Result<Response, PageError> {
    remove(&app, page, NameKind::Tag, named(rest)?, seen).await
}

async fn ask(
    app: &App,
    page: RepoPage,
    kind: NameKind,
    name: String,
    trouble: Option<Trouble>,
) -> Result<Response, PageError> {
    let who = page.writer()?;
    let repository = app.site.open_for_read(Some(who), &page.address).await?;
    let found = repository.named(kind, &name).ok_or_else(PageError::not_found)?;
    let rules = app.site.protections_seen(page.code.proof()).await?;
    let protected = if kind == NameKind::Tag { Protected::Tag } else { Protected::Branch };
    let rule = deciding(&rules, protected, &name).map(|rule| rule.pattern.to_string()).unwrap_or_default();
    let (shell, frame) = (page.shell(), page.frame(if kind == NameKind::Tag { "tags" } else { "branches" }));
    let (at, default) = (found.peeled.unwrap_or(found.id).to_string(), frame.branch.clone());
    let made = page.read(move |source| {
        let revision = source.resolve(&at)?;
        let ahead = match source.resolve(&default) {
            Ok(default) => source.compare(&default.id, &revision.id, 0)?.ahead,
            Err(_) => 0,
        };
        Ok((revision, ahead))
    });
    let (revision, ahead) = made.await?;
    let (status, error) = trouble.map_or((StatusCode::OK, String::new()), |it| (it.status, it.text));
    let page = RemoveNamePage {
        shell,
        frame,
        branches: kind == NameKind::Branch,
        name: code::visible(name.as_bytes()),
        seen: found.id.to_string(),
        revision: RevisionRow::from(&revision),
        ahead,
        rule,
        error,
    };
    Ok((status, Html(page.render()?)).into_response())
}

async fn remove(
    app: &App,
    page: RepoPage,
    kind: NameKind,
    name: String,
    Seen { seen }: Seen,
) -> Result<Response, PageError> {
    let who = page.writer()?;
    match app.site.name_remove(who, &page.address, kind, &name, Some(&RevisionId(seen))).await {
        Ok(entry) => {
            let list = if kind == NameKind::Tag { "tags" } else { "branches" };
            Ok(Redirect::to(&format!("/{}/-/{list}?entry={entry}", page.code.repo().path)).into_response())
        }
        Err(error) => ask(app, page, kind, name, Some(Trouble::of(error)?)).await,
    }
}
