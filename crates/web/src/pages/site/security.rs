//! `/-/settings/security`: keys, apps and recovery codes.

use super::settings::Outcome;
use crate::app::App;
use crate::pages::cookies;
use crate::pages::error::PageError;
use crate::pages::party::{self, Party};
use crate::pages::proven::{Enrolling, Proven};
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::people::factor::{Authenticator, Totp};
use forge::site::KeyWanted;
use forge::{Error, OwnerPath, Principal};
use http::{StatusCode, header};
use qrcodegen::{QrCode, QrCodeEcc};
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/settings/security", get(security))
        .route("/-/settings/security/key", post(key_add))
        .route("/-/settings/security/app", post(app_begin))
        .route("/-/settings/security/app/confirm", post(app_confirm))
        .route("/-/settings/security/codes", post(codes_make))
        .route("/-/settings/security/name", post(name_set))
        .route("/-/settings/security/remove", post(remove))
}

struct FactorRow {
    id: u64,
    name: String,
    kind: &'static str,
    added: String,
    used: Option<String>,
    asleep: Option<String>,
}

pub(super) fn asleep(until_us: Option<i64>) -> Option<String> {
    let now_us = forge::now_us();
    until_us.filter(|until| *until > now_us).map(show::time_us)
}

impl From<&Authenticator> for FactorRow {
    fn from(key: &Authenticator) -> Self {
        let kind = match (key.user_verified, key.backed_up) {
            (true, true) => "Passkey, on several devices",
            (true, false) => "Passkey, on one device",
            (false, _) => "Security key",
        };
        Self {
            id: key.id,
            name: key.name.clone(),
            kind,
            added: show::time_us(key.created_us),
            used: key.used_us.map(show::time_us),
            asleep: asleep(key.sleeps_until_us),
        }
    }
}

impl From<&Totp> for FactorRow {
    fn from(app: &Totp) -> Self {
        Self {
            id: app.id,
            name: app.name.clone(),
            kind: "Authenticator app",
            added: show::time_us(app.created_us),
            used: app.used_us.map(show::time_us),
            asleep: asleep(app.sleeps_until_us),
        }
    }
}

/// What the page's script makes a key with.
struct Wanted {
    challenge: String,
    user: String,
    known: String,
}

impl From<KeyWanted> for Wanted {
    fn from(wanted: KeyWanted) -> Self {
        let KeyWanted { challenge, user, known, .. } = wanted;
        Self { challenge: party::text(&challenge), user: party::text(&user), known: party::ids(&known) }
    }
}

#[derive(Template)]
#[template(path = "site/settings_security.html")]
struct SecurityPage {
    shell: Shell,
    outcome: Outcome,
    party: Party,
    name: String,
    /// An officer's or operator's account.
    privileged: bool,
    wanted: Option<Wanted>,
    keys: Vec<FactorRow>,
    apps: Vec<FactorRow>,
    /// The organisation that led here, because it requires a second factor.
    org: Option<String>,
    /// Recovery codes that are still good.
    left: u32,
    /// New ones, shown once.
    codes: Vec<String>,
}

#[derive(Deserialize)]
struct Wish {
    /// The organisation that requires a second factor.
    #[serde(rename = "for")]
    org: Option<String>,
}

async fn security(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Query(Wish { org }): Query<Wish>,
) -> Result<Response, PageError> {
    // What is no path is nobody's, and stands on no page of ours.
    let org = org.and_then(|path| path.parse().ok());
    page(&app, visitor, party, Outcome::default(), Vec::new(), org).await
}

