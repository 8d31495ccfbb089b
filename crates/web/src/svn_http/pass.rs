//! A request handed on to a repository's own server, and the answer back: who may, was asked before.

use super::answer;
use super::to_its_end::ToItsEnd;
use crate::errors::ApiError;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use forge::site::{SvnAct, SvnServer, SvnTurn};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri, header};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use std::io;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The largest body of a request that makes something visible, in bytes: they name what they finish, and no more.
const FINISH_BODY_BYTES_MAX: usize = 32 << 20;
/// What somebody hears for whom there is no turn.
pub(super) const BUSY: &str =
    "this repository's server is busy, most likely with other requests of yours: try again in a moment";
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

/// Where a request goes, and whose it is.
#[derive(Debug)]
pub struct To<'a> {
    /// The repository's server.
    pub server: &'a Arc<SvnServer>,
    /// Its address: `/OWNER/NAME.svn`.
    pub root: &'a str,
    /// Whom the server takes the request to be from.
    pub user: &'a str,
    /// Whose turns it takes; 0: nobody's in particular.
    pub account: u64,
}

/// The connection to a repository's server that belongs to one connection of a client.
#[derive(Clone, Default)]
pub(crate) struct Behind(Arc<Mutex<Option<Kept>>>);

struct Kept {
    port: u16,
    generation: u64,
    sender: SendRequest<Body>,
    /// It runs while this is held.
    _server: Arc<SvnServer>,
}

/// What a method is for; None for one that Subversion's clients have no use for. TRACE, which servers answer with what they were
/// sent, the secret between ours and theirs included, is one of those.
pub fn act(method: &Method) -> Option<SvnAct> {
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
pub(super) fn goes_elsewhere(path: &str) -> bool {
    let decoded = path
        .replace("%2e", ".")
        .replace("%2E", ".")
        .replace("%2f", "/")
        .replace("%2F", "/")
        .replace("%5c", "\\")
        .replace("%5C", "\\");
    decoded.contains(['\\', '\0']) || decoded.split('/').any(|part| matches!(part, "." | ".."))
}

/// Hands a request on, and the answer back, in the server's turn. A large answer breaks off when `stop` resolves.
///
/// # Errors
/// When the request can't be handed on, or the server does not answer.
pub async fn pass(
    to: &To<'_>,
    act: SvnAct,
    request: Request<Body>,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<Response, ApiError> {
    let (mut parts, body) = request.into_parts();
    prepare(&mut parts, to)?;
    let behind = parts.extensions.remove::<Behind>().unwrap_or_default();
    let Some(turn) = to.server.turn(to.account).await else {
        return Ok(told(StatusCode::SERVICE_UNAVAILABLE, BUSY));
    };
    let mut response = send(behind, to, act, (turn, stop), Request::from_parts(parts, body)).await?;
    clean(response.headers_mut());
    Ok(response)
}

/// The body of a request that makes something visible, which is read before its turn comes.
///
/// # Errors
/// When it is larger than such a body is.
pub async fn whole(body: Body) -> Result<Body, ApiError> {
    let bytes = axum::body::to_bytes(body, FINISH_BODY_BYTES_MAX).await;
    bytes.map(Body::from).map_err(|_| ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "this request's body is too large"))
}

/// What the server behind is told instead of what the client said.
fn prepare(parts: &mut Parts, to: &To<'_>) -> Result<(), ApiError> {
    let internal = |_| ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "the request can't be passed on");
    let destination = match parts.headers.get(header::HeaderName::from_static("destination")) {
        None => None,
        Some(value) => Some(destination(value, &parts.headers, to.root)?),
    };
    let headers = &mut parts.headers;
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove(header::EXPECT);
    headers.remove(header::COOKIE);
    if let Some(destination) = destination {
        headers.insert(HeaderName::from_static("destination"), destination);
    }
    use base64::Engine as _;
    let user = base64::engine::general_purpose::STANDARD.encode(format!("{}:x", to.user));
    headers.insert(header::AUTHORIZATION, HeaderValue::try_from(format!("Basic {user}")).map_err(internal)?);
    headers.insert(SECRET, HeaderValue::try_from(to.server.secret()).map_err(internal)?);
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

/// Asks the server behind. What only reads goes on when its client leaves, until the server has answered: the turn is taken till then.
async fn send(
    behind: Behind,
    to: &To<'_>,
    act: SvnAct,
    (turn, stop): (SvnTurn, impl Future<Output = ()> + Send + 'static),
    request: Request<Body>,
) -> Result<Response, ApiError> {
    let server = to.server.clone();
    let asking = async move {
        let answer = answer::watched(&server, act == SvnAct::Read, ask(&behind, &server, request)).await??;
        answer::taken(answer, server, turn, stop).await
    };
    let answered = match act {
        SvnAct::Read => ToItsEnd::of(asking).await,
        SvnAct::Prepare | SvnAct::Finish => asking.await,
    };
    answered.map_err(|error| {
        tracing::warn!(%error, repository = %to.root, "Subversion's server does not answer");
        ApiError::new(StatusCode::BAD_GATEWAY, format!("Subversion's server on this machine does not answer: {error}"))
    })
}

/// One request on the connection behind, which is opened when there is none that is good.
async fn ask(
    behind: &Behind,
    server: &Arc<SvnServer>,
    request: Request<Body>,
) -> Result<http::Response<hyper::body::Incoming>, io::Error> {
    let mut kept = behind.0.lock().await;
    let (port, generation) = (server.port(), server.generation());
    let usable = match kept.as_mut().filter(|kept| (kept.port, kept.generation) == (port, generation)) {
        Some(kept) => kept.sender.ready().await.is_ok(),
        None => false,
    };
    if !usable {
        let stream = tokio::net::TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let shake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (sender, connection) = shake.map_err(io::Error::other)?;
        tokio::spawn(connection);
        *kept = Some(Kept { port, generation, sender, _server: server.clone() });
    }
    let Some(kept) = kept.as_mut() else { return Err(io::Error::other("no connection")) };
    kept.sender.send_request(request).await.map_err(io::Error::other)
}

/// What a client is told, of its commit that was held back for instance, in the form in which it shows it.
pub(super) fn told(status: StatusCode, why: &str) -> Response {
    let why = why.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<D:error xmlns:D=\"DAV:\" xmlns:m=\"http://apache.org/dav/xmlns\" \
         xmlns:C=\"svn:\">\n<C:error/>\n<m:human-readable errcode=\"165001\">\noutlast: {why}\n</m:human-readable>\n</D:error>\n"
    );
    let xml = [(header::CONTENT_TYPE, "text/xml; charset=\"utf-8\""), (header::CONNECTION, "close")];
    (status, xml, Bytes::from(text)).into_response()
}

pub(super) fn clean(headers: &mut HeaderMap) {
    HOP_BY_HOP.iter().for_each(|name| drop(headers.remove(name)));
    headers.remove(header::SERVER);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(SANDBOX));
    headers.insert(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"));
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
