//! Who wrote each line.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs, place};
use super::parts::{Late, Made, Maker};
use crate::pages::error::PageError;
use crate::pages::part::{Parts, Slot};
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::Query;
use axum::response::Response;
use code::{ReadError, Source};
use render::Effort;

const SHOWN_BYTES_MAX: u64 = 1 << 20;

/// Lines that came with one revision.
struct HunkRows {
    revision: usize,
    /// Number and HTML of each line.
    lines: Vec<(u32, String)>,
    /// The file as it was before that revision.
    before: Option<String>,
}

#[derive(Template)]
#[template(path = "repo/blame.html")]
struct BlamePage {
    shell: Shell,
    frame: Frame,
    at: At,
    crumbs: Vec<Crumb>,
    switcher: Switcher,
    slot: Slot,
    /// The browser asks for the colours that are still to come.
    late: bool,
}

#[derive(Template)]
#[template(path = "repo/blamed.html")]
struct Blamed<'a> {
    shell: Shell,
    base: &'a str,
    revisions: Vec<RevisionRow>,
    /// How old each is, from 0 (the newest) to 9.
    ages: Vec<usize>,
    hunks: Vec<HunkRows>,
}

/// `/OWNER/NAME/-/blame/REVISION/PATH`
pub(crate) async fn blame(page: RepoPage, rest: Rest, Query(late): Query<Late>) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let maker = page.maker();
    let key = maker.key_with_words("blame", at.permanent());
    let (base, place, again) = (frame.base(), at.clone(), maker.clone());
    let lines = maker.part(key, &late, move |source, effort| blamed(&again, source, &base, &place, effort)).await?;
    if let Some(alone) = lines.alone() {
        return Ok(alone);
    }
    let (base, place) = (frame.base(), at.clone());
    let switcher = page.read(move |source| Switcher::new(source, &base, "blame", &place)).await?;
    let mut parts = Parts::default();
    let page = BlamePage {
        crumbs: crumbs(&frame, &at),
        shell,
        frame,
        at,
        switcher,
        slot: lines.slot(&mut parts),
        late: !lines.whole,
    };
    parts.page(&page)
}

/// The table of lines and of who wrote them.
fn blamed(maker: &Maker, source: &dyn Source, base: &str, at: &At, effort: Effort) -> Result<Made, ReadError> {
    let (id, path) = (&at.revision.id, &at.path);
    let file = source.file(id, path, SHOWN_BYTES_MAX)?;
    let coloured = super::file::coloured(maker, &file, path, effort)?;
    let blame = source.blame(id, path)?;
    let hunks = blame.hunks.iter().map(|hunk| {
        let first = hunk.line as usize;
        let lines = (first..first + hunk.lines as usize).map(|number| {
            (u32::try_from(number).unwrap_or(u32::MAX), coloured.lines.get(number - 1).cloned().unwrap_or_default())
        });
        let revision = &blame.revisions[hunk.revision];
        let path = hunk.path.as_ref().unwrap_or(path);
        let before = revision.parents.first().map(|parent| format!("{base}/blame/{}", place(&parent.0, path)));
        HunkRows { revision: hunk.revision, lines: lines.collect(), before }
    });
    let table = Blamed {
        shell: Shell::of_the_site(),
        base,
        ages: ages(&blame.revisions),
        hunks: hunks.collect(),
        revisions: blame.revisions.iter().map(RevisionRow::from).collect(),
    };
    Made::of(&table, coloured.whole)
}

/// Each revision's age among the others, in tenths.
fn ages(revisions: &[code::Revision]) -> Vec<usize> {
    let mut times: Vec<i64> = revisions.iter().map(|revision| revision.committer.time.seconds).collect();
    times.sort_unstable();
    times.dedup();
    let rank = |time: i64| times.len() - 1 - times.binary_search(&time).unwrap_or(0);
    revisions.iter().map(|revision| rank(revision.committer.time.seconds) * 10 / times.len().max(1)).collect()
}
