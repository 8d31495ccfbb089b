//! Signed requests over kept-alive connections, for threads that block.

use super::sign::{S3Credentials, Signed, escape, sign};
use super::url::S3Url;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{HeaderMap, Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use journal::Hash;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::runtime::Runtime;

/// How often a request is sent before its failure is the caller's.
const TRIES: u32 = 3;
/// The wait before the second try; it doubles.
const RETRY_WAIT: Duration = Duration::from_millis(100);
/// How long one try may take, and a second more for each [`BYTES_A_SECOND_MIN`] of its body.
const TRY_TIMEOUT: Duration = Duration::from_secs(8);
/// The slowest service that is waited for.
const BYTES_A_SECOND_MIN: u64 = 1 << 20;
/// The most bytes of an answer: a blob, a segment, a page of a list.
const ANSWER_BYTES_MAX: usize = 96 << 20;
/// Connections kept for the next request.
const IDLE_MAX: usize = 16;

/// A request before it is signed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call<'a> {
    pub(crate) method: Method,
    /// The object; `None` for the bucket itself.
    pub(crate) key: Option<&'a str>,
    pub(crate) query: Vec<(&'a str, String)>,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Bytes,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

/// A client of one bucket. All calls block, and must not come from a thread of an asynchronous runtime.
pub(crate) struct Client {
    url: S3Url,
    credentials: S3Credentials,
    tls: Option<tokio_rustls::TlsConnector>,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
    /// Its own, so that a store works in a program without one. Only `drop` takes it.
    runtime: Option<Runtime>,
}

impl Drop for Client {
    fn drop(&mut self) {
        // Dropping a runtime waits, which an asynchronous thread must not.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Client {
    pub(crate) fn new(url: S3Url, credentials: S3Credentials) -> io::Result<Self> {
        let tls = if url.tls { Some(crate::tls::public_client()?.into()) } else { None };
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).thread_name("s3").enable_all().build()?;
        Ok(Self { url, credentials, tls, idle: Mutex::default(), runtime: Some(runtime) })
    }

    pub(crate) fn url(&self) -> &S3Url {
        &self.url
    }

    /// Sends a request until it is answered with other than a passing failure. Every call may be repeated.
    pub(crate) fn call(&self, call: &Call<'_>) -> io::Result<Answer> {
        let runtime = self.runtime.as_ref().ok_or_else(|| io::Error::other("the client is being closed"))?;
        runtime.block_on(async {
            let mut wait = RETRY_WAIT;
            let mut tried = 1;
            loop {
                let passing = |status: StatusCode| {
                    status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
                        || status == StatusCode::TOO_MANY_REQUESTS
                };
                match self.attempt(call).await {
                    Ok(answer) if !passing(answer.status) || tried == TRIES => return Ok(answer),
                    Err(error) if tried == TRIES => return Err(error),
                    Ok(answer) => tracing::debug!(status = %answer.status, "the bucket's service failed; trying again"),
                    Err(error) => tracing::debug!(%error, "the bucket's service can't be reached; trying again"),
                }
                tokio::time::sleep(wait).await;
                wait *= 2;
                tried += 1;
            }
        })
    }

    async fn attempt(&self, call: &Call<'_>) -> io::Result<Answer> {
        let time = TRY_TIMEOUT + Duration::from_secs(call.body.len() as u64 / BYTES_A_SECOND_MIN);
        match tokio::time::timeout(time, self.exchange(call)).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(
                io::ErrorKind::TimedOut,
                format!("{} did not answer within {} s", self.url.authority(), time.as_secs()),
            )),
        }
    }

    async fn exchange(&self, call: &Call<'_>) -> io::Result<Answer> {
        loop {
            let kept = self.kept();
            let fresh = kept.is_none();
            let mut sender = match kept {
                Some(sender) => sender,
                None => self.connect().await?,
            };
            let request = self.request(call)?;
            let sent = async {
                sender.ready().await?;
                sender.send_request(request).await
            };
            let response = match sent.await {
                Ok(response) => response,
                Err(error) if fresh => return Err(io::Error::other(error)),
                Err(_) => continue,
            };
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await.map_err(io::Error::other)?.to_bytes();
            self.keep(sender);
            return Ok(Answer { status: parts.status, headers: parts.headers, body });
        }
    }

    fn request(&self, call: &Call<'_>) -> io::Result<Request<Full<Bytes>>> {
        let path = match call.key {
            Some(key) => format!("/{}/{}{key}", self.url.bucket, self.url.prefix),
            None => format!("/{}", self.url.bucket),
        };
        let mut query = call.query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>();
        query.sort();
        let query = query.join("&");
        let mut headers = vec![("host".to_owned(), self.url.authority())];
        headers.extend(call.headers.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
        let signed = Signed {
            method: call.method.as_str(),
            path: &path,
            query: &query,
            region: &self.url.region,
            payload: Hash::of(&call.body),
            now: Timestamp::now(),
        };
        sign(&self.credentials, &signed, &mut headers);
        let uri = if query.is_empty() { path } else { format!("{path}?{query}") };
        let builder = Request::builder().method(call.method.clone()).uri(uri);
        let builder = headers.into_iter().fold(builder, |builder, (name, value)| builder.header(name, value));
        // An empty body has no length of itself, and a put without one is refused.
        let builder =
            if call.method == Method::PUT { builder.header("content-length", call.body.len()) } else { builder };
        builder.body(Full::new(call.body.clone())).map_err(io::Error::other)
    }

    async fn connect(&self) -> io::Result<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect((self.url.host.as_str(), self.url.port)).await?;
        stream.set_nodelay(true)?;
        match &self.tls {
            None => start(TokioIo::new(stream)).await,
            Some(tls) => {
                let name = self.url.host.clone().try_into().map_err(io::Error::other)?;
                start(TokioIo::new(tls.connect(name, stream).await?)).await
            }
        }
    }

    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }
}

async fn start<T>(io: T) -> io::Result<SendRequest<Full<Bytes>>>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (sender, connection) = handshake(io).await.map_err(io::Error::other)?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection to a bucket ended");
        }
    });
    Ok(sender)
}
