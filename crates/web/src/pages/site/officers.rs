//! `/-/officers`, `/-/orders`, `/-/trash`: guarded acts. Who is neither officer nor operator finds no desk here, and of orders their own.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::party::{self, Party};
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::orders::{FiledOrder, GUARDED, State as OrderState, TrashedKind, Wish};
use forge::{Error, RepoName};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/officers", get(desk))
        .route("/-/orders", post(ask))
        .route("/-/orders/{id}", get(order))
        .route("/-/orders/{id}/body", get(body))
        .route("/-/orders/{id}/list", get(erase_list))
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
    /// What is asked for here: its name, what it does, what it is about.
    acts: Vec<(&'static str, &'static str, &'static str)>,
    error: String,
}

#[derive(Deserialize)]
struct All {
    #[serde(default)]
    all: bool,
}

async fn desk(State(app): State<App>, visitor: Visitor, Query(All { all }): Query<All>) -> Result<Response, PageError> {
    desk_page(&app, visitor, all, String::new()).await
}

async fn desk_page(app: &App, visitor: Visitor, all: bool, error: String) -> Result<Response, PageError> {
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
        acts: GUARDED.iter().filter_map(|act| Some((act.name, act.what, act.about?))).collect(),
        shell: visitor.shell,
        error,
    };
    Ok((shown_as(&page.error), Html(page.render()?)).into_response())
}

/// A page that says what went wrong says so in its status too.
fn shown_as(error: &str) -> StatusCode {
    if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
}

#[derive(Deserialize)]
struct Asked {
    act: String,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    reference: String,
    #[serde(default)]
    to: String,
}

