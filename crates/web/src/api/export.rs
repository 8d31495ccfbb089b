//! `/admin/export`, `/admin/import`: on the admin socket.

use crate::app::App;
use crate::errors::ApiError;
use crate::imports::{Begin, Counts, Done, Imports, State as Going};
use axum::extract::{Path, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::event::repo::Visibility;
use forge::export::Subject;
use forge::import::{Egress, ForgeApi, GitUrl, ImportFrom, Listed, list};
use forge::site::{ConvertTo, RepoChange, SvnImportTo};
use forge::svn::Authors;
use forge::{Error, RepoPath};
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) fn admin_router() -> Router<App> {
    Router::new()
        .route("/admin/export", post(export))
        .route("/admin/import", post(import))
        .route("/admin/import/list", post(import_list))
        .route("/admin/import/{id}", get(progress))
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

/// An export's directory, a dump of Subversion, another forge's repository, or one of Subversion that is here.
#[derive(Deserialize)]
#[serde(untagged)]
enum From {
    Directory { from: PathBuf },
    Url(FromUrl),
    Here(FromHere),
    Dump(FromDump),
}

/// A repository of Subversion that becomes one of Git.
#[derive(Deserialize)]
struct FromHere {
    convert: String,
    path: String,
    /// Who its authors are, as git-svn has such a list.
    #[serde(default)]
    authors: String,
    visibility: Option<String>,
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

/// A dump that lies at the server's machine, or the URL of a repository.
#[derive(Deserialize)]
struct FromDump {
    dump: Option<PathBuf>,
    svn_url: Option<String>,
    credential: Option<String>,
    #[serde(default)]
    allow_private: bool,
    path: String,
    visibility: Option<String>,
}

/// The operator at the machine.
const OPERATOR: u64 = 0;

fn visibility(word: Option<&str>) -> Result<Visibility, Error> {
    Visibility::parse(word.unwrap_or("private")).ok_or_else(|| Error::invalid("public, internal or private"))
}

/// Begins to take in a repository of Subversion.
async fn import_dump(app: &App, wanted: FromDump) -> Result<Json<Value>, ApiError> {
    let path: RepoPath = wanted.path.parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let visibility = Some(visibility(wanted.visibility.as_deref())?);
    let to = SvnImportTo { path: path.clone(), visibility, progress: Arc::default() };
    let (site, counts) = (app.site.clone(), Counts::Svn(to.progress.clone()));
    let id = if let Some(url) = wanted.svn_url {
        let url = url.parse::<GitUrl>()?.with_credential(wanted.credential);
        let egress = egress(wanted.allow_private);
        let begin = Begin { account: OPERATOR, from: url.to_string(), path, counts };
        let work = async move { site.svn_import_from(None, to, &url, egress).await.map(Done::Svn) };
        Imports::begin(&app.imports, begin, work)?
    } else {
        let file = wanted.dump.ok_or_else(|| Error::invalid("from a dump, or a URL"))?;
        let shown = file.display().to_string();
        let dump = tokio::fs::File::open(&file).await;
        let dump = dump.map_err(|error| Error::invalid(format!("the server cannot read {shown}: {error}")))?;
        let begin = Begin { account: OPERATOR, from: shown, path, counts };
        Imports::begin(&app.imports, begin, async move { site.svn_import(None, to, dump).await.map(Done::Svn) })?
    };
    Ok(Json(json!({ "import": id })))
}

/// Begins to make a repository of Git of one of Subversion.
fn convert(app: &App, wanted: &FromHere) -> Result<Json<Value>, ApiError> {
    let repo = |path: &str| path.parse::<RepoPath>().map_err(|error| Error::invalid(format!("{error}")));
    let (from, path) = (repo(&wanted.convert)?, repo(&wanted.path)?);
    let authors = Authors::parse(&wanted.authors).map_err(|error| Error::invalid(error.to_string()))?;
    let visibility = Some(visibility(wanted.visibility.as_deref())?);
    let to = ConvertTo { path: path.clone(), visibility, authors, progress: Arc::default() };
    let (site, counts) = (app.site.clone(), Counts::Converting(to.progress.clone()));
    let begin = Begin { account: OPERATOR, from: from.to_string(), path, counts };
    let work = async move { site.svn_convert(None, &from, to).await.map(Done::Converted) };
    Ok(Json(json!({ "import": Imports::begin(&app.imports, begin, work)? })))
}

/// How far an import is that the operator began.
async fn progress(State(app): State<App>, Path(id): Path<u64>) -> Result<Json<Value>, ApiError> {
    let job = app.imports.of(OPERATOR, id).ok_or_else(ApiError::not_found)?;
    let mut now = json!({ "path": job.path, "done": false });
    let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
    if let Counts::Converting(counts) = &job.counts {
        now["converted"] = read(&counts.done).into();
        now["of"] = read(&counts.of).into();
    }
    if let Counts::Svn(counts) = &job.counts {
        now["bytes"] = read(&counts.bytes).into();
        now["loaded"] = read(&counts.loaded).into();
        now["sealed"] = read(&counts.sealed).into();
    }
    match job.state {
        Going::Running => {}
        Going::Failed(error) => now["error"] = error.into(),
        Going::Done(done) => {
            now["done"] = true.into();
            match done {
                Done::Svn(done) => now["youngest"] = done.youngest.into(),
                Done::Converted(done) => {
                    now["youngest"] = done.youngest.into();
                    now["refs"] = done.refs.into();
                }
                Done::Git(_) => {}
            }
        }
    }
    Ok(Json(now))
}

async fn import_url(app: &App, wanted: FromUrl) -> Result<Json<Value>, ApiError> {
    let url: GitUrl = wanted.url.parse()?;
    let path: RepoPath = wanted.path.parse().map_err(|error| Error::invalid(format!("{error}")))?;
    let from = ImportFrom {
        url: url.with_credential(wanted.credential),
        path: path.clone(),
        visibility: visibility(wanted.visibility.as_deref())?,
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
        From::Dump(wanted) => return import_dump(&app, wanted).await,
        From::Url(wanted) => return import_url(&app, wanted).await,
        From::Here(wanted) => return convert(&app, &wanted),
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
