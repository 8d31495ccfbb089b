//! Subversion over HTTP: `/OWNER/NAME.svn/...`, handed to the repository's own server on this machine.
//!
//! What this door sees to:
//! 1. Each request is authenticated and authorized here; the server behind hears who it is, and nothing of the credential.
//! 2. A request reaches the repository that was authorized and no other: addresses with steps upwards are refused, before the
//!    server could resolve them; so is the address in `Destination`.
//! 3. One connection behind for each connection in front: Subversion's server keeps state by connection.
//! 4. Of requests that may make something visible, one at a time goes to a repository; its body is read before its turn comes.
//! 5. Files are strangers' bytes: whatever a browser makes of an answer, it is in a box of its own.

use crate::app::App;
use crate::errors::ApiError;
use crate::identity;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use forge::RepoPath;
use forge::site::{SvnAct, SvnDoor};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The largest body of a request that makes something visible, in bytes: they name what they finish, and no more.
const FINISH_BODY_BYTES_MAX: usize = 32 << 20;
/// The header with which the server behind knows us.
const SECRET: HeaderName = HeaderName::from_static("x-outlast-gate");
/// Whatever a browser makes of it, it has no scripts, forms or cookies of this site.
const SANDBOX: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";
/// What concerns one connection only.
const HOP_BY_HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
];

/// The connection to a repository's server that belongs to one connection of a client.
#[derive(Clone, Default)]
pub(crate) struct Behind(Arc<Mutex<Option<Kept>>>);

struct Kept {
    port: u16,
    generation: u64,
    sender: SendRequest<Body>,
    /// It runs while this is held.
    _door: Arc<dyn std::any::Any + Send + Sync>,
}

/// Whether an address is one of those here.
pub(crate) fn is_svn(path: &str) -> bool {
    RepoPath::split_svn(path).is_some()
}

/// What a method is for; None for one that Subversion's clients have no use for. TRACE, which servers answer with what they were
/// sent, the secret between ours and theirs included, is one of those.
fn act(method: &Method) -> Option<SvnAct> {
    match method.as_str() {
        "GET" | "HEAD" | "OPTIONS" | "PROPFIND" | "REPORT" => Some(SvnAct::Read),
        "MERGE" | "PROPPATCH" | "LOCK" | "UNLOCK" => Some(SvnAct::Finish),
        "POST" | "PUT" | "DELETE" | "MKCOL" | "COPY" | "MOVE" | "CHECKOUT" | "CHECKIN" | "MKACTIVITY" => {
            Some(SvnAct::Prepare)
        }
        _ => None,
    }
}

/// Steps to elsewhere, in whatever way they are written, and what servers read in different ways.
fn goes_elsewhere(path: &str) -> bool {
    let decoded = path
        .replace("%2e", ".")
        .replace("%2E", ".")
        .replace("%2f", "/")
        .replace("%2F", "/")
        .replace("%5c", "\\")
        .replace("%5C", "\\");
    decoded.contains(['\\', '\0']) || decoded.split('/').any(|part| matches!(part, "." | ".."))
}

/// Everything below `/OWNER/NAME.svn`.
pub(crate) async fn handle(State(app): State<App>, request: Request<Body>) -> Response {
    answer(&app, request).await.unwrap_or_else(IntoResponse::into_response)
}

async fn answer(app: &App, request: Request<Body>) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    let address = parts.uri.path().to_owned();
    let (path, end) = RepoPath::split_svn(&address).ok_or_else(ApiError::not_found)?;
    if goes_elsewhere(&address) {
        return Err(ApiError::bad_request("an address here has no steps upwards"));
    }
    let act = act(&parts.method)
        .ok_or_else(|| ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this address does not take that method"))?;
    let who = identity::of(app, &parts.headers).await?;
    if who.is_none() && act != SvnAct::Read {
        return Err(identity::challenge());
    }
    // Read before the turn is taken: a slow sender keeps nobody waiting but itself.
    let body = match act {
        SvnAct::Finish => whole(body).await?,
        _ => body,
    };
    let door = app.site.svn(who.as_ref(), &path, act).await;
    let door = door.map_err(|error| identity::challenge_or(who.is_some(), error))?;
    let root = format!("/{}.svn", door.repo().path);
    if address[..end] != root {
        // In other letters than its owner writes it; Subversion's clients follow.
        return Ok(Redirect::permanent(&format!("{}{root}{}", app.site.base_url(), &address[end..])).into_response());
    }
    if parts.method == Method::GET && address[end..].trim_matches('/').is_empty() && wants_a_page(&parts.headers) {
        return Ok(Redirect::to(&format!("/{}", door.repo().path)).into_response());
    }
    prepare(&mut parts, &door, &root)?;
    let behind = parts.extensions.remove::<Behind>().unwrap_or_default();
    let answered = send(&behind, &door, parts, body).await;
    if let Some(why) = door.refusal() {
        return Ok(refused(&why));
    }
    app.metrics.count("svn", if answered.is_ok() { "ok" } else { "failed" });
    let mut response = answered?;
    finish(app, response.headers_mut());
    Ok(response)
}

fn wants_a_page(headers: &HeaderMap) -> bool {
    headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

async fn whole(body: Body) -> Result<Body, ApiError> {
    let bytes = axum::body::to_bytes(body, FINISH_BODY_BYTES_MAX).await;
    bytes.map(Body::from).map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "this request's body is too large"))
}

