//! `/-/settings/signing`: the keys that somebody signs commits with.

use super::ssh_keys::Which;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::site::settings::Outcome;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Error;
use git::openpgp::OpenPgpKey;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/settings/signing", get(keys).post(add)).route("/-/settings/signing/remove", post(remove))
}

struct Row {
    id: u64,
    name: String,
    /// In groups of four.
    fingerprint: String,
    subkeys: usize,
    created: String,
}

#[derive(Deserialize, Default)]
struct Wanted {
    #[serde(default)]
    name: String,
    #[serde(default)]
    key: String,
}

#[derive(Template)]
#[template(path = "site/settings_signing.html")]
struct SigningPage {
    shell: Shell,
    outcome: Outcome,
    keys: Vec<Row>,
    form: Wanted,
    email: String,
}

async fn keys(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, Wanted::default(), Outcome::default()).await
}

async fn page(app: &App, visitor: Visitor, form: Wanted, outcome: Outcome) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let listed = app.site.openpgp_key_list(who).await?;
    let row = |key: &forge::openpgp::AccountKey| Row {
        id: key.id,
        name: key.name.clone(),
        fingerprint: spaced(key.fingerprints.first().map(String::as_str).unwrap_or_default()),
        subkeys: key.fingerprints.len().saturating_sub(1),
        created: show::time_us(key.created_us),
    };
    let email = app.site.user_self(who).await?.email.unwrap_or_default();
    let (status, keys) = (outcome.status(), listed.iter().map(row).collect());
    Ok((status, Html(SigningPage { shell: visitor.shell, outcome, keys, form, email }.render()?)).into_response())
}

/// As GnuPG shows a fingerprint.
fn spaced(fingerprint: &str) -> String {
    let digits: Vec<char> = fingerprint.chars().collect();
    digits.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join(" ")
}

async fn add(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(form): Form<Wanted>,
) -> Result<Response, PageError> {
    let added = async {
        let key = OpenPgpKey::parse(&form.key).map_err(|error| Error::invalid(error.to_string()))?;
        app.site.openpgp_key_add(by.who(), key, form.name.clone()).await
    };
    let outcome = Outcome::of(added.await, "What it signs is verified from now on.")?;
    let form = if outcome.is_done() { Wanted::default() } else { form };
    page(&app, visitor, form, outcome).await
}

async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let removed = app.site.openpgp_key_remove(visitor.signed_in()?, id).await;
    page(&app, visitor, Wanted::default(), Outcome::of(removed, "What it signed is an unknown key's from now on.")?)
        .await
}
