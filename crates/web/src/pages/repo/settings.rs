//! A repository's settings, for who administers it. Others find nothing here.

use super::frame::{Frame, RepoPage};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::NameKind;
use forge::event::repo::{Access, Visibility};
use forge::quota::{Level, Usage};
use forge::site::RepoChange;
use forge::{Error, Principal};
use http::StatusCode;
use serde::Deserialize;

/// Who may change what a repository is and shows, and who it is.
fn maintainer(page: &RepoPage, frame: &Frame) -> Result<Principal, PageError> {
    let who = page.visitor.signed_in()?;
    if frame.can_maintain { Ok(who.clone()) } else { Err(PageError::not_found()) }
}

/// Who may change who may do what, and who it is.
pub(super) fn administrator(page: &RepoPage, frame: &Frame) -> Result<Principal, PageError> {
    let who = page.visitor.signed_in()?;
    if frame.can_admin { Ok(who.clone()) } else { Err(PageError::not_found()) }
}

#[derive(Deserialize, Default)]
pub(crate) struct General {
    /// Empty, as the next: stays. Only administrators change these two.
    #[serde(default)]
    name: String,
    description: String,
    website: String,
    branch: String,
    #[serde(default)]
    visibility: String,
}

#[derive(Template)]
#[template(path = "repo/settings.html")]
struct GeneralPage {
    shell: Shell,
    frame: Frame,
    form: General,
    branches: Vec<String>,
    /// What it and its owner take, in words.
    usage: String,
    error: String,
    done: &'static str,
}

/// `/OWNER/NAME/-/settings`
pub(crate) async fn general(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    maintainer(&page, &frame)?;
    let form = General {
        name: frame.name.clone(),
        description: frame.description.clone(),
        website: frame.website.clone(),
        branch: frame.branch.clone(),
        visibility: frame.visibility.to_owned(),
    };
    general_page(&app, page, frame, form, String::new(), "").await
}

fn usage(usage: &Usage) -> String {
    let level = |level: &Level| format!("{} of {}", show::bytes(level.used), show::bytes(level.max));
    let repo = usage.repo.as_ref().map(level).unwrap_or_default();
    format!("It takes {repo}; all repositories of its owner take {}.", level(&usage.bytes))
}

async fn general_page(
    app: &App,
    page: RepoPage,
    frame: Frame,
    form: General,
    error: String,
    done: &'static str,
) -> Result<Response, PageError> {
    let is_svn = page.code.repo().is_svn();
    let mut branches = match is_svn {
        true => Vec::new(),
        false => page.read(|source| source.short_names(NameKind::Branch)).await?,
    };
    if !is_svn && !branches.contains(&form.branch) {
        branches.insert(0, form.branch.clone());
    }
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let usage = usage(&app.site.usage(page.code.proof()).await?);
    let page = GeneralPage { shell: page.shell(), frame, form, branches, usage, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn general_set(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<General>,
) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let who = maintainer(&page, &frame)?;
    match set(&app, &who, &page, &frame, &form).await {
        Ok(path) => Ok(Redirect::to(&format!("/{path}/-/settings")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => general_page(&app, page, frame, form, error.to_string(), "").await,
    }
}

async fn set(app: &App, who: &Principal, page: &RepoPage, frame: &Frame, form: &General) -> Result<String, Error> {
    let name = Some(form.name.trim()).filter(|name| !name.is_empty() && *name != frame.name);
    let name = name.map(str::parse).transpose();
    let visibility = Some(form.visibility.as_str()).filter(|word| !word.is_empty() && *word != frame.visibility);
    let unknown = || Error::invalid("a repository is public, internal or private");
    let change = RepoChange {
        name: name.map_err(|error| Error::invalid(format!("{error}")))?,
        visibility: visibility.map(|word| Visibility::parse(word).ok_or_else(unknown)).transpose()?,
        branch: (form.branch != frame.branch).then(|| form.branch.clone()),
        description: Some(form.description.clone()),
        website: Some(form.website.clone()),
    };
    Ok(app.site.repo_change(Some(who), &page.address, change).await?.path)
}

struct PersonRow {
    name: String,
    access: &'static str,
}

#[derive(Template)]
#[template(path = "repo/people.html")]
struct PeoplePage {
    shell: Shell,
    frame: Frame,
    people: Vec<PersonRow>,
    roles: Vec<(&'static str, &'static str)>,
    error: String,
    done: &'static str,
}

/// `/OWNER/NAME/-/settings/people`
pub(crate) async fn people(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    people_page(&app, page, String::new(), "").await
}

async fn people_page(app: &App, page: RepoPage, error: String, done: &'static str) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let who = administrator(&page, &frame)?;
    let listed = app.site.collaborator_list(Some(&who), &page.address, 0, 100).await?;
    let row =
        |person: forge::repo::query::Collaborator| PersonRow { name: person.name, access: show::role(person.access) };
    let people = listed.into_iter().map(row).collect();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = PeoplePage { shell: page.shell(), frame, people, roles: show::roles(), error, done };
    Ok((status, Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Person {
    user: String,
    #[serde(default)]
    access: String,
}

pub(crate) async fn person_put(
    State(app): State<App>,
    page: RepoPage,
    _: Proven,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    let who = administrator(&page, &page.frame("settings"))?;
    let access = Access::parse(&form.access).unwrap_or(Access::Read);
    let put = async {
        let user = form.user.trim().parse().map_err(|error| Error::invalid(format!("{error}")))?;
        app.site.collaborator_put(Some(&who), &page.address, user, access).await
    };
    let put = put.await;
    outcome(&app, put, page, "They can use it from now on.").await
}

pub(crate) async fn person_remove(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    let who = administrator(&page, &page.frame("settings"))?;
    let removed = async {
        let user = form.user.trim().parse().map_err(|error| Error::invalid(format!("{error}")))?;
        app.site.collaborator_remove(Some(&who), &page.address, user).await
    };
    let removed = removed.await;
    outcome(&app, removed, page, "They can't use it any more.").await
}

async fn outcome(
    app: &App,
    answer: Result<(), Error>,
    page: RepoPage,
    done: &'static str,
) -> Result<Response, PageError> {
    match answer {
        Ok(()) => people_page(app, page, String::new(), done).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => people_page(app, page, error.to_string(), "").await,
    }
}
