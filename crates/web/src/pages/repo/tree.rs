//! A repository's front page, and its directories.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs, place};
use super::parts::{Late, Made, Maker};
use super::properties::{PropertyRow, property_rows};
use super::readme::readme;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::part::{Part, Parts, Slot};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::{CodePath, EntryKind, NameKind, ReadError, Revision, Source};
use render::Effort;
use std::collections::HashMap;
use std::time::Duration;

/// How long a page waits for the last changes of its entries. The browser asks for the rest.
const PATIENCE: Duration = Duration::from_millis(80);
/// How long that takes at most.
const PATIENCE_LATE: Duration = Duration::from_secs(5);
/// How long a page waits for the languages.
const PATIENCE_LANGUAGES: Duration = Duration::from_millis(5);

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
    let late = (rows.iter().any(|row| row.last.is_none())).then(|| format!("{base}/tree/{}", at.in_address()));
    let up = at.path.parent().map(|parent| format!("{base}/tree/{}", place(&at.name, &parent)));
    Ok(Listing { rows, up, late, base: base.to_owned() })
}

#[derive(Template)]
#[template(path = "repo/listing.html")]
struct ListingPart {
    shell: Shell,
    listing: Listing,
}

#[derive(Template)]
#[template(path = "repo/readme.html")]
struct ReadmePart {
    shell: Shell,
    readme: Option<(String, String)>,
}

/// What a directory's page is mostly made of.
struct DirectoryParts {
    listing: super::parts::Shown,
    readme: super::parts::Shown,
}

async fn directory_parts(maker: &Maker, frame: &Frame, at: &At, late: &Late) -> Result<DirectoryParts, PageError> {
    let (base, place) = (frame.base(), at.clone());
    let make = move |source: &dyn Source, effort| {
        let tree = source.tree(&place.revision.id, &place.path)?;
        let patience = if effort == Effort::First { PATIENCE } else { PATIENCE_LATE };
        let listing = listing(source, &base, &place, &tree, patience)?;
        let whole = listing.late.is_none();
        Made::of(&ListingPart { shell: Shell::of_the_site(), listing }, whole)
    };
    let listing = maker.part(maker.key("listing", named(at)), late, make).await?;
    let (for_read, place) = (frame.clone(), at.clone());
    let make = move |source: &dyn Source, _| {
        let tree = source.tree(&place.revision.id, &place.path)?;
        let readme = readme(source, &for_read, &place, &tree.entries)?;
        Made::of(&ReadmePart { shell: Shell::of_the_site(), readme }, true)
    };
    let readme = maker.part(maker.key("readme", named(at)), &Late::default(), make).await?;
    Ok(DirectoryParts { listing, readme })
}

/// What names a directory's parts: links in them have the name of the revision as it was asked for.
fn named(at: &At) -> String {
    format!("{} {}", at.in_address(), at.permanent())
}

/// What else a page of a directory shows.
struct Around {
    switcher: Switcher,
    newest: RevisionRow,
    commits: u64,
    properties: Vec<PropertyRow>,
}

fn around(source: &dyn Source, frame: &Frame, at: &At) -> Result<Around, ReadError> {
    let newest = match at.path.is_root() && !at.revision.id.is_part() {
        true => at.revision.clone(),
        false => source.last_change(&at.revision.id, &at.path)?.unwrap_or_else(|| at.revision.clone()),
    };
    Ok(Around {
        switcher: Switcher::new(source, &frame.base(), "tree", at)?,
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
    listing: Slot,
    switcher: Switcher,
    readme: Slot,
    newest: RevisionRow,
    commits: String,
    branches: String,
    tags: String,
    languages: Slot,
    /// The browser asks for the languages.
    late: bool,
    properties: Vec<PropertyRow>,
}

#[derive(Template)]
#[template(path = "repo/languages.html")]
struct LanguagesPart {
    /// Name, share in thousandths, class, and how much comes before it.
    languages: Vec<(String, u32, usize, u32)>,
}

/// What a repository is written in. All its files are looked at for it.
async fn languages_part(maker: &Maker, at: &At, late: &Late) -> Result<super::parts::Shown, PageError> {
    let id = at.revision.id.clone();
    let key = maker.key("languages", id.0.clone());
    let make = move |source: &dyn Source, effort| {
        let patience = if effort == Effort::First { PATIENCE_LANGUAGES } else { PATIENCE_LATE };
        let (languages, whole) = source.languages(&id, patience)?;
        let shown = if whole { shares(&languages) } else { Vec::new() };
        Made::of(&LanguagesPart { languages: shown }, whole)
    };
    maker.part(key, late, make).await
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
pub(crate) async fn home(
    State(app): State<App>,
    page: RepoPage,
    Query(late): Query<Late>,
) -> Result<Response, PageError> {
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
        let around = around(source, &for_read, &at)?;
        let branches = source.names(NameKind::Branch, "", 0, 0, false)?.1;
        let tags = source.names(NameKind::Tag, "", 0, 0, false)?.1;
        Ok(Some((at, around, branches, tags)))
    });
    // There are branches, and the one that HEAD names is not among them.
    let Some((at, around, branches, tags)) = made.await? else {
        return Ok(Redirect::to(&format!("{}/branches", frame.base())).into_response());
    };
    let maker = page.maker();
    let DirectoryParts { listing, readme } = directory_parts(&maker, &frame, &at, &late.of("1")).await?;
    let languages = languages_part(&maker, &at, &late.of("languages")).await?;
    if let Some(alone) = listing.alone().or_else(|| languages.alone()) {
        return Ok(alone);
    }
    let mut parts = Parts::default();
    let page = HomePage {
        shell,
        at,
        listing: listing.slot(&mut parts),
        readme: readme.slot(&mut parts),
        switcher: around.switcher,
        newest: around.newest,
        commits: show::counted(around.commits, frame.revisions().0, frame.revisions().1),
        properties: around.properties,
        branches: show::counted(branches as u64, "branch", "branches"),
        tags: show::counted(tags as u64, "tag", "tags"),
        late: !languages.whole,
        languages: languages.slot(&mut parts),
        frame,
    };
    parts.page(&page)
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
    listing: Slot,
    switcher: Switcher,
    readme: Slot,
    newest: RevisionRow,
    properties: Vec<PropertyRow>,
}

/// `/OWNER/NAME/-/tree/REVISION/PATH`
pub(crate) async fn tree(page: RepoPage, rest: Rest, Query(late): Query<Late>) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let (for_read, place, maker) = (frame.clone(), at.clone(), page.maker());
    let known = maker.kept::<Part>(&maker.key("listing", named(&at))).is_some();
    let found = page.read(move |source| {
        // A file's address may have come as a directory's.
        if !known && let Err(error) = source.tree(&place.revision.id, &place.path) {
            let is_file = source.file(&place.revision.id, &place.path, 0).is_ok();
            return if is_file { Ok(None) } else { Err(error) };
        }
        around(source, &for_read, &place).map(Some)
    });
    let Some(around) = found.await? else {
        return Ok(Redirect::to(&format!("{}/file/{}", frame.base(), at.in_address())).into_response());
    };
    let DirectoryParts { listing, readme } = directory_parts(&maker, &frame, &at, &late).await?;
    if let Some(alone) = listing.alone() {
        return Ok(alone);
    }
    let crumbs = crumbs(&frame, &at);
    let Around { switcher, newest, properties, .. } = around;
    let mut parts = Parts::default();
    let listing = listing.slot(&mut parts);
    let readme = readme.slot(&mut parts);
    parts.page(&TreePage { shell, frame, at, crumbs, listing, switcher, readme, newest, properties })
}
