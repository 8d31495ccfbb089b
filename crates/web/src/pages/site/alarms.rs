//! `/-/alarms`: what officers must hear of, where it is posted, and canaries. Who is neither officer, operator nor auditor finds nothing
//! here.

use super::settings::Outcome;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Error;
use forge::alarm::Alarm;
use forge::event::alarm::CanaryKind;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/alarms", get(alarms).post(acknowledge))
        .route("/-/alarms/channels", get(channels))
        .route("/-/alarms/webhooks", post(hook_add))
        .route("/-/alarms/webhooks/remove", post(hook_remove))
        .route("/-/alarms/canaries", post(canary_make))
        .route("/-/alarms/canaries/remove", post(canary_remove))
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

struct HookRow {
    id: u64,
    host: String,
    added: String,
}

struct CanaryRow {
    id: u64,
    kind: &'static str,
    note: String,
    made: String,
}

/// What was just made, and is shown once: what it is, and its text.
type Fresh = (&'static str, String);

#[derive(Template)]
#[template(path = "site/alarm_channels.html")]
struct ChannelsPage {
    shell: Shell,
    outcome: Outcome,
    fresh: Option<Fresh>,
    hooks: Vec<HookRow>,
    /// None: who looks may not know of canaries.
    canaries: Option<Vec<CanaryRow>>,
    /// Whether who looks says where alarms are posted.
    operator: bool,
}

async fn channels(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    channels_page(&app, visitor, Outcome::default(), None).await
}

async fn channels_page(
    app: &App,
    visitor: Visitor,
    outcome: Outcome,
    fresh: Option<Fresh>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let hooks = app.site.alarm_hook_list(Some(who)).await?;
    let hook =
        |hook: forge::alarm::AlarmHook| HookRow { id: hook.id, host: hook.host, added: show::time_us(hook.added_us) };
    let canary = |canary: forge::canary::Canary| CanaryRow {
        id: canary.id,
        kind: canary.kind.as_str(),
        note: canary.note,
        made: show::time_us(canary.made_us),
    };
    let canaries = match app.site.canary_list(Some(who)).await {
        Ok(canaries) => Some(canaries.into_iter().map(canary).collect()),
        Err(Error::NotFound(_)) => None,
        Err(error) => return Err(error.into()),
    };
    let operator = who.is_operator();
    let hooks = hooks.into_iter().filter(|hook| hook.removed_us.is_none()).map(hook).collect();
    let status = outcome.status();
    let page = ChannelsPage { shell: visitor.shell, outcome, fresh, hooks, canaries, operator };
    let caching = (http::header::CACHE_CONTROL, "private, no-store");
    Ok((status, [caching], Html(page.render()?)).into_response())
}

/// The page again: as it is then, or with what went wrong. What one may not see or do is no word on a page of theirs.
async fn after<T>(
    app: &App,
    visitor: Visitor,
    answer: Result<T, Error>,
    done: &'static str,
    fresh: impl FnOnce(T) -> Option<Fresh>,
) -> Result<Response, PageError> {
    match answer {
        Ok(made) => channels_page(app, visitor, Outcome::of(Ok(()), done)?, fresh(made)).await,
        Err(error @ (Error::NotFound(_) | Error::Forbidden(_))) => Err(error.into()),
        Err(error) => channels_page(app, visitor, Outcome::of::<()>(Err(error), done)?, None).await,
    }
}

#[derive(Deserialize)]
struct NewHook {
    url: String,
}

async fn hook_add(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(NewHook { url }): Form<NewHook>,
) -> Result<Response, PageError> {
    let added = app.site.alarm_hook_add(Some(&by), &url).await;
    let secret = |(_, secret)| Some(("What deliveries are signed with", secret));
    after(&app, visitor, added, "Alarms are posted there.", secret).await
}

async fn hook_remove(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Seen { id }): Form<Seen>,
) -> Result<Response, PageError> {
    let removed = app.site.alarm_hook_remove(Some(&by), id).await;
    after(&app, visitor, removed, "Alarms are posted there no more.", |()| None).await
}

#[derive(Deserialize)]
struct NewCanary {
    kind: String,
    note: String,
}

async fn canary_make(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(NewCanary { kind, note }): Form<NewCanary>,
) -> Result<Response, PageError> {
    let made = match CanaryKind::parse(&kind) {
        Some(kind) => app.site.canary_make(Some(&by), kind, &note).await,
        None => Err(Error::invalid("a canary looks like a token or an ssh-key")),
    };
    after(&app, visitor, made, "", |made| Some(("The canary", made.text))).await
}

async fn canary_remove(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Seen { id }): Form<Seen>,
) -> Result<Response, PageError> {
    let removed = app.site.canary_remove(Some(&by), id).await;
    after(&app, visitor, removed, "The canary is taken in.", |()| None).await
}
