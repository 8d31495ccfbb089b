//! `/-/admin/repositories`: what they take. Running a site shows nobody's private repositories.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use serde::Deserialize;

const PAGE: u32 = 50;
/// Owners in the list of those that take most.
const OWNERS: u32 = 50;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/repositories", get(repositories))
}

struct Row {
    path: String,
    visibility: &'static str,
    changed: String,
    bytes: String,
}

#[derive(Template)]
#[template(path = "site/admin_repositories.html")]
struct RepositoriesPage {
    shell: Shell,
    owners: Vec<(String, u64, String)>,
    repos: Vec<Row>,
    more: Option<String>,
}

#[derive(Deserialize)]
struct After {
    #[serde(default)]
    after: u64,
}

async fn repositories(
    State(app): State<App>,
    visitor: Visitor,
    Query(After { after }): Query<After>,
) -> Result<Html<String>, PageError> {
    let who = visitor.operator()?;
    let spaces = app.site.owner_spaces(who, OWNERS).await?;
    let owners = spaces.into_iter().map(|space| (space.owner, space.repositories, show::bytes(space.bytes))).collect();
    let listed = app.site.repo_list(Some(who), None, None, after, PAGE).await?;
    let bytes = app.site.repo_bytes(listed.iter().map(|repo| repo.id).collect()).await?;
    let full = listed.len() == PAGE as usize;
    let more = listed.last().filter(|_| full).map(|last| format!("?after={}", last.id));
    let row = |(repo, bytes): (&forge::repo::Repo, u64)| Row {
        path: repo.path.clone(),
        visibility: repo.visibility.as_str(),
        changed: show::time_us(repo.pushed_us.unwrap_or(repo.created_us)),
        bytes: show::bytes(bytes),
    };
    let repos = listed.iter().zip(bytes).map(row).collect();
    Ok(Html(RepositoriesPage { shell: visitor.shell, owners, repos, more }.render()?))
}
