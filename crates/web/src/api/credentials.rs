//! `/outlast/credentials`: every credential there is, of oneself, or for an operator of everybody.

use super::shapes::time;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Query, State};
use axum::routing::{get, post};
use axum::{Json, Router};
use forge::people::inventory::InventoryFilter;
use forge::{Error, Principal, UserName};
use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn router() -> Router<App> {
    Router::new().route("/outlast/credentials", get(list))
}

/// For the command line.
pub(super) fn admin_router() -> Router<App> {
    Router::new().route("/admin/credentials", get(list_all)).route("/admin/factors/require", post(factors_require))
}

/// A second factor is required of everybody from now on.
async fn factors_require(State(app): State<App>) -> Result<StatusCode, ApiError> {
    app.site.factors_require(None).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
struct Wanted {
    /// A time (RFC 3339) or an entry's number.
    since: Option<String>,
    user: Option<String>,
}

async fn list(
    State(app): State<App>,
    SignedIn(who): SignedIn,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Value>, ApiError> {
    answer(&app, Some(&who), wanted).await
}

async fn list_all(State(app): State<App>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, ApiError> {
    answer(&app, None, wanted).await
}

async fn answer(app: &App, who: Option<&Principal>, wanted: Wanted) -> Result<Json<Value>, ApiError> {
    let user = wanted.user.map(|name| name.parse::<UserName>()).transpose()?;
    let mut filter = InventoryFilter::default();
    if let Some(since) = &wanted.since {
        match since.parse() {
            Ok(entry) => filter.since_entry = entry,
            Err(_) => filter.since_us = time_of(since)?,
        }
    }
    let listed = app.site.inventory(who, user.as_ref(), filter).await?;
    let now_us = forge::now_us();
    let row = |(made, used): &(forge::people::inventory::Credential, Option<forge::people::last_use::LastUse>)| {
        json!({
            "kind": made.kind.as_str(), "id": made.id, "owner": made.owner, "name": made.name, "good": made.is_good(now_us),
            "made_at": time(made.made_us), "made_by": made.made_by, "made_by_account": made.made_by_account,
            "made_from": made.address, "expires_at": made.expires_us.map(time), "ended_at": made.ended_us.map(time),
            "asleep_until": made.sleeps_until_us.map(time), "last_used_at": used.as_ref().map(|used| time(used.time_us)),
            "last_used_from": used.as_ref().map(|used| used.address.clone()),
        })
    };
    Ok(Json(listed.iter().map(row).collect()))
}

fn time_of(text: &str) -> Result<i64, ApiError> {
    let bad = |_| Error::invalid(format!("{text:?} is neither an entry's number nor a time like 2026-11-25T18:00:00Z"));
    Ok(text.parse::<Timestamp>().map_err(bad)?.as_microsecond())
}
