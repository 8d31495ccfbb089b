//! `/outlast/repos/OWNER/NAME/svn_rules`: Subversion's rules of paths and for commits.

use super::repos;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::event::repo::Access;
use forge::event::svn_rules::PathAccess;
use forge::svn::{CommitRules, PathRuleSpec, PathRules};
use forge::{Error, Principal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/repos/{owner}/{name}/svn_rules", get(rules).put(put))
}

#[derive(Deserialize)]
struct Wanted {
    paths: Option<Vec<WantedPath>>,
    commits: Option<WantedCommits>,
}

#[derive(Deserialize)]
struct WantedPath {
    path: String,
    /// `*`, a name, or `@team`.
    who: String,
    access: String,
}

/// What is not said is as in a new repository.
#[derive(Deserialize, Serialize)]
#[serde(default)]
struct WantedCommits {
    message_chars_min: u64,
    message_pattern: String,
    file_bytes_max: Option<u64>,
    forbidden_names: Vec<String>,
    no_case_clashes: bool,
    tags_fixed: bool,
    /// A role; `nobody`.
    message_by: String,
    author_changes: bool,
}

const NOBODY: &str = "nobody";

impl Default for WantedCommits {
    fn default() -> Self {
        CommitRules::default().into()
    }
}

impl From<CommitRules> for WantedCommits {
    fn from(rules: CommitRules) -> Self {
        Self {
            message_chars_min: rules.message_chars_min,
            message_pattern: rules.message_pattern,
            file_bytes_max: rules.file_bytes_max,
            forbidden_names: rules.forbidden_names,
            no_case_clashes: rules.no_case_clashes,
            tags_fixed: rules.tags_fixed,
            message_by: rules.message_by.map_or(NOBODY, Access::as_str).to_owned(),
            author_changes: rules.author_changes,
        }
    }
}

impl WantedCommits {
    fn parse(self) -> Result<CommitRules, Error> {
        let unknown = || Error::invalid("message_by is write, maintain, admin or nobody");
        let by = self.message_by.as_str();
        Ok(CommitRules {
            message_chars_min: self.message_chars_min,
            message_pattern: self.message_pattern,
            file_bytes_max: self.file_bytes_max,
            forbidden_names: self.forbidden_names,
            no_case_clashes: self.no_case_clashes,
            tags_fixed: self.tags_fixed,
            message_by: (by != NOBODY).then(|| Access::parse(by).ok_or_else(unknown)).transpose()?,
            author_changes: self.author_changes,
        })
    }
}

fn spec(rule: WantedPath) -> Result<PathRuleSpec, Error> {
    let access = PathAccess::parse(&rule.access).ok_or_else(|| Error::invalid("an access is none, read or write"))?;
    Ok(PathRuleSpec { path: rule.path.parse()?, whom: rule.who, access })
}

async fn shown(app: &App, who: &Principal, owner: &str, name: &str) -> Result<Json<Value>, ApiError> {
    let (PathRules(paths), commits) = app.site.svn_rules(Some(who), &repos::path(owner, name)?).await?;
    let path = |rule: &forge::svn::PathRuleRow| json!({ "path": rule.path.as_str(), "who": rule.whom.word(), "access": rule.access.as_str() });
    let paths: Vec<_> = paths.iter().map(path).collect();
    Ok(Json(json!({ "paths": paths, "commits": WantedCommits::from(commits) })))
}

async fn rules(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    shown(&app, &who, &owner, &name).await
}

async fn put(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
    Json(wanted): Json<Wanted>,
) -> Result<Json<Value>, ApiError> {
    let path = repos::path(&owner, &name)?;
    // Who may not hears that first, and not what is wrong with the rules.
    app.site.svn_rules(Some(&who), &path).await?;
    let paths = wanted.paths.map(|rules| rules.into_iter().map(spec).collect::<Result<Vec<_>, _>>()).transpose()?;
    let commits = wanted.commits.map(WantedCommits::parse).transpose()?;
    if let Some(rules) = paths {
        app.site.svn_path_rules_put(Some(&who), &path, rules).await?;
    }
    if let Some(rules) = commits {
        app.site.svn_commit_rules_put(Some(&who), &path, rules).await?;
    }
    shown(&app, &who, &owner, &name).await
}
