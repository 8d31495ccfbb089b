//! One request to another forge, with redirects that stay allowed.

use super::address::GitUrl;
use super::egress::Egress;
use crate::error::Error;
use base64::Engine as _;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::handshake;
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a server may send on.
const REDIRECTS_MAX: usize = 3;
/// How long a server may take to begin its answer: it may count a large repository first.
const ANSWER_WAIT: Duration = Duration::from_secs(120);
/// How long is waited at most when a server asks to be left alone: what takes longer is gone on with by the same command.
const RATE_WAIT_MAX: Duration = Duration::from_secs(5 * 60);
/// And when it does not say how long.
const RATE_WAIT: Duration = Duration::from_secs(30);
/// How often that is done for one request.
const RATE_WAITS_MAX: usize = 3;
/// Bytes of an answer's text that are shown, and read.
const WORDS_BYTES_MAX: usize = 200;
/// How long is waited for them.
const WORDS_WAIT: Duration = Duration::from_secs(10);

/// What is asked for, below a repository's address.
pub(super) struct Asked {
    pub(super) method: Method,
    /// `/info/refs?...`
    pub(super) below: String,
    pub(super) content_type: Option<&'static str>,
    pub(super) body: Bytes,
}

/// Sends it. The repository's address as it is in the end, and the answer, which is a good one.
pub(super) async fn ask(egress: Egress, url: &GitUrl, asked: &Asked) -> Result<(GitUrl, Response<Incoming>), Error> {
    let mut at = url.clone();
    let mut waits = 0..RATE_WAITS_MAX;
    for _ in 0..=REDIRECTS_MAX + RATE_WAITS_MAX {
        let response = tokio::time::timeout(ANSWER_WAIT, send(egress, &at, asked)).await;
        let response = response.map_err(|_| Error::invalid(format!("{} does not answer", at.host)))??;
        if let Some(wait) = rate_wait(&response, SystemTime::now()) {
            if wait > RATE_WAIT_MAX || waits.next().is_none() {
                let minutes = wait.as_secs().div_ceil(60);
                let text =
                    format!("{} answers no more for now: go on in {minutes} minutes, by the same command", at.host);
                return Err(Error::conflict(text));
            }
            tracing::info!(host = at.host, seconds = wait.as_secs(), "another forge asks to be asked later");
            tokio::time::sleep(wait).await;
            continue;
        }
        match response.status() {
            status if status.is_success() => return Ok((at, response)),
            status if status.is_redirection() => at = moved(url, &at, &asked.below, &response)?,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => {
                return Err(Error::invalid(format!(
                    "{at} is not there, or needs a token that may read it ({})",
                    response.status().as_u16()
                )));
            }
            status => {
                let words = words(response.into_body()).await;
                return Err(Error::invalid(format!("{at} answers {}: {}", status.as_u16(), words.trim())));
            }
        }
    }
    Err(Error::invalid(format!("{url} sends on and on")))
}

/// What an answer says: its beginning, as much as came in time. The rest is not read.
async fn words(mut body: Incoming) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while bytes.len() < WORDS_BYTES_MAX
            && let Some(Ok(frame)) = body.frame().await
        {
            let data = frame.into_data().unwrap_or_default();
            bytes.extend_from_slice(&data[..data.len().min(WORDS_BYTES_MAX - bytes.len())]);
        }
    };
    // Too late is as good as silent: what came is shown.
    let _ = tokio::time::timeout(WORDS_WAIT, reading).await;
    String::from_utf8_lossy(&bytes).replace(|c: char| c.is_control(), " ")
}

/// How long a server asks to be left alone: it says so by 429, or by 403 when nothing remains of what it allows.
fn rate_wait(response: &Response<Incoming>, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| response.headers().get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let spent = response.status() == StatusCode::FORBIDDEN && number("x-ratelimit-remaining") == Some(0);
    if !spent && response.status() != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let until = number("x-ratelimit-reset")
        .map(Duration::from_secs)
        .and_then(|reset| reset.checked_sub(now.duration_since(UNIX_EPOCH).unwrap_or_default()));
    Some(number("retry-after").map(Duration::from_secs).or(until).unwrap_or(RATE_WAIT))
}

