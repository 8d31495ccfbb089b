//! `/ORG`: what it is, and what of it one may see.

use super::frame::{Frame, OrgPage};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::site::{OrgRow, RepoRow};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::State;
use axum::response::Html;

#[derive(Template)]
#[template(path = "org/home.html")]
struct HomePage {
    shell: Shell,
    frame: Frame,
    repos: Vec<RepoRow>,
    orgs: Vec<OrgRow>,
    people: Vec<String>,
    may_create: bool,
}

pub(crate) async fn home(State(app): State<App>, page: OrgPage) -> Result<Html<String>, PageError> {
    let who = page.visitor.who.as_ref();
    let repos = app.site.repo_list(who, Some(&page.address), None, 0, 100).await?;
    let orgs = app.site.org_list(who, Some(page.proof.org()), 0, 100).await?;
    let people = app.site.org_members(&page.proof, 0, 60).await?;
    let may_create = match who {
        Some(who) => app.site.may_create_in(who, page.proof.org().id).await?,
        None => false,
    };
    let page = HomePage {
        shell: page.shell(),
        frame: page.frame("home"),
        repos: repos.iter().map(RepoRow::from).collect(),
        orgs: orgs.iter().map(OrgRow::from).collect(),
        people: people.into_iter().map(|member| member.name).collect(),
        may_create,
    };
    Ok(Html(page.render()?))
}
