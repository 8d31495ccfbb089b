//! `/`: what this is, or for who is signed in, their repositories.

use super::{OrgRow, RepoRow};
use crate::app::App;
use crate::pages::activity::{Row, with_subjects};
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use forge::activity::ActivityFilter;

/// Repositories on the front page.
const SHOWN_MAX: u32 = 50;
/// Of what happened.
const ACTIVITY_SHOWN: u32 = 12;

pub(super) fn router() -> Router<App> {
    Router::new().route("/", get(front))
}

#[derive(Template)]
#[template(path = "front.html")]
struct FrontPage {
    shell: Shell,
    base_url: String,
}

#[derive(Template)]
#[template(path = "site/dashboard.html")]
struct Dashboard {
    shell: Shell,
    user: String,
    own: Vec<RepoRow>,
    others: Vec<RepoRow>,
    orgs: Vec<OrgRow>,
    /// What happened lately in what is theirs.
    activity: Vec<Row>,
    base_url: String,
}

async fn front(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    let base_url = app.site.base_url().to_owned();
    let Some(who) = &visitor.who else {
        return Ok(Html(FrontPage { shell: visitor.shell, base_url }.render()?).into_response());
    };
    let name: forge::UserName = who.name().parse().map_err(|_| PageError::not_found())?;
    let orgs = app.site.org_list_of(Some(who), &name).await?;
    let own = app.site.repo_list(Some(who), Some(&name.into()), None, 0, SHOWN_MAX).await?;
    let all = app.site.repo_list(Some(who), None, None, 0, SHOWN_MAX).await?;
    let newest = |repos: &mut Vec<&forge::repo::Repo>| {
        repos.sort_by_key(|repo| std::cmp::Reverse(repo.pushed_us.unwrap_or(repo.created_us)));
    };
    let mut others: Vec<_> = all.iter().filter(|repo| repo.namespace != who.user()).collect();
    let mut mine: Vec<_> = own.iter().collect();
    newest(&mut others);
    newest(&mut mine);
    let filter = ActivityFilter { own: true, limit: ACTIVITY_SHOWN, ..ActivityFilter::default() };
    let activity = app.site.activity(Some(who), filter).await?;
    let page = Dashboard {
        activity: with_subjects(&app, Some(who), &activity.rows).await,
        user: who.name().to_owned(),
        orgs: orgs.iter().map(OrgRow::from).collect(),
        own: mine.into_iter().map(RepoRow::from).collect(),
        others: others.into_iter().take(10).map(RepoRow::from).collect(),
        shell: visitor.shell,
        base_url,
    };
    Ok(Html(page.render()?).into_response())
}
