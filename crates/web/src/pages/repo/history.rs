//! The history: of everything, of a path, drawn.

use super::frame::{At, Crumb, Frame, RepoPage, Rest, RevisionRow, Switcher, crumbs};
use super::parts::Maker;
use crate::pages::error::{PageError, form_urlencoded};
use crate::pages::part::Parts;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::Query;
use axum::response::{Html, Redirect, Response};
use code::{LogQuery, LogStep, NameKind, ReadError, Source};
use serde::Deserialize;
use std::sync::Arc;
use std::time::{Duration, Instant};

const PAGE: u32 = 50;
const GRAPH_PAGE: usize = 200;
/// What took longer may have been cut off by the bound of a walk, and is found anew.
const WALK_KEPT_MAX: Duration = Duration::from_secs(1);
/// What a revision takes in memory besides its message, about.
const STEP_BYTES: usize = 512;
const SIGNATURE_BYTES: usize = 2048;
/// Further back only by a revision's own address.
const SKIP_MAX: u32 = 100_000;

#[derive(Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    skip: u32,
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "repo/log.html")]
struct LogPage {
    shell: Shell,
    frame: Frame,
    at: At,
    crumbs: Vec<Crumb>,
    switcher: Switcher,
    q: String,
    /// A day's heading, and its revisions.
    days: Vec<(String, Vec<RevisionRow>)>,
    newer: Option<String>,
    older: Option<String>,
}

/// `/OWNER/NAME/-/log`: of the default branch.
pub(crate) async fn default(page: RepoPage) -> Redirect {
    let frame = page.frame("history");
    let place = super::frame::place(&frame.branch, &code::CodePath::root());
    Redirect::to(&format!("{}/log/{place}", frame.base()))
}

/// `/OWNER/NAME/-/log/REVISION/PATH`
pub(crate) async fn log(
    page: RepoPage,
    rest: Rest,
    Query(Wanted { skip, q }): Query<Wanted>,
) -> Result<Response, PageError> {
    let (shell, frame, at) = (page.shell(), page.frame("history"), page.at(rest).await?);
    let (base, place) = (frame.base(), at.clone());
    let skip = skip.min(SKIP_MAX);
    let words = Some(q.clone()).filter(|q| !q.trim().is_empty());
    let maker = page.maker();
    let made = page.read(move |source| {
        let found = found(&maker, source, &place, words, skip)?;
        Ok((found, Switcher::new(source, &base, "log", &place)?))
    });
    let (found, switcher) = made.await?;
    let (steps, more) = &*found;
    let mut days: Vec<(String, Vec<RevisionRow>)> = Vec::new();
    for step in steps {
        let day = show::day(step.revision.committer.time.seconds);
        let row = RevisionRow::from(&step.revision);
        match days.last_mut() {
            Some((last, rows)) if *last == day => rows.push(row),
            _ => days.push((day, vec![row])),
        }
    }
    let link = |skip: u32| format!("?skip={skip}&q={}", form_urlencoded(&q));
    let page = LogPage {
        crumbs: crumbs(&frame, &at),
        newer: (skip > 0).then(|| link(skip.saturating_sub(PAGE))),
        older: more.then(|| link(skip + PAGE)),
        shell,
        frame,
        at,
        switcher,
        q,
        days,
    };
    Parts::default().page(&page)
}

/// A page of the history, and whether there is more. Git's is kept: it follows from the revision's id. Subversion's does not, because
/// what was said can be corrected.
fn found(
    maker: &Maker,
    source: &dyn Source,
    at: &At,
    words: Option<String>,
    skip: u32,
) -> Result<Arc<(Vec<LogStep>, bool)>, ReadError> {
    let (id, path) = (&at.revision.id, &at.path);
    let key = maker.key("log", format!("{} {skip}", super::frame::place(&id.to_string(), path)));
    let keeps = maker.is_git() && words.is_none();
    if keeps && let Some(kept) = maker.kept(&key) {
        return Ok(kept);
    }
    let began = Instant::now();
    let follow = !path.is_root() && source.file(id, path, 0).is_ok();
    let query = LogQuery { path: path.clone(), follow, words, without: None, skip, limit: PAGE };
    let found = Arc::new(source.log(id, &query)?);
    if keeps && began.elapsed() < WALK_KEPT_MAX {
        let signed = |step: &LogStep| if step.revision.signature.is_some() { SIGNATURE_BYTES } else { 0 };
        let weight = found.0.iter().map(|step| STEP_BYTES + step.revision.message.len() + signed(step)).sum();
        maker.keep(&key, Arc::clone(&found), weight);
    }
    Ok(found)
}

/// A row of the drawing.
struct DrawnRow {
    revision: RevisionRow,
    names: Vec<(bool, String)>,
    dot: (u32, u32),
    colour: u16,
    /// Path data and colour of each line to the next row.
    lines: Vec<(String, u16)>,
}

#[derive(Template)]
#[template(path = "repo/graph.html")]
struct GraphPage {
    shell: Shell,
    frame: Frame,
    rows: Vec<DrawnRow>,
    width: u32,
    newer: Option<String>,
    older: Option<String>,
}

/// Pixels between lanes and rows.
const LANE: u32 = 14;
const ROW: u32 = 32;
/// Lanes that are drawn; what is further to the right is cut off.
const LANES_MAX: u16 = 24;

/// `/OWNER/NAME/-/graph`
pub(crate) async fn graph(
    page: RepoPage,
    Query(Wanted { skip, .. }): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    let (shell, frame) = (page.shell(), page.frame("history"));
    let skip = skip.min(SKIP_MAX) as usize;
    let (rows, more) = page.read(move |source| source.graph(skip, GRAPH_PAGE)).await?;
    let x = |lane: u16| u32::from(lane.min(LANES_MAX)) * LANE + LANE / 2;
    let lanes = rows
        .iter()
        .map(|row| row.lane + 1)
        .chain(rows.iter().flat_map(|row| row.lines.iter().map(|line| line.0.max(line.1) + 1)));
    let width = u32::from(lanes.max().unwrap_or(1).min(LANES_MAX + 1)) * LANE;
    let drawn = rows.iter().map(|row| DrawnRow {
        revision: RevisionRow::from(&row.revision),
        names: row.names.iter().map(|(kind, name)| (*kind == NameKind::Tag, code::visible(name.as_bytes()))).collect(),
        dot: (x(row.lane), ROW / 2),
        colour: row.lines.iter().find(|(from, ..)| *from == row.lane).map_or(row.lane % 8, |line| line.2 % 8),
        lines: row.lines.iter().map(|(from, to, colour)| (curve(x(*from), x(*to)), colour % 8)).collect(),
    });
    let link = |skip: usize| format!("?skip={skip}");
    let page = GraphPage {
        rows: drawn.collect(),
        newer: (skip > 0).then(|| link(skip.saturating_sub(GRAPH_PAGE))),
        older: more.then(|| link(skip + GRAPH_PAGE)),
        shell,
        frame,
        width,
    };
    Ok(Html(page.render()?))
}

/// From the middle of a row to the middle of the next.
fn curve(from: u32, to: u32) -> String {
    let (top, bottom, middle) = (ROW / 2, ROW / 2 + ROW, ROW);
    if from == to {
        format!("M{from} {top}V{bottom}")
    } else {
        format!("M{from} {top}C{from} {middle} {to} {middle} {to} {bottom}")
    }
}