/// Files an order for an act that is only ever done by one.
async fn ask(State(app): State<App>, visitor: Visitor, Form(asked): Form<Asked>) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let wish = Wish { act: asked.act, subject: asked.subject, reference: asked.reference, to: asked.to };
    match app.site.order_ask(Some(&who), wish).await {
        Ok(id) => Ok(Redirect::to(&format!("/-/orders/{id}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => desk_page(&app, visitor, false, error.to_string()).await,
    }
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
    /// It has a list of what is erased.
    erases: bool,
    /// Vaults' owners carry it out too.
    for_vaults: bool,
    /// It changes the vaults, and that is not held by both quorums yet: one officer takes it back.
    changing: bool,
    party: Party,
    /// The order's hash, as an authenticator signs it.
    challenge: String,
    /// The visitor's authenticators that may sign it.
    keys: String,
    error: String,
}

async fn order(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Path(id): Path<u64>,
) -> Result<Response, PageError> {
    order_page(&app, visitor, party, id, String::new()).await
}

async fn order_page(app: &App, visitor: Visitor, party: Party, id: u64, error: String) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let filed = app.site.order_fetch(Some(who), id).await?;
    let needed = app.site.officer_rule().await?.map_or(0, |rule| rule.needed);
    let officer = app.site.is_officer(who).await?;
    let change = app.site.vaults_changing().await?.filter(|change| change.order == Some(id));
    let signature = |signature: &forge::orders::SignatureInfo| SignatureRow {
        name: signature.name.clone(),
        time: show::time_us(signature.signed_us),
        counts: signature.counts,
    };
    let keys = app.site.factor_list(who).await?.keys.into_iter().filter(|key| officer && key.user_verified);
    let page = OrderPage {
        party: party.begun_at(&format!("/-/orders/{id}")),
        challenge: party::text(&filed.hash),
        keys: party::ids(&keys.map(|key| key.credential).collect::<Vec<_>>()),
        order: OrderRow::new(&filed, needed),
        hash: filed.hash.iter().map(|b| format!("{b:02x}")).collect(),
        signatures: filed.signatures.iter().map(signature).collect(),
        officer,
        erases: matches!(filed.order.act, forge::orders::Act::Erase { .. }),
        for_vaults: matches!(filed.order.act.number(), 7 | 15),
        changing: change.is_some_and(|change| change.confirmed.is_none()),
        error,
        shell: visitor.shell,
    };
    Ok((shown_as(&page.error), Html(page.render()?)).into_response())
}

/// The canonical bytes, for `outlast officer sign`.
async fn body(State(app): State<App>, visitor: Visitor, Path(id): Path<u64>) -> Result<Response, PageError> {
    let order = app.site.order_fetch(Some(visitor.signed_in()?), id).await?;
    let file = format!("attachment; filename=\"order-{id}.cbor\"");
    Ok(([("content-type", "application/cbor".to_owned()), ("content-disposition", file)], order.body).into_response())
}

/// What an erasure erases: the list whose hash is in the order.
async fn erase_list(State(app): State<App>, visitor: Visitor, Path(id): Path<u64>) -> Result<Response, PageError> {
    let list = app.site.order_list_file(Some(visitor.signed_in()?), id).await?;
    let file = format!("attachment; filename=\"order-{id}.list\"");
    let headers = [("content-type", "text/plain; charset=utf-8".to_owned()), ("content-disposition", file)];
    Ok((headers, list).into_response())
}

/// The order's page again: as it is then, or with what went wrong.
async fn outcome(
    app: &App,
    visitor: Visitor,
    party: Party,
    id: u64,
    answer: Result<(), Error>,
) -> Result<Response, PageError> {
    match answer {
        Ok(()) => Ok(Redirect::to(&format!("/-/orders/{id}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        Err(error) => order_page(app, visitor, party, id, error.to_string()).await,
    }
}

#[derive(Deserialize)]
struct Signed {
    /// The line that `outlast officer sign` printed.
    #[serde(default)]
    signature: String,
    /// What a passkey answered, as the page's script gives it.
    #[serde(default)]
    answer: String,
}

async fn sign(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Path(id): Path<u64>,
    Form(Signed { signature, answer }): Form<Signed>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let signed = if answer.is_empty() {
        app.site.order_line(Some(&who), id, &signature, "").await
    } else {
        app.site.order_sign(&who, id, &answer).await
    };
    outcome(&app, visitor, party, id, signed.map(drop)).await
}

#[derive(Deserialize)]
struct Reason {
    #[serde(default)]
    reason: String,
}

async fn veto(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Path(id): Path<u64>,
    Form(Reason { reason }): Form<Reason>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?.clone();
    let vetoed = app.site.order_veto(Some(&who), id, &reason).await;
    outcome(&app, visitor, party, id, vetoed.map(drop)).await
}

struct TrashRow {
    id: u64,
    kind: &'static str,
    /// Whether it may come back under another name.
    renames: bool,
    path: String,
    name: String,
    deleted: String,
}

#[derive(Template)]
#[template(path = "site/trash.html")]
struct TrashPage {
    shell: Shell,
    items: Vec<TrashRow>,
    error: String,
}

async fn trash(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    trash_page(&app, visitor, String::new()).await
}

async fn trash_page(app: &App, visitor: Visitor, error: String) -> Result<Response, PageError> {
    let trashed = app.site.trash_list(Some(visitor.signed_in()?)).await?;
    let row = |item: forge::orders::Trashed| TrashRow {
        id: item.id,
        kind: item.kind.as_str(),
        renames: item.kind == TrashedKind::Repository,
        path: item.path,
        name: item.name,
        deleted: show::time_us(item.trashed_us),
    };
    let page = TrashPage { shell: visitor.shell, items: trashed.into_iter().map(row).collect(), error };
    Ok((shown_as(&page.error), Html(page.render()?)).into_response())
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
        Ok(name) => app.site.trash_restore(Some(&who), id, name).await,
        Err(error) => Err(error),
    };
    match restored {
        Ok(path) => Ok(Redirect::to(&format!("/{path}")).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error @ Error::NotFound(_)) => Err(error.into()),
        Err(error) => trash_page(&app, visitor, error.to_string()).await,
    }
}
