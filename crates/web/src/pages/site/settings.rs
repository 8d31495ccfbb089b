//! `/-/settings/...`: what somebody sets for themselves.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::show;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use forge::people::command::WhichToken;
use forge::people::{Password, Proved, Scopes};
use forge::site::NewToken;
use forge::{Error, RepoPath};
use http::StatusCode;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/-/settings", get(profile).post(profile_set))
        .route("/-/settings/password", get(password).post(password_set))
        .route("/-/settings/tokens", get(tokens).post(token_make))
        .route("/-/settings/tokens/revoke", post(token_revoke))
        .route("/-/settings/sessions", get(sessions).post(session_end))
}

/// What a form's page shows besides the form: what went wrong, or was done.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) error: String,
    pub(super) done: &'static str,
}

impl Outcome {
    /// The domain's answer as words; what is the site's own fault is no matter of the form.
    pub(super) fn of<T>(answer: Result<T, Error>, done: &'static str) -> Result<Self, PageError> {
        match answer {
            Ok(_) => Ok(Self { error: String::new(), done }),
            Err(error) if error.is_ours() => Err(error.into()),
            Err(error) => Ok(Self { error: error.to_string(), done: "" }),
        }
    }

    /// Whether something was done.
    pub(super) fn is_done(&self) -> bool {
        !self.done.is_empty()
    }

