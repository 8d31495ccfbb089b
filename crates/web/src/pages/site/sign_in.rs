//! Signing in and out, and the colours.

use crate::app::App;
use crate::pages::cookies;
use crate::pages::error::{ENROL, PageError, form_urlencoded};
use crate::pages::party::{self, Party};
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{FromRequestParts, Query, State};
use axum::response::{AppendHeaders, Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Principal;
use forge::people::SessionSecret;
use forge::site::{Device, SecondStep, Shows, SignInStep};
use http::request::Parts;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use std::convert::Infallible;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/sign-in", get(form).post(sign_in))
        .route("/-/sign-in/second", post(second))
        .route("/-/sign-in/passkey", post(passkey))
        .route("/-/sign-out", post(sign_out))
        .route("/-/theme", post(theme))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    party: Party,
    /// For signing in with a key alone.
    challenge: String,
    name: String,
    next: String,
    /// Names and labels of the providers.
    providers: Vec<(String, String)>,
    error: String,
}

/// What is asked for besides the password.
#[derive(Template)]
#[template(path = "second.html")]
struct SecondPage {
    shell: Shell,
    party: Party,
    ticket: String,
    app: bool,
    keys: String,
    challenge: String,
    next: String,
    error: String,
}

#[derive(Deserialize, Default)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Where somebody wanted to go: a path of this site, or its front page. `//host` and `/\host` are other sites'.
pub(super) fn place(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control());
    if own { next } else { "/" }
}

