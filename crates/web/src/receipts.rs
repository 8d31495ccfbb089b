//! `/OWNER/NAME/-/receipts/ENTRY`: the receipt of a push, as a text file that `outlast verify` checks offline.

use crate::app::App;
use crate::errors::ApiError;
use crate::identity;
use crate::pages::cookies;
use axum::response::{IntoResponse, Response};
use forge::RepoPath;
use http::{HeaderMap, header};

/// The receipt of an entry about a repository, for those who may read the repository.
pub(crate) async fn of_repository(
    app: &App,
    path: &RepoPath,
    entry: u64,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    // A link on a page brings the session's cookie, a program its token.
    let who = match (headers.contains_key(header::AUTHORIZATION), cookies::session(headers, app.is_https())) {
        (false, Some(cookie)) => app.site.session(cookie).await.ok(),
        _ => identity::of(app, headers).await?,
    };
    let receipt = app.site.receipt_of_repository(who.as_ref(), path, entry).await;
    Ok(answer(entry, receipt.map_err(|error| identity::challenge_or(who.is_some(), error))?))
}

/// A receipt as a download.
pub(crate) fn answer(entry: u64, receipt: String) -> Response {
    let name = format!("inline; filename=\"entry-{entry}.receipt\"");
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, name),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
    ];
    (headers, receipt).into_response()
}
