//! A difference as rows of a table, one column of code or two.

use crate::pages::show;
use code::{ChangeKind, DiffOptions, FileDiff, LineKind, Summary};
use render::{Effort, HIGHLIGHT_WHOLE_TIME_MAX};
use serde::Deserialize;
use std::time::Instant;

/// Files of a difference that a page shows the lines of; further ones are on the next page, which a browser fetches when one comes near.
pub(crate) const FILES_SHOWN_MAX: usize = 25;
/// Unchanged lines around each change: as usual, when more are asked for, and at most.
const CONTEXT: u32 = 3;
const CONTEXT_MORE: u32 = 25;
const CONTEXT_MAX: u32 = 100;
/// Files that are listed by name.
const FILES_LISTED_MAX: usize = 3_000;

/// How somebody wants a difference.
#[derive(Clone, Debug, Deserialize, Default)]
pub(crate) struct Wanted {
    /// `split` for two columns.
    #[serde(default)]
    pub(crate) view: String,
    /// `1`: without changes of white space.
    #[serde(default)]
    pub(crate) w: String,
    /// A folded file to show all the same.
    #[serde(default)]
    pub(crate) open: String,
    /// The first file whose lines are shown.
    #[serde(default)]
    pub(crate) from: usize,
    /// Unchanged lines around each change; 0: as usual.
    #[serde(default)]
    pub(crate) around: u32,
}

impl Wanted {
    pub(crate) fn split(&self) -> bool {
        self.view == "split"
    }

    pub(crate) fn ignore_space(&self) -> bool {
        self.w == "1"
    }

    fn context(&self) -> u32 {
        self.around.clamp(CONTEXT, CONTEXT_MAX)
    }

    pub(crate) fn options(&self) -> DiffOptions {
        DiffOptions {
            context: self.context(),
            ignore_space: self.ignore_space(),
            files_skip: page_of(self.from),
            files_max: FILES_SHOWN_MAX,
            ..DiffOptions::default()
        }
    }

    /// The query with one thing changed.
    pub(crate) fn link(&self, split: bool, ignore_space: bool) -> String {
        self.query(split, ignore_space, self.context())
    }

    fn query(&self, split: bool, ignore_space: bool, context: u32) -> String {
        let around = if context == CONTEXT { String::new() } else { format!("&around={context}") };
        format!("?view={}&w={}{around}", if split { "split" } else { "unified" }, u8::from(ignore_space))
    }

    /// The query for the page on which a file's lines are.
    fn page(&self, at: usize) -> String {
        format!("{}&from={}", self.link(self.split(), self.ignore_space()), page_of(at))
    }
}

/// A line, or in two columns a pair of them.
pub(crate) enum Row {
    /// What a hunk is in.
    Head(String),
    Unified(Cell),
    Split(Option<Cell>, Option<Cell>),
}

/// One side of a row.
#[derive(Clone)]
pub(crate) struct Cell {
    pub(crate) class: &'static str,
    pub(crate) sign: &'static str,
    pub(crate) old: String,
    pub(crate) new: String,
    pub(crate) html: String,
    pub(crate) no_newline: bool,
}

/// A changed file.
pub(crate) struct FileView {
    pub(crate) anchor: String,
    pub(crate) path: String,
    pub(crate) old_path: Option<String>,
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    pub(crate) added: u32,
    pub(crate) removed: u32,
    pub(crate) note: Option<String>,
    /// The query that shows a folded file.
    pub(crate) open: Option<String>,
    pub(crate) rows: Vec<Row>,
    pub(crate) split: bool,
    /// Where the file is, before and after.
    pub(crate) href: Option<String>,
    pub(crate) images: Vec<(&'static str, String)>,
}

/// The first file of the page on which this one is.
fn page_of(at: usize) -> usize {
    at / FILES_SHOWN_MAX * FILES_SHOWN_MAX
}

/// A changed file in the list of all.
pub(crate) struct ListedFile {
    pub(crate) href: String,
    pub(crate) path: String,
    pub(crate) word: &'static str,
    pub(crate) class: &'static str,
    /// Lines that came and went, if they were counted.
    pub(crate) counts: Option<(u32, u32)>,
}

/// The whole difference.
pub(crate) struct DiffView {
    pub(crate) files: Vec<FileView>,
    pub(crate) listed: Vec<ListedFile>,
    pub(crate) summary: String,
    /// Lines that came and went, if they were counted.
    pub(crate) counts: Option<(String, String)>,
    /// Files that are only counted.
    pub(crate) beyond: usize,
    /// `Files 26 to 50 of 500`; empty when all are shown.
    pub(crate) range: String,
    pub(crate) previous: Option<String>,
    pub(crate) next: Option<String>,
    /// All lines that are shown are highlighted, and all files' are counted.
    pub(crate) whole: bool,
    pub(crate) split: bool,
    pub(crate) ignore_space: bool,
    pub(crate) to_other_view: String,
    pub(crate) to_other_space: String,
    /// More lines than usual are around each change.
    pub(crate) wide: bool,
    pub(crate) to_other_context: String,
    /// It can't be shown otherwise.
    pub(crate) fixed: bool,
}

/// How a difference is to be shown.
pub(crate) struct How<'a> {
    pub(crate) wanted: &'a Wanted,
    pub(crate) options: DiffOptions,
    pub(crate) effort: Effort,
}

