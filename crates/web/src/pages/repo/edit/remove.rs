//! `/-/delete/BRANCH/PATH`: a file goes.

use super::place::{CommitBox, Place};
use super::{CommitFields, Trouble, shown};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::repo::diff_view::{DiffView, Row};
use crate::pages::repo::frame::{Frame, RepoPage, Rest};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::Form;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use git::edit::FileEdit;
use http::StatusCode;

#[derive(Template)]
#[template(path = "repo/delete.html")]
struct DeletePage {
    shell: Shell,
    frame: Frame,
    path: String,
    action: String,
    commit: CommitBox,
    error: String,
    preview: Option<DiffView>,
}

pub(crate) async fn remove(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    let fields = place.fields();
    remove_page(&app, page, place, fields, None).await
}

pub(crate) async fn remove_do(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Form(fields): Form<CommitFields>,
) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    let done = match place.commit(&fields, &suggested(&place), edits(&place)) {
        Ok(commit) => place.carry_out(&app, &page, commit).await,
        Err(error) => Err(error),
    };
    match done {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(error) => remove_page(&app, page, place, fields, Some(Trouble::of(error)?)).await,
    }
}

fn edits(place: &Place) -> Vec<FileEdit> {
    vec![FileEdit::Remove { path: place.path.clone() }]
}

fn suggested(place: &Place) -> String {
    format!("Delete {}", place.path.shown())
}

async fn remove_page(
    app: &App,
    page: RepoPage,
    place: Place,
    fields: CommitFields,
    trouble: Option<Trouble>,
) -> Result<Response, PageError> {
    let mut commit = CommitBox::of(app, &place, fields, suggested(&place), place.address("file")).await?;
    commit.can_preview = false;
    let wanted = place.commit(&place.fields(), &suggested(&place), edits(&place))?;
    // A file that is gone has no page to go from.
    let files = match app.site.commit_preview(&place.who, &page.code, wanted).await {
        Ok(files) => files,
        Err(error) if trouble.is_none() => return Err(error.into()),
        Err(_) => Vec::new(),
    };
    let preview =
        (!files.is_empty()).then(|| shown(&place.frame, place.head.as_ref().map(|head| head.0.as_str()), &files));
    let (status, error) = trouble.map_or((StatusCode::OK, String::new()), |it| (it.status, it.text));
    let (path, action) = (place.path.shown(), place.address("delete"));
    let page = DeletePage { shell: page.shell(), frame: place.frame, path, action, commit, error, preview };
    Ok((status, Html(page.render()?)).into_response())
}