/// Where a redirect leads. A credential goes no further than the place it was given for, and nothing leaves TLS.
fn moved(asked: &GitUrl, at: &GitUrl, below: &str, response: &Response<Incoming>) -> Result<GitUrl, Error> {
    let bad = || Error::invalid(format!("{at} sends on to nowhere"));
    let to = response.headers().get(header::LOCATION).and_then(|to| to.to_str().ok()).ok_or_else(bad)?;
    let path = below.split('?').next().unwrap_or_default();
    let to = to.split('?').next().unwrap_or_default().strip_suffix(path).ok_or_else(bad)?;
    let mut next: GitUrl = if to.starts_with('/') { GitUrl { path: to.to_owned(), ..at.clone() } } else { to.parse()? };
    if at.tls && !next.tls {
        return Err(Error::invalid(format!("{at} sends on to {next}, which is not encrypted")));
    }
    next.credential = asked.credential.clone().filter(|_| next.same_place(asked));
    Ok(next)
}

async fn send(egress: Egress, at: &GitUrl, asked: &Asked) -> Result<Response<Incoming>, Error> {
    let failed = |e: &dyn std::fmt::Display| Error::invalid(format!("{at}: {e}"));
    let stream = egress.connect(&at.host, at.port).await?;
    if !at.tls {
        return exchange(TokioIo::new(stream), at, asked).await;
    }
    let tls = vault::public_tls().map_err(|e| Error::internal(e.to_string()))?;
    let name = at.host.clone().try_into().map_err(|_| failed(&"its host is no name"))?;
    let stream = tls.connect(name, stream).await.map_err(|e| failed(&e))?;
    exchange(TokioIo::new(stream), at, asked).await
}

async fn exchange<T>(io: T, at: &GitUrl, asked: &Asked) -> Result<Response<Incoming>, Error>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let failed = |e: &dyn std::fmt::Display| Error::invalid(format!("{at}: {e}"));
    let (mut sender, connection) = handshake(io).await.map_err(|e| failed(&e))?;
    // It ends with the answer's body.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "the connection to another forge ended");
        }
    });
    let mut request = Request::builder()
        .method(asked.method.clone())
        .uri(format!("{}{}", at.path, asked.below))
        .header(header::HOST, at.authority())
        .header(header::USER_AGENT, concat!("git/outlast-", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*");
    if let Some(content_type) = asked.content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    if let Some(credential) = &at.credential {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credential);
        request = request.header(header::AUTHORIZATION, format!("Basic {encoded}"));
    }
    let request = request.body(Full::new(asked.body.clone())).map_err(|e| failed(&e))?;
    sender.send_request(request).await.map_err(|e| failed(&e))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_refusal_without_an_end_is_cut_short() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url: GitUrl = format!("http://{}/a/b", listener.local_addr().unwrap()).parse().unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            let head = b"HTTP/1.1 500 X\r\ntransfer-encoding: chunked\r\n\r\n";
            let chunk = [&b"10000\r\n"[..], &[b'x'; 65_536], b"\r\n"].concat();
            stream.write_all(head).await.unwrap();
            // For as long as anybody takes it, and then nothing more.
            while stream.write_all(&chunk).await.is_ok() {}
        });
        let asked = Asked { method: Method::GET, below: String::new(), content_type: None, body: Bytes::new() };
        let asking = tokio::time::timeout(Duration::from_secs(60), ask(Egress::Any, &url, &asked));
        let error = asking.await.expect("it ends").unwrap_err().to_string();
        assert!(error.contains("500") && error.contains("xxx") && error.len() < 400, "{error}");
        tokio::time::timeout(Duration::from_secs(60), server).await.expect("nobody reads on").unwrap();
    }
}
