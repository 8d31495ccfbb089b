//! `/-/admin/jobs`: what the site does by itself, and what can be done now.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use forge::Principal;
use forge::jobs::{Job, JobState};
use http::StatusCode;
use std::time::{Duration, Instant};

/// Snapshots in the list.
const SNAPSHOTS: u32 = 10;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/jobs", get(jobs)).route("/-/admin/jobs/{job}", post(run))
}

/// How long somebody who asks for a job waits to see it done, before they see that it runs.
const PATIENCE: Duration = Duration::from_secs(2);
const LOOK_EVERY: Duration = Duration::from_millis(50);

struct Row {
    word: &'static str,
    title: &'static str,
    about: &'static str,
    /// `good`, `bad`, `accent` or nothing, and the words of a badge.
    state: (&'static str, &'static str),
    error: String,
    /// HTML; empty: it did not run yet.
    last: String,
    took: String,
    /// HTML, or words.
    next: String,
    runs: String,
    failures: u64,
    can_be_asked: bool,
}

#[derive(Template)]
#[template(path = "site/admin_jobs.html")]
struct JobsPage {
    shell: Shell,
    jobs: Vec<Row>,
    every: String,
    /// Time, entry, entries in it, size.
    snapshots: Vec<(String, String, String, String)>,
    facts: [(&'static str, String); 4],
    error: String,
    done: String,
}

fn row((job, state): &(Job, JobState)) -> Row {
    let failed = state.last.as_ref().and_then(|last| last.error.clone());
    let badge = match (state.running_us, &state.last, &failed) {
        (Some(_), ..) => ("accent", "running"),
        (None, None, _) => ("", "not yet"),
        (None, Some(_), Some(_)) => ("bad", "failed"),
        (None, Some(_), None) => ("good", "done"),
    };
    // What is looked at every few seconds is done all the time.
    let soon = forge::now_us() + 60_000_000;
    let next_us = state.next_us.filter(|next| *next > soon);
    Row {
        word: job.word(),
        title: job.title(),
        about: job.about(),
        state: badge,
        error: failed.unwrap_or_default(),
        last: state.running_us.or(state.last.as_ref().map(|last| last.began_us)).map(show::time_us).unwrap_or_default(),
        took: state.last.as_ref().map(|last| took(last.took)).unwrap_or_default(),
        next: next_us.map_or_else(|| job.when().to_owned(), show::time_us),
        runs: show::number(state.runs),
        failures: state.failures,
        can_be_asked: job.can_be_asked() && state.running_us.is_none(),
    }
}

fn took(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{:.1} s", time.as_secs_f64()),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

async fn jobs(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    jobs_page(&app, visitor, String::new(), String::new()).await
}

async fn jobs_page(app: &App, visitor: Visitor, error: String, done: String) -> Result<Response, PageError> {
    let jobs = app.site.job_list(visitor.operator()?)?.iter().map(row).collect();
    let listed = app.site.snapshot_list(SNAPSHOTS).await?;
    let snapshot = |taken: forge::site::SnapshotInfo| {
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
    let (every, snapshots) = (show::number(app.site.snapshot_every()), listed.into_iter().map(snapshot).collect());
    let page = JobsPage { shell: visitor.shell, jobs, every, snapshots, facts, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

async fn run(State(app): State<App>, visitor: Visitor, Path(word): Path<String>) -> Result<Response, PageError> {
    let by = visitor.operator()?;
    let job = Job::from_word(&word).ok_or_else(PageError::not_found)?;
    let before = state(&app, by, job)?.runs;
    match app.site.job_begin(by, job) {
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => return jobs_page(&app, visitor, error.to_string(), String::new()).await,
        Ok(()) => {}
    }
    let began = Instant::now();
    let mut now = state(&app, by, job)?;
    while now.runs == before && began.elapsed() < PATIENCE {
        tokio::time::sleep(LOOK_EVERY).await;
        now = state(&app, by, job)?;
    }
    let (error, done) = match (now.runs == before, now.last.and_then(|last| last.error)) {
        (true, _) => (String::new(), format!("{}: it runs. Look again for how it went.", job.title())),
        (false, Some(error)) => (format!("{}: {error}", job.title()), String::new()),
        (false, None) => (String::new(), format!("{}: done.", job.title())),
    };
    jobs_page(&app, visitor, error, done).await
}

fn state(app: &App, by: &Principal, job: Job) -> Result<JobState, PageError> {
    let found = app.site.job_list(by)?.into_iter().find(|(found, _)| *found == job);
    Ok(found.map(|(_, state)| state).unwrap_or_default())
}
