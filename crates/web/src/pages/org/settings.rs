//! `/ORG/-/settings`, for its owners.

use super::frame::{Frame, OrgPage, Outcome};
use crate::app::App;
use crate::pages::error::PageError;
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
}

pub(crate) async fn settings(State(app): State<App>, page: OrgPage) -> Result<Response, PageError> {
    let org = page.own(&app).await?.org().clone();
    let form = Settings {
        name: org.name,
        full_name: org.full_name.unwrap_or_default(),
        description: org.description.unwrap_or_default(),
        website: org.website.unwrap_or_default(),
        visibility: org.visibility.as_str().to_owned(),
        base: org.base.map(|base| base.as_str().to_owned()).unwrap_or_default(),
        members_create: org.members_create,
    };
    show_settings(&page, form, Outcome::default())
}

fn show_settings(page: &OrgPage, form: Settings, outcome: Outcome) -> Result<Response, PageError> {
    let (shell, frame, status) = (page.shell(), page.frame("settings"), outcome.status());
    Ok((status, Html(SettingsPage { shell, frame, outcome, form, roles: show::roles() }.render()?)).into_response())
}

pub(crate) async fn set(
    State(app): State<App>,
    page: OrgPage,
    Form(form): Form<Settings>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    match change(&app, proof, &form).await {
        Ok(org) => Ok(Redirect::to(&format!("/{}/-/settings", org.path)).into_response()),
        Err(error) => show_settings(&page, form, Outcome::of::<()>(Err(error), "")?),
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
