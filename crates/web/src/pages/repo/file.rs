//! A file.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs};
use super::locks::{LockRow, lock_on};
use super::properties::{PropertyRow, property_rows};
use super::readme::link_base;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::{FileKind, ReadError};
use forge::settings::Name;
use render::Highlighted;
use serde::Deserialize;
use std::sync::Arc;

/// What a file's page shows of it.
enum Body {
    Lines(Arc<Highlighted>),
    Document(String),
    Image,
    Lfs { oid: String, size: String },
    Symlink { target: String, href: Option<String> },
    Submodule { url: String, link: bool, revision: String },
    Binary,
    TooLarge,
}

#[derive(Template)]
#[template(path = "repo/file.html")]
struct FilePage {
    shell: Shell,
    frame: Frame,
    at: At,
    crumbs: Vec<Crumb>,
    switcher: Switcher,
    newest: RevisionRow,
    body: Body,
    size: String,
    lines: String,
    language: String,
    executable: bool,
    /// It is something that a commit made here can change.
    can_edit: bool,
    /// It can be shown as a document and as text; which one is shown.
    both: Option<bool>,
    properties: Vec<PropertyRow>,
    lock: Option<LockRow>,
}

#[derive(Deserialize)]
pub(crate) struct View {
    /// The text of a document rather than what it says.
    source: Option<String>,
}

/// `/OWNER/NAME/-/file/REVISION/PATH`
pub(crate) async fn file(
    State(app): State<App>,
    page: RepoPage,
    rest: Rest,
    Query(View { source }): Query<View>,
) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let (for_read, place, as_source) = (frame.clone(), at.clone(), source.is_some());
    let repo = page.code.repo().id;
    let bytes_max = app.site.settings().number(Name::FileShownBytes);
    let made = page.read(move |source| {
        let id = &place.revision.id;
        let file = match source.file(id, &place.path, bytes_max) {
            Err(ReadError::NotFound(_) | ReadError::Invalid(_)) if source.tree(id, &place.path).is_ok() => {
                return Ok(None);
            }
            file => file?,
        };
        let newest = source.last_change(id, &place.path)?.unwrap_or_else(|| place.revision.clone());
        let switcher = Switcher::new(source, &for_read.base(), "file", &place)?;
        let properties = property_rows(&source.properties(id, &place.path)?);
        let shown = shown(&for_read, &place, &file, repo, as_source);
        Ok(Some((shown, file.size, file.entry, newest, switcher, properties)))
    });
    let Some((shown, size, entry, newest, switcher, properties)) = made.await? else {
        return Ok(Redirect::to(&format!("{}/tree/{}", frame.base(), at.in_address())).into_response());
    };
    let lock = lock_on(&app, &page, &at.whole_path()).await?;
    let lines = match &shown.body {
        Body::Lines(found) => show::counted(found.lines.len() as u64, "line", "lines"),
        _ => String::new(),
    };
    let is_svn = frame.is_svn;
    let page = FilePage {
        crumbs: crumbs(&frame, &at),
        shell,
        frame,
        at,
        switcher,
        newest: RevisionRow::from(&newest),
        body: shown.body,
        size: show::bytes(size),
        lines,
        language: shown.language,
        executable: entry == code::EntryKind::Executable,
        can_edit: entry != code::EntryKind::Submodule && !is_svn,
        properties,
        lock,
        both: shown.both,
    };
    Ok(Html(page.render()?).into_response())
}

struct Shown {
    body: Body,
    language: String,
    both: Option<bool>,
}

fn shown(frame: &Frame, at: &At, file: &code::File, repo: u64, as_source: bool) -> Shown {
    let name = code::visible(at.path.name().unwrap_or_default());
    let plain = |body| Shown { body, language: String::new(), both: None };
    match (&file.kind, &file.content) {
        (FileKind::LfsPointer { oid, size }, _) => plain(Body::Lfs { oid: oid.clone(), size: show::bytes(*size) }),
        (FileKind::Symlink(target), _) => plain(symlink(frame, at, target)),
        (FileKind::Submodule { url, revision }, _) => plain(submodule(url.as_deref(), revision)),
        (FileKind::Binary, _) if super::raw::is_image(&name) => plain(Body::Image),
        (FileKind::Binary, _) => plain(Body::Binary),
        (FileKind::Text, None) => plain(Body::TooLarge),
        (FileKind::Text, Some(content)) => text(frame, at, &name, (repo, &file.id, content), as_source),
    }
}

fn text(frame: &Frame, at: &At, name: &str, (repo, id, content): (u64, &str, &[u8]), as_source: bool) -> Shown {
    let lower = name.to_lowercase();
    let image = lower.ends_with(".svg");
    let directory = at.path.parent().unwrap_or_default();
    let document = if render::is_markup(name) {
        render::document(name, content, &link_base(frame, at, &directory)).map(|html| Body::Document(html.to_string()))
    } else {
        image.then_some(Body::Image)
    };
    let has_both = document.is_some();
    if let Some(body) = document.filter(|_| !as_source) {
        return Shown { body, language: String::new(), both: Some(true) };
    }
    let found = super::kept::file_lines(repo, id, name, content);
    Shown {
        language: found.language.clone().unwrap_or_default(),
        body: Body::Lines(found),
        both: has_both.then_some(false),
    }
}

/// Where a link leads, if that is in the repository.
fn symlink(frame: &Frame, at: &At, target: &[u8]) -> Body {
    let mut path = at.path.parent().unwrap_or_default();
    let mut inside = !target.starts_with(b"/");
    for part in target.split(|b| *b == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match path.parent() {
                Some(parent) => path = parent,
                None => inside = false,
            },
            part => match path.join(part) {
                Ok(joined) => path = joined,
                Err(_) => inside = false,
            },
        }
    }
    let href = inside.then(|| format!("{}/file/{}", frame.base(), super::frame::place(&at.name, &path)));
    Body::Symlink { target: code::visible(target), href }
}

fn submodule(url: Option<&str>, revision: &str) -> Body {
    let url = code::visible(url.unwrap_or_default().as_bytes());
    let link = url.starts_with("https://") || url.starts_with("http://");
    Body::Submodule { url, link, revision: revision.to_owned() }
}
