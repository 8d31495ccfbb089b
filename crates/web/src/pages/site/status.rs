//! `/-/status`: how the site is, for everybody and for caches: nothing on it depends on who looks.

use super::drills::DrillRow;
use super::safety::{VaultRow, vault_rows};
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::Shell;
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use forge::event::proof::DrillKind;
use forge::incident::Incident;
use forge::settings::Name;
use http::header;
use serde_json::{Value, json};

/// Incidents on the page.
const INCIDENTS_MAX: u32 = 20;
/// How long a cache may show it: a flood of people who look reaches the site a few times a minute.
const CACHE: &str = "public, max-age=15";

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/status", get(status)).route("/-/status.json", get(status_json))
}

/// An incident, as it is shown.
pub(crate) struct IncidentRow {
    pub(crate) id: u64,
    pub(crate) title: String,
    pub(crate) over: bool,
    pub(crate) since: String,
    pub(crate) until: String,
    pub(crate) notes: Vec<(String, String)>,
}

impl From<Incident> for IncidentRow {
    fn from(incident: Incident) -> Self {
        Self {
            id: incident.id,
            title: incident.title,
            over: incident.resolved_us.is_some(),
            since: show::time_us(incident.opened_us),
            until: incident.resolved_us.map(show::time_us).unwrap_or_default(),
            notes: incident.notes.into_iter().map(|(at, text)| (show::time_us(at), text)).collect(),
        }
    }
}

/// What is so, before it is shown.
struct Status {
    /// Why nothing can be written.
    read_only: Option<String>,
    drill_alarm: bool,
    /// The last drill of each kind.
    drills: Vec<forge::drill::Drill>,
    incidents: Vec<Incident>,
    entries: u64,
    held: u64,
}

impl Status {
    async fn of(app: &App) -> Result<Self, PageError> {
        let state = app.site.drill_state().await?;
        Ok(Self {
            read_only: app.site.writability().err().map(|error| error.to_string()),
            drill_alarm: state.alarm().is_some(),
            drills: state.last,
            incidents: app.site.incident_list(INCIDENTS_MAX).await?,
            entries: app.site.size(),
            held: app.site.held(),
        })
    }

    fn incident_open(&self) -> bool {
        self.incidents.iter().any(|incident| incident.resolved_us.is_none())
    }

    /// What is wrong, in a few words; the worst first.
    fn state(&self) -> (&'static str, &'static str) {
        match (&self.read_only, self.incident_open(), self.drill_alarm) {
            (Some(_), ..) => ("bad", "reading only"),
            (None, true, _) => ("bad", "an incident is open"),
            (None, false, true) => ("warn", "a drill failed or is missing"),
            (None, false, false) => ("good", "all is well"),
        }
    }
}

#[derive(Template)]
#[template(path = "site/status.html")]
struct StatusPage {
    shell: Shell,
    /// How good, and in words.
    state: (&'static str, &'static str),
    vaults: Vec<VaultRow>,
    drills: Vec<DrillRow>,
    /// Until a recovered site answered and was whole, at the last full drill.
    recovery: Option<(String, String, String)>,
    incidents: Vec<IncidentRow>,
    entries: String,
    held: String,
}

async fn status(State(app): State<App>) -> Result<Response, PageError> {
    let (status, settings) = (Status::of(&app).await?, app.site.settings());
    let full = status.drills.iter().find(|drill| drill.kind == DrillKind::Full).map(DrillRow::from);
    let page = StatusPage {
        // Nobody in particular, for all who look.
        shell: Shell {
            site: settings.text(Name::SiteName).to_owned(),
            announcement: settings.text(Name::Announcement).to_owned(),
            practice: app.practice,
            here: "/-/status".to_owned(),
            assets: crate::pages::assets::VERSION.as_str(),
            ..Shell::default()
        },
        state: status.state(),
        vaults: vault_rows(&app),
        recovery: full.map(|full| (full.answers, full.whole, full.when)),
        drills: status.drills.iter().map(DrillRow::from).collect(),
        entries: show::number(status.entries),
        held: show::number(status.held),
        incidents: status.incidents.into_iter().map(IncidentRow::from).collect(),
    };
    Ok(([(header::CACHE_CONTROL, CACHE)], Html(page.render()?)).into_response())
}

async fn status_json(State(app): State<App>) -> Result<Response, PageError> {
    let status = Status::of(&app).await?;
    let vault = |vault: forge::VaultStatus| json!({ "name": vault.name, "domain": vault.domain, "entries": vault.size, "behind": vault.lag, "answers": vault.connected });
    let drill = |drill: &forge::drill::Drill| {
        json!({
            "kind": drill.kind.as_str(), "started_us": drill.started_us, "answers_ms": drill.answers_ms,
            "whole_ms": drill.whole_ms, "data_age_ms": drill.data_age_ms, "differences": drill.differences, "entry": drill.id,
        })
    };
    let incident = |incident: &Incident| {
        let notes: Vec<Value> =
            incident.notes.iter().map(|(at, text)| json!({ "noted_us": at, "text": text })).collect();
        json!({
            "id": incident.id, "title": incident.title, "opened_us": incident.opened_us,
            "resolved_us": incident.resolved_us, "notes": notes,
        })
    };
    let body = json!({
        "state": status.state().1, "well": status.state().0 == "good", "writes": status.read_only.is_none(),
        "practice": app.practice, "entries": status.entries, "held": status.held,
        "vaults": app.site.vaults().into_iter().map(vault).collect::<Vec<_>>(),
        "drills": status.drills.iter().map(drill).collect::<Vec<_>>(), "drill_alarm": status.drill_alarm,
        "incidents": status.incidents.iter().map(incident).collect::<Vec<_>>(),
    });
    Ok(([(header::CACHE_CONTROL, CACHE)], Json(body)).into_response())
}
