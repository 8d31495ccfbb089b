//! A file's bytes, so that they can do nothing on this site: no scripts, no type but what is harmless.

use super::frame::{RepoPage, Rest};
use crate::pages::error::PageError;
use axum::extract::Query;
use axum::response::{IntoResponse, Response};
use code::FileKind;
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;

/// A larger file is for `git clone`.
const RAW_BYTES_MAX: u64 = 256 << 20;
/// Whatever a browser makes of it, it is in a box of its own without scripts, forms or this site's cookies.
const SANDBOX: &str = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; sandbox";

#[derive(Deserialize)]
pub(crate) struct As {
    /// Shows a picture made of text (SVG) as one.
    image: Option<String>,
}

/// `/OWNER/NAME/-/raw/REVISION/PATH`
pub(crate) async fn raw(page: RepoPage, rest: Rest, Query(As { image }): Query<As>) -> Result<Response, PageError> {
    let at = page.at(rest).await?;
    let (id, path) = (at.revision.id.clone(), at.path.clone());
    let file = page.read(move |source| source.file(&id, &path, RAW_BYTES_MAX)).await?;
    let name = code::visible(at.path.name().unwrap_or_default());
    let Some(content) = file.content else {
        let text = "This file is too large to be had here: clone the repository.";
        return Err(PageError::new(StatusCode::PAYLOAD_TOO_LARGE, text));
    };
    let is_text = matches!(file.kind, FileKind::Text | FileKind::LfsPointer { .. } | FileKind::Symlink(_));
    let (content_type, shown) = content_type(&name, is_text, image.is_some());
    let headers = [
        (header::CONTENT_TYPE, content_type.to_owned()),
        (header::CONTENT_DISPOSITION, disposition(shown, &name)),
        (header::CONTENT_SECURITY_POLICY, SANDBOX.to_owned()),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin".to_owned()),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::ETAG, format!("\"{}\"", file.id)),
    ];
    Ok((headers, content).into_response())
}

/// The type to say, and whether a browser may show it.
fn content_type(name: &str, is_text: bool, as_image: bool) -> (&'static str, bool) {
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase()).unwrap_or_default();
    match extension.as_str() {
        "svg" if as_image => ("image/svg+xml", true),
        _ if is_text => ("text/plain; charset=utf-8", true),
        "png" => ("image/png", true),
        "jpg" | "jpeg" => ("image/jpeg", true),
        "gif" => ("image/gif", true),
        "webp" => ("image/webp", true),
        "avif" => ("image/avif", true),
        _ => ("application/octet-stream", false),
    }
}

/// RFC 6266, with the name as RFC 8187 writes it.
fn disposition(shown: bool, name: &str) -> String {
    let kind = if shown { "inline" } else { "attachment" };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let name: String =
        name.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect();
    format!("{kind}; filename*=UTF-8''{name}")
}

/// Whether a page can show it as a picture.
pub(crate) fn is_image(name: &str) -> bool {
    let (content_type, _) = content_type(name, false, true);
    content_type.starts_with("image/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_could_run_is_called_by_its_type() {
        assert_eq!(content_type("a.html", true, false).0, "text/plain; charset=utf-8");
        assert_eq!(content_type("a.html", true, true).0, "text/plain; charset=utf-8");
        assert_eq!(content_type("a.svg", true, false).0, "text/plain; charset=utf-8");
        assert_eq!(content_type("a.svg", true, true).0, "image/svg+xml");
        assert_eq!(content_type("a.PNG", false, false), ("image/png", true));
        assert_eq!(content_type("a.pdf", false, true), ("application/octet-stream", false));
        assert_eq!(content_type("a.xhtml", false, false), ("application/octet-stream", false));
    }

    #[test]
    fn a_name_is_one_parameter() {
        assert_eq!(disposition(false, "a\"; b\r\nc.txt"), "attachment; filename*=UTF-8''a%22%3B%20b%0D%0Ac.txt");
    }
}
