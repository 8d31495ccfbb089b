//! `/ORG/-/settings`, for its owners.

use super::frame::{Frame, OrgPage, Outcome};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::Error;
use forge::access::{OrgProof, Own};
use forge::event::repo::{Access, Visibility};
use forge::org::command::OrgChange;
use forge::org::query::Org;
use forge::site::Asked;
use serde::Deserialize;

#[derive(Deserialize, Default)]
pub(crate) struct Settings {
    name: String,
    full_name: String,
    description: String,
    website: String,
    visibility: String,
    /// A role, or nothing.
    #[serde(default)]
    base: String,
    #[serde(default)]
    members_create: bool,
}

#[derive(Template)]
#[template(path = "org/settings.html")]
struct SettingsPage {
    shell: Shell,
    frame: Frame,
    outcome: Outcome,
    form: Settings,
    roles: Vec<(&'static str, &'static str)>,
    /// Everybody in it must have a second factor.
    required: bool,
    /// How many of its members have none.
    without: usize,
}

pub(crate) async fn settings(State(app): State<App>, page: OrgPage) -> Result<Response, PageError> {
    let form = form_of(page.own(&app).await?.org().clone());
    show_settings(&app, &page, form, Outcome::default()).await
}

fn form_of(org: Org) -> Settings {
    Settings {
        name: org.name,
        full_name: org.full_name.unwrap_or_default(),
        description: org.description.unwrap_or_default(),
        website: org.website.unwrap_or_default(),
        visibility: org.visibility.as_str().to_owned(),
        base: org.base.map(|base| base.as_str().to_owned()).unwrap_or_default(),
        members_create: org.members_create,
    }
}

async fn show_settings(app: &App, page: &OrgPage, form: Settings, outcome: Outcome) -> Result<Response, PageError> {
    let (required, without) = app.site.org_factors(&page.own(app).await?).await?;
    let (shell, frame, status) = (page.shell(), page.frame("settings"), outcome.status());
    let (roles, without) = (show::roles(), without.len());
    let page = SettingsPage { shell, frame, outcome, form, roles, required, without };
    Ok((status, Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Factors {
    #[serde(default)]
    required: bool,
}

pub(crate) async fn factors(
    State(app): State<App>,
    page: OrgPage,
    Proven { by, .. }: Proven,
    Form(Factors { required }): Form<Factors>,
) -> Result<Response, PageError> {
    let form = form_of(page.own(&app).await?.org().clone());
    let set = match app.site.org_factors_require(&by, &page.address, required).await {
        Ok(Asked::Ordered(id)) => return Ok(Redirect::to(&format!("/-/orders/{id}")).into_response()),
        Ok(Asked::Done(())) => Ok(()),
        Err(error) => Err(error),
    };
    let done =
        if required { "Everybody in it needs a second factor from now on." } else { "It is no longer required." };
    show_settings(&app, &page, form, Outcome::of(set, done)?).await
}

pub(crate) async fn set(
    State(app): State<App>,
    page: OrgPage,
    Form(form): Form<Settings>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    match change(&app, proof, &form).await {
        Ok(org) => Ok(Redirect::to(&format!("/{}/-/settings", org.path)).into_response()),
        Err(error) => show_settings(&app, &page, form, Outcome::of::<()>(Err(error), "")?).await,
    }
}

async fn change(app: &App, proof: OrgProof<Own>, form: &Settings) -> Result<Org, Error> {
    let unknown = || Error::invalid("an organisation is public, internal or private");
    let change = OrgChange {
        name: Some(form.name.trim().parse()?),
        full_name: Some(form.full_name.clone()),
        description: Some(form.description.clone()),
        website: Some(form.website.clone()),
        visibility: Some(Visibility::parse(&form.visibility).ok_or_else(unknown)?),
        base: Some(Access::parse(&form.base)),
        members_create: Some(form.members_create),
    };
    app.site.org_change(proof, change).await
}
