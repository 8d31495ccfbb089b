//! `/repos/OWNER/NAME/branch_protections`, `/tag_protections`: Gitea's shapes; `push`, `force` and `delete` say the same whole.

use super::orders::asked;
use super::{repos, shapes};
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use forge::event::protect::Protected;
use forge::event::repo::Access;
use forge::protect::command::{Names, ProtectionSpec};
use forge::protect::{Protection, Rights};
use forge::site::Asked;
use forge::{Error, Principal};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/repos/{owner}/{name}/branch_protections", get(branches).post(branch_make))
        .route(
            "/repos/{owner}/{name}/branch_protections/{rule}",
            get(branch).patch(branch_change).delete(branch_remove),
        )
        .route("/repos/{owner}/{name}/tag_protections", get(tags).post(tag_make))
        .route("/repos/{owner}/{name}/tag_protections/{id}", get(tag).patch(tag_change).delete(tag_remove))
}

fn names(list: &[(u64, String)]) -> Vec<&str> {
    list.iter().map(|(_, name)| name.as_str()).collect()
}

fn rights(rights: &Rights) -> Value {
    json!({ "role": rights.role.map(Access::as_str), "people": names(&rights.people), "teams": names(&rights.teams) })
}

/// Whether the names alone decide.
fn by_names(rights: &Rights) -> bool {
    rights.role.is_none() && !rights.is_nobody()
}

fn shape(rule: &Protection) -> Value {
    let mut value = match rule.kind {
        Protected::Branch => json!({
            "rule_name": rule.pattern.as_str(), "branch_name": rule.pattern.as_str(),
            "enable_push": !rule.push.is_nobody(), "enable_push_whitelist": by_names(&rule.push),
            "push_whitelist_usernames": names(&rule.push.people), "push_whitelist_teams": names(&rule.push.teams),
            "push_whitelist_deploy_keys": false,
            "enable_force_push": !rule.force.is_nobody(), "enable_force_push_allowlist": by_names(&rule.force),
            "force_push_allowlist_usernames": names(&rule.force.people),
            "force_push_allowlist_teams": names(&rule.force.teams),
            "required_approvals": 0, "enable_status_check": false, "require_signed_commits": rule.signed,
            "protected_file_patterns": rule.paths.iter().map(ToString::to_string).collect::<Vec<_>>().join(";"),
        }),
        Protected::Tag => json!({
            "name_pattern": rule.pattern.as_str(), "whitelist_usernames": names(&rule.push.people),
            "whitelist_teams": names(&rule.push.teams),
        }),
    };
    value["id"] = json!(rule.id);
    value["push"] = rights(&rule.push);
    value["force"] = rights(&rule.force);
    value["delete"] = rights(&rule.delete);
    if rule.kind == Protected::Branch {
        value["protected_files"] = rights(&rule.path);
    }
    value
}

/// Who may, as we say it.
#[derive(Deserialize, Default)]
struct May {
    role: Option<String>,
    #[serde(default)]
    people: Vec<String>,
    #[serde(default)]
    teams: Vec<String>,
}

/// A rule that is asked for, or what of one is to change.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Wanted {
    #[serde(alias = "branch_name", alias = "name_pattern")]
    rule_name: Option<String>,
    enable_push: Option<bool>,
    enable_push_whitelist: Option<bool>,
    #[serde(alias = "whitelist_usernames")]
    push_whitelist_usernames: Option<Vec<String>>,
    #[serde(alias = "whitelist_teams")]
    push_whitelist_teams: Option<Vec<String>>,
    enable_force_push: Option<bool>,
    enable_force_push_allowlist: Option<bool>,
    force_push_allowlist_usernames: Option<Vec<String>>,
    force_push_allowlist_teams: Option<Vec<String>>,
    push: Option<May>,
    force: Option<May>,
    delete: Option<May>,
    require_signed_commits: Option<bool>,
    /// Patterns with `;` between them.
    protected_file_patterns: Option<String>,
    /// Who may change those files.
    protected_files: Option<May>,
}

