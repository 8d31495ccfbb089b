//! A repository's front page, and its directories.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs, place};
use super::properties::{PropertyRow, property_rows};
use super::readme::readme;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::{CodePath, EntryKind, NameKind, ReadError, Revision, Source};
use std::collections::HashMap;
use std::time::Duration;

/// How long a page waits for the last changes of its entries. The browser asks for the rest.
const PATIENCE: Duration = Duration::from_millis(80);
/// How long that takes at most.
const PATIENCE_LATE: Duration = Duration::from_secs(5);

/// An entry of a directory.
pub(crate) struct EntryRow {
    pub(crate) name: String,
    pub(crate) icon: &'static str,
    pub(crate) what: &'static str,
    /// Its page; None for a submodule, which is elsewhere.
    pub(crate) href: Option<String>,
    pub(crate) note: String,
    pub(crate) last: Option<RevisionRow>,
}

/// A directory's entries and their last changes.
pub(crate) struct Listing {
    pub(crate) rows: Vec<EntryRow>,
    pub(crate) up: Option<String>,
    /// Where the rest of the last changes is asked for.
    pub(crate) late: Option<String>,
    pub(crate) base: String,
}

fn listing(
    source: &dyn Source,
    base: &str,
    at: &At,
    tree: &code::Tree,
    patience: Duration,
) -> Result<Listing, ReadError> {
    let last: HashMap<Vec<u8>, Revision> =
        source.last_changes(&at.revision.id, &at.path, patience)?.into_iter().collect();
    let row = |entry: &code::Entry| {
        let path = at.path.join(&entry.name).unwrap_or_default();
        let (icon, what, verb) = match entry.kind {
            EntryKind::Directory => ("folder", "Directory", "tree"),
            EntryKind::Submodule => ("submodule", "Submodule", "file"),
            EntryKind::Symlink => ("symlink", "Symbolic link", "file"),
            EntryKind::File | EntryKind::Executable => ("file", "File", "file"),
        };
        let note = if entry.kind == EntryKind::Submodule {
            format!("@ {}", entry.id.get(..10).unwrap_or(&entry.id))
        } else {
            String::new()
        };
        EntryRow {
            name: code::visible(&entry.name),
            icon,
            what,
            href: Some(format!("{base}/{verb}/{}", place(&at.name, &path))),
            note,
            last: last.get(&entry.name).map(RevisionRow::from),
        }
    };
    let rows: Vec<_> = tree.entries.iter().map(row).collect();
    let late = (rows.iter().any(|row| row.last.is_none())).then(|| format!("{base}/last/{}", at.permanent()));
    let up = at.path.parent().map(|parent| format!("{base}/tree/{}", place(&at.name, &parent)));
    Ok(Listing { rows, up, late, base: base.to_owned() })
}

/// What a page of a directory shows.
struct Directory {
    listing: Listing,
    switcher: Switcher,
    readme: Option<(String, String)>,
    newest: RevisionRow,
    commits: u64,
    properties: Vec<PropertyRow>,
}

fn directory(source: &dyn Source, frame: &Frame, at: &At) -> Result<Directory, ReadError> {
    let tree = source.tree(&at.revision.id, &at.path)?;
    let base = frame.base();
    let newest = match at.path.is_root() && !at.revision.id.is_part() {
        true => at.revision.clone(),
        false => source.last_change(&at.revision.id, &at.path)?.unwrap_or_else(|| at.revision.clone()),
    };
    Ok(Directory {
        listing: listing(source, &base, at, &tree, PATIENCE)?,
        switcher: Switcher::new(source, &base, "tree", at)?,
        readme: readme(source, frame, at, &tree.entries)?,
        newest: RevisionRow::from(&newest),
        commits: source.count(&at.revision.id)?,
        properties: property_rows(&source.properties(&at.revision.id, &at.path)?),
    })
}

#[derive(Template)]
#[template(path = "repo/home.html")]
struct HomePage {
    shell: Shell,
    frame: Frame,
    at: At,
    listing: Listing,
    switcher: Switcher,
    readme: Option<(String, String)>,
    newest: RevisionRow,
    commits: String,
    branches: String,
    tags: String,
    /// Name, share in thousandths, class, and how much comes before it.
    languages: Vec<(String, u32, usize, u32)>,
    properties: Vec<PropertyRow>,
}

#[derive(Template)]
#[template(path = "repo/empty.html")]
struct EmptyPage {
    shell: Shell,
    frame: Frame,
    /// Why Subversion can't be served here.
    missing: String,
}

