//! `/ORG/-/people`: who belongs to it.

use super::frame::{Frame, OrgPage, Outcome};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use forge::event::org::OrgRole;
use forge::{Error, UserName};
use serde::Deserialize;

/// People on the page.
const SHOWN_MAX: u32 = 1000;

struct PersonRow {
    name: String,
    owner: bool,
    shown: bool,
    /// They have no second factor; for owners to see.
    without_factor: bool,
    /// The visitor.
    own: bool,
}

#[derive(Template)]
#[template(path = "org/people.html")]
struct PeoplePage {
    shell: Shell,
    frame: Frame,
    outcome: Outcome,
    people: Vec<PersonRow>,
}

pub(crate) async fn people(State(app): State<App>, page: OrgPage) -> Result<Response, PageError> {
    show_people(&app, page, Outcome::default()).await
}

async fn show_people(app: &App, page: OrgPage, outcome: Outcome) -> Result<Response, PageError> {
    let listed = app.site.org_members(&page.proof, 0, SHOWN_MAX).await?;
    let owner = page.proof.role() == Some(OrgRole::Owner);
    let without = if owner { app.site.org_factors(&page.own(app).await?).await?.1 } else { Vec::new() };
    let me = page.visitor.who.as_ref().map(forge::Principal::user);
    let row = |member: forge::org::query::Member| PersonRow {
        own: Some(member.account) == me,
        owner: member.role == OrgRole::Owner,
        shown: member.shown,
        without_factor: without.contains(&member.account),
        name: member.name,
    };
    let people = listed.into_iter().map(row).collect();
    let (shell, frame, status) = (page.shell(), page.frame("people"), outcome.status());
    Ok((status, Html(PeoplePage { shell, frame, outcome, people }.render()?)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Person {
    user: String,
    #[serde(default)]
    role: String,
}

pub(super) fn user(text: &str) -> Result<UserName, Error> {
    text.trim().parse()
}

pub(crate) async fn put(
    State(app): State<App>,
    page: OrgPage,
    _: Proven,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    let role = if form.role == "owner" { OrgRole::Owner } else { OrgRole::Member };
    let put = match user(&form.user) {
        Ok(user) => app.site.org_member_put(proof, user, role).await,
        Err(error) => Err(error),
    };
    show_people(&app, page, Outcome::of(put, "That is what they are from now on.")?).await
}

/// An owner takes somebody out, or somebody leaves. Who leaves may see nothing of it afterwards, and goes to their own page.
pub(crate) async fn remove(
    State(app): State<App>,
    page: OrgPage,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    page.know(&app).await?;
    let who = page.visitor.signed_in()?.clone();
    if !who.name().eq_ignore_ascii_case(form.user.trim()) {
        page.own(&app).await?;
    }
    let removed = match user(&form.user) {
        Ok(user) => app.site.org_member_remove(&who, &page.address, user).await,
        Err(error) => Err(error),
    };
    if removed.is_ok() && who.name().eq_ignore_ascii_case(form.user.trim()) {
        return Ok(axum::response::Redirect::to("/").into_response());
    }
    show_people(&app, page, Outcome::of(removed, "They do not belong to it any more.")?).await
}

#[derive(Deserialize)]
pub(crate) struct Shown {
    #[serde(default)]
    shown: bool,
}

pub(crate) async fn show(
    State(app): State<App>,
    page: OrgPage,
    Form(form): Form<Shown>,
) -> Result<Response, PageError> {
    page.know(&app).await?;
    let who = page.visitor.signed_in()?.clone();
    let shown = app.site.org_member_show(&who, &page.address, form.shown).await;
    show_people(&app, page, Outcome::of(shown, "Saved.")?).await
}
