//! Whether passkeys work where a page is looked at, and where they would.

use crate::app::App;
use axum::extract::{FromRequestParts, OriginalUri};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header;
use http::request::Parts;
use std::convert::Infallible;

/// Where passkeys work.
#[derive(Clone, Debug, Default)]
pub(crate) struct Party {
    /// The id that keys are bound to; empty: they work nowhere, because the site's address has no name or no https.
    pub(crate) id: String,
    /// They work at this address, and the page is looked at by another; empty: here.
    pub(crate) elsewhere: String,
    /// Scheme, host and port of where they work.
    origin: String,
}

impl Party {
    /// Whether they work on this very page.
    pub(crate) fn here(&self) -> bool {
        !self.id.is_empty() && self.elsewhere.is_empty()
    }

    /// For a page that is the answer to a form: where they work, it is begun at `path`.
    pub(crate) fn begun_at(self, path: &str) -> Self {
        let elsewhere = if self.elsewhere.is_empty() { String::new() } else { format!("{}{path}", self.origin) };
        Self { elsewhere, ..self }
    }
}

impl FromRequestParts<App> for Party {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        let Ok(rp) = app.site.relying_party() else { return Ok(Self::default()) };
        let host = parts.headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let (_, wanted) = rp.origin.split_once("://").unwrap_or_default();
        let elsewhere = if host.eq_ignore_ascii_case(wanted) { String::new() } else { format!("{}{path}", rp.origin) };
        Ok(Self { id: rp.id, elsewhere, origin: rp.origin })
    }
}

/// Bytes as the pages' script reads them.
pub(crate) fn text(bytes: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Keys' ids as the pages' script reads them.
pub(crate) fn ids(keys: &[Vec<u8>]) -> String {
    keys.iter().map(|key| URL_SAFE_NO_PAD.encode(key)).collect::<Vec<_>>().join(" ")
}
