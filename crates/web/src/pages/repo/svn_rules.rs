//! `/OWNER/NAME/-/settings/subversion`: who sees and changes which paths, and what a commit must be like.

use super::frame::{Frame, RepoPage};
use super::settings::administrator;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use forge::Error;
use forge::event::repo::Access;
use forge::event::svn_rules::PathAccess;
use forge::svn::{CommitRules, PathRuleSpec, PathRules};
use http::StatusCode;
use serde::Deserialize;

#[derive(Deserialize)]
pub(crate) struct Paths {
    #[serde(default)]
    rules: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub(crate) struct Commits {
    message_chars_min: String,
    message_pattern: String,
    file_bytes_max: String,
    forbidden_names: String,
    no_case_clashes: Option<String>,
    tags_fixed: Option<String>,
    message_by: String,
    author_changes: Option<String>,
}

/// Rules as people write them: one a line, `/path who access`. A path may have spaces.
fn parse_paths(text: &str) -> Result<Vec<PathRuleSpec>, Error> {
    let line = |line: &str| {
        let wrong = || Error::invalid(format!("{line:?} is no rule: write a path, who, and none, read or write"));
        let (rest, access) = line.rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
        let (path, whom) = rest.trim_end().rsplit_once(char::is_whitespace).ok_or_else(wrong)?;
        let access = PathAccess::parse(access).ok_or_else(wrong)?;
        Ok(PathRuleSpec { path: path.trim_end().parse()?, whom: whom.to_owned(), access })
    };
    text.lines().map(str::trim).filter(|text| !text.is_empty()).map(line).collect()
}

fn write_paths(rules: &PathRules) -> String {
    let line = |rule: &forge::svn::PathRuleRow| {
        format!("{} {} {}\n", rule.path.as_str(), rule.whom.word(), rule.access.as_str())
    };
    rules.0.iter().map(line).collect()
}

fn number(text: &str, what: &str) -> Result<Option<u64>, Error> {
    match text.trim() {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| Error::invalid(format!("{what} is a number"))),
    }
}

impl Commits {
    fn parse(&self) -> Result<CommitRules, Error> {
        let names = self.forbidden_names.lines().map(str::trim).filter(|name| !name.is_empty());
        Ok(CommitRules {
            message_chars_min: number(&self.message_chars_min, "the length of a message")?.unwrap_or(0),
            message_pattern: self.message_pattern.trim().to_owned(),
            file_bytes_max: number(&self.file_bytes_max, "the size of a file")?,
            forbidden_names: names.map(str::to_owned).collect(),
            no_case_clashes: self.no_case_clashes.is_some(),
            tags_fixed: self.tags_fixed.is_some(),
            message_by: Access::parse(&self.message_by),
            author_changes: self.author_changes.is_some(),
        })
    }
}

impl From<CommitRules> for Commits {
    fn from(rules: CommitRules) -> Self {
        let on = |on: bool| on.then(|| "on".to_owned());
        Self {
            message_chars_min: rules.message_chars_min.to_string(),
            message_pattern: rules.message_pattern,
            file_bytes_max: rules.file_bytes_max.map(|bytes| bytes.to_string()).unwrap_or_default(),
            forbidden_names: rules.forbidden_names.join("\n"),
            no_case_clashes: on(rules.no_case_clashes),
            tags_fixed: on(rules.tags_fixed),
            message_by: rules.message_by.map(|role| role.as_str().to_owned()).unwrap_or_default(),
            author_changes: on(rules.author_changes),
        }
    }
}

const ROLES: [(&str, &str); 4] =
    [("write", "write and above"), ("maintain", "maintain and above"), ("admin", "administrators"), ("", "nobody")];

#[derive(Template)]
#[template(path = "repo/svn_rules.html")]
struct RulesPage {
    shell: Shell,
    frame: Frame,
    paths: String,
    form: Commits,
    roles: [(&'static str, &'static str); 4],
    error: String,
    done: &'static str,
}

/// What was sent and is wrong is shown again.
#[derive(Default)]
struct Sent {
    paths: Option<String>,
    commits: Option<Commits>,
    error: String,
    done: &'static str,
}

async fn show(app: &App, page: RepoPage, sent: Sent) -> Result<Response, PageError> {
    let frame = page.frame("settings");
    let admin = administrator(&page, &frame)?;
    let (paths, commits) = app.site.svn_rules(Some(&admin), &page.address).await?;
    let status = if sent.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let paths = sent.paths.unwrap_or_else(|| write_paths(&paths));
    let form = sent.commits.unwrap_or_else(|| commits.into());
    let Sent { error, done, .. } = sent;
    let page = RulesPage { shell: page.shell(), frame, paths, form, roles: ROLES, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

/// Git has protections in the place of these.
pub(super) fn elsewhere(page: &RepoPage) -> Result<Option<Response>, PageError> {
    let frame = page.frame("settings");
    administrator(page, &frame)?;
    let is_git = page.code.repo().is_git();
    Ok(is_git.then(|| Redirect::to(&format!("{}/settings/protections", frame.base())).into_response()))
}

pub(crate) async fn rules(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    match elsewhere(&page)? {
        Some(answer) => Ok(answer),
        None => show(&app, page, Sent::default()).await,
    }
}

const DONE: &str = "The rules hold from now on.";

pub(crate) async fn paths_set(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<Paths>,
) -> Result<Response, PageError> {
    if let Some(answer) = elsewhere(&page)? {
        return Ok(answer);
    }
    let done = match parse_paths(&form.rules) {
        Ok(rules) => app.site.svn_path_rules_put(page.visitor.who.as_ref(), &page.address, rules).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => show(&app, page, Sent { done: DONE, ..Sent::default() }).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            show(&app, page, Sent { paths: Some(form.rules), error: error.to_string(), ..Sent::default() }).await
        }
    }
}

pub(crate) async fn commits_set(
    State(app): State<App>,
    page: RepoPage,
    Form(form): Form<Commits>,
) -> Result<Response, PageError> {
    if let Some(answer) = elsewhere(&page)? {
        return Ok(answer);
    }
    let done = match form.parse() {
        Ok(rules) => app.site.svn_commit_rules_put(page.visitor.who.as_ref(), &page.address, rules).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(()) => show(&app, page, Sent { done: DONE, ..Sent::default() }).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => show(&app, page, Sent { commits: Some(form), error: error.to_string(), ..Sent::default() }).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_written_one_a_line() {
        let rules = parse_paths("/secret * none\n\n  /a b/c  @core\twrite \n").unwrap();
        assert_eq!(rules.len(), 2);
        assert_eq!((rules[1].path.as_str(), rules[1].whom.as_str()), ("/a b/c", "@core"));
        for bad in ["/secret", "/secret *", "/secret * all", "secret * none"] {
            assert!(parse_paths(bad).is_err(), "{bad}");
        }
    }
}
