//! Who wrote each line.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs, place};
use crate::pages::error::PageError;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::response::Html;
use code::{FileKind, ReadError};

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
    revisions: Vec<RevisionRow>,
    /// How old each is, from 0 (the newest) to 9.
    ages: Vec<usize>,
    hunks: Vec<HunkRows>,
}

/// `/OWNER/NAME/-/blame/REVISION/PATH`
pub(crate) async fn blame(page: RepoPage, rest: Rest) -> Result<Html<String>, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("code"), page.at(rest).await?);
    let (base, place_) = (frame.base(), at.clone());
    let made = page.read(move |source| {
        let id = &place_.revision.id;
        let file = source.file(id, &place_.path, SHOWN_BYTES_MAX)?;
        let (FileKind::Text, Some(content)) = (file.kind, file.content) else {
            return Err(ReadError::Invalid("only the lines of a text can be told apart".to_owned()));
        };
        let name = code::visible(place_.path.name().unwrap_or_default());
        let lines = render::file_lines(&name, &content).lines;
        let blame = source.blame(id, &place_.path)?;
        let switcher = Switcher::new(source, &base, "blame", &place_)?;
        let hunks = blame.hunks.iter().map(|hunk| {
            let first = hunk.line as usize;
            let lines = (first..first + hunk.lines as usize).map(|number| {
                (u32::try_from(number).unwrap_or(u32::MAX), lines.get(number - 1).cloned().unwrap_or_default())
            });
            let revision = &blame.revisions[hunk.revision];
            let path = hunk.path.as_ref().unwrap_or(&place_.path);
            let before = revision.parents.first().map(|parent| format!("{base}/blame/{}", place(&parent.0, path)));
            HunkRows { revision: hunk.revision, lines: lines.collect(), before }
        });
        let hunks: Vec<_> = hunks.collect();
        Ok((hunks, blame.revisions, switcher))
    });
    let (hunks, revisions, switcher) = made.await?;
    let page = BlamePage {
        crumbs: crumbs(&frame, &at),
        ages: ages(&revisions),
        revisions: revisions.iter().map(RevisionRow::from).collect(),
        shell,
        frame,
        at,
        switcher,
        hunks,
    };
    Ok(Html(page.render()?))
}

/// Each revision's age among the others, in tenths.
fn ages(revisions: &[code::Revision]) -> Vec<usize> {
    let mut times: Vec<i64> = revisions.iter().map(|revision| revision.committer.time.seconds).collect();
    times.sort_unstable();
    times.dedup();
    let rank = |time: i64| times.len() - 1 - times.binary_search(&time).unwrap_or(0);
    revisions.iter().map(|revision| rank(revision.committer.time.seconds) * 10 / times.len().max(1)).collect()
}