async fn page(
    app: &App,
    visitor: Visitor,
    party: Party,
    outcome: Outcome,
    codes: Vec<String>,
    org: Option<OwnerPath>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let user = app.site.user_self(who).await?;
    let listed = app.site.factor_list(who).await?;
    let party = party.begun_at("/-/settings/security");
    let wanted = if party.here() { Some(app.site.passkey_wanted(who).await?.into()) } else { None };
    let status = outcome.status();
    let page = SecurityPage {
        outcome,
        party,
        name: user.name,
        privileged: user.officer || user.operator,
        wanted,
        keys: listed.keys.iter().map(FactorRow::from).collect(),
        apps: listed.apps.iter().map(FactorRow::from).collect(),
        org: org.map(|org| org.to_string()),
        left: listed.codes,
        codes,
        shell: visitor.shell,
    };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

/// Who looks, once what they may do has changed.
async fn again(app: &App, visitor: Visitor, secret: Option<&str>) -> Visitor {
    let session = match secret {
        Some(secret) => app.site.session(secret).await,
        None => visitor.who.clone().ok_or(Error::ReauthRequired),
    };
    let who = session.ok().or(visitor.who);
    let special = who.as_ref().and_then(Principal::session);
    let shell = Shell {
        operator: who.as_ref().is_some_and(Principal::is_operator),
        role_asleep: special.is_some_and(|session| session.role_asleep),
        must_enrol: false,
        ..visitor.shell
    };
    Visitor { who, shell }
}

#[derive(Deserialize)]
struct KeyMade {
    #[serde(default)]
    name: String,
    challenge: String,
    answer: String,
}

async fn key_add(
    State(app): State<App>,
    Enrolling { by, visitor }: Enrolling,
    party: Party,
    Form(KeyMade { name, challenge, answer }): Form<KeyMade>,
) -> Result<Response, PageError> {
    let added = app.site.passkey_add(&by, &name, &challenge, &answer).await;
    let secret = added.as_ref().ok().and_then(Option::as_ref).map(forge::people::SessionSecret::reveal);
    let done =
        if secret.is_some() { "Your key is added, and you are signed in with it." } else { "Your key is added." };
    let outcome = Outcome::of(added, done)?;
    let visitor = if outcome.is_done() { again(&app, visitor, secret.as_deref()).await } else { visitor };
    let mut response = page(&app, visitor, party, outcome, Vec::new(), None).await?;
    if let Some(secret) = secret {
        response.headers_mut().insert(header::SET_COOKIE, cookies::session_cookie(&app, &secret));
    }
    Ok(response)
}

#[derive(Template)]
#[template(path = "site/settings_app.html")]
struct AppPage {
    shell: Shell,
    error: String,
    ticket: String,
    secret: String,
    qr: String,
    qr_size: i32,
}

async fn app_begin(State(app): State<App>, Enrolling { by, visitor }: Enrolling) -> Result<Response, PageError> {
    let (_, ticket) = app.site.app_secret(&by)?;
    app_page(&app, &by, visitor, ticket, String::new())
}

fn app_page(
    app: &App,
    by: &forge::people::Proved,
    visitor: Visitor,
    ticket: String,
    error: String,
) -> Result<Response, PageError> {
    let secret = app.site.app_secret_again(by, &ticket)?;
    let name = by.who().name().parse().map_err(|_| PageError::not_found())?;
    let (qr, qr_size) = qr_path(&app.site.app_uri(&secret, &name))?;
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = AppPage { shell: visitor.shell, error, ticket, secret: secret.base32(), qr, qr_size };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

/// A QR code as the outline of its dots, with the four quiet modules around it that the standard asks for.
fn qr_path(text: &str) -> Result<(String, i32), PageError> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium).map_err(|_| PageError::invalid("the name is too long"))?;
    let size = code.size();
    let dots = (0..size).flat_map(|y| (0..size).map(move |x| (x, y))).filter(|(x, y)| code.get_module(*x, *y));
    let path = dots.map(|(x, y)| format!("M{},{}h1v1h-1z", x + 4, y + 4)).collect();
    Ok((path, size + 8))
}

#[derive(Deserialize)]
struct AppShown {
    ticket: String,
    #[serde(default)]
    name: String,
    code: String,
}

async fn app_confirm(
    State(app): State<App>,
    Enrolling { by, visitor }: Enrolling,
    party: Party,
    Form(AppShown { ticket, name, code }): Form<AppShown>,
) -> Result<Response, PageError> {
    match app.site.app_add(&by, &name, &ticket, &code).await {
        Ok(()) => {
            let outcome = Outcome::of(Ok(()), "Your app is added.")?;
            let visitor = again(&app, visitor, None).await;
            page(&app, visitor, party, outcome, Vec::new(), None).await
        }
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => app_page(&app, &by, visitor, ticket, error.to_string()),
    }
}

async fn codes_make(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    party: Party,
) -> Result<Response, PageError> {
    let codes = app.site.recovery_codes_make(&by).await?;
    let codes = codes.iter().map(forge::people::factor::RecoveryCode::reveal).collect();
    page(&app, visitor, party, Outcome::default(), codes, None).await
}

#[derive(Deserialize)]
struct Named {
    id: u64,
    name: String,
}

async fn name_set(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    party: Party,
    Form(Named { id, name }): Form<Named>,
) -> Result<Response, PageError> {
    let named = app.site.factor_name(&by, id, &name).await;
    page(&app, visitor, party, Outcome::of(named, "It has its new name.")?, Vec::new(), None).await
}

#[derive(Deserialize)]
struct Which {
    id: u64,
}

async fn remove(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    party: Party,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let removed = app.site.factor_remove(&by, id).await;
    page(&app, visitor, party, Outcome::of(removed, "It is removed, and proves nothing any more.")?, Vec::new(), None)
        .await
}
