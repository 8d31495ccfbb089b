//! `/-/drills`: how often it was tried that everything comes back, and what came of it.

use super::drill_chart::{self, Point};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Html;
use axum::routing::get;
use forge::drill::{Drill, DrillReport};
use forge::event::proof::DrillKind;
use serde::Deserialize;

/// Drills on the page: the full ones of half a year, and some others.
const DRILLS_MAX: u32 = 200;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/drills", get(drills))
}

/// A drill in the list.
pub(crate) struct DrillRow {
    pub(crate) entry: u64,
    pub(crate) kind: &'static str,
    pub(crate) when: String,
    pub(crate) good: bool,
    pub(crate) differences: String,
    pub(crate) answers: String,
    pub(crate) whole: String,
    pub(crate) data_age: String,
    pub(crate) repositories: String,
    pub(crate) entries: String,
    pub(crate) vaults: String,
}

impl From<&Drill> for DrillRow {
    fn from(drill: &Drill) -> Self {
        let blind = drill.kind == DrillKind::Blind;
        Self {
            entry: drill.id,
            kind: drill.kind.as_str(),
            when: show::time_us(drill.started_us),
            good: drill.differences == 0,
            differences: show::counted(drill.differences, "difference", "differences"),
            answers: if blind { "–".to_owned() } else { drill_chart::duration(drill.answers_ms) },
            whole: drill_chart::duration(drill.whole_ms),
            data_age: if drill.kind == DrillKind::Officer {
                "–".to_owned()
            } else {
                drill_chart::duration(drill.data_age_ms)
            },
            repositories: if blind { "–".to_owned() } else { show::number(drill.repositories) },
            entries: show::number(drill.through),
            vaults: drill.vaults.replace(' ', ", "),
        }
    }
}

#[derive(Deserialize)]
struct Wanted {
    show: Option<u64>,
}

#[derive(Template)]
#[template(path = "site/drills.html")]
struct DrillsPage {
    shell: Shell,
    alarm: String,
    last: String,
    drills: Vec<DrillRow>,
    times: String,
    ages: String,
    report: String,
    reports: bool,
}

async fn drills(
    State(app): State<App>,
    visitor: Visitor,
    Query(wanted): Query<Wanted>,
) -> Result<Html<String>, PageError> {
    let (listed, state) = (app.site.drill_list(DRILLS_MAX).await?, app.site.drill_state().await?);
    let full: Vec<_> = listed.iter().filter(|drill| drill.kind == DrillKind::Full).rev().collect();
    let point = |value: fn(&Drill) -> u64| {
        full.iter()
            .map(|drill| Point { at_us: drill.started_us, ms: value(drill), good: drill.differences == 0 })
            .collect()
    };
    let (answers, whole, ages): (Vec<_>, Vec<_>, Vec<_>) =
        (point(|d| d.answers_ms), point(|d| d.whole_ms), point(|d| d.data_age_ms));
    let reports = visitor.shell.operator;
    let report = match wanted.show.filter(|_| reports) {
        Some(entry) => app.site.drill_fetch(entry).await?.report,
        None => String::new(),
    };
    let page = DrillsPage {
        // What is wrong in detail is for who runs the site.
        alarm: match state.alarm() {
            Some(text) if reports => text,
            Some(_) => {
                "The last drill failed, or is missing: whether this site can be recovered is not certain.".to_owned()
            }
            None => String::new(),
        },
        last: state.last_of(DrillKind::Full).map(|drill| show::time_us(drill.started_us)).unwrap_or_default(),
        drills: listed.iter().map(DrillRow::from).collect(),
        times: drill_chart::chart("Recovery time of each full drill", &[("answers", &answers), ("everything", &whole)]),
        ages: drill_chart::chart("Data age of each full drill", &[("data age", &ages)]),
        report: DrillReport::read(&report).map(|_| report).unwrap_or_default(),
        reports,
        shell: visitor.shell,
    };
    Ok(Html(page.render()?))
}
