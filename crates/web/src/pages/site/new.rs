//! `/-/new`: a repository in a few seconds.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::RepoPath;
use forge::event::repo::{Format, RepoKind, Visibility};
use forge::settings::Name;
use forge::site::{NewRepo, RepoChange};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/new", get(form).post(create))
}

#[derive(Deserialize, Default)]
struct Wanted {
    /// Whose; empty: one's own.
    #[serde(default)]
    owner: String,
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    visibility: String,
    #[serde(default)]
    format: String,
    #[serde(default)]
    kind: String,
}

#[derive(Template)]
#[template(path = "site/new.html")]
struct NewPage {
    shell: Shell,
    /// Where one may make repositories, oneself first; never empty.
    owners: Vec<String>,
    /// Why there can be none of Subversion; empty: there can.
    no_svn: String,
    wanted: Wanted,
    error: String,
}

#[derive(Deserialize)]
struct For {
    #[serde(default)]
    owner: String,
}

async fn form(
    State(app): State<App>,
    visitor: Visitor,
    Query(For { owner }): Query<For>,
) -> Result<Html<String>, PageError> {
    let owners = owners(&app, visitor.signed_in()?).await?;
    let visibility = app.site.settings().text(Name::Visibility).to_owned();
    let wanted = Wanted { owner, visibility, ..Wanted::default() };
    let page = NewPage { shell: visitor.shell, owners, no_svn: no_svn(&app), wanted, error: String::new() };
    Ok(Html(page.render()?))
}

pub(super) async fn owners(app: &App, who: &forge::Principal) -> Result<Vec<String>, forge::Error> {
    let mut owners: Vec<_> = app.site.org_list_for_new(who).await?.into_iter().map(|org| org.path).collect();
    let in_organisations_alone = app.site.settings().text(Name::ReposMadeBy) == "organisations" && !who.is_operator();
    if owners.is_empty() || !in_organisations_alone {
        owners.insert(0, who.name().to_owned());
    }
    Ok(owners)
}

async fn create(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    match make(&app, &who, &wanted).await {
        Ok(path) => Ok(Redirect::to(&format!("/{path}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let owners = owners(&app, &who).await?;
            let no_svn = no_svn(&app);
            let page = NewPage { shell: visitor.shell, owners, no_svn, wanted, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

fn no_svn(app: &App) -> String {
    app.site.subversion().missing().unwrap_or_default().to_owned()
}

async fn make(app: &App, who: &forge::Principal, wanted: &Wanted) -> Result<String, forge::Error> {
    let owner = if wanted.owner.is_empty() { who.name() } else { wanted.owner.as_str() };
    let path: RepoPath =
        format!("{owner}/{}", wanted.name.trim()).parse().map_err(|error| forge::Error::invalid(format!("{error}")))?;
    let mut new = NewRepo::new(path.clone());
    new.visibility = Visibility::parse(&wanted.visibility);
    new.kind = RepoKind::parse(&wanted.kind).unwrap_or(RepoKind::Git);
    new.format = if wanted.format == "sha256" { Format::Sha256 } else { Format::Sha1 };
    let repo = app.site.repo_create(Some(who), new).await?;
    if !wanted.description.trim().is_empty() {
        let change = RepoChange { description: Some(wanted.description.clone()), ..RepoChange::default() };
        app.site.repo_change(Some(who), &path, change).await?;
    }
    Ok(repo.path)
}
