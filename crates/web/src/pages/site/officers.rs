//! `/-/officers`, `/-/orders/ID`, `/-/trash`: guarded acts. Who is neither officer nor operator finds no desk here, and of orders their own.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::orders::{FiledOrder, State as OrderState};
use forge::{Error, Principal, RepoName};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/officers", get(desk))
        .route("/-/orders/{id}", get(order))
        .route("/-/orders/{id}/body", get(body))
        .route("/-/orders/{id}/sign", post(sign))
        .route("/-/orders/{id}/veto", post(veto))
        .route("/-/trash", get(trash).post(restore))
}

/// An order in a list, or on its own page.
struct OrderRow {
    id: u64,
    words: Vec<String>,
    requester: String,
    state: &'static str,
    pending: bool,
    created: String,
    not_before: String,
    expires: String,
    signed: usize,
    needed: u32,
    closed: String,
}

impl OrderRow {
    fn new(filed: &FiledOrder, needed: u32) -> Self {
        let by = filed.closed_by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
        let reason = filed.reason.as_ref().filter(|reason| !reason.is_empty());
        Self {
            id: filed.id,
            words: filed.order.words(),
            requester: filed.requester.clone().unwrap_or_else(|| "the operator at the site's machine".to_owned()),
            state: filed.state.as_str(),
            pending: filed.state == OrderState::Pending,
            created: show::time_us(filed.order.created_us),
            not_before: show::time_us(filed.order.not_before_us),
            expires: show::time_us(filed.order.expires_us),
            signed: filed.signatures.iter().filter(|signature| signature.counts).count(),
            needed,
            closed: format!("{by}{}", reason.map(|reason| format!(": {reason}")).unwrap_or_default()),
        }
    }
}

struct OfficerRow {
    name: String,
    keys: usize,
    passkeys: u64,
}

#[derive(Template)]
#[template(path = "site/officers.html")]
struct DeskPage {
    shell: Shell,
    /// How many must sign, and how many hours orders wait.
    rule: Option<(u32, String)>,
    officers: Vec<OfficerRow>,
    orders: Vec<OrderRow>,
    all: bool,
    locked: bool,
}

#[derive(Deserialize)]
struct All {
    #[serde(default)]
    all: bool,
}

async fn desk(
    State(app): State<App>,
    visitor: Visitor,
    Query(All { all }): Query<All>,
) -> Result<Html<String>, PageError> {
    let who = visitor.signed_in()?;
    let officers = app.site.officer_list(Some(who)).await?;
    let rule = app.site.officer_rule().await?;
    let needed = rule.map_or(0, |rule| rule.needed);
    let orders = app.site.order_list(Some(who), !all, None).await?;
    let row = |officer: forge::orders::Officer| OfficerRow {
        name: officer.name,
        keys: officer.keys.len(),
        passkeys: officer.passkeys,
    };
    let page = DeskPage {
        rule: rule.map(|rule| (rule.needed, hours(rule.delay_us))),
        officers: officers.into_iter().map(row).collect(),
        orders: orders.iter().map(|order| OrderRow::new(order, needed)).collect(),
        all,
        locked: app.site.lockdown_in_force().is_some(),
        shell: visitor.shell,
    };
    Ok(Html(page.render()?))
}

fn hours(us: i64) -> String {
    let minutes = us / 60_000_000;
    if minutes % 60 == 0 { show::counted((minutes / 60) as u64, "hour", "hours") } else { format!("{minutes} minutes") }
}

struct SignatureRow {
    name: String,
    time: String,
    counts: bool,
}

#[derive(Template)]
#[template(path = "site/order.html")]
struct OrderPage {
    shell: Shell,
    order: OrderRow,
    hash: String,
    signatures: Vec<SignatureRow>,
    officer: bool,
    error: String,
}

async fn order(State(app): State<App>, visitor: Visitor, Path(id): Path<u64>) -> Result<Response, PageError> {
    order_page(&app, visitor, id, String::new()).await
}

