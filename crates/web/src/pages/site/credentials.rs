//! `/-/credentials`: every credential there is, for who runs the site or signs for it.

use super::settings::Outcome;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Query, State};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::people::inventory::{Credential, InventoryFilter};
use forge::people::last_use::LastUse;
use http::header;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/credentials", get(list))
        .route("/-/credentials/wake", post(wake))
        .route("/-/credentials/require", post(require))
}

struct CredentialRow {
    id: u64,
    kind: &'static str,
    owner: String,
    name: String,
    made: String,
    made_by: String,
    from: String,
    used: Option<String>,
    used_from: String,
    state: &'static str,
    asleep: Option<String>,
}

impl CredentialRow {
    fn of(made: &Credential, used: Option<&LastUse>, now_us: i64) -> Self {
        let asleep = made.sleeps_until_us.filter(|until| made.ended_us.is_none() && *until > now_us);
        Self {
            id: made.id,
            kind: made.kind.as_str(),
            owner: made.owner.clone(),
            name: made.name.clone(),
            made: show::time_us(made.made_us),
            made_by: match (made.made_by, made.made_by_account) {
                (Some(credential), _) => format!("with {credential}"),
                (None, Some(_)) => "by signing in".to_owned(),
                (None, None) => "at the machine".to_owned(),
            },
            from: made.address.clone().unwrap_or_default(),
            used: used.map(|used| show::time_us(used.time_us)),
            used_from: used.map(|used| used.address.clone()).unwrap_or_default(),
            state: if made.is_good(now_us) { "good" } else { "over" },
            asleep: asleep.map(show::time_us),
        }
    }
}

#[derive(Template)]
#[template(path = "site/credentials.html")]
struct CredentialsPage {
    shell: Shell,
    outcome: Outcome,
    rows: Vec<CredentialRow>,
    all: bool,
    officer: bool,
    operator: bool,
    /// Everybody must have a second factor.
    required: bool,
}

#[derive(Deserialize, Default)]
struct Wanted {
    /// Those that are over too.
    #[serde(default)]
    all: bool,
}

async fn list(
    State(app): State<App>,
    visitor: Visitor,
    Query(Wanted { all }): Query<Wanted>,
) -> Result<Response, PageError> {
    page(&app, visitor, Outcome::default(), all).await
}

async fn page(app: &App, visitor: Visitor, outcome: Outcome, all: bool) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let user = app.site.user_self(who).await?;
    let awake = who.session().is_some_and(|session| !session.role_asleep);
    if !(awake && (user.operator || user.officer)) {
        return Err(PageError::not_found());
    }
    let required = app.site.factors_required().await?;
    let now_us = forge::now_us();
    let listed = app.site.inventory_for_roles(who, InventoryFilter::default()).await?;
    let shown =
        listed.iter().filter(|(made, _)| all || made.ended_us.is_none() && made.expires_us.is_none_or(|t| t > now_us));
    let rows = shown.map(|(made, used)| CredentialRow::of(made, used.as_ref(), now_us)).collect();
    let status = outcome.status();
    let page = CredentialsPage {
        shell: visitor.shell,
        outcome,
        rows,
        all,
        officer: user.officer,
        operator: user.operator,
        required,
    };
    Ok((status, [(header::CACHE_CONTROL, "private, no-store")], Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
struct Which {
    id: u64,
}

async fn wake(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let woken = match app.site.factor_wake(&by, id).await {
        Err(error @ forge::Error::Forbidden(_)) => return Err(error.into()),
        woken => woken,
    };
    page(&app, visitor, Outcome::of(woken, "It is awake.")?, false).await
}

#[derive(Deserialize)]
struct Sure {
    sure: String,
}

async fn require(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Sure { sure }): Form<Sure>,
) -> Result<Response, PageError> {
    visitor.operator()?;
    if sure != "yes" {
        return Err(PageError::invalid(
            "Say that you are sure: nobody without a second factor does anything afterwards.",
        ));
    }
    let required = app.site.factors_require(Some(&by)).await;
    page(&app, visitor, Outcome::of(required, "Everybody needs a second factor from now on.")?, false).await
}
