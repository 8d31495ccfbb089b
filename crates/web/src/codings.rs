//! What a client takes: `Accept-Encoding` (RFC 9110, 12.5.3).

use http::{HeaderMap, header};

/// The codings that a request names, each with its weight: 1 where none is said, 0 where it is none or not wanted.
pub(crate) fn accepted(headers: &HeaderMap) -> impl Iterator<Item = (&str, f32)> {
    let lines = headers.get_all(header::ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(|coding| {
        let (name, weight) = coding.split_once(';').unwrap_or((coding, ""));
        let weight = weight.trim().strip_prefix("q=").map_or(Some(1.0), |q| q.parse().ok()).unwrap_or_default();
        (name.trim(), weight)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn codings_have_weights() {
        let mut headers = HeaderMap::new();
        assert_eq!(accepted(&headers).count(), 0);
        for line in ["gzip, br ;q=0.5", "svndiff;q=0,x;q=much"] {
            headers.append(header::ACCEPT_ENCODING, HeaderValue::from_static(line));
        }
        let found: Vec<_> = accepted(&headers).collect();
        assert_eq!(found, [("gzip", 1.0), ("br", 0.5), ("svndiff", 0.0), ("x", 0.0)]);
    }
}