/// Gitea's switches: whether anybody may, whether only the listed.
fn switched(
    old: Names,
    enabled: Option<bool>,
    listed: Option<bool>,
    people: Option<Vec<String>>,
    teams: Option<Vec<String>>,
) -> Names {
    let mut new = old;
    match (enabled, listed) {
        (Some(false), _) => return Names::default(),
        (_, Some(true)) => new.role = None,
        (Some(true), _) | (None, Some(false)) => new.role = new.role.or(Some(Access::Write)),
        (None, None) => {}
    }
    new.people = people.unwrap_or(new.people);
    new.teams = teams.unwrap_or(new.teams);
    new
}

fn said(may: May) -> Result<Names, Error> {
    let unknown = || Error::invalid("a role is read, triage, write, maintain or admin");
    let role = may.role.map(|word| shapes::role(&word).ok_or_else(unknown)).transpose()?;
    Ok(Names { role, people: may.people, teams: may.teams })
}

impl Wanted {
    fn over(self, old: Option<ProtectionSpec>, kind: Protected) -> Result<ProtectionSpec, Error> {
        let pattern = self.rule_name.map(|name| name.parse()).transpose()?;
        let mut rule = match (old, pattern) {
            (Some(old), Some(pattern)) => ProtectionSpec { pattern, ..old },
            (Some(old), None) => old,
            (None, Some(pattern)) => ProtectionSpec::new(kind, pattern),
            (None, None) => return Err(Error::invalid("a rule needs the name or pattern it is for (rule_name)")),
        };
        let listed = match kind {
            Protected::Branch => self.enable_push_whitelist,
            // Gitea's tags have lists and no switch: whoever gives one means it.
            Protected::Tag => {
                (self.push_whitelist_usernames.is_some() || self.push_whitelist_teams.is_some()).then_some(true)
            }
        };
        let (people, teams) = (self.push_whitelist_usernames, self.push_whitelist_teams);
        rule.push = switched(rule.push, self.enable_push, listed, people, teams);
        let (people, teams) = (self.force_push_allowlist_usernames, self.force_push_allowlist_teams);
        rule.force = switched(rule.force, self.enable_force_push, self.enable_force_push_allowlist, people, teams);
        if let Some(may) = self.push {
            rule.push = said(may)?;
        }
        if let Some(may) = self.force {
            rule.force = said(may)?;
        }
        if let Some(may) = self.delete {
            rule.delete = said(may)?;
        }
        rule.signed = self.require_signed_commits.unwrap_or(rule.signed);
        if let Some(patterns) = self.protected_file_patterns {
            let patterns = patterns.split(';').map(str::trim).filter(|pattern| !pattern.is_empty());
            rule.paths = patterns.map(str::parse).collect::<Result<_, _>>()?;
        }
        if let Some(may) = self.protected_files {
            rule.path = said(may)?;
        }
        Ok(rule)
    }
}

fn spec(rule: &Protection) -> ProtectionSpec {
    ProtectionSpec {
        kind: rule.kind,
        pattern: rule.pattern.clone(),
        push: Names::from(&rule.push),
        force: Names::from(&rule.force),
        delete: Names::from(&rule.delete),
        signed: rule.signed,
        paths: rule.paths.clone(),
        path: Names::from(&rule.path),
    }
}

type Place = (String, String);

async fn all(app: &App, who: &Principal, (owner, name): &Place, kind: Protected) -> Result<Vec<Protection>, ApiError> {
    let rules = app.site.protections(Some(who), &repos::path(owner, name)?).await?;
    Ok(rules.into_iter().filter(|rule| rule.kind == kind).collect())
}

