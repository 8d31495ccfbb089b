//! Fresh proofs, on pages: who asks for an act that needs one takes [`Proven`] instead of a [`Visitor`], and who has none sees the
//! page that asks for it. It brings back what they filled in.

use super::error::PageError;
use super::party::Party;
use super::visitor::{Shell, Visitor};
use crate::app::App;
use askama::Template;
use axum::extract::FromRequestParts;
use axum::response::{Html, IntoResponse, Response};
use forge::people::Proved;
use http::request::Parts;
use http::{StatusCode, header};

/// Bytes of a form that is kept while its sender proves that it is them.
pub(crate) const FORM_KEPT_BYTES_MAX: usize = 64 * 1024;

/// Somebody signed in who has proved lately that it is them.
pub(crate) struct Proven {
    pub(crate) by: Proved,
    pub(crate) visitor: Visitor,
}

impl FromRequestParts<App> for Proven {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let by = app.site.proved(visitor.signed_in()?)?;
        Ok(Self { by, visitor })
    }
}

/// As [`Proven`], or somebody who must set up a factor before anything else and is doing that.
pub(crate) struct Enrolling {
    pub(crate) by: Proved,
    pub(crate) visitor: Visitor,
}

impl FromRequestParts<App> for Enrolling {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, PageError> {
        let visitor = Visitor::from_request_parts(parts, app).await?;
        let by = app.site.may_enrol(visitor.signed_in()?)?;
        Ok(Self { by, visitor })
    }
}

/// A form that waits, name by name.
pub(crate) type Kept = Vec<(String, String)>;

/// The fields of a form that is kept; what answers the proof itself is not.
pub(crate) fn kept(body: &[u8]) -> Kept {
    fields(body).into_iter().filter(|(name, _)| !name.starts_with("prove-")).collect()
}

/// All fields of a form, in order.
pub(crate) fn fields(body: &[u8]) -> Kept {
    form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

#[derive(Template)]
#[template(path = "prove.html")]
struct ProvePage {
    shell: Shell,
    party: Party,
    name: String,
    next: String,
    /// A form waits at `next`.
    posts: bool,
    kept: Kept,
    app: bool,
    keys: String,
    challenge: String,
    error: String,
}

/// The page that asks for a proof, for an act at `next`.
pub(crate) async fn page(
    app: &App,
    visitor: Visitor,
    party: Party,
    next: String,
    form: Option<Kept>,
    error: String,
) -> Result<Response, PageError> {
    // To somebody who looks at the page itself it is a page; in the place of an act it is a refusal.
    let status = if form.is_none() && error.is_empty() { StatusCode::OK } else { StatusCode::FORBIDDEN };
    let who = visitor.signed_in()?;
    let wanted = app.site.proof_wanted(who).await?;
    let page = ProvePage {
        name: who.name().to_owned(),
        party,
        next,
        posts: form.is_some(),
        kept: form.unwrap_or_default(),
        app: wanted.app,
        keys: super::party::ids(&wanted.keys),
        challenge: wanted.challenge.as_ref().map(super::party::text).unwrap_or_default(),
        error,
        shell: visitor.shell,
    };
    let caching = (header::CACHE_CONTROL, "private, no-store");
    Ok((status, [caching], Html(page.render()?)).into_response())
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn a_form_is_kept_without_what_proves() {
        let body = b"name=two+words&scope=a%26b&scope=c&prove-password=secret&prove-answer=%7B%7D&empty=";
        let pairs: Vec<_> = kept(body).into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(pairs, ["name=two words", "scope=a&b", "scope=c", "empty="]);
    }
}
