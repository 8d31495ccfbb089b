//! `/-/alarms`: what officers must hear of. Who is neither officer, operator nor auditor finds nothing here.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::alarm::Alarm;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/alarms", get(alarms).post(acknowledge))
}

struct Row {
    id: u64,
    rule: &'static str,
    time: String,
    about: String,
    by: String,
    /// Who has seen it; empty: nobody.
    seen: String,
}

impl From<Alarm> for Row {
    fn from(alarm: Alarm) -> Self {
        let line = alarm.line.as_ref();
        let by = line.map(|line| {
            let from = line.address.as_ref().map(|from| format!(" from {from}")).unwrap_or_default();
            format!("{}{from}", line.actor.as_deref().unwrap_or("the site"))
        });
        let seen = alarm.seen_us.map(|_| alarm.seen_by.unwrap_or_else(|| "who runs the site's machine".to_owned()));
        Self {
            id: alarm.id,
            rule: alarm.rule.as_str(),
            time: show::time_us(alarm.raised_us),
            about: line.map(|line| line.about.clone()).unwrap_or_default(),
            by: by.unwrap_or_default(),
            seen: seen.unwrap_or_default(),
        }
    }
}

#[derive(Template)]
#[template(path = "site/alarms.html")]
struct AlarmsPage {
    shell: Shell,
    alarms: Vec<Row>,
    all: bool,
    /// Whether who looks may say that they have seen one.
    serves: bool,
    channels: Vec<(&'static str, String)>,
}

#[derive(Deserialize)]
struct All {
    #[serde(default)]
    all: bool,
}

async fn alarms(
    State(app): State<App>,
    visitor: Visitor,
    Query(All { all }): Query<All>,
) -> Result<Html<String>, PageError> {
    let who = visitor.signed_in()?;
    let alarms = app.site.alarm_list(Some(who), !all, None).await?;
    let serves = who.is_operator() || app.site.is_officer(who).await?;
    let words = |status: forge::outbox::OutboxStatus| {
        let error = status.last_error.map(|error| format!("; last error: {error}")).unwrap_or_default();
        format!("{} waiting, {} sent{error}", show::number(status.waiting), show::number(status.sent))
    };
    let channels = app.site.channels().into_iter().map(|(name, status)| (name, words(status))).collect();
    let page =
        AlarmsPage { shell: visitor.shell, alarms: alarms.into_iter().map(Row::from).collect(), all, serves, channels };
    Ok(Html(page.render()?))
}

#[derive(Deserialize)]
struct Seen {
    id: u64,
}

async fn acknowledge(
    State(app): State<App>,
    visitor: Visitor,
    Form(Seen { id }): Form<Seen>,
) -> Result<Response, PageError> {
    app.site.alarm_acknowledge(Some(visitor.signed_in()?), id).await?;
    Ok(Redirect::to("/-/alarms").into_response())
}
