//! A page that could not be made, or an act that could not be done: what happened, and what to do.

use super::party::Party;
use super::proven::{self, FORM_KEPT_BYTES_MAX};
use super::visitor::{Shell, Visitor};
use crate::app::App;
use crate::errors::ApiError;
use askama::Template;
use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use http::{HeaderMap, Method, StatusCode, header};

/// What went wrong. It becomes a page in [`render`], which knows who looks.
#[derive(Clone, Debug)]
pub(crate) struct PageError {
    status: StatusCode,
    text: String,
    /// Where to go instead: to sign in.
    to: Option<String>,
    /// A fresh proof is wanted, and the same request again.
    prove: bool,
}

impl PageError {
    pub(crate) fn new(status: StatusCode, text: impl Into<String>) -> Self {
        Self { status, text: text.into(), to: None, prove: false }
    }

    /// There is nothing here, or nothing for whoever looks: the two look the same.
    pub(crate) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is nothing at this address, or nothing that you may see.")
    }

    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, text)
    }

    /// A second factor must be set up before anything else.
    pub(crate) fn enrol() -> Self {
        Self { status: StatusCode::SEE_OTHER, text: String::new(), to: Some(ENROL.to_owned()), prove: false }
    }

    /// Whoever wants this must say who they are, and comes back then.
    pub(crate) fn sign_in(here: &str) -> Self {
        let mut query = form_urlencoded(here);
        query.insert_str(0, "/-/sign-in?next=");
        Self { status: StatusCode::SEE_OTHER, text: String::new(), to: Some(query), prove: false }
    }
}

/// Where who must set up a second factor does that.
pub(crate) const ENROL: &str = "/-/settings/security";

/// Percent-encodes what stands in a query.
pub(crate) fn form_urlencoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

impl From<forge::Error> for PageError {
    fn from(error: forge::Error) -> Self {
        if matches!(error, forge::Error::NotFound(_)) {
            return Self::not_found();
        }
        if let forge::Error::FactorRequired { org } = &error {
            let to = format!("{ENROL}?for={}", form_urlencoded(org));
            return Self { to: Some(to), ..Self::enrol() };
        }
        let prove = matches!(error, forge::Error::ReauthRequired);
        let error = ApiError::from(error);
        Self { prove, ..Self::new(error.status(), error.message()) }
    }
}

impl From<askama::Error> for PageError {
    fn from(error: askama::Error) -> Self {
        tracing::error!(%error, "a page could not be made");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "The page could not be made. It is in the site's log.")
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        if let Some(to) = &self.to {
            return Redirect::to(to).into_response();
        }
        let mut response = (self.status, self.text.clone()).into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[derive(Template)]
#[template(path = "error.html")]
struct ErrorPage {
    shell: Shell,
    status: u16,
    title: &'static str,
    text: String,
}

/// A form's bytes, kept beside the body that goes on; None when it is no form, or too large to keep.
async fn copied(headers: &HeaderMap, body: Body) -> (Body, Option<Bytes>) {
    let text = |name| headers.get(name).and_then(|value: &http::HeaderValue| value.to_str().ok());
    let is_form = text(header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"));
    let length = text(header::CONTENT_LENGTH).and_then(|text| text.parse::<usize>().ok());
    if !is_form || length.is_none_or(|length| length > FORM_KEPT_BYTES_MAX) {
        return (body, None);
    }
    match axum::body::to_bytes(body, FORM_KEPT_BYTES_MAX).await {
        Ok(bytes) => (Body::from(bytes.clone()), Some(bytes)),
        Err(_) => (Body::empty(), None),
    }
}

/// Makes the page of whatever error comes out of a handler.
pub(crate) async fn render(State(app): State<App>, request: Request<Body>, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    let visitor = Visitor::from_request_parts(&mut parts, &app).await;
    let Ok(party) = Party::from_request_parts(&mut parts, &app).await;
    let here = parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    let posts = parts.method == Method::POST;
    let (body, form) = if posts { copied(&parts.headers, body).await } else { (body, None) };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let Some(error) = response.extensions_mut().remove::<PageError>() else { return response };
    if let (true, Ok(visitor)) = (error.prove, &visitor) {
        if !posts {
            return Redirect::to(&format!("/-/prove?next={}", form_urlencoded(&here))).into_response();
        }
        // What can't be kept is begun again, from a page of the site's.
        let (next, form) = match form {
            Some(form) => (here, Some(proven::kept(&form))),
            None => ("/".to_owned(), None),
        };
        let page = proven::page(&app, visitor.clone(), party, next, form, String::new()).await;
        return page.unwrap_or_else(IntoResponse::into_response);
    }
    let title = match error.status {
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::FORBIDDEN => "Not allowed",
        StatusCode::UNAUTHORIZED => "Sign in again",
        StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST => "That can't be done",
        StatusCode::CONFLICT => "Something changed meanwhile",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "Something went wrong",
    };
    let shell = visitor.map(|visitor| visitor.shell).unwrap_or_default();
    let page = ErrorPage { shell, status: error.status.as_u16(), title, text: error.text };
    match page.render() {
        Ok(html) => (error.status, Html(html)).into_response(),
        Err(error) => PageError::from(error).into_response(),
    }
}