/// `/OWNER/NAME`
pub(crate) async fn home(State(app): State<App>, page: RepoPage) -> Result<Response, PageError> {
    let (shell, frame) = (page.shell(), page.frame("code"));
    if frame.empty {
        let missing = app.site.subversion().missing().filter(|_| frame.is_svn).unwrap_or_default().to_owned();
        return Ok(Html(EmptyPage { shell, frame, missing }.render()?).into_response());
    }
    let for_read = frame.clone();
    let made = page.read(move |source| {
        let name = source.default_branch();
        let revision = match source.resolve(&name) {
            Err(ReadError::NotFound(_)) => return Ok(None),
            revision => revision?,
        };
        let at = At { name, revision, path: CodePath::root() };
        let directory = directory(source, &for_read, &at)?;
        let branches = source.names(NameKind::Branch, "", 0, 0, false)?.1;
        let tags = source.names(NameKind::Tag, "", 0, 0, false)?.1;
        let languages = source.languages(&at.revision.id)?;
        Ok(Some((at, directory, branches, tags, languages)))
    });
    // There are branches, and the one that HEAD names is not among them.
    let Some((at, directory, branches, tags, languages)) = made.await? else {
        return Ok(Redirect::to(&format!("{}/branches", frame.base())).into_response());
    };
    let page = HomePage {
        shell,
        at,
        listing: directory.listing,
        switcher: directory.switcher,
        readme: directory.readme,
        newest: directory.newest,
        commits: show::counted(directory.commits, frame.revisions().0, frame.revisions().1),
        properties: directory.properties,
        branches: show::counted(branches as u64, "branch", "branches"),
        tags: show::counted(tags as u64, "tag", "tags"),
        languages: shares(&languages),
        frame,
    };
    Ok(Html(page.render()?).into_response())
}

/// The largest kinds of files, in thousandths of all.
fn shares(languages: &[(String, u64)]) -> Vec<(String, u32, usize, u32)> {
    let all: u64 = languages.iter().map(|(_, bytes)| bytes).sum();
    let share = |bytes: u64| u32::try_from(bytes * 1000 / all.max(1)).unwrap_or(0);
    let mut before = 0;
    let shown = languages.iter().take(6).enumerate().map(|(index, (name, bytes))| {
        let share = share(*bytes);
        before += share;
        (name.clone(), share, index, before - share)
    });
    shown.filter(|(_, share, ..)| *share > 4).collect()
}

#[derive(Template)]
#[template(path = "repo/tree.html")]
struct TreePage {
    shell: Shell,
    frame: Frame,
    at: At,
    crumbs: Vec<Crumb>,
    listing: Listing,
    switcher: Switcher,
    readme: Option<(String, String)>,
    newest: RevisionRow,
    properties: Vec<PropertyRow>,
}

/// `/OWNER/NAME/-/tree/REVISION/PATH`
pub(crate) async fn tree(page: RepoPage, rest: Rest) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let (for_read, place) = (frame.clone(), at.clone());
    let found = page.read(move |source| match directory(source, &for_read, &place) {
        // A file's address may have come as a directory's.
        Err(ReadError::NotFound(_)) if source.file(&place.revision.id, &place.path, 0).is_ok() => Ok(None),
        other => other.map(Some),
    });
    let Some(directory) = found.await? else {
        return Ok(Redirect::to(&format!("{}/file/{}", frame.base(), at.in_address())).into_response());
    };
    let crumbs = crumbs(&frame, &at);
    let Directory { listing, switcher, readme, newest, properties, .. } = directory;
    let page = TreePage { shell, frame, at, crumbs, listing, switcher, readme, newest, properties };
    Ok(Html(page.render()?).into_response())
}

#[derive(Template)]
#[template(path = "repo/listing.html")]
struct LatePage {
    shell: Shell,
    listing: Listing,
}

/// `/OWNER/NAME/-/last/REVISION/PATH`: the listing again, with everything that the page did not wait for.
pub(crate) async fn last_changes(page: RepoPage, rest: Rest) -> Result<Html<String>, PageError> {
    let (shell, base, at) = (page.shell(), page.frame("code").base(), page.at(rest).await?);
    let made = page.read(move |source| {
        let tree = source.tree(&at.revision.id, &at.path)?;
        listing(source, &base, &at, &tree, PATIENCE_LATE)
    });
    Ok(Html(LatePage { shell, listing: made.await? }.render()?))
}
