//! How commands reach a site: through the running server's admin socket or, when none runs, by opening the site here
//! and asking the same handlers. Either way a command is one request to the admin API.

use crate::site::Opened;
use crate::{cli, config::Config};
use anyhow::{Context as _, bail};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::io;
use std::path::Path;
use tower::ServiceExt as _;

/// The most that an answer may hold; receipts and reports are far below.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// The admin socket of the site in `data`: mode 0600, so that only the account that runs the site reaches it.
pub(crate) fn socket_path(data: &Path) -> std::path::PathBuf {
    data.join("admin.sock")
}

/// Makes one request to the site in `data` and gives back the answer's body.
///
/// # Errors
/// The site's own message when it refuses; otherwise what kept the request from reaching it.
pub(crate) async fn call(data: &cli::Data, method: Method, path: &str, body: Option<Value>) -> anyhow::Result<Bytes> {
    let dir = std::path::absolute(&data.dir)?;
    let body = Full::new(body.map(|value| Bytes::from(value.to_string())).unwrap_or_default());
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "admin")
        .header("content-type", "application/json")
        .body(body)?;
    let (status, bytes) = match tokio::net::UnixStream::connect(socket_path(&dir)).await {
        Ok(stream) => over_socket(stream, request).await.context("the running server did not answer")?,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            in_process(&dir, request).await?
        }
        Err(error) => return Err(error).with_context(|| format!("cannot reach {}", socket_path(&dir).display())),
    };
    if status.is_success() { Ok(bytes) } else { bail!(message(status, &bytes)) }
}

/// As [`call`], for answers in JSON.
pub(crate) async fn call_json(
    data: &cli::Data,
    method: Method,
    path: &str,
    body: Option<Value>,
) -> anyhow::Result<Value> {
    let bytes = call(data, method, path, body).await?;
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes).context("the server's answer is not JSON; is it of another version?")
}

async fn over_socket(
    stream: tokio::net::UnixStream,
    request: Request<Full<Bytes>>,
) -> anyhow::Result<(StatusCode, Bytes)> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let status = response.status();
    let body = http_body_util::Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
    Ok((status, body.map_err(|error| anyhow::anyhow!(error))?.to_bytes()))
}

async fn in_process(dir: &Path, request: Request<Full<Bytes>>) -> anyhow::Result<(StatusCode, Bytes)> {
    if !dir.join("keys").is_dir() {
        bail!(
            "there is no site in {}; start one with `outlast serve --data {0}`, or name its directory with --data",
            dir.display()
        );
    }
    let opened = Opened::open(&Config::for_command(dir, None)?).await?;
    let router = web::router(opened.app.clone(), web::Door::Admin);
    let response = router.oneshot(request.map(axum::body::Body::new)).await;
    let answer = match response {
        Ok(response) => {
            let status = response.status();
            let body = axum::body::to_bytes(response.into_body(), ANSWER_BYTES_MAX).await;
            body.map(|bytes| (status, bytes)).context("reading the answer")
        }
        Err(never) => match never {},
    };
    opened.close().await;
    answer
}

/// The server's own words, or its status when it had none.
fn message(status: StatusCode, body: &[u8]) -> String {
    serde_json::from_slice::<Value>(body)
        .ok()
        .and_then(|value| value.get("message").and_then(Value::as_str).map(str::to_owned))
        .unwrap_or_else(|| format!("the server answered {status}"))
}
