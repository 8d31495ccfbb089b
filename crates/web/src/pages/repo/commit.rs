//! One revision and what it changed.

use super::diff_part::{Between, diff_part};
use super::diff_view::Wanted;
use super::frame::{Frame, RepoPage, RevisionRow, place};
use super::parts::Late;
use super::properties::{PropertyRow, property_rows};
use super::references::References;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::part::{Parts, Slot};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use code::{CodePath, DiffOptions, FileDiff, ReadError, RevisionId, Source};
use forge::site::Signer;
use git::read::PatchFormat;
use http::header;
use serde::Deserialize;

/// A longer patch is for `git format-patch`.
const PATCH_BYTES_MAX: u64 = 64 << 20;
/// A patch of Subversion's has as many lines as are shown of a single file.
const UNFOLDED: DiffOptions = DiffOptions {
    context: 3,
    ignore_space: false,
    files_skip: 0,
    files_max: 10_000,
    count_all: true,
    file_lines_max: text::SHOWN_LINES_MAX,
    lines_max: text::SHOWN_LINES_MAX,
};

#[derive(Template)]
#[template(path = "repo/commit.html")]
struct CommitPage {
    shell: Shell,
    frame: Frame,
    revision: RevisionRow,
    /// HTML.
    subject: String,
    /// HTML.
    message: String,
    /// Who put it in, where that is somebody else.
    committer: Option<String>,
    written: String,
    parents: Vec<(String, String)>,
    signature: Option<(&'static str, &'static str, String)>,
    diff: Slot,
    /// The browser asks for what the first look left out.
    late: bool,
    push: Option<PushRow>,
    /// Where a revision of Subversion is in the journal.
    held: Option<PushRow>,
    properties: Vec<PropertyRow>,
}

/// The push that brought it, where the address names it.
struct PushRow {
    entry: u64,
    /// The branch it was pushed to: its name and its page.
    branch: Option<(String, String)>,
    /// `eu, us (2 of 3)`.
    holders: String,
}

#[derive(Deserialize)]
pub(crate) struct Entry {
    entry: Option<u64>,
}

/// What an entry says of the push of a commit; nothing, unless it is that push.
async fn push_of(app: &App, page: &RepoPage, id: &RevisionId, entry: u64) -> Result<Option<PushRow>, PageError> {
    let Some(moves) = app.site.push_at(&page.code, entry).await? else { return Ok(None) };
    let Some(moved) = moves.iter().find(|moved| moved.new.as_ref().is_some_and(|new| new.to_string() == id.0)) else {
        return Ok(None);
    };
    let branch = moved.name.strip_prefix("refs/heads/").map(|name| {
        let tree = format!("/{}/-/tree/{}", page.code.repo().path, place(name, &CodePath::root()));
        (code::visible(name.as_bytes()), tree)
    });
    Ok(Some(PushRow { entry, branch, holders: holders(app, entry) }))
}

/// The vaults that hold an entry: `eu, us (2 of 3)`.
fn holders(app: &App, entry: u64) -> String {
    let vaults = crate::pages::site::vault_rows(app);
    let holding = vaults.iter().filter(|vault| vault.size > entry).map(|vault| vault.name.as_str()).collect::<Vec<_>>();
    format!("{} ({} of {})", holding.join(", "), holding.len(), vaults.len())
}

/// Where a revision of Subversion is in the journal.
async fn held(app: &App, page: &RepoPage, id: &RevisionId) -> Result<Option<PushRow>, PageError> {
    let Some(rev) = id.0.rsplit_once('r').and_then(|(_, rev)| rev.parse().ok()) else { return Ok(None) };
    let entry = app.site.svn_entry(&page.code, rev).await?;
    Ok(entry.map(|entry| PushRow { entry, branch: None, holders: holders(app, entry) }))
}

