//! `/-/admin/incidents`: what operators tell everybody on the status page.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::site::status::IncidentRow;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use http::StatusCode;
use serde::Deserialize;

/// Incidents on the page.
const INCIDENTS_MAX: u32 = 20;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/admin/incidents", get(incidents).post(open))
        .route("/-/admin/incidents/{incident}", post(note))
}

#[derive(Template)]
#[template(path = "site/admin_incidents.html")]
struct IncidentsPage {
    shell: Shell,
    incidents: Vec<IncidentRow>,
    error: String,
    done: String,
    wanted: Wanted,
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    resolved: bool,
}

async fn incidents(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    visitor.operator()?;
    page(&app, visitor, Ok(()), "", Wanted::default()).await
}

async fn page(
    app: &App,
    visitor: Visitor,
    outcome: Result<(), forge::Error>,
    told: &str,
    wanted: Wanted,
) -> Result<Response, PageError> {
    let (error, done, wanted) = match outcome {
        Ok(()) => (String::new(), told.to_owned(), Wanted::default()),
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => (error.to_string(), String::new(), wanted),
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let incidents = app.site.incident_list(INCIDENTS_MAX).await?.into_iter().map(IncidentRow::from).collect();
    let page = IncidentsPage { shell: visitor.shell, incidents, error, done, wanted };
    Ok((status, Html(page.render()?)).into_response())
}

async fn open(State(app): State<App>, visitor: Visitor, Form(wanted): Form<Wanted>) -> Result<Response, PageError> {
    let by = visitor.operator()?.clone();
    let opened = app.site.incident_open(Some(&by), wanted.title.clone(), wanted.text.clone()).await.map(drop);
    page(&app, visitor, opened, "It is on the status page.", wanted).await
}

async fn note(
    State(app): State<App>,
    visitor: Visitor,
    Path(incident): Path<u64>,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    let by = visitor.operator()?.clone();
    let noted = app.site.incident_note(Some(&by), incident, wanted.text.clone(), wanted.resolved).await;
    page(&app, visitor, noted, "The note is on the status page.", Wanted::default()).await
}
