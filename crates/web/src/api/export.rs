//! `/admin/export`, `/admin/import`: on the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::State;
use axum::routing::post;
use axum::{Json, Router};
use forge::event::repo::Visibility;
use forge::export::Subject;
use forge::import::{Egress, ForgeApi, GitUrl, ImportFrom, Listed, list};
use forge::site::RepoChange;
use forge::{Error, RepoPath};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;

pub(super) fn admin_router() -> Router<App> {
    Router::new()
        .route("/admin/export", post(export))
        .route("/admin/import", post(import))
        .route("/admin/import/list", post(import_list))
}

#[derive(Deserialize)]
struct Wanted {
    subject: String,
    to: PathBuf,
}

async fn export(State(app): State<App>, Json(wanted): Json<Wanted>) -> Result<Json<Value>, ApiError> {
    let subject: Subject = wanted.subject.parse()?;
    let report = app.site.export(&subject, &wanted.to).await?;
    Ok(Json(json!({
        "repositories": report.repositories, "kept": report.kept, "people": report.people, "files": report.files,
        "left_out": report.left_out,
    })))
}

/// An export's directory, or another forge's repository.
#[derive(Deserialize)]
#[serde(untagged)]
enum From {
    Directory { from: PathBuf },
    Url(FromUrl),
}

#[derive(Deserialize)]
struct FromUrl {
    url: String,
    path: String,
    credential: Option<String>,
    visibility: Option<String>,
    /// What it is, in a few words.
    #[serde(default)]
    description: String,
    #[serde(default)]
    website: String,
    #[serde(default)]
    allow_private: bool,
}

#[derive(Deserialize)]
struct Owner {
    url: String,
    api: Option<String>,
    credential: Option<String>,
    #[serde(default)]
    allow_private: bool,
}

fn egress(allow_private: bool) -> Egress {
    if allow_private { Egress::Any } else { Egress::Public }
}

/// What an owner of another forge has, by its API: each is then taken in by itself.
async fn import_list(Json(wanted): Json<Owner>) -> Result<Json<Value>, ApiError> {
    let owner = wanted.url.parse::<GitUrl>()?.with_credential(wanted.credential);
    let api = wanted.api.as_deref().map(str::parse::<ForgeApi>).transpose()?;
    let list = list(egress(wanted.allow_private), &owner, api).await?;
    let repo = |repo: &Listed| {
        json!({
            "name": repo.name.as_str(), "url": repo.url.to_string(), "takes_credential": repo.url.same_place(&owner),
            "visibility": repo.visibility.as_str(), "description": repo.description, "website": repo.website,
        })
    };
    Ok(Json(json!({ "repositories": list.repos.iter().map(repo).collect::<Vec<_>>(), "warnings": list.warnings })))
}

async fn import_url(app: &App, wanted: FromUrl) -> Result<Json<Value>, ApiError> {
    let url: GitUrl = wanted.url.parse()?;
    let path: RepoPath = wanted.path.parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let visibility = wanted.visibility.as_deref().unwrap_or("private");
    let from = ImportFrom {
        url: url.with_credential(wanted.credential),
        path: path.clone(),
        visibility: Visibility::parse(visibility).ok_or_else(|| Error::invalid("public, internal or private"))?,
        egress: egress(wanted.allow_private),
        bytes: Arc::default(),
    };
    let mut imported = app.site.import_from(None, from).await?;
    let (description, website) = (wanted.description, wanted.website);
    if !description.is_empty() || !website.is_empty() {
        let change = RepoChange { description: Some(description), website: Some(website), ..RepoChange::default() };
        if let Err(error) = app.site.repo_change(None, &path, change).await {
            imported.warnings.push(format!("its description is not as it was there: {error}"));
        }
    }
    Ok(Json(json!({
        "path": imported.path, "refs": imported.refs, "left_out": imported.left_out, "warnings": imported.warnings,
    })))
}

async fn import(State(app): State<App>, Json(from): Json<From>) -> Result<Json<Value>, ApiError> {
    let report = match from {
        From::Directory { from } => app.site.import(&from).await?,
        From::Url(wanted) => return import_url(&app, wanted).await,
    };
    let repositories = report
        .repositories
        .iter()
        .map(|repo| json!({ "path": repo.path, "refs": repo.refs, "was_there": repo.was_there }));
    Ok(Json(json!({
        "origin": report.origin, "signed_by": report.signed_by, "people": report.people,
        "repositories": repositories.collect::<Vec<_>>(), "warnings": report.warnings,
    })))
}