async fn make(
    app: &App,
    who: &Principal,
    (owner, name): &Place,
    kind: Protected,
    wanted: Wanted,
) -> Result<Response, ApiError> {
    let path = repos::path(owner, name)?;
    app.site.protections(Some(who), &path).await?;
    let put = app.site.protection_put(Some(who), &path, None, wanted.over(None, kind)?).await?;
    Ok(answer(StatusCode::CREATED, put))
}

/// The rule as it is then, or the order that waits.
fn answer(status: StatusCode, put: Asked<Protection>) -> Response {
    match put {
        Asked::Done(rule) => (status, Json(shape(&rule))).into_response(),
        Asked::Ordered(id) => asked::<()>(Asked::Ordered(id)),
    }
}

async fn change(app: &App, who: &Principal, at: &Place, old: Protection, wanted: Wanted) -> Result<Response, ApiError> {
    let new = wanted.over(Some(spec(&old)), old.kind)?;
    let put = app.site.protection_put(Some(who), &repos::path(&at.0, &at.1)?, Some(old.id), new).await?;
    Ok(answer(StatusCode::OK, put))
}

async fn remove(app: &App, who: &Principal, at: &Place, rule: Protection) -> Result<Response, ApiError> {
    Ok(match app.site.protection_remove(Some(who), &repos::path(&at.0, &at.1)?, rule.id).await? {
        Asked::Done(()) => StatusCode::NO_CONTENT.into_response(),
        Asked::Ordered(id) => asked::<()>(Asked::Ordered(id)),
    })
}

/// A branch's rule by its pattern.
async fn named(app: &App, who: &Principal, at: &Place, pattern: &str) -> Result<Protection, ApiError> {
    let rules = all(app, who, at, Protected::Branch).await?;
    rules.into_iter().find(|rule| rule.pattern.as_str() == pattern).ok_or_else(ApiError::not_found)
}

/// A tags' rule by its number.
async fn numbered(app: &App, who: &Principal, at: &Place, id: u64) -> Result<Protection, ApiError> {
    let rules = all(app, who, at, Protected::Tag).await?;
    rules.into_iter().find(|rule| rule.id == id).ok_or_else(ApiError::not_found)
}

async fn branches(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(at): Path<Place>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(all(&app, &who, &at, Protected::Branch).await?.iter().map(shape).collect()))
}

async fn branch_make(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(at): Path<Place>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, ApiError> {
    make(&app, &who, &at, Protected::Branch, wanted).await
}

async fn branch(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, rule)): Path<(String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shape(&named(&app, &who, &(owner, name), &rule).await?)))
}

async fn branch_change(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, rule)): Path<(String, String, String)>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, ApiError> {
    let at = (owner, name);
    let old = named(&app, &who, &at, &rule).await?;
    change(&app, &who, &at, old, wanted).await
}

async fn branch_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, rule)): Path<(String, String, String)>,
) -> Result<Response, ApiError> {
    let at = (owner, name);
    let old = named(&app, &who, &at, &rule).await?;
    remove(&app, &who, &at, old).await
}

async fn tags(State(app): State<App>, SignedIn(who): SignedIn, Path(at): Path<Place>) -> Result<Json<Value>, ApiError> {
    Ok(Json(all(&app, &who, &at, Protected::Tag).await?.iter().map(shape).collect()))
}

async fn tag_make(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(at): Path<Place>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, ApiError> {
    make(&app, &who, &at, Protected::Tag, wanted).await
}

async fn tag(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(shape(&numbered(&app, &who, &(owner, name), id).await?)))
}

async fn tag_change(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, id)): Path<(String, String, u64)>,
    Json(wanted): Json<Wanted>,
) -> Result<Response, ApiError> {
    let at = (owner, name);
    let old = numbered(&app, &who, &at, id).await?;
    change(&app, &who, &at, old, wanted).await
}

async fn tag_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name, id)): Path<(String, String, u64)>,
) -> Result<Response, ApiError> {
    let at = (owner, name);
    let old = numbered(&app, &who, &at, id).await?;
    remove(&app, &who, &at, old).await
}
