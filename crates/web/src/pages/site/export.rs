//! `/-/settings/export`: everything that an account has, in one file.

use crate::app::App;
use crate::pages::error::PageError;
use crate::pages::proven::Proven;
use crate::pages::visitor::{Shell, Visitor};
use askama::Template;
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use forge::Error;
use forge::export::Subject;
use forge::people::Proved;
use http::header;

pub(super) fn router() -> Router<App> {
    Router::new().route("/-/settings/export", get(page).post(export))
}

#[derive(Template)]
#[template(path = "site/export.html")]
struct ExportPage {
    shell: Shell,
}

async fn page(visitor: Visitor) -> Result<Html<String>, PageError> {
    visitor.signed_in()?;
    Ok(Html(ExportPage { shell: visitor.shell }.render()?))
}

async fn export(State(app): State<App>, Proven { by, .. }: Proven) -> Result<Response, PageError> {
    let name = by.who().name().parse().map_err(|error| Error::invalid(format!("{error}")))?;
    export_response(&app, &by, Subject::Owner(name)).await
}

/// The archive, as a file to keep.
pub(crate) async fn export_response(app: &App, by: &Proved, subject: Subject) -> Result<Response, PageError> {
    let name = subject.to_string().replace(|c: char| !c.is_ascii_alphanumeric() && !"-_.".contains(c), "-");
    let stream = app.site.export_archive(by, subject).await?;
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}.tar\"")),
        (header::CACHE_CONTROL, "private, no-store".to_owned()),
        (header::CONTENT_ENCODING, "identity".to_owned()),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}
