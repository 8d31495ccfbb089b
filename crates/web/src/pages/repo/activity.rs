//! What happened in a repository.

use super::frame::{Frame, RepoPage};
use crate::app::App;
use crate::pages::activity::{Feed, ROWS, Row, challenge, older, with_commits};
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::activity::{ActivityFilter, ActivityPage};
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Before {
    before: Option<u64>,
}

#[derive(Template)]
#[template(path = "repo/activity.html")]
struct RepoActivityPage {
    shell: Shell,
    frame: Frame,
    activity: Vec<Row>,
    more: Option<String>,
    /// Whether the visitor is told of commits by mail; None: it can't be asked for.
    mailed: Option<bool>,
}

async fn listed(app: &App, page: &RepoPage, before: Option<u64>) -> Result<ActivityPage, PageError> {
    let subject = Some(page.code.repo().id);
    let filter = ActivityFilter { subject, before, limit: ROWS, ..ActivityFilter::default() };
    Ok(app.site.activity(page.visitor.who.as_ref(), filter).await?)
}

/// `/OWNER/NAME/-/activity`
pub(crate) async fn activity(
    State(app): State<App>,
    page: RepoPage,
    Query(Before { before }): Query<Before>,
) -> Result<Html<String>, PageError> {
    let listed = listed(&app, &page, before).await?;
    let activity = with_commits(&page, &listed.rows).await?;
    let (shell, frame, more) = (page.shell(), page.frame("activity"), older(listed.next));
    let mailed = match &page.visitor.who {
        Some(who) if frame.is_svn => Some(app.site.svn_mail(who, &page.address).await?),
        _ => None,
    };
    Ok(Html(RepoActivityPage { shell, frame, activity, more, mailed }.render()?))
}

#[derive(Deserialize)]
pub(crate) struct Mail {
    on: Option<String>,
}

/// `POST /OWNER/NAME/-/activity/mail`
pub(crate) async fn mail_set(
    State(app): State<App>,
    page: RepoPage,
    Form(Mail { on }): Form<Mail>,
) -> Result<Redirect, PageError> {
    app.site.svn_mail_set(page.visitor.signed_in()?, &page.address, on.is_some()).await?;
    Ok(Redirect::to(&format!("{}/activity", page.frame("activity").base())))
}

/// `/OWNER/NAME/-/activity.atom`
pub(crate) async fn feed(
    State(app): State<App>,
    visitor: Visitor,
    page: Result<RepoPage, PageError>,
) -> Result<Response, PageError> {
    let page = match page {
        Err(_) if visitor.who.is_none() => return Ok(challenge().into_response()),
        page => page?,
    };
    let listed = listed(&app, &page, None).await?;
    let rows = with_commits(&page, &listed.rows).await?;
    let frame = page.frame("activity");
    let feed = Feed {
        title: format!("{}: activity", frame.path),
        subject: format!("repository {}", page.code.repo().id),
        page: format!("{}/activity", frame.base()),
        this: format!("{}/activity.atom", frame.base()),
        rows: &rows,
    };
    Ok(feed.answer(&app))
}