impl DiffView {
    /// `base` is where the repository's pages are; `from` and `to` are the revisions' names in addresses of files.
    pub(crate) fn new(
        base: &str,
        How { wanted, options, effort }: How<'_>,
        (from, to): (Option<&str>, &str),
        files: &[FileDiff],
        summary: Summary,
    ) -> Self {
        let (split, ignore_space) = (wanted.split(), wanted.ignore_space());
        let mut colours =
            Colours { lines_left: effort.lines_max(), until: Instant::now() + HIGHLIGHT_WHOLE_TIME_MAX, all: true };
        let shown = files.iter().enumerate().filter(|(at, _)| options.shows(*at));
        let views: Vec<_> = shown
            .map(|(at, file)| {
                let coloured = colours.reach(file);
                file_view(base, wanted, (from, to), at, (file, coloured))
            })
            .collect();
        let end = options.files_skip + views.len();
        let listed = files.iter().take(FILES_LISTED_MAX).enumerate();
        Self {
            range: match views.len() < files.len() {
                true => format!("Files {} to {end} of {}", options.files_skip + 1, files.len()),
                false => String::new(),
            },
            previous: (options.files_skip > 0).then(|| wanted.page(options.files_skip - 1)),
            next: (end < files.len()).then(|| wanted.page(end)),
            listed: listed.map(|(at, file)| listed_file(wanted, options, at, file, summary.uncounted)).collect(),
            files: views,
            summary: show::counted(summary.files as u64, "file", "files"),
            counts: (!summary.uncounted).then(|| (show::number(summary.added), show::number(summary.removed))),
            beyond: summary.files.saturating_sub(FILES_LISTED_MAX),
            whole: effort == Effort::Whole || (colours.all && !summary.uncounted),
            split,
            ignore_space,
            to_other_view: wanted.link(!split, ignore_space),
            to_other_space: wanted.link(split, !ignore_space),
            wide: wanted.context() > CONTEXT,
            to_other_context: wanted.query(
                split,
                ignore_space,
                if wanted.context() > CONTEXT { CONTEXT } else { CONTEXT_MORE },
            ),
            fixed: false,
        }
    }
}

/// How far the colours reach: from file to file, until lines or time run out. What is beyond is plain, with its changed words marked.
struct Colours {
    lines_left: usize,
    until: Instant,
    /// It was enough for all.
    all: bool,
}

impl Colours {
    fn reach(&mut self, file: &FileDiff) -> bool {
        let lines = file.hunks.iter().map(|hunk| hunk.lines.len()).sum::<usize>();
        let enough = lines <= self.lines_left && Instant::now() < self.until;
        self.lines_left = if enough { self.lines_left - lines } else { 0 };
        self.all &= enough;
        enough
    }
}

fn listed_file(wanted: &Wanted, options: DiffOptions, at: usize, file: &FileDiff, uncounted: bool) -> ListedFile {
    let (word, class) = what(file.change.kind);
    let elsewhere = if options.shows(at) { String::new() } else { wanted.page(at) };
    ListedFile {
        href: format!("{elsewhere}#file-{at}"),
        path: shown(&file.change.path),
        word,
        class,
        counts: (!uncounted || options.shows(at)).then_some((file.added, file.removed)),
    }
}

fn what(kind: ChangeKind) -> (&'static str, &'static str) {
    match kind {
        ChangeKind::Added => ("added", "good"),
        ChangeKind::Removed => ("removed", "bad"),
        ChangeKind::Modified => ("changed", ""),
        ChangeKind::Renamed(_) => ("renamed", "accent"),
        ChangeKind::Copied(_) => ("copied", "accent"),
    }
}

