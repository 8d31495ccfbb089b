//! Two revisions, compared.

use super::diff_part::{Between, diff_part};
use super::diff_view::Wanted;
use super::frame::{Frame, RepoPage, Rest, RevisionRow, place};
use super::parts::{Late, Maker};
use crate::pages::error::PageError;
use crate::pages::part::{Parts, Slot};
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::Query;
use axum::response::{Html, IntoResponse, Redirect, Response};
use code::{CodePath, Comparison, NameKind, ReadError, RevisionId, Source};
use serde::Deserialize;
use std::sync::Arc;

/// Revisions listed above a difference.
const LISTED_MAX: usize = 100;
/// What a kept revision weighs besides its message, about.
const REVISION_BYTES: usize = 400;

#[derive(Deserialize)]
pub(crate) struct Chosen {
    #[serde(default)]
    base: String,
    #[serde(default)]
    head: String,
}

#[derive(Template)]
#[template(path = "repo/compare.html")]
struct ComparePage {
    shell: Shell,
    frame: Frame,
    base: String,
    head: String,
    names: Vec<String>,
    found: Option<Found>,
}

struct Found {
    revisions: Vec<RevisionRow>,
    ahead: String,
    behind: String,
    related: bool,
    diff: Slot,
    /// The browser asks for what the first look left out.
    late: bool,
}

/// `/OWNER/NAME/-/compare`: choosing what to compare.
pub(crate) async fn choose(page: RepoPage, Query(Chosen { base, head }): Query<Chosen>) -> Result<Response, PageError> {
    let (shell, frame) = (page.shell(), page.frame("history"));
    if !base.is_empty() && !head.is_empty() {
        let root = CodePath::root();
        let to = format!("{}/compare/{}...{}", frame.base(), place(&base, &root), place(&head, &root));
        return Ok(Redirect::to(&to).into_response());
    }
    let names = page.read(|source| source.short_names(NameKind::Branch)).await?;
    let base = frame.branch.clone();
    Ok(Html(ComparePage { shell, frame, base, head, names, found: None }.render()?).into_response())
}

/// `/OWNER/NAME/-/compare/BASE...HEAD`: what `head` has since they parted; with two dots, what differs between them.
pub(crate) async fn compare(
    page: RepoPage,
    rest: Rest,
    Query(wanted): Query<Wanted>,
    Query(late): Query<Late>,
) -> Result<Response, PageError> {
    let (shell, frame) = (page.shell(), page.frame("history"));
    let text = String::from_utf8(rest.0).map_err(|_| PageError::not_found())?;
    let (base, head, since_parting) = match (text.split_once("..."), text.split_once("..")) {
        (Some((base, head)), _) => (base, head, true),
        (None, Some((base, head))) => (base, head, false),
        (None, None) => {
            return Err(PageError::invalid("an address to compare ends in BASE...HEAD, with three dots or two"));
        }
    };
    let (base, head) = (base.to_owned(), head.to_owned());
    let (from, to) = (base.clone(), head.clone());
    let maker = page.maker();
    let made = page.read(move |source| {
        let (base, head) = (source.resolve(&from)?, source.resolve(&to)?);
        let comparison = compared(&maker, source, &base.id, &head.id)?;
        let left = comparison.base.clone().filter(|_| since_parting).unwrap_or_else(|| base.id.clone());
        let names = source.short_names(NameKind::Branch)?;
        Ok((comparison, left, head.id, names))
    });
    let (comparison, left, right, names) = made.await?;
    let between = Between { from_shown: Some(left.0.clone()), from: Some(left), to: right };
    let diff = diff_part(&page.maker(), frame.base(), between, wanted, &late).await?;
    if let Some(alone) = diff.alone() {
        return Ok(alone);
    }
    let mut parts = Parts::default();
    let found = Found {
        revisions: comparison.revisions.iter().map(RevisionRow::from).collect(),
        ahead: show::counted(u64::from(comparison.ahead), frame.revisions().0, frame.revisions().1),
        behind: show::counted(u64::from(comparison.behind), frame.revisions().0, frame.revisions().1),
        related: comparison.base.is_some(),
        late: !diff.whole,
        diff: diff.slot(&mut parts),
    };
    parts.page(&ComparePage { shell, frame, base, head, names, found: Some(found) })
}

/// What one has and the other has not: as it was kept, or found out now.
fn compared(
    maker: &Maker,
    source: &dyn Source,
    base: &RevisionId,
    head: &RevisionId,
) -> Result<Arc<Comparison>, ReadError> {
    let key = maker.key_with_words("compared", format!("{base}...{head}"));
    if let Some(kept) = maker.kept(&key) {
        return Ok(kept);
    }
    let made = Arc::new(source.compare(base, head, LISTED_MAX)?);
    let weight = made.revisions.iter().map(|revision| REVISION_BYTES + revision.message.len()).sum();
    maker.keep(&key, Arc::clone(&made), weight);
    Ok(made)
}
