//! `/ORG/-/teams`: its teams, for those in it; changed by its owners.

use super::frame::{Frame, OrgPage, Outcome};
use super::people::user;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::site::RepoRow;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::access::{Know, OrgProof, Own};
use forge::event::repo::Access;
use forge::org::query::Team;
use forge::org::team::TeamSpec;
use forge::{Error, RepoPath};
use serde::Deserialize;

/// Teams on the page.
const SHOWN_MAX: u32 = 1000;

#[derive(Deserialize, Default)]
pub(crate) struct Spec {
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    access: String,
    #[serde(default)]
    all_repos: bool,
    #[serde(default)]
    create_repos: bool,
}

impl Spec {
    fn parse(&self) -> Result<TeamSpec, Error> {
        let access = Access::parse(&self.access).ok_or_else(|| Error::invalid("choose what the team may do"))?;
        Ok(TeamSpec {
            name: self.name.clone(),
            description: self.description.clone(),
            access,
            all_repos: self.all_repos,
            create_repos: self.create_repos,
        })
    }
}

impl From<&Team> for Spec {
    fn from(team: &Team) -> Self {
        Self {
            name: team.name.clone(),
            description: team.description.clone().unwrap_or_default(),
            access: team.access.as_str().to_owned(),
            all_repos: team.all_repos,
            create_repos: team.create_repos,
        }
    }
}

struct TeamRow {
    id: u64,
    name: String,
    description: String,
    about: String,
}

impl From<&Team> for TeamRow {
    fn from(team: &Team) -> Self {
        let members = show::counted(team.members, "person", "people");
        let reach = if team.all_repos { "in all repositories" } else { "in repositories it was given" };
        Self {
            id: team.id,
            name: team.name.clone(),
            description: team.description.clone().unwrap_or_default(),
            about: format!("{members} · {} {reach}", show::role(team.access)),
        }
    }
}

#[derive(Template)]
#[template(path = "org/teams.html")]
struct TeamsPage {
    shell: Shell,
    frame: Frame,
    outcome: Outcome,
    teams: Vec<TeamRow>,
    form: Spec,
    roles: Vec<(&'static str, &'static str)>,
}

pub(crate) async fn teams(State(app): State<App>, page: OrgPage) -> Result<Response, PageError> {
    let form = Spec { access: "write".to_owned(), ..Spec::default() };
    show_teams(&app, page, form, Outcome::default()).await
}