async fn order_page(app: &App, visitor: Visitor, id: u64, error: String) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let filed = app.site.order_fetch(Some(who), id).await?;
    let needed = app.site.officer_rule().await?.map_or(0, |rule| rule.needed);
    let officer = app.site.is_officer(who).await?;
    let signature = |signature: &forge::orders::SignatureInfo| SignatureRow {
        name: signature.name.clone(),
        time: show::time_us(signature.signed_us),
        counts: signature.counts,
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = OrderPage {
        order: OrderRow::new(&filed, needed),
        hash: filed.hash.iter().map(|b| format!("{b:02x}")).collect(),
        signatures: filed.signatures.iter().map(signature).collect(),
        officer,
        error,
        shell: visitor.shell,
    };
    Ok((status, Html(page.render()?)).into_response())
}

/// The canonical bytes, for `outlast officer sign`.
async fn body(State(app): State<App>, visitor: Visitor, Path(id): Path<u64>) -> Result<Response, PageError> {
    let order = app.site.order_fetch(Some(visitor.signed_in()?), id).await?;
    let file = format!("attachment; filename=\"order-{id}.cbor\"");
    Ok(([("content-type", "application/cbor".to_owned()), ("content-disposition", file)], order.body).into_response())
}

/// The order's page again: as it is then, or with what went wrong.
async fn outcome(app: &App, visitor: Visitor, id: u64, answer: Result<(), Error>) -> Result<Response, PageError> {
    match answer {
        Ok(()) => Ok(Redirect::to(&format!("/-/orders/{id}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        Err(error) => order_page(app, visitor, id, error.to_string()).await,
    }
}

#[derive(Deserialize)]
struct Line {
    signature: String,
}

async fn sign(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<u64>,
    Form(Line { signature }): Form<Line>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let signed = signed(&app, &who, id, &signature).await;
    outcome(&app, visitor, id, signed).await
}

async fn signed(app: &App, who: &Principal, id: u64, line: &str) -> Result<(), Error> {
    app.site.order_line(Some(who), id, line.parse()?, "").await
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

async fn veto(
    State(app): State<App>,
    visitor: Visitor,
    Path(id): Path<u64>,
    Form(Reason { reason }): Form<Reason>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let vetoed = app.site.order_veto(&who, id, &reason).await;
    outcome(&app, visitor, id, vetoed).await
}

struct TrashRow {
    id: u64,
    path: String,
    name: String,
    deleted: String,
}

#[derive(Template)]
#[template(path = "site/trash.html")]
struct TrashPage {
    shell: Shell,
    repos: Vec<TrashRow>,
    error: String,
}

async fn trash(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    trash_page(&app, visitor, String::new()).await
}

async fn trash_page(app: &App, visitor: Visitor, error: String) -> Result<Response, PageError> {
    let trashed = app.site.trash_list(Some(visitor.signed_in()?)).await?;
    let row = |repo: forge::orders::Trashed| TrashRow {
        id: repo.id,
        path: repo.path,
        name: repo.name,
        deleted: show::time_us(repo.trashed_us),
    };
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = TrashPage { shell: visitor.shell, repos: trashed.into_iter().map(row).collect(), error };
    Ok((status, Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
struct Restored {
    id: u64,
    #[serde(default)]
    name: String,
}

async fn restore(
    State(app): State<App>,
    visitor: Visitor,
    Form(Restored { id, name }): Form<Restored>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let name = Some(name.trim()).filter(|name| !name.is_empty()).map(str::parse::<RepoName>).transpose();
    let restored = match name {
        Ok(name) => app.site.repo_restore(Some(&who), id, name).await,
        Err(error) => Err(error),
    };
    match restored {
        Ok(path) => Ok(Redirect::to(&format!("/{path}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        Err(error) => trash_page(&app, visitor, error.to_string()).await,
    }
}
