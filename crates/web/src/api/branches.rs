//! `/repos/OWNER/NAME/branches`, `/tags`, `/git/refs`: the refs as they are held. Made and deleted as by a push.

use super::repos;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use code::{NameKind, Revision};
use forge::event::protect::Protected;
use forge::protect::query::deciding;
use forge::site::{CommitHeld, NewName};
use forge::{Error, Principal};
use git::RefSnapshot;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/repos/{owner}/{name}/branches", get(branches).post(branch_make))
        .route("/repos/{owner}/{name}/branches/{*branch}", get(branch).delete(branch_remove))
        .route("/repos/{owner}/{name}/tags", get(tags).post(tag_make))
        .route("/repos/{owner}/{name}/tags/{*tag}", get(tag).delete(tag_remove))
        .route("/repos/{owner}/{name}/git/refs", get(refs))
}

async fn snapshot(app: &App, who: Option<SignedIn>, owner: &str, name: &str) -> Result<Arc<RefSnapshot>, ApiError> {
    let who = who.map(|SignedIn(who)| who);
    Ok(app.site.open_for_read(who.as_ref(), &repos::path(owner, name)?).await?.refs().clone())
}

fn named(snapshot: &RefSnapshot, prefix: &str) -> Value {
    let shape = |r: &git::Ref| {
        let name = r.name.as_str().strip_prefix(prefix)?;
        let id = r.peeled.unwrap_or(r.id).to_string();
        Some(json!({ "name": name, "id": r.id.to_string(), "commit": { "id": id, "sha": id } }))
    };
    snapshot.refs().iter().filter_map(shape).collect()
}

async fn branches(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(named(&*snapshot(&app, who, &owner, &name).await?, "refs/heads/")))
}

async fn tags(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    Ok(Json(named(&*snapshot(&app, who, &owner, &name).await?, "refs/tags/")))
}

async fn refs(
    State(app): State<App>,
    who: Option<SignedIn>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let snapshot = snapshot(&app, who, &owner, &name).await?;
    let shape = |r: &git::Ref| json!({ "ref": r.name.as_str(), "object": { "sha": r.id.to_string() } });
    Ok(Json(snapshot.refs().iter().map(shape).collect()))
}

type Of = (String, String);
type One = (String, String, String);

/// A commit in Gitea's shape.
fn commit(revision: &Revision) -> Value {
    let person = |person: &code::Person| json!({ "name": person.name, "email": person.email });
    let time = super::shapes::time(revision.committer.time.seconds.saturating_mul(1_000_000));
    json!({
        "id": revision.id.0, "sha": revision.id.0, "message": revision.message, "timestamp": time,
        "author": person(&revision.author), "committer": person(&revision.committer),
    })
}

/// One branch or tag, with the commit it is at.
async fn one(app: &App, who: Option<&Principal>, kind: NameKind, at: One) -> Result<Value, ApiError> {
    let (owner, name, short) = at;
    let path = repos::path(&owner, &name)?;
    let found = app.site.open_for_read(who, &path).await?.named(kind, &short);
    let found = found.ok_or_else(ApiError::not_found)?;
    let reader = app.site.code(who, &path).await?;
    let (id, at) = (found.id.to_string(), found.peeled.unwrap_or(found.id).to_string());
    let revision = reader.read(move |source| source.resolve(&at)).await?;
    let rules = app.site.protections_seen(reader.proof()).await?;
    let protected = if kind == NameKind::Tag { Protected::Tag } else { Protected::Branch };
    Ok(json!({
        "name": short, "id": id, "commit": commit(&revision), "message": revision.message,
        "protected": deciding(&rules, protected, &short).is_some(),
    }))
}

async fn branch(State(app): State<App>, who: Option<SignedIn>, Path(at): Path<One>) -> Result<Json<Value>, ApiError> {
    Ok(Json(one(&app, who.as_ref().map(|who| &who.0), NameKind::Branch, at).await?))
}

async fn tag(State(app): State<App>, who: Option<SignedIn>, Path(at): Path<One>) -> Result<Json<Value>, ApiError> {
    Ok(Json(one(&app, who.as_ref().map(|who| &who.0), NameKind::Tag, at).await?))
}

#[derive(Deserialize)]
struct NewBranch {
    new_branch_name: String,
    /// A branch, a tag, an id; wins over `old_branch_name`. Neither: the default branch.
    old_ref_name: Option<String>,
    old_branch_name: Option<String>,
}

#[derive(Deserialize)]
struct NewTag {
    tag_name: String,
    #[serde(default)]
    message: String,
    target: Option<String>,
}

async fn make(
    app: &App,
    who: &Principal,
    (owner, name): Of,
    kind: NameKind,
    (short, at, message): (String, Option<String>, String),
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let path = repos::path(&owner, &name)?;
    let at = match at.filter(|at| !at.is_empty()) {
        Some(at) => at,
        None => app.site.code(Some(who), &path).await?.default_branch(),
    };
    let new = NewName { kind, name: short.clone(), at, message };
    let CommitHeld { entry, .. } = app.site.name_make(who, &path, new).await?;
    let mut shape = one(app, Some(who), kind, (owner, name, short)).await?;
    shape["entry"] = entry.into();
    Ok((StatusCode::CREATED, Json(shape)))
}

async fn branch_make(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(of): Path<Of>,
    Json(new): Json<NewBranch>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let at = new.old_ref_name.or(new.old_branch_name);
    make(&app, &who, of, NameKind::Branch, (new.new_branch_name, at, String::new())).await
}

async fn tag_make(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(of): Path<Of>,
    Json(new): Json<NewTag>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    make(&app, &who, of, NameKind::Tag, (new.tag_name, new.target, new.message)).await
}

async fn remove(app: &App, who: &Principal, kind: NameKind, at: One) -> Result<StatusCode, ApiError> {
    let (owner, name, short) = at;
    match app.site.name_remove(who, &repos::path(&owner, &name)?, kind, &short, None).await {
        Err(Error::Invalid(words)) => Err(Error::forbidden(words).into()),
        answer => Ok(answer.map(|_| StatusCode::NO_CONTENT)?),
    }
}

async fn branch_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(at): Path<One>,
) -> Result<StatusCode, ApiError> {
    remove(&app, &who, NameKind::Branch, at).await
}

async fn tag_remove(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path(at): Path<One>,
) -> Result<StatusCode, ApiError> {
    remove(&app, &who, NameKind::Tag, at).await
}