/// `/OWNER/NAME/-/commit/ID`, and the same with `.patch` or `.diff` behind it for programs.
pub(crate) async fn commit(
    State(app): State<App>,
    page: RepoPage,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
    Query(Entry { entry }): Query<Entry>,
    Query(late): Query<Late>,
) -> Result<Response, PageError> {
    if let Some(id) = id.strip_suffix(".patch") {
        return patch(&page, id.to_owned(), PatchFormat::Mail).await;
    }
    if let Some(id) = id.strip_suffix(".diff") {
        return patch(&page, id.to_owned(), PatchFormat::Diff).await;
    }
    let (shell, frame) = (page.shell(), page.frame("history"));
    let (is_svn, base, root) = (frame.is_svn, frame.base(), format!("/{}.svn", frame.path));
    let made = page.read(move |source| {
        let revision = source.resolve(&id)?;
        let properties = property_rows(&source.revision_properties(&revision.id)?);
        let references = if is_svn { Some(References::of(source, base, &root)?) } else { None };
        Ok((revision, properties, references))
    });
    let (revision, mut properties, references) = made.await?;
    let linked =
        |text: &str| render::linked_with(text, |text| references.as_ref().map_or_else(Vec::new, |to| to.find(text)));
    let parent = revision.parents.first().map(|parent| parent.0.clone());
    let between = Between { from: None, to: revision.id.clone(), from_shown: parent };
    let diff = diff_part(&page.maker(), frame.base(), between, wanted, &late).await?;
    if let Some(alone) = diff.alone() {
        return Ok(alone);
    }
    // What the page says of itself.
    properties.retain(|property| !["svn:author", "svn:date", "svn:log"].contains(&property.name.as_str()));
    let held = if frame.is_svn { held(&app, &page, &revision.id).await? } else { None };
    let push = match entry {
        Some(entry) => push_of(&app, &page, &revision.id, entry).await?,
        None => None,
    };
    let signer = app.site.commit_signer(&page.code, &revision).await?;
    let committer = (revision.committer.name != revision.author.name).then(|| revision.committer.name.clone());
    let mut parts = Parts::default();
    let row = RevisionRow::from(&revision);
    let page = CommitPage {
        message: linked(revision.body()),
        subject: linked(&row.subject),
        committer,
        written: show::time(revision.author.time.seconds),
        parents: revision.parents.iter().map(|id| (id.0.clone(), id.short().to_owned())).collect(),
        signature: signer.map(signed),
        revision: row,
        shell,
        frame,
        late: !diff.whole,
        diff: diff.slot(&mut parts),
        push,
        held,
        properties,
    };
    parts.page(&page)
}

/// Puts the lines into a folded file that somebody wants to see.
pub(crate) fn unfold(
    source: &dyn Source,
    from: Option<&RevisionId>,
    to: &RevisionId,
    open: &str,
    options: DiffOptions,
    files: &mut [FileDiff],
) -> Result<(), ReadError> {
    let Ok(path) = CodePath::parse(open.as_bytes()) else { return Ok(()) };
    for file in files.iter_mut().filter(|file| file.folded && file.change.path == path) {
        *file = source.file_diff(from, to, &path, options)?;
    }
    Ok(())
}

/// A badge for a signature: its colour, its word, and a sentence.
fn signed(signer: Signer) -> (&'static str, &'static str, String) {
    match signer {
        Signer::Verified(name) => {
            ("good", "Verified", format!("Signed with a key of {name}, whose mail address the commit names."))
        }
        Signer::Another(name) => {
            ("warn", "Unverified", format!("Signed with a key of {name}, but the commit names somebody else."))
        }
        Signer::Expired(name) => {
            ("warn", "Unverified", format!("Signed with a key of {name} that has expired or was revoked."))
        }
        Signer::Bad => ("bad", "Bad signature", "The signature does not fit the commit.".to_owned()),
        Signer::Unknown(key) => ("", "Unknown key", format!("Signed with {key}, which no account here has added.")),
        Signer::Unchecked(why) => ("", "Signed", format!("Not verified: {why}.")),
    }
}

async fn patch(page: &RepoPage, id: String, format: PatchFormat) -> Result<Response, PageError> {
    let made = if page.frame("history").is_svn {
        page.read(move |source| Ok(text::unified(&source.changes(&source.resolve(&id)?.id, UNFOLDED)?.0))).await?
    } else {
        let revision = page.read(move |source| source.resolve(&id)).await?;
        let made = git::read::patch(page.code.git()?, &revision.id, format, PATCH_BYTES_MAX).await;
        made.map_err(forge::Error::from)?
    };
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'; sandbox"),
    ];
    Ok((headers, made).into_response())
}
