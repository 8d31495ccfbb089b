//! `/OWNER/NAME/-/settings/protections`: which branches and tags only some may push to, rewind or delete.

use super::frame::{Frame, RepoPage};
use super::settings::administrator;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::Error;
use forge::event::protect::Protected;
use forge::event::repo::Access;
use forge::protect::command::{Names, ProtectionSpec};
use forge::protect::{Protection, Rights};
use forge::site::Asked;
use http::StatusCode;
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Rule {
    kind: String,
    pattern: String,
    push_role: String,
    push_names: String,
    force_role: String,
    force_names: String,
    delete_role: String,
    delete_names: String,
    signed: bool,
    paths: String,
    path_role: String,
    path_names: String,
}

/// Names as people write them: people, and teams with an `@` before them.
fn names(role: &str, text: &str) -> Names {
    let mut names = Names { role: Access::parse(role), ..Names::default() };
    for name in text.split([',', '\n']).map(str::trim).filter(|name| !name.is_empty()) {
        match name.strip_prefix('@') {
            Some(team) => names.teams.push(team.to_owned()),
            None => names.people.push(name.to_owned()),
        }
    }
    names
}

fn written(rights: &Rights) -> (String, String) {
    let people = rights.people.iter().map(|(_, name)| name.clone());
    let teams = rights.teams.iter().map(|(_, name)| format!("@{name}"));
    let role = rights.role.map(|role| role.as_str().to_owned()).unwrap_or_default();
    (role, people.chain(teams).collect::<Vec<_>>().join(", "))
}

impl Rule {
    fn parse(&self) -> Result<ProtectionSpec, Error> {
        let kind = Protected::parse(&self.kind).unwrap_or(Protected::Branch);
        Ok(ProtectionSpec {
            kind,
            pattern: self.pattern.parse()?,
            push: names(&self.push_role, &self.push_names),
            force: names(&self.force_role, &self.force_names),
            delete: names(&self.delete_role, &self.delete_names),
            signed: self.signed,
            paths: self
                .paths
                .lines()
                .map(str::trim)
                .filter(|line| !line.is_empty())
                .map(str::parse)
                .collect::<Result<_, _>>()?,
            path: names(&self.path_role, &self.path_names),
        })
    }

    /// What a new rule is unless it says otherwise.
    fn new() -> Self {
        Self { kind: "branch".to_owned(), push_role: Access::Maintain.as_str().to_owned(), ..Self::default() }
    }
}

impl From<&Protection> for Rule {
    fn from(rule: &Protection) -> Self {
        let (push_role, push_names) = written(&rule.push);
        let (force_role, force_names) = written(&rule.force);
        let (delete_role, delete_names) = written(&rule.delete);
        let (path_role, path_names) = written(&rule.path);
        Self {
            kind: rule.kind.as_str().to_owned(),
            pattern: rule.pattern.to_string(),
            push_role,
            push_names,
            force_role,
            force_names,
            delete_role,
            delete_names,
            signed: rule.signed,
            paths: rule.paths.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
            path_role,
            path_names,
        }
    }
}

struct RuleRow {
    id: u64,
    tag: bool,
    pattern: String,
    about: String,
}

/// Who may, in words.
fn who(rights: &Rights) -> String {
    let (_, names) = written(rights);
    match (rights.role, names.is_empty()) {
        (None, true) => "nobody".to_owned(),
        (None, false) => names,
        (Some(role), true) => format!("{role} and above"),
        (Some(role), false) => format!("{role} and above, {names}"),
    }
}

impl From<&Protection> for RuleRow {
    fn from(rule: &Protection) -> Self {
        let (push, force, delete) = (who(&rule.push), who(&rule.force), who(&rule.delete));
        let tag = rule.kind == Protected::Tag;
        let about = match tag {
            true => format!("Made by {push} · moved by {force} · deleted by {delete}"),
            false => {
                let signed = if rule.signed { " · each commit signed" } else { "" };
                let paths = match rule.paths.len() {
                    0 => String::new(),
                    1 => format!(" · {} changed by {}", rule.paths[0], who(&rule.path)),
                    many => format!(" · {many} patterns of paths changed by {}", who(&rule.path)),
                };
                format!("Pushed by {push} · force-pushed by {force} · deleted by {delete}{signed}{paths}")
            }
        };
        Self { id: rule.id, tag, pattern: rule.pattern.to_string(), about }
    }
}

