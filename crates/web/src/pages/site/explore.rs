//! `/-/explore`: repositories one may see. `/-/palette`: the same for the keyboard's palette, and people and organisations.

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

#[derive(Deserialize)]
struct Sought {
    /// A part of a name; empty: the first there are.
    #[serde(default)]
    q: String,
}

/// Repositories, people and organisations of this name in an answer.
const FOUND_MAX: u32 = 20;

async fn palette(
    State(app): State<App>,
    visitor: Visitor,
    Query(Sought { q }): Query<Sought>,
) -> Result<Json<Value>, PageError> {
    let (who, text) = (visitor.who.as_ref(), q.trim());
    let limit = if text.is_empty() { 100 } else { FOUND_MAX };
    let item = |text: String, note: &str, path: &str| json!({ "text": text, "note": note, "href": format!("/{path}") });
    let found = app.site.repo_list(who, None, Some(text), 0, limit).await?;
    let mut items: Vec<_> = found.iter().map(|repo| item(repo.path.clone(), "repository", &repo.path)).collect();
    if !text.is_empty() {
        let orgs = app.site.org_find(who, text, FOUND_MAX as usize).await?;
        items.extend(orgs.into_iter().map(|path| item(path.clone(), "organisation", &path)));
        let people = match who {
            Some(who) => app.site.user_find(who, text, FOUND_MAX).await?,
            None => Vec::new(),
        };
        items.extend(people.into_iter().map(|(name, called)| {
            item(called.map_or_else(|| name.clone(), |called| format!("{name} ({called})")), "person", &name)
        }));
    }
    Ok(Json(items.into()))
}
