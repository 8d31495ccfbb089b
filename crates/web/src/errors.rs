//! How an error of the domain becomes an answer: the status, and a message that says what to do.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use serde_json::json;

/// The answer to a request that could not be done. Its wording comes from where the error was made.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    challenge: bool,
    /// A word for programs.
    code: Option<&'static str>,
}

impl ApiError {
    /// An error with a status and the words for the user.
    pub fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self { status, message: message.into(), challenge: false, code: None }
    }

    /// Who asks must say who they are; the challenge makes Git ask for a name and a token.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self { status: StatusCode::UNAUTHORIZED, message: message.into(), challenge: true, code: None }
    }

    /// There is nothing here, or nothing that the one who asks may see: the two look the same.
    pub fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not found, or not for you to see")
    }

    /// The request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    /// The status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl From<forge::Error> for ApiError {
    fn from(error: forge::Error) -> Self {
        use forge::Error as E;
        let status = match &error {
            E::NotFound(_) => StatusCode::NOT_FOUND,
            E::Conflict(_) => StatusCode::CONFLICT,
            E::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            E::Forbidden(_) | E::ReadOnlyView(_) => StatusCode::FORBIDDEN,
            E::FactorRequired { .. } => {
                return Self { code: Some("factor_required"), ..Self::new(StatusCode::FORBIDDEN, error.to_string()) };
            }
            E::Unauthenticated(_) => return Self::unauthenticated(error.to_string()),
            E::ReauthRequired => {
                return Self { code: Some("reauth_required"), ..Self::new(StatusCode::FORBIDDEN, error.to_string()) };
            }
            E::NoQuorum { .. } | E::NotHeldYet { .. } | E::Frozen { .. } | E::Busy | E::Filling(_) | E::Stopping => {
                StatusCode::SERVICE_UNAVAILABLE
            }
            E::Erased(_) => StatusCode::GONE,
            E::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            // Its words hold the statement: they are for the log alone.
            E::Db(_) | E::Apply(_) | E::Event(_) => {
                tracing::error!(%error, "a request failed");
                return Self::new(StatusCode::INTERNAL_SERVER_ERROR, "the site failed at this; its log says how");
            }
            E::Damaged(_) | E::Internal(_) => {
                tracing::error!(%error, "a request failed");
                StatusCode::INTERNAL_SERVER_ERROR
            }
        };
        Self::new(status, error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "message": self.message });
        if let Some(code) = self.code {
            body["error"] = code.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if self.challenge {
            let value = http::HeaderValue::from_static("Basic realm=\"Outlast\", charset=\"UTF-8\"");
            response.headers_mut().insert(http::header::WWW_AUTHENTICATE, value);
        }
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(http::header::RETRY_AFTER, http::HeaderValue::from_static("5"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use forge::db::{DbError, DbErrorKind};

    #[test]
    fn what_a_database_says_is_for_the_log() {
        let error = DbError::new(DbErrorKind::Other, "no such column: hash (in: SELECT hash FROM token)");
        let told = ApiError::from(forge::Error::Db(error));
        assert_eq!(told.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!told.message().contains("SELECT") && told.message().contains("log"), "{}", told.message());
    }
}