fn file_view(
    base: &str,
    wanted: &Wanted,
    (from, to): (Option<&str>, &str),
    index: usize,
    (file, coloured): (&FileDiff, bool),
) -> FileView {
    let change = &file.change;
    let (word, class) = what(change.kind);
    let page =
        |verb: &str, name: &str, path: &code::CodePath| format!("{base}/{verb}/{}", super::frame::place(name, path));
    let name = code::visible(change.path.name().unwrap_or_default());
    let mut images = Vec::new();
    if file.binary && super::raw::is_image(&name) {
        if let (Some(from), Some(_)) = (from, &change.old) {
            images.push(("Before", page("raw", from, &change.old_path)));
        }
        if change.new.is_some() {
            images.push(("After", page("raw", to, &change.path)));
        }
    }
    let href = match (&change.new, from) {
        (Some(_), _) => Some(page("file", to, &change.path)),
        (None, Some(from)) => Some(page("file", from, &change.old_path)),
        (None, None) => None,
    };
    let query = format!("{}&open={}#file-{index}", wanted.page(index), change.path.in_address());
    FileView {
        anchor: format!("file-{index}"),
        path: shown(&change.path),
        old_path: (change.old_path != change.path).then(|| shown(&change.old_path)),
        word,
        class,
        added: file.added,
        removed: file.removed,
        note: note(file, !images.is_empty()),
        open: file.folded.then_some(query),
        rows: rows(file, wanted.split(), coloured),
        split: wanted.split(),
        href,
        images,
    }
}

/// A path; the root has a name too.
fn shown(path: &code::CodePath) -> String {
    if path.is_root() { "/".to_owned() } else { path.shown() }
}

/// What is said in place of lines.
fn note(file: &FileDiff, shown_as_images: bool) -> Option<String> {
    let (old, new) = file.sizes;
    let modes = matches!((&file.change.old, &file.change.new), (Some((old, _)), Some((new, _))) if old != new);
    if file.folded {
        return Some(format!("{} changed lines are folded.", show::number(u64::from(file.added + file.removed))));
    }
    if file.binary && !shown_as_images {
        return Some(format!("Not text: {} before, {} after.", show::bytes(old), show::bytes(new)));
    }
    if file.hunks.is_empty() && modes {
        return Some("Only what kind of file it is changed.".to_owned());
    }
    (file.hunks.is_empty() && !file.binary).then(|| "No lines changed.".to_owned())
}

fn rows(file: &FileDiff, split: bool, coloured: bool) -> Vec<Row> {
    let plain = || file.hunks.iter().map(|hunk| hunk.lines.iter().map(render::diff_line).collect()).collect();
    let html: Vec<Vec<String>> = if coloured { render::diff_lines(file) } else { plain() };
    let mut rows = Vec::new();
    for (hunk, lines) in file.hunks.iter().zip(html) {
        let heading = code::visible(&hunk.heading);
        rows.push(Row::Head(format!(
            "@@ -{},{} +{},{} @@ {heading}",
            hunk.old_start, hunk.old_lines, hunk.new_start, hunk.new_lines
        )));
        let cells = hunk.lines.iter().zip(lines).map(|(line, html)| (line.kind, cell(line, html)));
        if split { rows.extend(paired(cells)) } else { rows.extend(cells.map(|(_, cell)| Row::Unified(cell))) }
    }
    rows
}

fn cell(line: &code::Line, html: String) -> Cell {
    let (class, sign) = match line.kind {
        LineKind::Context => ("", " "),
        LineKind::Added => ("added", "+"),
        LineKind::Removed => ("removed", "-"),
    };
    let number = |number: Option<u32>| number.map(|number| number.to_string()).unwrap_or_default();
    Cell { class, sign, old: number(line.old), new: number(line.new), html, no_newline: line.no_newline }
}

/// Removed lines beside those that take their place.
fn paired(cells: impl Iterator<Item = (LineKind, Cell)>) -> Vec<Row> {
    let (mut rows, mut removed, mut added) = (Vec::new(), Vec::new(), Vec::new());
    let flush = |rows: &mut Vec<Row>, removed: &mut Vec<Cell>, added: &mut Vec<Cell>| {
        let count = removed.len().max(added.len());
        let (mut left, mut right) = (removed.drain(..), added.drain(..));
        rows.extend((0..count).map(|_| Row::Split(left.next(), right.next())));
    };
    for (kind, cell) in cells {
        match kind {
            LineKind::Removed => removed.push(cell),
            LineKind::Added => added.push(cell),
            LineKind::Context => {
                flush(&mut rows, &mut removed, &mut added);
                rows.push(Row::Split(Some(cell.clone()), Some(cell)));
            }
        }
    }
    flush(&mut rows, &mut removed, &mut added);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removed_lines_stand_beside_what_replaces_them() {
        let cell = |class| Cell {
            class,
            sign: "",
            old: String::new(),
            new: String::new(),
            html: String::new(),
            no_newline: false,
        };
        let kinds = [
            LineKind::Context,
            LineKind::Removed,
            LineKind::Removed,
            LineKind::Added,
            LineKind::Context,
            LineKind::Added,
        ];
        let rows = paired(kinds.into_iter().map(|kind| (kind, cell("x"))));
        let sides: Vec<_> = rows
            .iter()
            .map(|row| match row {
                Row::Split(left, right) => (left.is_some(), right.is_some()),
                _ => unreachable!(),
            })
            .collect();
        assert_eq!(sides, [(true, true), (true, true), (true, false), (true, true), (false, true)]);
    }
}