#[derive(Template)]
#[template(path = "repo/protections.html")]
struct ProtectionsPage {
    shell: Shell,
    frame: Frame,
    rules: Vec<RuleRow>,
    /// The rule that the form changes; None: it makes one.
    id: Option<u64>,
    form: Rule,
    roles: [(&'static str, &'static str); 4],
    acts: [(&'static str, &'static str, String, String); 3],
    error: String,
    done: &'static str,
}

/// Roles for which a rule makes sense: all others may not push at all.
const ROLES: [(&str, &str); 4] = [
    ("", "nobody for their role"),
    ("write", "write and above"),
    ("maintain", "maintain and above"),
    ("admin", "admin"),
];

pub(crate) async fn protections(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    show(&app, page, None, Rule::new(), String::new(), "").await
}

async fn show(
    app: &App,
    page: RepoPage,
    id: Option<u64>,
    form: Rule,
    error: String,
    done: &'static str,
) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let admin = administrator(&page, &frame)?;
    let rules = app.site.protections(Some(&admin), &page.address).await?;
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let acts = [
        (
            "push",
            "Pushing: who makes such a branch or tag, and moves a branch forward",
            form.push_role.clone(),
            form.push_names.clone(),
        ),
        (
            "force",
            "Rewriting: who moves a branch so that commits are left behind, or moves a tag",
            form.force_role.clone(),
            form.force_names.clone(),
        ),
        ("delete", "Deleting", form.delete_role.clone(), form.delete_names.clone()),
    ];
    let rules = rules.iter().map(RuleRow::from).collect();
    let page = ProtectionsPage { shell: page.shell(), frame, rules, id, form, roles: ROLES, acts, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

pub(crate) async fn make(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<Rule>,
) -> Result<Response, PageError> {
    put(&app, page, None, form).await
}

async fn put(app: &App, page: RepoPage, id: Option<u64>, form: Rule) -> Result<Response, PageError> {
    let admin = administrator(&page, &page.frame("settings"))?;
    let done = match form.parse() {
        Ok(rule) => app.site.protection_put(Some(&admin), &page.address, id, rule).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(Asked::Ordered(id)) => Ok(Redirect::to(&format!("/-/orders/{id}")).into_response()),
        Ok(Asked::Done(_)) => show(app, page, None, Rule::new(), String::new(), "The rule holds from now on.").await,
        Err(error) if error.is_ours() || matches!(&error, Error::NotFound(_) if id.is_some()) => Err(error.into()),
        Err(error) => show(app, page, id, form, error.to_string(), "").await,
    }
}

pub(crate) async fn one(State(app): State<App>, page: RepoPage, Path(id): Path<u64>) -> Result<Response, PageError> {
    let admin = administrator(&page, &page.frame("settings"))?;
    let rules = app.site.protections(Some(&admin), &page.address).await?;
    let rule = rules.iter().find(|rule| rule.id == id).ok_or_else(PageError::not_found)?;
    let form = Rule::from(rule);
    show(&app, page, Some(id), form, String::new(), "").await
}

pub(crate) async fn change(
    State(app): State<App>,
    page: RepoPage,
    Path(id): Path<u64>,
    Form(form): Form<Rule>,
) -> Result<Response, PageError> {
    put(&app, page, Some(id), form).await
}

pub(crate) async fn remove(State(app): State<App>, page: RepoPage, Path(id): Path<u64>) -> Result<Response, PageError> {
    let admin = administrator(&page, &page.frame("settings"))?;
    Ok(match app.site.protection_remove(Some(&admin), &page.address, id).await? {
        Asked::Done(()) => Redirect::to(&format!("{}/settings/protections", page.frame("settings").base())),
        Asked::Ordered(id) => Redirect::to(&format!("/-/orders/{id}")),
    }
    .into_response())
}
