//! A difference as a part of a page.

use super::commit::unfold;
use super::diff_view::{DiffView, How, Row, Wanted};
use super::parts::{Late, Made, Maker, Shown};
use crate::pages::error::PageError;
use askama::Template;
use code::{DiffOptions, FileDiff, RevisionId, Summary};
use render::Effort;
use std::sync::Arc;

#[derive(Template)]
#[template(path = "repo/diff.html")]
struct DiffPart {
    diff: DiffView,
}

/// What is compared.
#[derive(Clone)]
pub(crate) struct Between {
    /// None: with the first parent.
    pub(crate) from: Option<RevisionId>,
    pub(crate) to: RevisionId,
    /// The older side in addresses of files.
    pub(crate) from_shown: Option<String>,
}

/// Lines that came and went, file by file.
struct Counts(Vec<(u32, u32)>);

/// The difference between two revisions, as it is wanted.
pub(crate) async fn diff_part(
    maker: &Maker,
    base: String,
    between: Between,
    wanted: Wanted,
    late: &Late,
) -> Result<Shown, PageError> {
    let from = between.from.as_ref().map_or("", |from| &from.0);
    let sides = format!("{from} {} {}", between.to, u8::from(wanted.ignore_space()));
    let options = wanted.options();
    let view = (u8::from(wanted.split()), options.context, options.files_skip);
    let of = format!("{sides} {} {} {} {}", view.0, view.1, view.2, wanted.open);
    let (key, counts_key, again) = (maker.key("diff", of), maker.key("counts", sides), maker.clone());
    let make = move |source: &dyn code::Source, effort| {
        let Between { from, to, from_shown } = &between;
        let known = again.kept::<Counts>(&counts_key);
        let options = DiffOptions { count_all: effort == Effort::Whole && known.is_none(), ..options };
        let (mut files, mut summary) = match from {
            Some(from) => source.diff(from, to, options)?,
            None => source.changes(to, options)?,
        };
        match &known {
            Some(known) => counted(&mut files, &mut summary, known),
            None if summary.uncounted => {}
            None => {
                let counts = Counts(files.iter().map(|file| (file.added, file.removed)).collect());
                let weight = counts.0.len() * size_of::<(u32, u32)>();
                again.keep(&counts_key, Arc::new(counts), weight);
            }
        }
        unfold(source, from.as_ref(), to, &wanted.open, options, &mut files)?;
        let how = How { wanted: &wanted, options, effort };
        let diff = DiffView::new(&base, how, (from_shown.as_deref(), &to.0), &files, summary);
        let whole = diff.whole;
        Made::of(&DiffPart { diff }, whole)
    };
    maker.part(key, late, make).await
}

/// Puts in what was counted before.
fn counted(files: &mut [FileDiff], summary: &mut Summary, known: &Counts) {
    (summary.added, summary.removed, summary.uncounted) = (0, 0, false);
    for (file, (added, removed)) in files.iter_mut().zip(&known.0) {
        (file.added, file.removed) = (*added, *removed);
        summary.added += u64::from(*added);
        summary.removed += u64::from(*removed);
    }
}
