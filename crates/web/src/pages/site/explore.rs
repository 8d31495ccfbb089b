//! `/-/explore`: repositories one may see. `/-/palette`: the same for the keyboard's palette.

use super::RepoRow;
use crate::app::App;
use crate::pages::error::{PageError, form_urlencoded};
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::{Value, json};

const PAGE: u32 = 30;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/explore", get(explore)).route("/-/palette", get(palette))
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: u64,
}

#[derive(Template)]
#[template(path = "site/explore.html")]
struct ExplorePage {
    shell: Shell,
    q: String,
    repos: Vec<RepoRow>,
    /// The query of the next page.
    more: Option<String>,
}

async fn explore(
    State(app): State<App>,
    visitor: Visitor,
    Query(Wanted { q, after }): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    let found = app.site.repo_list(visitor.who.as_ref(), None, Some(&q), after, PAGE).await?;
    let full = found.len() == PAGE as usize;
    let more = found.last().filter(|_| full).map(|last| format!("?q={}&after={}", form_urlencoded(&q), last.id));
    let repos = found.iter().map(RepoRow::from).collect();
    Ok(Html(ExplorePage { shell: visitor.shell, q, repos, more }.render()?))
}

async fn palette(State(app): State<App>, visitor: Visitor) -> Result<Json<Value>, PageError> {
    let found = app.site.repo_list(visitor.who.as_ref(), None, None, 0, 100).await?;
    let items =
        found.iter().map(|repo| json!({ "text": repo.path, "note": "repository", "href": format!("/{}", repo.path) }));
    Ok(Json(items.collect()))
}
