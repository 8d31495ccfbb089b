//! `/-/admin/providers`: with whom people may sign in.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Error;
use forge::site::NewProvider;
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/admin/providers", get(providers).post(put)).route("/-/admin/providers/remove", post(remove))
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    label: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    secret: String,
    #[serde(default)]
    hosts: String,
    #[serde(default)]
    registers: bool,
}

struct ProviderRow {
    name: String,
    label: String,
    issuer: String,
    back: String,
    registers: bool,
}

#[derive(Template)]
#[template(path = "site/admin_providers.html")]
struct ProvidersPage {
    shell: Shell,
    rows: Vec<ProviderRow>,
    wanted: Wanted,
    error: String,
    done: &'static str,
}

async fn providers(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, Wanted::default(), Ok("")).await
}

/// The page, with what came of the last form: what was filled in, when that was refused.
async fn page(
    app: &App,
    visitor: Visitor,
    wanted: Wanted,
    outcome: Result<&'static str, Error>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let (done, error) = match outcome {
        Ok(done) => (done, String::new()),
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => ("", error.to_string()),
    };
    let rows = app.site.providers().await?.into_iter().map(|known| ProviderRow {
        back: app.site.provider_back(&known.name),
        name: known.name,
        label: known.label,
        issuer: known.issuer,
        registers: known.registers,
    });
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let wanted = Wanted { secret: String::new(), ..wanted };
    let page = ProvidersPage { shell: visitor.shell, rows: rows.collect(), wanted, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

async fn put(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(wanted): Form<Wanted>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let new = NewProvider {
        name: wanted.name.trim().to_owned(),
        label: wanted.label.clone(),
        issuer: wanted.issuer.trim().to_owned(),
        client_id: wanted.client_id.trim().to_owned(),
        secret: Some(wanted.secret.clone()).filter(|secret| !secret.is_empty()),
        registers: wanted.registers,
        hosts: wanted.hosts.split_whitespace().map(str::to_owned).collect(),
    };
    match app.site.provider_put(Some(&by), new).await {
        Ok(()) => page(&app, visitor, Wanted::default(), Ok("People may sign in with it from now on.")).await,
        Err(error) => page(&app, visitor, wanted, Err(error)).await,
    }
}

#[derive(Deserialize)]
struct Which {
    name: String,
}

async fn remove(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Which { name }): Form<Which>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    let removed = app.site.provider_remove(Some(&by), &name).await;
    page(&app, visitor, Wanted::default(), removed.map(|()| "It signs nobody in any more.")).await
}
