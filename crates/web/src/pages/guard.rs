//! Requests that other sites make a browser send change nothing.

use axum::body::Body;
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, header};

/// Refuses whatever may change something unless it is the site's own: by `Sec-Fetch-Site`, which pages can't set, or where a
/// browser doesn't send it by `Origin`. What carries neither comes from no page, and passes only without a session.
pub(crate) async fn same_origin(request: Request<Body>, next: Next) -> Response {
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    if safe || is_own(request.headers()) {
        return next.run(request).await;
    }
    let text = "this request came from another site, and was not carried out: go to the page itself and try there";
    (StatusCode::FORBIDDEN, text).into_response()
}

fn is_own(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        (None, Some(origin)) => {
            let host = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://"));
            host.is_some() && host == text("host")
        }
        (None, None) => !headers.contains_key(header::COOKIE),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        is_own(&headers)
    }

    #[test]
    fn only_the_sites_own_requests_pass() {
        assert!(own(&[("sec-fetch-site", "same-origin"), ("cookie", "a=b")]));
        assert!(own(&[("sec-fetch-site", "none"), ("cookie", "a=b")]));
        assert!(!own(&[("sec-fetch-site", "cross-site")]));
        assert!(!own(&[("sec-fetch-site", "same-site"), ("origin", "http://a.test"), ("host", "a.test")]));
        assert!(own(&[("origin", "https://a.test:8443"), ("host", "a.test:8443"), ("cookie", "a=b")]));
        assert!(!own(&[("origin", "https://evil.test"), ("host", "a.test")]));
        assert!(!own(&[("origin", "null"), ("host", "a.test")]));
        assert!(!own(&[("cookie", "a=b")]), "a session without a word of where it comes from");
        assert!(own(&[]), "a program without a session");
    }
}
