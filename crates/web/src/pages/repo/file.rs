//! A file.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs};
use super::locks::{LockRow, lock_on};
use super::parts::{Late, Made, Maker};
use super::properties::{PropertyRow, property_rows};
use super::readme::link_base;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::part::{Key, Parts, Slot};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use code::{CodePath, FileKind, ReadError, Source};
use forge::settings::Name;
use render::{Effort, Highlighted};
use serde::Deserialize;
use std::sync::Arc;

/// What a file's page shows of it.
enum Body {
    Lines(Slot),
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
    /// The browser asks for the colours that are still to come.
    late: bool,
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
    Query(late): Query<Late>,
) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let (for_read, place, as_source) = (frame.clone(), at.clone(), source.is_some());
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
        let shown = shown(&for_read, &place, &file, as_source);
        Ok(Some((shown, file, newest, switcher, properties)))
    });
    let Some((shown, file, newest, switcher, properties)) = made.await? else {
        return Ok(Redirect::to(&format!("{}/tree/{}", frame.base(), at.in_address())).into_response());
    };
    let (size, entry) = (file.size, file.entry);
    let lock = lock_on(&app, &page, &at.whole_path()).await?;
    let (mut parts, mut more, mut lines) = (Parts::default(), false, String::new());
    let body = match shown.body {
        Found::Lines(count) => {
            lines = show::counted(count, "line", "lines");
            let coloured = lines_part(&page.maker(), &at, file, &late).await?;
            if let Some(alone) = coloured.alone() {
                return Ok(alone);
            }
            more = !coloured.whole;
            Body::Lines(coloured.slot(&mut parts))
        }
        Found::Other(body) => body,
    };
    let is_svn = frame.is_svn;
    let page = FilePage {
        crumbs: crumbs(&frame, &at),
        shell,
        frame,
        at,
        switcher,
        newest: RevisionRow::from(&newest),
        body,
        late: more,
        size: show::bytes(size),
        lines,
        language: shown.language,
        executable: entry == code::EntryKind::Executable,
        can_edit: entry != code::EntryKind::Submodule && !is_svn,
        properties,
        lock,
        both: shown.both,
    };
    parts.page(&page)
}

#[derive(Template)]
#[template(path = "repo/lines.html")]
struct Lines<'a> {
    lines: &'a [String],
}

/// The table of a file's lines.
async fn lines_part(maker: &Maker, at: &At, file: code::File, late: &Late) -> Result<super::parts::Shown, PageError> {
    let (path, again, file) = (at.path.clone(), maker.clone(), Arc::new(file));
    let key = maker.key("lines", named(&file.id, &path));
    let make = move |_: &dyn Source, effort| {
        let found = coloured(&again, &file, &path, effort)?;
        Made::of(&Lines { lines: &found.lines }, found.whole)
    };
    maker.part(key, late, make).await
}

/// What names the highlighted lines of a file: its content, and the name that says how it is read.
fn named(file_id: &str, path: &CodePath) -> String {
    format!("{file_id} {}", code::visible(path.name().unwrap_or_default()))
}

/// The lines of a file, highlighted; kept when they are as good as they get.
pub(super) fn coloured(
    maker: &Maker,
    file: &code::File,
    path: &CodePath,
    effort: Effort,
) -> Result<Arc<Highlighted>, ReadError> {
    let (FileKind::Text, Some(content)) = (&file.kind, &file.content) else {
        return Err(ReadError::Invalid("only a text that is not too large has lines that can be shown".to_owned()));
    };
    let key: Key = maker.key("coloured", named(&file.id, path));
    if let Some(kept) = maker.kept(&key) {
        return Ok(kept);
    }
    let name = code::visible(path.name().unwrap_or_default());
    let made = Arc::new(render::file_lines(&name, content, effort));
    if made.whole {
        let weight = made.lines.iter().map(|line| line.len() + 32).sum();
        maker.keep(&key, Arc::clone(&made), weight);
    }
    Ok(made)
}

/// What a file has to be shown.
enum Found {
    /// So many lines.
    Lines(u64),
    Other(Body),
}

struct Shown {
    body: Found,
    language: String,
    both: Option<bool>,
}

fn shown(frame: &Frame, at: &At, file: &code::File, as_source: bool) -> Shown {
    let name = code::visible(at.path.name().unwrap_or_default());
    let plain = |body| Shown { body: Found::Other(body), language: String::new(), both: None };
    match (&file.kind, &file.content) {
        (FileKind::LfsPointer { oid, size }, _) => plain(Body::Lfs { oid: oid.clone(), size: show::bytes(*size) }),
        (FileKind::Symlink(target), _) => plain(symlink(frame, at, target)),
        (FileKind::Submodule { url, revision }, _) => plain(submodule(url.as_deref(), revision)),
        (FileKind::Binary, _) if super::raw::is_image(&name) => plain(Body::Image),
        (FileKind::Binary, _) => plain(Body::Binary),
        (FileKind::Text, None) => plain(Body::TooLarge),
        (FileKind::Text, Some(content)) => text(frame, at, &name, content, as_source),
    }
}

fn text(frame: &Frame, at: &At, name: &str, content: &[u8], as_source: bool) -> Shown {
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
        return Shown { body: Found::Other(body), language: String::new(), both: Some(true) };
    }
    let head = &content[..content.len().min(render::LINE_BYTES_MAX)];
    let language = render::language(name, &String::from_utf8_lossy(head)).unwrap_or_default().to_owned();
    let unended = u64::from(!content.is_empty() && !content.ends_with(b"\n"));
    let lines = content.iter().filter(|byte| **byte == b'\n').count() as u64 + unended;
    Shown { body: Found::Lines(lines), language, both: has_both.then_some(false) }
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