/// What the server behind is told instead of what the client said.
fn prepare(parts: &mut Parts, door: &SvnDoor, root: &str) -> Result<(), ApiError> {
    let internal = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the request can't be passed on");
    let destination = match parts.headers.get(header::HeaderName::from_static("destination")) {
        None => None,
        Some(value) => Some(destination(value, &parts.headers, root)?),
    };
    let headers = &mut parts.headers;
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove(header::EXPECT);
    headers.remove(header::COOKIE);
    if let Some(destination) = destination {
        headers.insert(HeaderName::from_static("destination"), destination);
    }
    use base64::Engine as _;
    let user = base64::engine::general_purpose::STANDARD.encode(format!("{}:x", door.user()));
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Basic {user}")).map_err(internal)?);
    headers.insert(SECRET, HeaderValue::try_from(door.server().secret()).map_err(internal)?);
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    parts.uri = path.parse::<Uri>().map_err(|_| ApiError::bad_request("that is no address"))?;
    parts.version = http::Version::HTTP_11;
    Ok(())
}

/// Where something is copied or moved to: in the same repository, and as the server behind sees its own address.
fn destination(value: &HeaderValue, headers: &HeaderMap, root: &str) -> Result<HeaderValue, ApiError> {
    let wrong = || ApiError::bad_request("a destination must be in the same repository");
    let uri: Uri = value.to_str().ok().and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let below = uri.path().strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !below || goes_elsewhere(uri.path()) {
        return Err(wrong());
    }
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    HeaderValue::try_from(format!("http://{host}{}", uri.path())).map_err(|_| wrong())
}

async fn send(behind: &Behind, door: &SvnDoor, parts: Parts, body: Body) -> Result<Response, ApiError> {
    let failed = |error: &dyn std::fmt::Display| {
        tracing::warn!(%error, repository = %door.repo().path, "Subversion's server does not answer");
        ApiError::new(StatusCode::BAD_GATEWAY, "Subversion's server on this machine does not answer; try again")
    };
    let mut kept = behind.0.lock().await;
    let (port, generation) = (door.server().port(), door.server().generation());
    let usable = match kept.as_mut().filter(|kept| (kept.port, kept.generation) == (port, generation)) {
        Some(kept) => kept.sender.ready().await.is_ok(),
        None => false,
    };
    if !usable {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.map_err(|e| failed(&e))?;
        stream.set_nodelay(true).map_err(|e| failed(&e))?;
        let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shake.map_err(|e| failed(&e))?;
        tokio::spawn(connection);
        *kept = Some(Kept { port, generation, sender, _door: door.server().clone() });
    }
    let Some(kept) = kept.as_mut() else { return Err(failed(&"no connection")) };
    let response = kept.sender.send_request(Request::from_parts(parts, body)).await.map_err(|e| failed(&e))?;
    Ok(response.map(Body::new))
}

/// What a client is told of its commit that was held back, in the form in which it shows it.
fn refused(why: &str) -> Response {
    let why = why.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\" xmlns:m=\"http://apache.org/dav/xmlns\" \
         xmlns:C=\"svn:\">\n<C:error/>\n<m:human-readable errcode=\"165001\">\noutlast: {why}\n</m:human-readable>\n</D:error>\n"
    );
    let xml = [(header::CONTENT_TYPE, "text/xml; charset=\"utf-8\""), (header::CONNECTION, "close")];
    (StatusCode::INTERNAL_SERVER_ERROR, xml, Bytes::from(text)).into_response()
}

fn finish(app: &App, headers: &mut HeaderMap) {
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove(header::SERVER);
    headers.remove(header::VARY);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
    let https = app.is_https().then(|| headers.get(header::LOCATION)).flatten();
    let https =
        https.and_then(|value| value.to_str().ok()?.strip_prefix("http://").map(|rest| format!("https://{rest}")));
    if let Some(location) = https.and_then(|text| HeaderValue::try_from(text).ok()) {
        headers.insert(header::LOCATION, location);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leads_out_of_a_repository() {
        for bad in [
            "/a/b.svn/../c.svn",
            "/a/b.svn/%2e%2E/c.svn",
            "/a/b.svn/x%2F..%2f..%2fc.svn",
            "/a/b.svn/..\\c",
            "/a/b.svn/%5c",
        ] {
            assert!(goes_elsewhere(bad), "{bad}");
        }
        assert!(!goes_elsewhere("/a/b.svn/trunk/..x/a..b/%20"));
        let (headers, to) = (HeaderMap::new(), |text: &'static str| HeaderValue::from_static(text));
        assert!(destination(&to("https://h/a/b.svn/tags/1"), &headers, "/a/b.svn").is_ok());
        for bad in ["https://h/a/c.svn/x", "https://h/a/b.svnx", "https://h/a/b.svn/../c.svn", "/a/b"] {
            assert!(destination(&HeaderValue::from_static(bad), &headers, "/a/b.svn").is_err(), "{bad}");
        }
    }

    #[test]
    fn what_may_be_seen_at_once_has_its_turn() {
        let act = |name: &str| act(&Method::from_bytes(name.as_bytes()).unwrap());
        assert_eq!(
            (act("REPORT"), act("PUT"), act("MERGE"), act("TRACE")),
            (Some(SvnAct::Read), Some(SvnAct::Prepare), Some(SvnAct::Finish), None)
        );
    }
}
