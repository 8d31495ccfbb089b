//! `/-/prove`: a fresh proof that it is still them.

use super::sign_in::place;
use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::party::Party;
use crate::pages::proven::{self, Kept, kept};
use crate::pages::visitor::Visitor;
use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use forge::site::Shows;
use serde::Deserialize;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/prove", get(form).post(prove))
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn form(
    State(app): State<App>,
    visitor: Visitor,
    party: Party,
    Query(Next { next }): Query<Next>,
) -> Result<Response, PageError> {
    proven::page(&app, visitor, party, place(&next).to_owned(), None, String::new()).await
}

/// Checks the proof, and goes on: to a page, or with the very form that waited, which the browser sends again (307).
async fn prove(State(app): State<App>, visitor: Visitor, party: Party, body: Bytes) -> Result<Response, PageError> {
    let who = visitor.signed_in()?;
    let fields: Kept = proven::fields(&body);
    let field =
        |name: &str| fields.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone()).unwrap_or_default();
    let shows = Shows {
        code: field("prove-code"),
        challenge: field("prove-challenge"),
        answer: field("prove-answer"),
        recovery: String::new(),
    };
    let next = place(&field("prove-next")).to_owned();
    let posts = field("prove-posts") == "yes";
    match app.site.prove(who, &field("prove-password"), &shows).await {
        Ok(()) if posts => Ok(Redirect::temporary(&next).into_response()),
        Ok(()) => Ok(Redirect::to(&next).into_response()),
        Err(error) if error.is_ours() => Err(error.into()),
        Err(error) => {
            let form = posts.then(|| kept(&body));
            proven::page(&app, visitor, party, next, form, error.to_string()).await
        }
    }
}
