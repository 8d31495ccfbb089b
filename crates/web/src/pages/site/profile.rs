//! `/OWNER`: somebody, and what of theirs one may see.

use super::{OrgRow, RepoRow};
use crate::app::App;
use crate::pages::activity::{Row, with_subjects};
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::body::Body;
use axum::extract::{FromRequestParts as _, Request};
use axum::response::Html;
use forge::UserName;
use forge::activity::ActivityFilter;

/// Of what they did.
const ACTIVITY_SHOWN: u32 = 10;

#[derive(Template)]
#[template(path = "site/profile.html")]
struct ProfilePage {
    shell: Shell,
    name: String,
    full_name: String,
    bio: String,
    website: String,
    since: String,
    own: bool,
    orgs: Vec<OrgRow>,
    repos: Vec<RepoRow>,
    activity: Vec<Row>,
}

pub(crate) async fn page(app: App, name: String, request: Request<Body>) -> Result<Html<String>, PageError> {
    let name: UserName = name.parse().map_err(|_| PageError::not_found())?;
    let (mut parts, _) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, &app).await?;
    let user = app.site.user_fetch(&name).await?;
    let repos = app.site.repo_list(visitor.who.as_ref(), Some(&name.clone().into()), None, 0, 100).await?;
    let orgs = app.site.org_list_of(visitor.who.as_ref(), &name).await?;
    let filter = ActivityFilter { actor: Some(user.id), limit: ACTIVITY_SHOWN, ..ActivityFilter::default() };
    let activity = app.site.activity(visitor.who.as_ref(), filter).await?;
    let page = ProfilePage {
        activity: with_subjects(&app, visitor.who.as_ref(), &activity.rows).await,
        own: visitor.shell.user.as_ref() == Some(&user.name),
        shell: visitor.shell,
        full_name: user.full_name.unwrap_or_else(|| user.name.clone()),
        name: user.name,
        bio: user.bio.unwrap_or_default(),
        website: user.website.unwrap_or_default(),
        since: show::time_us(user.created_us),
        orgs: orgs.iter().map(OrgRow::from).collect(),
        repos: repos.iter().map(RepoRow::from).collect(),
    };
    Ok(Html(page.render()?))
}
