//! One revision and what it changed.

use super::diff_view::{DiffView, Row, Wanted};
use super::frame::{Frame, RepoPage, RevisionRow};
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse, Response};
use code::{CodePath, DiffOptions, FileDiff, ReadError, RevisionId, Signature, Source};
use git::read::PatchFormat;
use http::header;

/// A longer patch is for `git format-patch`.
const PATCH_BYTES_MAX: u64 = 64 << 20;

#[derive(Template)]
#[template(path = "repo/commit.html")]
struct CommitPage {
    shell: Shell,
    frame: Frame,
    revision: RevisionRow,
    message: String,
    /// Who put it in, where that is somebody else.
    committer: Option<String>,
    written: String,
    parents: Vec<(String, String)>,
    signature: Option<(&'static str, String)>,
    diff: DiffView,
}

/// `/OWNER/NAME/-/commit/ID`, and the same with `.patch` or `.diff` behind it for programs.
pub(crate) async fn commit(
    page: RepoPage,
    Path(id): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    if let Some(id) = id.strip_suffix(".patch") {
        return patch(&page, id.to_owned(), PatchFormat::Mail).await;
    }
    if let Some(id) = id.strip_suffix(".diff") {
        return patch(&page, id.to_owned(), PatchFormat::Diff).await;
    }
    let (shell, frame) = (page.shell(), page.frame("history"));
    let (options, open) = (wanted.options(), wanted.open.clone());
    let made = page.read(move |source| {
        let revision = source.resolve(&id)?;
        let (mut files, summary) = source.changes(&revision.id, options)?;
        unfold(source, None, &revision.id, &open, options, &mut files)?;
        Ok((revision, files, summary))
    });
    let (revision, files, summary) = made.await?;
    let parent = revision.parents.first().map(|parent| parent.0.as_str());
    let diff = DiffView::new(&frame, &wanted, (parent, &revision.id.0), &files, summary);
    let committer = (revision.committer.name != revision.author.name).then(|| revision.committer.name.clone());
    let page = CommitPage {
        message: render::linked(revision.body()),
        committer,
        written: show::time(revision.author.time.seconds),
        parents: revision.parents.iter().map(|id| (id.0.clone(), id.short().to_owned())).collect(),
        signature: revision.signature.as_ref().map(signed),
        revision: RevisionRow::from(&revision),
        shell,
        frame,
        diff,
    };
    Ok(Html(page.render()?).into_response())
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

fn signed(signature: &Signature) -> (&'static str, String) {
    match signature {
        Signature::Ssh { fingerprint, valid: true } => ("good", format!("signed with the SSH key {fingerprint}")),
        Signature::Ssh { fingerprint, valid: false } => {
            ("", format!("says it is signed with the SSH key {fingerprint}"))
        }
        Signature::OpenPgp(Some(key)) => ("", format!("says it is signed with the OpenPGP key {key}")),
        Signature::OpenPgp(None) => ("", "carries an OpenPGP signature".to_owned()),
        Signature::X509 => ("", "carries an X.509 signature".to_owned()),
        Signature::Unknown => ("", "carries a signature of an unknown kind".to_owned()),
    }
}

async fn patch(page: &RepoPage, id: String, format: PatchFormat) -> Result<Response, PageError> {
    let revision = page.read(move |source| source.resolve(&id)).await?;
    let made = git::read::patch(page.code.git(), &revision.id, format, PATCH_BYTES_MAX).await;
    let made = made.map_err(forge::Error::from)?;
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    Ok((headers, made).into_response())
}
