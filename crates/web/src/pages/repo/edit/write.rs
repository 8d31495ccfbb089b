//! `/-/edit/BRANCH/PATH`: a file's text, and its name. `/-/new/BRANCH/DIRECTORY`: a new one.

use super::place::{CommitBox, Place};
use super::text::{EDIT_TEXT_BYTES_MAX, Text, from_form};
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
use code::{CodePath, FileKind, ReadError, RevisionId};
use forge::Error;
use git::edit::FileEdit;
use http::StatusCode;
use serde::Deserialize;

/// The largest form that edits a file, in bytes: a text may grow threefold on its way.
pub(crate) const EDIT_FORM_BYTES_MAX: usize = 4 << 20;

#[derive(Deserialize, Default)]
pub(crate) struct Fields {
    /// Where the file is, or goes.
    path: Option<String>,
    /// None: what is in it is not for a form.
    content: Option<String>,
    #[serde(default)]
    crlf: String,
    #[serde(flatten)]
    commit: CommitFields,
}

#[derive(Template)]
#[template(path = "repo/edit.html")]
struct EditPage {
    shell: Shell,
    frame: Frame,
    title: String,
    action: String,
    fields: Fields,
    mixed: bool,
    commit: CommitBox,
    error: String,
    preview: Option<DiffView>,
}

/// Which of the two pages.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Which {
    Edit,
    New,
}

pub(crate) async fn edit(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    let (fields, mixed) = stored(&page, &place).await?;
    write_page(&app, page, place, Which::Edit, fields, mixed, None).await
}

pub(crate) async fn new(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    let directory = std::str::from_utf8(place.path.as_bytes()).unwrap_or_default();
    let path = if directory.is_empty() { String::new() } else { format!("{directory}/") };
    let fields = Fields { path: Some(path), content: Some(String::new()), commit: place.fields(), ..Fields::default() };
    write_page(&app, page, place, Which::New, fields, false, None).await
}

pub(crate) async fn edit_do(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    write_do(&app, page, place, Which::Edit, fields).await
}

pub(crate) async fn new_do(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Form(fields): Form<Fields>,
) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    write_do(&app, page, place, Which::New, fields).await
}

/// The form of a file as it is.
async fn stored(page: &RepoPage, place: &Place) -> Result<(Fields, bool), PageError> {
    let (id, path) = (place.head.clone().ok_or_else(PageError::not_found)?, place.path.clone());
    let file = page.read(move |source| source.file(&id, &path, EDIT_TEXT_BYTES_MAX)).await?;
    let text = match (file.kind, file.content) {
        (FileKind::Text | FileKind::LfsPointer { .. }, Some(content)) => Text::of(&content),
        (FileKind::Submodule { .. }, _) => {
            return Err(PageError::invalid("another repository is there (a submodule); change it with git"));
        }
        _ => None,
    };
    let path = std::str::from_utf8(place.path.as_bytes()).ok().map(str::to_owned);
    let (crlf, mixed) = text.as_ref().map_or((false, false), |text| (text.crlf, text.mixed));
    let crlf = if crlf { "1" } else { "" }.to_owned();
    Ok((Fields { path, content: text.map(|text| text.content), crlf, commit: place.fields() }, mixed))
}