    pub(super) fn status(&self) -> StatusCode {
        if self.error.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

#[derive(Template)]
#[template(path = "site/settings_profile.html")]
struct ProfilePage {
    shell: Shell,
    outcome: Outcome,
    name: String,
    email: String,
    profile: Profile,
}

#[derive(Deserialize, Default)]
struct Profile {
    full_name: String,
    bio: String,
    website: String,
}

async fn profile(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    let user = app.site.user_self(visitor.signed_in()?).await?;
    let profile = Profile {
        full_name: user.full_name.clone().unwrap_or_default(),
        bio: user.bio.clone().unwrap_or_default(),
        website: user.website.clone().unwrap_or_default(),
    };
    profile_page(&app, visitor, profile, Outcome::default()).await
}

async fn profile_page(app: &App, visitor: Visitor, profile: Profile, outcome: Outcome) -> Result<Response, PageError> {
    let user = app.site.user_self(visitor.signed_in()?).await?;
    let status = outcome.status();
    let email = user.email.unwrap_or_default();
    let page = ProfilePage { shell: visitor.shell, outcome, name: user.name, email, profile };
    Ok((status, Html(page.render()?)).into_response())
}

async fn profile_set(
    State(app): State<App>,
    visitor: Visitor,
    Form(profile): Form<Profile>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let Profile { full_name, bio, website } = &profile;
    let set = app.site.profile_set(who, full_name.clone(), bio.clone(), website.clone()).await;
    profile_page(&app, visitor, profile, Outcome::of(set, "Your profile is saved.")?).await
}

#[derive(Template)]
#[template(path = "site/settings_password.html")]
struct PasswordPage {
    shell: Shell,
    outcome: Outcome,
}

async fn password(visitor: Visitor) -> Result<Html<String>, PageError> {
    visitor.signed_in()?;
    Ok(Html(PasswordPage { shell: visitor.shell, outcome: Outcome::default() }.render()?))
}

#[derive(Deserialize)]
struct NewPassword {
    old: String,
    new: String,
    again: String,
}

/// All sessions and tokens end with the old password, this one too: signing in again is the proof that the new one works.
async fn password_set(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(form): Form<NewPassword>,
) -> Result<Response, PageError> {
    let outcome = Outcome::of(change_password(&app, &by, form).await, "")?;
    if outcome.error.is_empty() {
        return Ok(Redirect::to("/-/sign-in").into_response());
    }
    Ok((outcome.status(), Html(PasswordPage { shell: visitor.shell, outcome }.render()?)).into_response())
}

async fn change_password(app: &App, by: &Proved, form: NewPassword) -> Result<(), Error> {
    let name = by.who().name().parse().map_err(|_| Error::internal("the account's name is none"))?;
    if form.new != form.again {
        return Err(Error::invalid("the two new passwords differ"));
    }
    let new: Password = form.new.parse()?;
    if !app.site.password_fits(&name, &form.old).await? {
        return Err(Error::invalid("the present password is not right"));
    }
    app.site.password_set(Some(by), &name, new).await
}

struct TokenRow {
    id: u64,
    name: String,
    scopes: String,
    created: String,
    expires: String,
    /// The repositories it is for; None: all.
    repos: Option<usize>,
    used: Option<String>,
    used_from: String,
    /// Until when it does nothing.
    asleep: Option<String>,
}

#[derive(Template)]
#[template(path = "site/settings_tokens.html")]
struct TokensPage {
    shell: Shell,
    outcome: Outcome,
    tokens: Vec<TokenRow>,
    /// Shown once.
    fresh: Option<String>,
}

async fn tokens(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    tokens_page(&app, visitor, Outcome::default(), None).await
}

async fn tokens_page(
    app: &App,
    visitor: Visitor,
    outcome: Outcome,
    fresh: Option<String>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let name = who.name().parse().map_err(|_| PageError::not_found())?;
    let listed = app.site.token_list(Some(who), &name, 0, 100).await?;
    let row = |token: &forge::people::query::TokenInfo| {
        let used = app.site.last_use(token.id);
        TokenRow {
            id: token.id,
            name: token.name.clone(),
            scopes: token.scopes.words().join(", "),
            created: show::time_us(token.created_us),
            expires: token.expires_us.map(show::time_us).unwrap_or_default(),
            asleep: super::security::asleep(token.sleeps_until_us),
            repos: token.repos.as_ref().map(Vec::len),
            used: used.as_ref().map(|used| show::time_us(used.time_us)),
            used_from: used.map(|used| used.address).unwrap_or_default(),
        }
    };
    let tokens = listed.iter().rev().filter(|token| token.revoked_us.is_none()).map(row).collect();
    let status = outcome.status();
    let page = TokensPage { shell: visitor.shell, outcome, tokens, fresh };
    let caching = (http::header::CACHE_CONTROL, "private, no-store");
    Ok((status, [caching], Html(page.render()?)).into_response())
}

#[derive(Deserialize)]
struct TokenWanted {
    name: String,
    #[serde(default)]
    days: u32,
    /// `read`, `write`, or `people`.
    #[serde(default)]
    rights: String,
    /// `OWNER/NAME`, parted by spaces, commas or lines; nothing: all.
    #[serde(default)]
    repos: String,
}

async fn token_make(
    State(app): State<App>,
    Proven { by, visitor }: Proven,
    Form(wanted): Form<TokenWanted>,
) -> Result<Response, PageError> {
    let made = make_token(&app, &by, &wanted).await;
    let fresh = made.as_ref().ok().cloned();
    tokens_page(&app, visitor, Outcome::of(made, "")?, fresh).await
}

async fn make_token(app: &App, by: &Proved, wanted: &TokenWanted) -> Result<String, Error> {
    let paths = wanted.repos.split([' ', ',', '\r', '\n']).filter(|path| !path.is_empty());
    let paths = paths.map(str::parse).collect::<Result<Vec<RepoPath>, Error>>()?;
    let repos = Some(paths).filter(|paths| !paths.is_empty());
    let scopes = match wanted.rights.as_str() {
        "write" if repos.is_some() => "repo:read,repo:write,user:read",
        "people" if repos.is_some() => "repo:read,repo:write,access,user:read",
        "people" => "repo:read,repo:write,repo:create,org:write,access,user:read",
        "read" => "repo:read,user:read",
        "write" => "repo:read,repo:write,repo:create,user:read",
        _ => return Err(Error::invalid("choose what the token may do")),
    };
    let scopes = Scopes::parse([scopes])?;
    let age_us = (wanted.days > 0).then(|| i64::from(wanted.days) * 24 * 60 * 60 * 1_000_000);
    let new = NewToken { name: wanted.name.parse()?, scopes, age_us, repos };
    let (token, _) = app.site.token_create_for(by, new).await?;
    Ok(token.reveal().to_owned())
}

#[derive(Deserialize)]
struct Which {
    id: u64,
}

async fn token_revoke(
    State(app): State<App>,
    visitor: Visitor,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let revoked = app.site.token_revoke(Some(visitor.signed_in()?), WhichToken::Id(id)).await;
    tokens_page(&app, visitor, Outcome::of(revoked, "The token is revoked.")?, None).await
}

struct SessionRow {
    id: u64,
    agent: String,
    created: String,
    expires: String,
    how: &'static str,
    from: String,
    used: String,
    used_from: String,
    new_place: bool,
    this: bool,
}

#[derive(Template)]
#[template(path = "site/settings_sessions.html")]
struct SessionsPage {
    shell: Shell,
    outcome: Outcome,
    sessions: Vec<SessionRow>,
    /// How many sign-ins failed, when the last did, and from where.
    failed: Option<(String, String, String)>,
}

async fn sessions(State(app): State<App>, visitor: Visitor) -> Result<Response, PageError> {
    sessions_page(&app, visitor, Outcome::default()).await
}

async fn sessions_page(app: &App, visitor: Visitor, outcome: Outcome) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let listed = app.site.session_list(who).await?;
    let row = |session: &forge::people::SessionInfo| {
        let used = app.site.last_use(session.id);
        SessionRow {
            id: session.id,
            agent: if session.agent.is_empty() { "an unnamed browser".to_owned() } else { session.agent.clone() },
            created: show::time_us(session.created_us),
            expires: show::time_us(session.expires_us),
            how: session.how.as_str(),
            from: session.address.clone().unwrap_or_default(),
            used: show::time_us(used.as_ref().map_or(session.created_us, |used| used.time_us)),
            used_from: used.map(|used| used.address).unwrap_or_default(),
            new_place: session.new_place,
            this: who.credential() == Some(session.id),
        }
    };
    let sessions = listed.iter().map(row).collect();
    let status = outcome.status();
    let failed = app.site.failed_sign_ins(visitor.signed_in()?).map(|failed| {
        let count = show::counted(failed.count, "sign-in", "sign-ins");
        (count, show::time_us(failed.last_us), failed.address.unwrap_or_default())
    });
    Ok((status, Html(SessionsPage { shell: visitor.shell, outcome, sessions, failed }.render()?)).into_response())
}

/// A session of one's own, or with 0 all but this one.
async fn session_end(
    State(app): State<App>,
    visitor: Visitor,
    Form(Which { id }): Form<Which>,
) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    if id == 0 {
        let ended = app.site.sessions_end_others(who).await;
        return sessions_page(&app, visitor, Outcome::of(ended, "All other sessions are ended.")?).await;
    }
    let ended = app.site.session_end(who, id).await;
    sessions_page(&app, visitor, Outcome::of(ended, "The session is ended.")?).await
}