async fn show_teams(app: &App, page: OrgPage, form: Spec, outcome: Outcome) -> Result<Response, PageError> {
    let teams = app.site.team_list(&page.know(app).await?, 0, SHOWN_MAX).await?;
    let teams = teams.iter().map(TeamRow::from).collect();
    let (shell, frame, status) = (page.shell(), page.frame("teams"), outcome.status());
    let page = TeamsPage { shell, frame, outcome, teams, form, roles: show::roles() };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn create(
    State(app): State<App>,
    page: OrgPage,
    Form(form): Form<Spec>,
) -> Result<Response, PageError> {
    let proof = page.own(&app).await?;
    let made = match form.parse() {
        Ok(team) => app.site.team_create(proof, team).await,
        Err(error) => Err(error),
    };
    match made {
        Ok(team) => Ok(to_team(&page, team.id)),
        Err(error) => show_teams(&app, page, form, Outcome::of::<()>(Err(error), "")?).await,
    }
}

fn to_team(page: &OrgPage, id: u64) -> Response {
    Redirect::to(&format!("/{}/-/teams/{id}", page.proof.org().path)).into_response()
}

#[derive(Template)]
#[template(path = "org/team.html")]
struct TeamPage {
    shell: Shell,
    frame: Frame,
    outcome: Outcome,
    row: TeamRow,
    form: Spec,
    roles: Vec<(&'static str, &'static str)>,
    people: Vec<String>,
    repos: Vec<RepoRow>,
}

/// The team of this number, if it is this organisation's.
async fn found(app: &App, page: &OrgPage, id: u64) -> Result<(OrgProof<Know>, Team), PageError> {
    page.know(app).await?;
    let (proof, team) = app.site.team::<Know>(page.visitor.who.as_ref(), id).await?;
    if proof.org().id == page.proof.org().id { Ok((proof, team)) } else { Err(PageError::not_found()) }
}

/// The same, with the right to change it.
async fn owned(app: &App, page: &OrgPage, id: u64) -> Result<OrgProof<Own>, PageError> {
    found(app, page, id).await?;
    page.own(app).await
}

pub(crate) async fn team(State(app): State<App>, page: OrgPage, Path(id): Path<u64>) -> Result<Response, PageError> {
    show_team(&app, page, id, None, Outcome::default()).await
}

async fn show_team(
    app: &App,
    page: OrgPage,
    id: u64,
    form: Option<Spec>,
    outcome: Outcome,
) -> Result<Response, PageError> {
    let (proof, team) = found(app, &page, id).await?;
    let people = app.site.team_members(&proof, &team, 0).await?.into_iter().map(|(_, name)| name).collect();
    let repos = app.site.team_repos(page.visitor.who.as_ref(), &proof, &team).await?;
    let status = outcome.status();
    let page = TeamPage {
        shell: page.shell(),
        frame: page.frame("teams"),
        outcome,
        row: TeamRow::from(&team),
        form: form.unwrap_or_else(|| Spec::from(&team)),
        roles: show::roles(),
        people,
        repos: repos.iter().map(RepoRow::from).collect(),
    };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn change(
    State(app): State<App>,
    page: OrgPage,
    Path(id): Path<u64>,
    Form(form): Form<Spec>,
) -> Result<Response, PageError> {
    let proof = owned(&app, &page, id).await?;
    let changed = match form.parse() {
        Ok(team) => app.site.team_change(proof, id, team).await,
        Err(error) => Err(error),
    };
    let outcome = Outcome::of(changed, "The team is saved.")?;
    show_team(&app, page, id, Some(form), outcome).await
}

pub(crate) async fn remove(State(app): State<App>, page: OrgPage, Path(id): Path<u64>) -> Result<Response, PageError> {
    let proof = owned(&app, &page, id).await?;
    app.site.team_remove(proof, id).await?;
    Ok(Redirect::to(&format!("/{}/-/teams", page.proof.org().path)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Person {
    user: String,
}

/// Does something to a team of one's own, and shows it with what came of it.
async fn acted(
    app: &App,
    page: OrgPage,
    id: u64,
    done: &'static str,
    act: impl AsyncFnOnce(OrgProof<Own>) -> Result<(), Error>,
) -> Result<Response, PageError> {
    let proof = owned(app, &page, id).await?;
    let outcome = Outcome::of(act(proof).await, done)?;
    show_team(app, page, id, None, outcome).await
}

pub(crate) async fn member_add(
    State(app): State<App>,
    page: OrgPage,
    _: Proven,
    Path(id): Path<u64>,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    let act = async |proof| app.site.team_member_add(proof, id, user(&form.user)?).await;
    acted(&app, page, id, "They are in the team.", act).await
}

pub(crate) async fn member_remove(
    State(app): State<App>,
    page: OrgPage,
    Path(id): Path<u64>,
    Form(form): Form<Person>,
) -> Result<Response, PageError> {
    let act = async |proof| app.site.team_member_remove(proof, id, user(&form.user)?).await;
    acted(&app, page, id, "They are not in the team any more.", act).await
}

#[derive(Deserialize)]
pub(crate) struct Repository {
    repo: String,
}

impl Repository {
    /// As it is written in the form: its name in the organisation, or its whole path.
    fn path(&self, org: &str) -> Result<RepoPath, Error> {
        let text = self.repo.trim().trim_start_matches('/');
        if text.contains('/') { text.parse() } else { format!("{org}/{text}").parse() }
    }
}

pub(crate) async fn repo_add(
    State(app): State<App>,
    page: OrgPage,
    Path(id): Path<u64>,
    Form(form): Form<Repository>,
) -> Result<Response, PageError> {
    let org = page.proof.org().path.clone();
    let act = async |proof| app.site.team_repo_add(proof, id, form.path(&org)?).await;
    acted(&app, page, id, "The team uses it from now on.", act).await
}

pub(crate) async fn repo_remove(
    State(app): State<App>,
    page: OrgPage,
    Path(id): Path<u64>,
    Form(form): Form<Repository>,
) -> Result<Response, PageError> {
    let org = page.proof.org().path.clone();
    let act = async |proof| app.site.team_repo_remove(proof, id, form.path(&org)?).await;
    acted(&app, page, id, "The team does not use it any more.", act).await
}
