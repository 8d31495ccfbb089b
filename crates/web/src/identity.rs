//! Who asks: the one place that reads an `Authorization` header.

use crate::app::App;
use crate::errors::ApiError;
use axum::extract::{FromRequestParts, OptionalFromRequestParts};
use forge::Principal;
use http::HeaderMap;
use http::request::Parts;

/// The account and credential behind a request; `None` when it names none.
///
/// # Errors
/// 401 when the credential is not, or no longer, valid. A request with a bad credential is never taken for an
/// anonymous one: a public clone with a revoked token should say so.
pub(crate) async fn of(app: &App, headers: &HeaderMap) -> Result<Option<Principal>, ApiError> {
    let Some(value) = headers.get(http::header::AUTHORIZATION) else { return Ok(None) };
    let value = value.to_str().map_err(|_| ApiError::bad_request("the Authorization header is not ASCII"))?;
    let principal = app.site.authenticate(value).await?;
    used(app, &principal);
    Ok(Some(principal))
}

/// Notes that a credential was used, from the address that it came from.
pub(crate) fn used(app: &App, who: &Principal) {
    if let Some(client) = crate::proxies::client() {
        app.site.used(who, client);
    }
}

/// What may not be seen by nobody might be seen by somebody: ask who it is before saying that there's nothing.
pub(crate) fn challenge_or(known: bool, error: forge::Error) -> ApiError {
    let error = ApiError::from(error);
    if known || error.status() != http::StatusCode::NOT_FOUND {
        return error;
    }
    challenge()
}

/// Asks who it is.
pub(crate) fn challenge() -> ApiError {
    ApiError::unauthenticated("sign in with your name and an access token as the password")
}

/// The account behind a request to the API; 401 when there is none.
pub(crate) struct SignedIn(pub(crate) Principal);

impl FromRequestParts<App> for SignedIn {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        match of(app, &parts.headers).await? {
            Some(principal) => Ok(Self(principal)),
            None => Err(ApiError::unauthenticated("this needs an access token: Authorization: Bearer olp_...")),
        }
    }
}

impl OptionalFromRequestParts<App> for SignedIn {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Option<Self>, ApiError> {
        Ok(of(app, &parts.headers).await?.map(Self))
    }
}
