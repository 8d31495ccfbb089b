//! The files that pages need: in the program, at addresses that change with what is in them, so that a browser asks for each once.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// A file: its name, type and content.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const ASSETS: &[Asset] = &[
    Asset {
        name: "outlast.css",
        content_type: "text/css; charset=utf-8",
        content: include_str!("../../assets/outlast.css"),
    },
    Asset { name: "code.css", content_type: "text/css; charset=utf-8", content: include_str!("../../assets/code.css") },
    Asset {
        name: "outlast.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/outlast.js"),
    },
    Asset {
        name: "passkey.js",
        content_type: "text/javascript; charset=utf-8",
        content: include_str!("../../assets/passkey.js"),
    },
    Asset { name: "icons.svg", content_type: "image/svg+xml", content: include_str!("../../assets/icons.svg") },
    Asset { name: "favicon.svg", content_type: "image/svg+xml", content: include_str!("../../assets/favicon.svg") },
];

/// One name for the state of all of them: ten digits of the hash of what is in them.
pub(crate) static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hash = Sha256::new();
    ASSETS.iter().for_each(|asset| hash.update(asset.content));
    hash.finalize().iter().take(5).map(|byte| format!("{byte:02x}")).collect()
});

/// `/-/assets/VERSION/NAME`. A page of another release asks with its own version, and gets what there is now, uncached.
pub(crate) async fn asset(Path((version, name)): Path<(String, String)>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let caching = if version == *VERSION { "public, max-age=31536000, immutable" } else { "no-cache" };
    ([(header::CONTENT_TYPE, asset.content_type), (header::CACHE_CONTROL, caching)], asset.content).into_response()
}
