//! `/-/admin/jobs`: what the site does by itself, and what can be done now.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use http::StatusCode;

/// Snapshots in the list.
const SNAPSHOTS: u32 = 10;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/jobs", get(jobs)).route("/-/admin/jobs/snapshot", post(snapshot))
}

#[derive(Template)]
#[template(path = "site/admin_jobs.html")]
struct JobsPage {
    shell: Shell,
    every: String,
    /// Time, entry, entries in it, size.
    snapshots: Vec<(String, String, String, String)>,
    facts: [(&'static str, String); 4],
    error: String,
    done: String,
}

async fn jobs(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    visitor.operator()?;
    jobs_page(&app, visitor, String::new(), String::new()).await
}

async fn jobs_page(app: &App, visitor: Visitor, error: String, done: String) -> Result<Response, PageError> {
    let listed = app.site.snapshot_list(SNAPSHOTS).await?;
    let row = |taken: forge::site::SnapshotInfo| {
        let numbers = (show::number(taken.entry), show::number(taken.through));
        (show::time_us(taken.taken_us), numbers.0, numbers.1, show::bytes(taken.bytes))
    };
    let (held, projected) = (app.site.held(), app.site.projected());
    let facts = [
        ("Commands waiting for the writer", show::number(app.site.queue_len() as u64)),
        ("Entries not yet held", show::number(app.site.size().saturating_sub(held))),
        ("Held, not yet in the repositories", show::number(held.saturating_sub(projected))),
        ("Waiting for vaults in the spool", show::bytes(app.site.spool().bytes())),
    ];
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::CONFLICT };
    let (every, snapshots) = (show::number(app.site.snapshot_every()), listed.into_iter().map(row).collect());
    let page = JobsPage { shell: visitor.shell, every, snapshots, facts, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

async fn snapshot(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    match app.site.snapshot_take_for(visitor.operator()?).await {
        Ok(entry) => {
            jobs_page(&app, visitor, String::new(), format!("A snapshot is in the vaults: entry {entry}.")).await
        }
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => jobs_page(&app, visitor, error.to_string(), String::new()).await,
    }
}
