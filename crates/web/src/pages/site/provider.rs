//! Signing in with a provider of OpenID Connect: there, back, and what is linked with somebody's account.

use super::settings::Outcome;
use super::sign_in::{ThisDevice, failed, place, second_page, signed_in};
use crate::app::App;
use crate::pages::cookies;
use crate::pages::error::PageError;
use crate::pages::party::Party;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::Error;
use forge::site::{Returned, SignInStep};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/sign-in/with/{provider}", get(begin))
        .route("/-/sign-in/callback/{provider}", get(back))
        .route("/-/sign-in/register", post(register))
        .route("/-/settings/identities", get(identities).post(link))
        .route("/-/settings/identities/new/{provider}", get(begin_link))
        .route("/-/settings/identities/remove", post(unlink))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn begin(
    State(app): State<App>,
    Path(provider): Path<String>,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageError> {
    let begun = app.site.provider_begin(&provider, place(&next), None).await?;
    Ok(sent(&app, &begun))
}

/// From the settings, by who has just proved that it is them.
async fn begin_link(
    State(app): State<App>,
    Proven { by, .. }: Proven,
    Path(provider): Path<String>,
) -> Result<Response, PageError> {
    let begun = app.site.provider_begin(&provider, "/-/settings/identities", Some(&by)).await?;
    Ok(sent(&app, &begun))
}

fn sent(app: &App, (to, kept): &(String, String)) -> Response {
    ([(header::SET_COOKIE, cookies::set_provider(kept, app.is_https()))], Redirect::to(to)).into_response()
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    iss: Option<String>,
    error: Option<String>,
}

#[derive(Template)]
#[template(path = "site/register.html")]
struct RegisterPage {
    shell: Shell,
    ticket: String,
    /// What the provider, or the form, calls them.
    called: String,
    error: String,
}

#[derive(Template)]
#[template(path = "site/identity_link.html")]
struct LinkPage {
    shell: Shell,
    ticket: String,
    label: String,
}

async fn back(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    ThisDevice(device): ThisDevice,
    Path(provider): Path<String>,
    headers: HeaderMap,
    Query(answer): Query<Answer>,
) -> Result<Response, PageError> {
    if answer.error.is_some() {
        return failed(&app, visitor, party, "The provider did not let you in. Try again, or sign in in another way.")
            .await;
    }
    let kept = cookies::provider(&headers, app.is_https()).unwrap_or_default();
    let brought = (answer.code, answer.state, answer.iss);
    let returned = app.site.provider_return(&provider, kept, brought, visitor.who.as_ref(), &device).await;
    let mut response = match returned {
        Err(error) if error.is_ours() || matches!(error, Error::NotFound(_)) => return Err(error.into()),
        Err(error) => failed(&app, visitor, party, &error.to_string()).await?,
        Ok(Returned::Signs(step, next)) => match *step {
            SignInStep::Done(secret) => signed_in(&app, visitor.who.as_ref(), &secret, &next).await?,
            SignInStep::Second(step) => second_page(visitor, party, step, next, String::new())?,
        },
        Ok(Returned::Links(ticket, label)) => {
            let page = LinkPage { shell: visitor.shell, ticket, label };
            Html(page.render()?).into_response()
        }
        Ok(Returned::Registers(ticket, name)) => {
            let page = RegisterPage { shell: visitor.shell, ticket, called: name, error: String::new() };
            Html(page.render()?).into_response()
        }
    };
    // What the browser kept has done its work.
    response.headers_mut().append(header::SET_COOKIE, cookies::set_provider("", app.is_https()));
    response.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("private, no-store"));
    Ok(response)
}

#[derive(Deserialize)]
struct Registered {
    ticket: String,
    name: String,
}

async fn register(
    State(app): State<App>,
    visitor: Visitor,
    ThisDevice(device): ThisDevice,
    Form(Registered { ticket, name }): Form<Registered>,
) -> Result<Response, PageError> {
    let made = async { app.site.identity_register(&ticket, name.trim().parse()?, &device).await };
    match made.await {
        Ok(secret) => signed_in(&app, visitor.who.as_ref(), &secret, "/").await,
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let page = RegisterPage { shell: visitor.shell, ticket, called: name, error: error.to_string() };
            Ok((StatusCode::UNPROCESSABLE_ENTITY, Html(page.render()?)).into_response())
        }
    }
}

struct IdentityRow {
    id: u64,
    label: String,
    issuer: String,
    linked: String,
    asleep: Option<String>,
}

#[derive(Template)]
#[template(path = "site/settings_identities.html")]
struct IdentitiesPage {
    shell: Shell,
    outcome: Outcome,
    identities: Vec<IdentityRow>,
    /// Names and labels of the providers.
    providers: Vec<(String, String)>,
}

async fn identities(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    page(&app, visitor, Outcome::default()).await
}

async fn page(app: &App, visitor: Visitor, outcome: Outcome) -> Result<Response, PageError> {
    let listed = app.site.identities(visitor.signed_in()?).await?;
    let identities = listed.into_iter().map(|identity| IdentityRow {
        id: identity.id,
        label: identity.label,
        issuer: identity.issuer,
        linked: show::time_us(identity.linked_us),
        asleep: identity.sleeps_until_us.filter(|until| *until > forge::now_us()).map(show::time_us),
    });
    let providers = app.site.providers().await?.into_iter().map(|known| (known.name, known.label)).collect();
    let status = outcome.status();
    let page = IdentitiesPage { shell: visitor.shell, outcome, identities: identities.collect(), providers };
    Ok((status, Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
struct Ticket {
    ticket: String,
}

async fn link(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Ticket { ticket }): Form<Ticket>,
) -> Result<Response, PageError> {
    let linked = app.site.identity_link(&by, &ticket).await;
    page(&app, visitor, Outcome::of(linked, "It is linked.")?).await
}

#[derive(Deserialize)]
struct Which {
    id: u64,
}

async fn unlink(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let removed = match app.site.identity_unlink(&by, id).await {
        Err(error @ Error::NotFound(_)) => return Err(error.into()),
        removed => removed,
    };
    page(&app, visitor, Outcome::of(removed, "It signs you in no more.")?).await
}
