//! `/-/admin/...`: running the site. Who doesn't, finds nothing here.

mod account;
mod incidents;
mod jobs;
mod mail;
mod providers;
mod repositories;
mod settings;
mod vaults;

use super::safety::{VaultRow, vault_rows};
use crate::app::App;
use crate::pages::error::{PageError, form_urlencoded};
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Form, Router};
use forge::event::role::SiteRole;
use forge::people::Password;
use forge::site::NewUser;
use http::StatusCode;
use serde::Deserialize;

const PAGE: u32 = 50;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/admin", get(overview))
        .route("/-/admin/users", get(users).post(user_create))
        .merge(account::router())
        .merge(repositories::router())
        .merge(vaults::router())
        .merge(jobs::router())
        .merge(settings::router())
        .merge(mail::router())
        .merge(incidents::router())
        .merge(providers::router())
}

#[derive(Template)]
#[template(path = "site/admin.html")]
struct AdminPage {
    shell: Shell,
    vaults: Vec<VaultRow>,
    facts: Vec<(&'static str, String)>,
}

async fn overview(State(app): State<App>, visitor: Visitor) -> Result<Html<String>, PageError> {
    visitor.operator()?;
    let (hits, misses) = app.cache_counts();
    let facts = vec![
        ("Journal", show::counted(app.site.size(), "entry", "entries")),
        ("Held by a quorum", show::counted(app.site.held(), "entry", "entries")),
        ("Commands waiting", show::number(app.site.queue_len() as u64)),
        ("Waiting for vaults", show::bytes(app.site.spool().bytes())),
        ("Fetches from the cache", format!("{} of {}", show::number(hits), show::number(hits + misses))),
        ("Address", app.site.base_url().to_owned()),
        ("Data", app.site.data().display().to_string()),
        ("Version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    Ok(Html(AdminPage { shell: visitor.shell, vaults: vault_rows(&app), facts }.render()?))
}

struct UserRow {
    name: String,
    email: String,
    roles: String,
    since: String,
}

#[derive(Template)]
#[template(path = "site/admin_users.html")]
struct UsersPage {
    shell: Shell,
    users: Vec<UserRow>,
    q: String,
    more: Option<String>,
    wanted: UserWanted,
    error: String,
    done: String,
}

#[derive(Deserialize, Default)]
struct UserWanted {
    name: String,
    email: String,
    password: String,
    #[serde(default)]
    operator: bool,
}

#[derive(Deserialize, Default)]
struct Page {
    #[serde(default)]
    q: String,
    #[serde(default)]
    after: u64,
}

async fn users(State(app): State<App>, visitor: Visitor, Query(page): Query<Page>) -> Result<Response, PageError> {
    users_page(&app, visitor, page, UserWanted::default(), String::new(), String::new()).await
}

async fn users_page(
    app: &App,
    visitor: Visitor,
    Page { q, after }: Page,
    wanted: UserWanted,
    error: String,
    done: String,
) -> Result<Response, PageError> {
    let listed = app.site.user_search(visitor.operator()?, q.trim(), after, PAGE).await?;
    let full = listed.len() == PAGE as usize;
    let more = listed.last().filter(|_| full).map(|last| format!("?q={}&after={}", form_urlencoded(&q), last.id));
    let mut auditors = Vec::new();
    for user in &listed {
        if app.site.has_site_role(user.id, SiteRole::Auditor).await? {
            auditors.push(user.id);
        }
    }
    let row = |user: &forge::people::query::User| UserRow {
        name: user.name.clone(),
        email: user.email.clone().unwrap_or_default(),
        roles: [(user.operator, "operator"), (user.officer, "officer"), (auditors.contains(&user.id), "auditor")]
            .iter()
            .filter_map(|(is, role)| is.then_some(*role))
            .collect::<Vec<_>>()
            .join(", "),
        since: show::time_us(user.created_us),
    };
    let users = listed.iter().map(row).collect();
    let status = if error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = UsersPage { shell: visitor.shell, users, q, more, wanted, error, done };
    Ok((status, Html(page.render()?)).into_response())
}

async fn user_create(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(wanted): Form<UserWanted>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    match create(&app, &by, &wanted).await {
        Ok(name) => {
            let done = format!("{name} is here now.");
            users_page(&app, visitor, Page::default(), UserWanted::default(), String::new(), done).await
        }
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let wanted = UserWanted { password: String::new(), ..wanted };
            users_page(&app, visitor, Page::default(), wanted, error.to_string(), String::new()).await
        }
    }
}

async fn create(app: &App, by: &forge::people::Proved, wanted: &UserWanted) -> Result<String, forge::Error> {
    let name = wanted.name.trim().parse().map_err(|error| forge::Error::invalid(format!("{error}")))?;
    let email = Some(wanted.email.trim()).filter(|text| !text.is_empty()).map(str::parse).transpose()?;
    let password: Option<Password> =
        Some(wanted.password.as_str()).filter(|text| !text.is_empty()).map(str::parse).transpose()?;
    let new = NewUser { name, email, password, officer: false, operator: wanted.operator };
    Ok(app.site.user_create(Some(by), new).await?.name)
}
