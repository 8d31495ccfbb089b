//! `/-/activity`: what happened in all repositories that one may see; `?by=NAME`: what somebody did. The same as feeds.

use crate::app::App;
use crate::pages::activity::{Feed, ROWS, Row, with_subjects};
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::{Html, Response};
use axum::routing::get;
use forge::activity::ActivityFilter;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/activity", get(activity)).route("/-/activity.atom", get(feed))
}

#[derive(Deserialize)]
struct Wanted {
    before: Option<u64>,
    by: Option<String>,
}

#[derive(Template)]
#[template(path = "site/activity.html")]
struct ActivityPage {
    shell: Shell,
    activity: Vec<Row>,
    feed: String,
    more: Option<String>,
}

/// The account that is asked for; what is none has done nothing, as one that nothing may be seen of.
async fn actor(app: &App, by: Option<&str>) -> Result<Option<u64>, PageError> {
    let Some(by) = by else { return Ok(None) };
    let name = by.parse().map_err(|_| PageError::not_found())?;
    Ok(Some(app.site.user_fetch(&name).await?.id))
}

async fn activity(
    State(app): State<App>,
    visitor: Visitor,
    Query(Wanted { before, by }): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    let actor = actor(&app, by.as_deref()).await?;
    let filter = ActivityFilter { actor, before, limit: ROWS, ..ActivityFilter::default() };
    let listed = app.site.activity(visitor.who.as_ref(), filter).await?;
    let by = |sign: char| by.as_ref().map(|by| format!("{sign}by={by}")).unwrap_or_default();
    let page = ActivityPage {
        shell: visitor.shell,
        activity: with_subjects(&app, visitor.who.as_ref(), &listed.rows).await,
        feed: format!("/-/activity.atom{}", by('?')),
        more: listed.next.map(|next| format!("?before={next}{}", by('&'))),
    };
    Ok(Html(page.render()?))
}

async fn feed(
    State(app): State<App>,
    visitor: Visitor,
    Query(Wanted { by, .. }): Query<Wanted>,
) -> Result<Response, PageError> {
    let actor = actor(&app, by.as_deref()).await?;
    let filter = ActivityFilter { actor, limit: ROWS, ..ActivityFilter::default() };
    let listed = app.site.activity(visitor.who.as_ref(), filter).await?;
    let rows = with_subjects(&app, visitor.who.as_ref(), &listed.rows).await;
    let query = by.as_ref().map(|by| format!("?by={by}")).unwrap_or_default();
    let feed = Feed {
        title: by.map_or_else(|| "Activity".to_owned(), |by| format!("{by}: activity")),
        subject: actor.map_or_else(|| "all".to_owned(), |actor| format!("account {actor}")),
        page: format!("/-/activity{query}"),
        this: format!("/-/activity.atom{query}"),
        rows: &rows,
    };
    Ok(feed.answer(&app))
}
