//! `/repos/OWNER/NAME`, `/user/repos`, `/repos/search`. Owners that nest are written with `%2F`.

use super::Named;
use super::shapes;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, Query, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::event::repo::{Format, RepoKind, Visibility};
use forge::site::{NewRepo, RepoChange};
use forge::{Error, OwnerPath, Principal, RepoPath};
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/user/repos", get(own).post(create))
        .route("/users/{name}/repos", get(of_user))
        .route("/repos/search", get(search))
        .route("/repos/{owner}/{name}", get(fetch).patch(change))
}

pub(super) fn path(owner: &str, name: &str) -> Result<RepoPath, ApiError> {
    format!("{owner}/{name}").parse().map_err(|_| ApiError::not_found())
}

/// A repository that is asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    name: String,
    private: Option<bool>,
    /// GitHub's word for it; wins over `private`.
    visibility: Option<String>,
    object_format_name: Option<String>,
    /// `git`, or `svn`.
    kind: Option<String>,
    default_branch: Option<String>,
}

/// Who may read it, from `private` (Gitea) and `visibility` (GitHub).
fn visibility(private: Option<bool>, word: Option<&str>) -> Result<Option<Visibility>, Error> {
    let unknown = || Error::invalid("a visibility is public, internal or private");
    match word {
        Some(word) => Visibility::parse(word).ok_or_else(unknown).map(Some),
        None => Ok(private.map(|private| if private { Visibility::Private } else { Visibility::Public })),
    }
}

impl Wanted {
    pub(super) fn parse(self, owner: &str) -> Result<NewRepo, ApiError> {
        let invalid = |error: &dyn std::fmt::Display| ApiError::from(Error::invalid(error.to_string()));
        let path: RepoPath = format!("{owner}/{}", self.name).parse().map_err(|error| invalid(&error))?;
        let mut new = NewRepo::new(path);
        new.visibility = visibility(self.private, self.visibility.as_deref())?;
        new.kind = match self.kind.as_deref() {
            None => RepoKind::Git,
            Some(word) => RepoKind::parse(word).ok_or_else(|| invalid(&"a repository's kind is git or svn"))?,
        };
        new.format = match self.object_format_name.as_deref() {
            None | Some("sha1") => Format::Sha1,
            Some("sha256") => Format::Sha256,
            Some(_) => return Err(invalid(&"an object format is sha1 or sha256")),
        };
        new.branch = self.default_branch;
        Ok(new)
    }
}

#[derive(Deserialize)]
pub(super) struct Page {
    q: Option<String>,
    #[serde(default)]
    after: u64,
    #[serde(default = "super::page::limit_default")]
    limit: u32,
}

async fn list(
    app: &App,
    who: Option<&Principal>,
    owner: Option<&OwnerPath>,
    page: &Page,
) -> Result<Vec<Value>, ApiError> {
    let repos = app.site.repo_list(who, owner, page.q.as_deref(), page.after, page.limit).await?;
    Ok(repos.iter().map(|repo| shapes::repo(repo, &app.site)).collect())
}

async fn own(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let owner = who.name().parse().map_err(|_| ApiError::not_found())?;
    Ok(Json(list(&app, Some(&who), Some(&owner), &page).await?.into()))
}

async fn of_user(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path(Named(name)): Path<Named>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(list(&app, who.as_ref().map(|SignedIn(who)| who), Some(&name.into()), &page).await?.into()))
}

async fn search(
    State(app): State<App>,
    who: Option<SignedIn>,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let found = list(&app, who.as_ref().map(|SignedIn(who)| who), None, &page).await?;
    Ok(Json(json!({ "ok": true, "data": found })))
}

async fn create(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Json(wanted): Json<Wanted>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let new = wanted.parse(who.name())?;
    let repo = app.site.repo_create(Some(&who), new).await?;
    Ok((StatusCode::CREATED, Json(shapes::repo(&repo, &app.site))))
}

async fn fetch(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    let repo = app.site.repo_fetch(who.as_ref(), &path(&owner, &name)?).await?;
    let mut value = shapes::repo(&repo, &app.site);
    if let Some(who) = &who {
        value["permissions"] = shapes::permissions(app.site.repo_access(who, &repo).await?);
    }
    Ok(Json(value))
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    private: Option<bool>,
    visibility: Option<String>,
    default_branch: Option<String>,
    description: Option<String>,
    website: Option<String>,
}

async fn change(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
    Json(change): Json<Change>,
) -> Result<Json<Value>, ApiError> {
    let name_new =
        change.name.map(|name| name.parse().map_err(|error| Error::invalid(format!("{error}")))).transpose()?;
    let visibility = visibility(change.private, change.visibility.as_deref())?;
    let change = RepoChange {
        name: name_new,
        visibility,
        branch: change.default_branch,
        description: change.description,
        website: change.website,
    };
    let repo = app.site.repo_change(Some(&who), &path(&owner, &name)?, change).await?;
    Ok(Json(shapes::repo(&repo, &app.site)))
}