async fn write_do(
    app: &App,
    page: RepoPage,
    place: Place,
    which: Which,
    fields: Fields,
) -> Result<Response, PageError> {
    if fields.commit.act == "preview" {
        return write_page(app, page, place, which, fields, false, None).await;
    }
    let done = match edits(&page, &place, which, &fields).await {
        Ok((edits, suggested)) => match place.commit(&fields.commit, &suggested, edits) {
            Ok(commit) => place.carry_out(app, &page, commit).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match done {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(error) => write_page(app, page, place, which, fields, false, Some(Trouble::of(error)?)).await,
    }
}

/// What the form changes, and what a message could say of it.
async fn edits(
    page: &RepoPage,
    place: &Place,
    which: Which,
    fields: &Fields,
) -> Result<(Vec<FileEdit>, String), Error> {
    let path = match &fields.path {
        Some(text) => CodePath::parse(text.trim().as_bytes()).map_err(|error| Error::invalid(error.to_string()))?,
        None => place.path.clone(),
    };
    let content = fields.content.as_ref().map(|text| from_form(text, fields.crlf == "1"));
    match (which, content) {
        (Which::New, content) => {
            if let Some(base) = place.head.clone() {
                is_free(page, base, path.clone()).await?;
            }
            let suggested = format!("Add {}", path.shown());
            Ok((vec![FileEdit::Put { path, content: content.unwrap_or_default(), executable: None }], suggested))
        }
        (Which::Edit, content) if path != place.path => {
            let suggested = format!("Rename {} to {}", place.path.shown(), path.shown());
            Ok((vec![FileEdit::Rename { from: place.path.clone(), to: path, content }], suggested))
        }
        (Which::Edit, Some(content)) => {
            let suggested = format!("Change {}", path.shown());
            Ok((vec![FileEdit::Put { path, content, executable: None }], suggested))
        }
        (Which::Edit, None) => Err(Error::invalid("give it another name: what is in it can't be changed here")),
    }
}

/// A new file takes nothing's place.
async fn is_free(page: &RepoPage, base: RevisionId, path: CodePath) -> Result<(), Error> {
    let shown = path.shown();
    let taken = page.code.read(move |source| match source.file(&base, &path, 0) {
        Ok(_) => Ok(true),
        Err(ReadError::NotFound(_) | ReadError::Invalid(_)) => Ok(false),
        Err(error) => Err(error),
    });
    if taken.await? {
        Err(Error::invalid(format!("{shown} is there already: edit it, or choose another name")))
    } else {
        Ok(())
    }
}

async fn write_page(
    app: &App,
    page: RepoPage,
    place: Place,
    which: Which,
    fields: Fields,
    mixed: bool,
    trouble: Option<Trouble>,
) -> Result<Response, PageError> {
    let (verb, cancel) = match which {
        Which::Edit => ("edit", place.address("file")),
        Which::New if place.head.is_none() => ("new", format!("/{}", place.frame.path)),
        Which::New => ("new", place.address("tree")),
    };
    let (mut status, mut error) = trouble.map_or((StatusCode::OK, String::new()), |it| (it.status, it.text));
    let wanted = edits(&page, &place, which, &fields).await;
    let suggested = match (&wanted, which) {
        (Ok((_, suggested)), _) => suggested.clone(),
        (Err(_), Which::Edit) => format!("Change {}", place.path.shown()),
        (Err(_), Which::New) => "Add a file".to_owned(),
    };
    let asked = fields.commit.act == "preview";
    let commit = CommitBox::of(app, &place, fields.commit.clone(), suggested.clone(), cancel).await?;
    if commit.moved.is_some() && status == StatusCode::CONFLICT {
        // The page says it at more length.
        error.clear();
    }
    let mut preview = None;
    if asked || commit.moved.is_some() {
        let previewed = match wanted.and_then(|(edits, _)| place.commit(&commit.fields, &suggested, edits)) {
            Ok(wanted) => app.site.commit_preview(&place.who, &page.code, wanted).await,
            Err(error) => Err(error),
        };
        match previewed {
            Ok(files) => preview = Some(shown(&place.frame, place.head.as_ref().map(|head| head.0.as_str()), &files)),
            Err(why) if error.is_empty() => Trouble { status, text: error } = Trouble::of(why)?,
            // What it was refused for is said already.
            Err(_) => {}
        }
    }
    let title = match which {
        Which::Edit => format!("Edit {}", place.path.shown()),
        Which::New => "New file".to_owned(),
    };
    let (action, shell) = (place.address(verb), page.shell());
    let page = EditPage { shell, title, action, fields, mixed, commit, error, preview, frame: place.frame };
    Ok((status, Html(page.render()?)).into_response())
}
