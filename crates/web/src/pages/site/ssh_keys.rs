//! `/-/settings/keys`: somebody's SSH keys.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Error;
use forge::ssh::SshKey;
use forge::ssh::command::NewSshKey;
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/settings/keys", get(keys).post(add)).route("/-/settings/keys/remove", post(remove))
}

/// A key in a list.
pub(crate) struct KeyRow {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) algorithm: String,
    /// In a security key.
    pub(crate) hardware: bool,
    pub(crate) fingerprint: String,
    /// Of a deploy key: it may push.
    pub(crate) writes: bool,
    pub(crate) created: String,
    pub(crate) expires: String,
    pub(crate) expired: bool,
    /// Until when it does nothing.
    pub(crate) asleep: Option<String>,
    /// When and from where it was used last; nothing when it never was.
    pub(crate) used: Option<(String, String)>,
}

impl KeyRow {
    pub(crate) fn new(app: &App, key: &SshKey) -> Self {
        Self {
            id: key.id,
            name: key.name.clone(),
            algorithm: key.algorithm.clone(),
            hardware: key.algorithm.starts_with("sk-"),
            fingerprint: key.fingerprint.clone(),
            writes: key.writes,
            created: show::time_us(key.created_us),
            expires: show::time_us(key.expires_us),
            expired: key.expires_us <= forge::now_us(),
            asleep: super::security::asleep(key.sleeps_until_us),
            used: app.site.last_use(key.id).map(|last| (show::time_us(last.time_us), last.address)),
        }
    }
}

/// What the form for a new key says.
#[derive(Deserialize, Default)]
pub(crate) struct KeyWanted {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) key: String,
    #[serde(default)]
    pub(crate) days: u32,
    #[serde(default)]
    pub(crate) writes: Option<String>,
}

impl KeyWanted {
    pub(crate) fn parse(&self) -> Result<NewSshKey, Error> {
        let age_us = (self.days > 0).then(|| i64::from(self.days) * 24 * 60 * 60 * 1_000_000);
        Ok(NewSshKey { key: self.key.parse()?, name: self.name.clone(), age_us })
    }
}

#[derive(Template)]
#[template(path = "site/settings_keys.html")]
struct KeysPage {
    shell: Shell,
    error: String,
    done: &'static str,
    keys: Vec<KeyRow>,
    form: KeyWanted,
    /// Where the site's SSH door is, and the fingerprint of its own key.
    ssh: Option<(String, String)>,
}

async fn keys(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, KeyWanted::default(), String::new(), "").await
}

async fn page(
    app: &App,
    visitor: Visitor,
    form: KeyWanted,
    error: String,
    done: &'static str,
) -> Result<Response, PageError> {
    let listed = app.site.ssh_key_list(visitor.signed_in()?).await?;
    let keys = listed.iter().map(|key| KeyRow::new(app, key)).collect();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let ssh = match app.site.ssh_address() {
        Some(address) => Some((address.to_owned(), app.site.keys().ssh_host_key()?.fingerprint())),
        None => None,
    };
    let page = KeysPage { shell: visitor.shell, error, done, keys, form, ssh };
    Ok((status, Html(page.render()?)).into_response())
}

async fn add(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(form): Form<KeyWanted>,
) -> Result<Response, PageError> {
    let added = async { app.site.ssh_key_add(&by, form.parse()?).await };
    match added.await {
        Ok(_) => page(&app, visitor, KeyWanted::default(), String::new(), "The key works from now on.").await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => page(&app, visitor, form, error.to_string(), "").await,
    }
}

#[derive(Deserialize)]
pub(crate) struct Which {
    pub(crate) id: u64,
}

async fn remove(
    State(app): State<App>,
    visitor: Visitor,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let removed = app.site.ssh_key_remove(Some(visitor.signed_in()?), id).await;
    let (error, done) = match removed {
        Ok(()) => (String::new(), "The key opens nothing any more."),
        Err(error) if error.is_ours() => return Err(error.into()),
        Err(error) => (error.to_string(), ""),
    };
    page(&app, visitor, KeyWanted::default(), error, done).await
}