async fn form(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageError> {
    if visitor.who.is_some() {
        return Ok(Redirect::to(place(&next)).into_response());
    }
    Ok(Html(page(&app, visitor, party, String::new(), next, String::new()).await?.render()?).into_response())
}

/// The page again, because a provider's answer was no good.
pub(super) async fn failed(app: &App, visitor: Visitor, party: Party, error: &str) -> Result<Response, PageError> {
    let page = page(app, visitor, party, String::new(), String::new(), error.to_owned()).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
}

async fn page(
    app: &App,
    visitor: Visitor,
    party: Party,
    name: String,
    next: String,
    error: String,
) -> Result<SignInPage, PageError> {
    let providers = app.site.providers().await?.into_iter().map(|known| (known.name, known.label)).collect();
    let challenge = app.site.passkey_challenge().map(|bytes| party::text(&bytes)).unwrap_or_default();
    let party = party.begun_at(&match next.as_str() {
        "" => "/-/sign-in".to_owned(),
        next => format!("/-/sign-in?next={}", form_urlencoded(next)),
    });
    Ok(SignInPage { shell: visitor.shell, party, challenge, name, next, providers, error })
}

#[derive(Deserialize)]
struct Credentials {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    ThisDevice(device): ThisDevice,
    Form(Credentials { name, password, next }): Form<Credentials>,
) -> Result<Response, PageError> {
    match app.site.sign_in(&name, &password, &device).await {
        Ok(SignInStep::Done(secret)) => signed_in(&app, visitor.who.as_ref(), &secret, &next).await,
        Ok(SignInStep::Second(step)) => second_page(visitor, party, step, next, String::new()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let page = page(&app, visitor, party, name, next, error.to_string()).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

/// Sets the cookie and goes on: to where they wanted, or where a passkey is made, if their role sleeps for want of one. The session
/// that this browser had before ends with its cookie.
pub(super) async fn signed_in(
    app: &App,
    before: Option<&Principal>,
    secret: &SessionSecret,
    next: &str,
) -> Result<Response, PageError> {
    let session = before.filter(|who| who.session().is_some()).and_then(|who| Some((who, who.credential()?)));
    if let Some((who, session)) = session {
        app.site.session_end(who, session).await?;
    }
    let secret = secret.reveal();
    let who = app.site.session(&secret).await?;
    let asleep = who.session().is_some_and(|session| session.role_asleep || session.must_enrol);
    let to = if asleep && app.site.factors(&who).await?.authenticators == 0 { ENROL } else { place(next) };
    let known = cookies::set_known_device(&app.site.device_mark(&who)?, app.is_https());
    let cookies =
        AppendHeaders([cookies::session_cookie(app, &secret), known].map(|cookie| (header::SET_COOKIE, cookie)));
    Ok((cookies, Redirect::to(to)).into_response())
}

pub(super) fn second_page(
    visitor: Visitor,
    party: Party,
    step: SecondStep,
    next: String,
    error: String,
) -> Result<Response, PageError> {
    let SecondStep { ticket, wanted } = step;
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = SecondPage {
        shell: visitor.shell,
        party: party.begun_at("/-/sign-in"),
        ticket,
        app: wanted.app,
        keys: party::ids(&wanted.keys),
        challenge: wanted.challenge.as_ref().map(party::text).unwrap_or_default(),
        next,
        error,
    };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
struct Second {
    ticket: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    recovery: String,
    #[serde(default)]
    challenge: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    next: String,
}

async fn second(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    ThisDevice(device): ThisDevice,
    Form(form): Form<Second>,
) -> Result<Response, PageError> {
    let Second { ticket, code, recovery, challenge, answer, next } = form;
    let shows = Shows { code, challenge, answer, recovery };
    match app.site.sign_in_second(&ticket, &shows, &device).await {
        Ok(secret) => signed_in(&app, visitor.who.as_ref(), &secret, &next).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => match app.site.second_step_again(&ticket).await {
            Ok(step) => second_page(visitor, party, step, next, error.to_string()),
            Err(_) => {
                let page = page(&app, visitor, party, String::new(), next, error.to_string()).await?;
                Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
            }
        },
    }
}

#[derive(Deserialize)]
struct Passkey {
    challenge: String,
    answer: String,
    #[serde(default)]
    next: String,
}

async fn passkey(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    ThisDevice(device): ThisDevice,
    Form(Passkey { challenge, answer, next }): Form<Passkey>,
) -> Result<Response, PageError> {
    let shows = Shows { challenge, answer, ..Shows::default() };
    match app.site.sign_in_passkey(&shows, &device).await {
        Ok(secret) => signed_in(&app, visitor.who.as_ref(), &secret, &next).await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let page = page(&app, visitor, party, String::new(), next, error.to_string()).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

/// What somebody signs in with.
pub(super) struct ThisDevice(pub(super) Device);

impl FromRequestParts<App> for ThisDevice {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let mark = cookies::known_device(&parts.headers, app.is_https());
        let known = mark.and_then(|mark| app.site.known_device(mark));
        let agent = parts.headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let address = crate::proxies::client().map(|client| client.to_string());
        Ok(Self(Device { agent: agent.to_owned(), address, known }))
    }
}

async fn sign_out(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    if let Some((who, session)) = visitor.who.as_ref().and_then(|who| Some((who, who.credential()?))) {
        app.site.session_end(who, session).await?;
    }
    let cookie = cookies::session_cookie(&app, "");
    // What was seen while signed in does not come back from the browser's memory.
    let forget = (HeaderName::from_static("clear-site-data"), HeaderValue::from_static("\"cache\""));
    Ok(([(header::SET_COOKIE, cookie), forget], Redirect::to("/")).into_response())
}

#[derive(Deserialize)]
struct Theme {
    theme: String,
    #[serde(default)]
    next: String,
}

async fn theme(State(app): State<App>, Form(Theme { theme, next }): Form<Theme>) -> Response {
    let theme = match theme.as_str() {
        "light" => "light",
        "dark" => "dark",
        _ => "",
    };
    ([(header::SET_COOKIE, cookies::set_theme(theme, app.is_https()))], Redirect::to(place(&next))).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_sent_to_this_site_alone() {
        assert_eq!(place("/a/b?c=d"), "/a/b?c=d");
        for other in ["https://evil.test", "//evil.test", "/\\evil.test", "evil", "", "/\t/evil.test"] {
            assert_eq!(place(other), "/", "{other}");
        }
    }
}
