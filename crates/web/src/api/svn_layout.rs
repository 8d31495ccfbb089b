//! `/outlast/repos/OWNER/NAME/svn_layout`: which paths of a repository of Subversion Git has as branches and tags.

use super::repos;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, State};
use axum::routing::get;
use axum::{Json, Router};
use forge::Error;
use forge::svn::Layout;
use serde::{Deserialize, Serialize};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/repos/{owner}/{name}/svn_layout", get(layout).put(put))
}

#[derive(Deserialize, Serialize)]
struct Shape {
    /// `detect`, `root` or `parts`.
    kind: String,
    trunk: Option<String>,
    branches: Option<String>,
    tags: Option<String>,
}

impl From<Layout> for Shape {
    fn from(layout: Layout) -> Self {
        let [trunk, branches, tags] = layout.paths().map(|path| path.map(str::to_owned));
        Self { kind: layout.kind().to_owned(), trunk, branches, tags }
    }
}

async fn layout(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Json<Shape>, ApiError> {
    let layout = app.site.svn_layout(Some(&who), &repos::path(&owner, &name)?).await?;
    Ok(Json(layout.into()))
}

async fn put(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Path((owner, name)): Path<(String, String)>,
    Json(wanted): Json<Shape>,
) -> Result<Json<Shape>, ApiError> {
    let path = repos::path(&owner, &name)?;
    // Who may not hears that first, and not what is wrong with the layout.
    app.site.svn_layout(Some(&who), &path).await?;
    let [trunk, branches, tags] =
        [&wanted.trunk, &wanted.branches, &wanted.tags].map(|path| path.as_deref().unwrap_or_default());
    let layout = Layout::of(&wanted.kind, trunk, branches, tags).map_err(|e| Error::invalid(e.to_string()))?;
    app.site.svn_layout_put(Some(&who), &path, layout).await?;
    Ok(Json(app.site.svn_layout(Some(&who), &path).await?.into()))
}
