//! Sends pages made of parts: compressed without compressing anything, where the browser takes it so.

use super::{END, Part};
use crate::codings::accepted;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use crc32fast::Hasher;
use http::{HeaderMap, HeaderValue, header};
use std::sync::Arc;

/// A gzip member's head: deflate, no name, no time, from Unix (RFC 1952).
const GZIP_HEAD: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3];

/// The largest page, in bytes as it is sent, that is [`Whole`].
pub(crate) const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Beside an answer: it is a page that more effort would not make better, and not a large one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Whole;

/// What a page is made of, in order; and whether one more look would show more.
#[derive(Clone, Debug)]
pub(crate) struct Parted {
    pub(super) parts: Vec<Arc<Part>>,
    pub(super) whole: bool,
}

impl Parted {
    /// All of it as one gzip member.
    pub(super) fn gzip(&self) -> Vec<u8> {
        let bytes: usize = self.parts.iter().map(|part| part.deflated.len()).sum();
        let mut out = Vec::with_capacity(bytes + 32);
        out.extend_from_slice(&GZIP_HEAD);
        let (mut sum, mut count) = (Hasher::new(), 0_u64);
        for part in &self.parts {
            out.extend_from_slice(&part.deflated);
            sum.combine(&part.sum);
            count += part.bytes;
        }
        out.extend_from_slice(END);
        out.extend_from_slice(&sum.finalize().to_le_bytes());
        // The format has the size modulo 2^32.
        out.extend_from_slice(&(count as u32).to_le_bytes());
        out
    }

    /// All of it as it is.
    pub(super) fn html(&self) -> Vec<u8> {
        self.parts.iter().flat_map(|part| part.html()).collect()
    }
}

/// Puts the parts of a page into its answer.
pub(crate) async fn deliver(request: Request, next: Next) -> Response {
    let compressed = takes_gzip(request.headers());
    let mut response = next.run(request).await;
    let Some(parted) = response.extensions_mut().remove::<Parted>() else { return response };
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
    let body = if compressed {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        parted.gzip()
    } else {
        parted.html()
    };
    if parted.whole && body.len() <= ANSWER_BYTES_MAX {
        response.extensions_mut().insert(Whole);
    }
    *response.body_mut() = Body::from(body);
    response
}

/// Whether `Accept-Encoding` names gzip, and not with a weight of nothing.
fn takes_gzip(headers: &HeaderMap) -> bool {
    accepted(headers).any(|(name, weight)| name.eq_ignore_ascii_case("gzip") && weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_gzip_gets_it() {
        let takes = |text: &'static str| {
            takes_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(text))]))
        };
        assert!(takes("gzip, deflate, br") && takes("br;q=1.0, GZIP;q=0.5"));
        assert!(!takes("br") && !takes("gzip;q=0") && !takes("") && !takes_gzip(&HeaderMap::new()));
    }
}
