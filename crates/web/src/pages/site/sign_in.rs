//! Signing in and out, and the colours.

use crate::app::App;
use crate::pages::cookies;
use crate::pages::error::PageError;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/sign-in", get(form).post(sign_in))
        .route("/-/sign-out", post(sign_out))
        .route("/-/theme", post(theme))
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    shell: Shell,
    name: String,
    next: String,
    error: String,
}

#[derive(Deserialize, Default)]
struct Next {
    #[serde(default)]
    next: String,
}

/// Where somebody wanted to go: a path of this site, or its front page. `//host` and `/\host` are other sites'.
fn place(next: &str) -> &str {
    let own = next.starts_with('/') && !next.starts_with("//") && !next.contains(['\\', '\r', '\n', '\t']);
    if own { next } else { "/" }
}

async fn form(visitor: Visitor, Query(Next { next }): Query<Next>) -> Result<Response, PageError> {
    if visitor.who.is_some() {
        return Ok(Redirect::to(place(&next)).into_response());
    }
    let page = SignInPage { shell: visitor.shell, name: String::new(), next, error: String::new() };
    Ok(Html(page.render()?).into_response())
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
    headers: HeaderMap,
    Form(Credentials { name, password, next }): Form<Credentials>,
) -> Result<Response, PageError> {
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match app.site.sign_in(&name, &password, agent, None).await {
        Ok(secret) => {
            let cookie = cookies::set_session(&secret.reveal(), app.is_https());
            Ok(([(header::SET_COOKIE, cookie)], Redirect::to(place(&next))).into_response())
        }
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let page = SignInPage { shell: visitor.shell, name, next, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

async fn sign_out(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    if let Some((who, session)) = visitor.who.as_ref().and_then(|who| Some((who, who.credential()?))) {
        app.site.session_end(who, session).await?;
    }
    let cookie = cookies::set_session("", app.is_https());
    Ok(([(header::SET_COOKIE, cookie)], Redirect::to("/")).into_response())
}

#[derive(Deserialize)]
struct Theme {
    theme: String,
    #[serde(default)]
    next: String,
}

async fn theme(Form(Theme { theme, next }): Form<Theme>) -> Response {
    let theme = match theme.as_str() {
        "light" => "light",
        "dark" => "dark",
        _ => "",
    };
    ([(header::SET_COOKIE, cookies::set_theme(theme))], Redirect::to(place(&next))).into_response()
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
