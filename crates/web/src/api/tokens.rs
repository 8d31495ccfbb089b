//! `/users/NAME/tokens`: to see and to end; they are made on the pages, or at the machine.

use super::Named;
use super::page::Page;
use super::shapes;
use crate::app::App;
use crate::errors::ApiError;
use crate::identity::SignedIn;
use axum::extract::{Path, Query, State};
use axum::routing::{delete, get};
use axum::{Json, Router};
use forge::people::Scopes;
use forge::people::command::WhichToken;
use forge::site::NewToken;
use forge::{Error, RepoPath, TokenName};
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

const US_PER_S: i64 = 1_000_000;

pub(super) fn router() -> Router<App> {
    Router::new()
        .route("/users/{name}/tokens", get(list).post(create))
        .route("/users/{name}/tokens/{id}", delete(revoke))
}

/// A token that is asked for.
#[derive(Deserialize)]
pub(super) struct Wanted {
    name: String,
    #[serde(default)]
    scopes: Vec<String>,
    /// `30d`, `12h`, `90m`, or a number of seconds.
    expires_in: Option<String>,
    /// `OWNER/NAME` of each repository that it is for; without it all that its owner may use.
    repositories: Option<Vec<String>>,
}

impl Wanted {
    pub(super) fn parse(self) -> Result<NewToken, ApiError> {
        let name: TokenName = self.name.parse().map_err(|error| Error::invalid(format!("{error}")))?;
        let scopes = Scopes::parse(self.scopes.iter().map(String::as_str))?;
        let age_us = self.expires_in.as_deref().map(duration_us).transpose()?;
        let paths =
            |paths: Vec<String>| paths.iter().map(|path| path.parse()).collect::<Result<Vec<RepoPath>, Error>>();
        let repos = self.repositories.map(paths).transpose()?;
        Ok(NewToken { name, scopes, age_us, repos })
    }
}

pub(super) fn duration_us(text: &str) -> Result<i64, ApiError> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => 0,
    };
    let value = number.parse::<i64>().ok().and_then(|number| number.checked_mul(seconds)?.checked_mul(US_PER_S));
    let bad = || ApiError::from(Error::invalid(format!("{text:?} is not a duration; write 30d, 12h or 90m")));
    value.filter(|value| *value > 0).ok_or_else(bad)
}

/// No program makes a token: not with a password, which is for the pages alone, and not with another token, which it would outlive.
async fn create() -> ApiError {
    Error::ReauthRequired.into()
}

async fn list(
    State(app): State<App>,
    Path(Named(name)): Path<Named>,
    SignedIn(who): SignedIn,
    Query(page): Query<Page>,
) -> Result<Json<Value>, ApiError> {
    let tokens = app.site.token_list(Some(&who), &name, page.after, page.limit).await?;
    Ok(Json(tokens.iter().map(|info| shapes::token(info, None, app.site.last_use(info.id))).collect()))
}

async fn revoke(
    State(app): State<App>,
    Path((Named(name), id)): Path<(Named, u64)>,
    SignedIn(who): SignedIn,
) -> Result<StatusCode, ApiError> {
    if !who.name().eq_ignore_ascii_case(name.as_str()) {
        return Err(ApiError::not_found());
    }
    app.site.token_revoke(Some(&who), WhichToken::Id(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::duration_us;

    #[test]
    fn durations() {
        assert_eq!(duration_us("30d").unwrap(), 30 * 86_400 * 1_000_000);
        assert_eq!(duration_us("90").unwrap(), 90_000_000);
        for bad in ["", "d", "-1d", "1y", "0d", "99999999999999d"] {
            assert!(duration_us(bad).is_err(), "{bad}");
        }
    }
}
