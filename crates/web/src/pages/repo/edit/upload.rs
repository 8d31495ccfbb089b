//! `/-/upload/BRANCH/DIRECTORY`: files from somebody's machine.

use super::place::{CommitBox, Place};
use super::{CommitFields, Trouble};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::multipart;
use crate::pages::repo::frame::{Frame, RepoPage, Rest};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::multipart::MultipartError;
use axum::extract::{FromRequest as _, Multipart, Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::CodePath;
use forge::Error;
use git::edit::FileEdit;
use http::StatusCode;

/// The most bytes of one upload, all files together. More is pushed with Git.
pub(crate) const UPLOAD_FORM_BYTES_MAX: usize = 32 << 20;
/// The most files of one upload.
pub(crate) const UPLOAD_FILES_MAX: usize = 200;
/// The most bytes of a field that is no file.
const FIELD_BYTES_MAX: usize = 64 << 10;

#[derive(Template)]
#[template(path = "repo/upload.html")]
struct UploadPage {
    shell: Shell,
    frame: Frame,
    directory: String,
    action: String,
    commit: CommitBox,
    error: String,
    most: String,
}

pub(crate) async fn upload(State(app): State<App>, page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    let fields = place.fields();
    upload_page(&app, page, place, fields, None).await
}

pub(crate) async fn upload_do(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    request: Request,
) -> Result<Response, PageError> {
    let place = Place::of(&page, rest).await?;
    // Nobody sends files to where they may put none.
    let form = Multipart::from_request(request, &app).await.map_err(|e| PageError::invalid(e.body_text()))?;
    let mut fields = CommitFields::default();
    let done = match received(form, &place.path, &mut fields).await {
        Ok(edits) => match place.commit(&fields, &suggested(&edits), edits) {
            Ok(commit) => place.carry_out(&app, &page, commit).await,
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    };
    match done {
        Ok(to) => Ok(Redirect::to(&to).into_response()),
        Err(error) => upload_page(&app, page, place, fields, Some(Trouble::of(error)?)).await,
    }
}

/// The form's files, each put below `directory`, and its fields.
async fn received(
    mut form: Multipart,
    directory: &CodePath,
    fields: &mut CommitFields,
) -> Result<Vec<FileEdit>, Error> {
    let mut edits = Vec::new();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == "files" {
            // A browser sends one without a name when none was chosen.
            let Some(path) = field.file_name().filter(|name| !name.is_empty()).map(|name| below(directory, name))
            else {
                continue;
            };
            if edits.len() == UPLOAD_FILES_MAX {
                return Err(Error::invalid(format!("at most {UPLOAD_FILES_MAX} files at once; push more with git")));
            }
            let content = field.bytes().await.map_err(broken)?.to_vec();
            edits.push(FileEdit::Put { path: path?, content, executable: None });
            continue;
        }
        let text = multipart::text(field, FIELD_BYTES_MAX, broken).await?;
        match name.as_str() {
            "base" => fields.base = text,
            "to" => fields.to = text,
            "branch" => fields.branch = text,
            "message" => fields.message = text,
            "body" => fields.body = text,
            _ => {}
        }
    }
    if edits.is_empty() { Err(Error::invalid("choose the files to upload")) } else { Ok(edits) }
}

/// A file's place. A browser gives the way to it too when a whole directory was chosen; no other way leads out of `directory`.
fn below(directory: &CodePath, name: &str) -> Result<CodePath, Error> {
    let wrong = || Error::invalid(format!("{} can't be the name of a file here", code::visible(name.as_bytes())));
    let given = CodePath::parse(name.as_bytes()).map_err(|_| wrong())?;
    if given.is_root() {
        return Err(wrong());
    }
    given.parts().try_fold(directory.clone(), |path, part| path.join(part)).map_err(|_| wrong())
}

fn broken(error: MultipartError) -> Error {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        let most = show::bytes(UPLOAD_FORM_BYTES_MAX as u64);
        return Error::invalid(format!("at most {most} at once; push more with git"));
    }
    multipart::broken(error)
}

fn suggested(edits: &[FileEdit]) -> String {
    match edits {
        [FileEdit::Put { path, .. }] => format!("Upload {}", path.shown()),
        edits => format!("Upload {}", show::counted(edits.len() as u64, "file", "files")),
    }
}

async fn upload_page(
    app: &App,
    page: RepoPage,
    place: Place,
    fields: CommitFields,
    trouble: Option<Trouble>,
) -> Result<Response, PageError> {
    let cancel = if place.head.is_none() { format!("/{}", place.frame.path) } else { place.address("tree") };
    let fields = if fields.base.is_empty() { place.fields() } else { fields };
    let mut commit = CommitBox::of(app, &place, fields, "Upload files".to_owned(), cancel).await?;
    commit.can_preview = false;
    let (status, error) = trouble.map_or((StatusCode::OK, String::new()), |it| (it.status, it.text));
    let page = UploadPage {
        shell: page.shell(),
        directory: if place.path.is_root() { place.frame.name.clone() } else { place.path.shown() },
        action: place.address("upload"),
        most: format!("{UPLOAD_FILES_MAX} files and {}", show::bytes(UPLOAD_FORM_BYTES_MAX as u64)),
        frame: place.frame,
        commit,
        error,
    };
    Ok((status, Html(page.render()?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_goes_outside_its_directory() {
        let src: CodePath = "src".parse().unwrap();
        assert_eq!(below(&src, "a.txt").unwrap().as_bytes(), b"src/a.txt");
        assert_eq!(below(&src, "deep/a.txt").unwrap().as_bytes(), b"src/deep/a.txt");
        for bad in ["", "/", "..", "../a", "a/../../b", "a//b", "./a"] {
            assert!(below(&src, bad).is_err(), "{bad}");
        }
    }
}
