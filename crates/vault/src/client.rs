//! A vault as its callers see it: one function for each request, over kept-alive connections with a pinned key.

mod blob;
mod many;
mod told;

use crate::about::About;
use crate::replicate::EpochRecord;
use crate::server::encode_batches;
use crate::tls::{self, SERVER_NAME};
use crate::url::VaultUrl;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, Response, StatusCode, header};
use hyper_util::rt::TokioIo;
use journal::erasure::ErasureRecord;
use journal::note::{NoteSignature, SignedNote};
use journal::{BlobName, Hash};
use minicbor::Decoder;
use serde::Deserialize;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a connection may take to be made.
pub(crate) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a vault may take to answer a request that is not a blob's.
pub(crate) const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a blob may be on its way, in either direction.
pub(crate) const BLOB_TIMEOUT: Duration = Duration::from_secs(600);
/// The most bytes of an answer that is not blobs.
const ANSWER_BYTES_MAX: usize = 64 << 20;
/// The most bytes of an answer to a blob that was put, or of a refusal to give one.
const WORDS_BYTES_MAX: usize = 64 << 10;
/// Connections that are kept for the next request.
const IDLE_MAX: usize = 16;

type Body = BoxBody<Bytes, io::Error>;

/// Why a vault did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// It can't be reached, or the connection broke.
    #[error("{0}")]
    Unreachable(String),
    /// It took too long.
    #[error("no answer within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// It refused; the words are its own.
    #[error("refused ({status}): {text}")]
    Refused {
        /// The status, which says why.
        status: StatusCode,
        /// The vault's words.
        text: String,
    },
    /// It wants these blobs first.
    #[error("{} blobs are missing at the vault", .0.len())]
    MissingBlobs(Vec<BlobName>),
    /// The answer is not what a vault answers.
    #[error("the answer is not a vault's: {0}")]
    Nonsense(String),
}

impl From<hyper::Error> for ClientError {
    fn from(error: hyper::Error) -> Self {
        Self::Unreachable(format!("the connection broke: {error}"))
    }
}

impl From<io::Error> for ClientError {
    fn from(error: io::Error) -> Self {
        Self::Unreachable(error.to_string())
    }
}

impl ClientError {
    /// Whether the vault said that the log it keeps is another, or longer, or in a later epoch.
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::CONFLICT || *status == StatusCode::GONE)
    }
}

/// What a vault says of itself.
#[derive(Debug, Clone, Deserialize)]
pub struct VaultState {
    /// Its name.
    pub name: String,
    /// Who could destroy it.
    pub domain: String,
    /// Its cosigner key.
    pub vkey: String,
    /// The log that it keeps.
    pub origin: Option<String>,
    /// The number of the newest epoch, 0 when no site is enrolled.
    pub epoch: u64,
    /// How many entries it has.
    pub size: u64,
    /// The newest checkpoint, cosigned.
    pub checkpoint: Option<String>,
    /// What is wrong with its store.
    pub damaged: Option<String>,
    /// How much room it has, in bytes.
    pub free_bytes: u64,
    /// Who runs it, as far as it says.
    #[serde(default)]
    pub about: About,
    /// Whether it slows its site down: the day's budget is spent.
    #[serde(default)]
    pub slowed_down: bool,
    /// When the last drill that it was shown began, microseconds since 1970; 0: it was shown none, or can't take one.
    #[serde(default)]
    pub drill_started_us: u64,
    /// When the last note of an incident was written that it was told of, microseconds since 1970; 0: of none.
    #[serde(default)]
    pub incidents_as_of_us: u64,
}

/// A client of one vault.
pub struct VaultClient {
    url: VaultUrl,
    tls: tokio_rustls::TlsConnector,
    idle: Mutex<Vec<SendRequest<Body>>>,
}

fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed()
}

impl VaultClient {
    /// A client; nothing is connected yet.
    ///
    /// # Errors
    /// When TLS can't be set up.
    pub fn new(url: VaultUrl) -> Result<Self, ClientError> {
        let config = tls::client(url.pin).map_err(|error| ClientError::Unreachable(error.to_string()))?;
        Ok(Self { url, tls: config.into(), idle: Mutex::default() })
    }

    /// The vault's URL.
    pub fn url(&self) -> &VaultUrl {
        &self.url
    }

    async fn connect(&self) -> Result<SendRequest<Body>, ClientError> {
        let connecting = async {
            let stream = TcpStream::connect(&self.url.address).await?;
            stream.set_nodelay(true)?;
            let name = SERVER_NAME.try_into().map_err(|_| io::Error::other("server name"))?;
            let stream = self.tls.connect(name, stream).await?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            tokio::spawn(async move {
                if let Err(error) = connection.await {
                    tracing::debug!(%error, "connection to a vault ended");
                }
            });
            Ok::<_, ClientError>(sender)
        };
        let connected = tokio::time::timeout(CONNECT_TIMEOUT, connecting).await;
        connected
            .map_err(|_| ClientError::TimedOut(CONNECT_TIMEOUT))?
            .map_err(|error| ClientError::Unreachable(format!("cannot reach {}: {error}", self.url.address)))
    }

    /// A connection that was kept and still lives.
    fn kept(&self) -> Option<SendRequest<Body>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|sender| !sender.is_closed());
        idle.pop()
    }

    fn keep(&self, sender: SendRequest<Body>) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE_MAX {
            idle.push(sender);
        }
    }

    /// Sends a request. A kept connection that turns out to be closed is replaced, when the request can be sent again.
    async fn send(
        &self,
        method: Method,
        path: &str,
        body: impl Fn() -> Option<Body>,
    ) -> Result<(Response<Incoming>, SendRequest<Body>), ClientError> {
        loop {
            let (mut sender, fresh) = match self.kept() {
                Some(sender) => (sender, false),
                None => (self.connect().await?, true),
            };
            let Some(body) = body() else {
                return Err(ClientError::Unreachable("the connection broke while the body was sent".to_owned()));
            };
            let request = Request::builder()
                .method(method.clone())
                .uri(path)
                .header(header::HOST, &self.url.address)
                .header(header::AUTHORIZATION, format!("Bearer {}", self.url.credential.expose()))
                .body(body)
                .map_err(|error| ClientError::Nonsense(error.to_string()))?;
            let sent = async {
                sender.ready().await?;
                sender.send_request(request).await
            };
            match sent.await {
                Ok(response) => return Ok((response, sender)),
                Err(error) if fresh => return Err(error.into()),
                // Every request may be repeated: all that a vault does, it does once.
                Err(error) => tracing::debug!(%error, "a kept connection was closed; connecting again"),
            }
        }
    }

    /// A request with a small answer.
    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        self.ask_for(method, path, body, timeout, ANSWER_BYTES_MAX).await
    }

    /// A request whose answer is of so many bytes at most.
    async fn ask_for(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
        timeout: Duration,
        answer_bytes_max: usize,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let asking = async {
            let (response, sender) = self.send(method, path, || Some(whole(body.clone()))).await?;
            let status = response.status();
            let bytes = limited(response.into_body(), answer_bytes_max).await?;
            self.keep(sender);
            Ok((status, bytes))
        };
        tokio::time::timeout(timeout, asking).await.map_err(|_| ClientError::TimedOut(timeout))?
    }

    async fn ask_ok(&self, method: Method, path: &str, body: Bytes) -> Result<Bytes, ClientError> {
        let (status, bytes) = self.ask(method, path, body, ANSWER_TIMEOUT).await?;
        if status.is_success() { Ok(bytes) } else { Err(refused(status, &bytes)) }
    }

    /// Sends a request that no vault should do, and gives the answer's status.
    pub(crate) async fn attack(&self, method: Method, path: &str) -> Result<StatusCode, ClientError> {
        Ok(self.ask(method, path, Bytes::from_static(b"attack"), ANSWER_TIMEOUT).await?.0)
    }

    /// What the vault says of itself.
    ///
    /// # Errors
    /// When it can't be asked. As for all that follow.
    pub async fn state(&self) -> Result<VaultState, ClientError> {
        let bytes = self.ask_ok(Method::GET, "/v1/state", Bytes::new()).await?;
        let state: VaultState =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        if state.vkey == self.url.vkey.to_string() {
            Ok(state)
        } else {
            Err(ClientError::Nonsense("it has another cosigner key".to_owned()))
        }
    }

    /// Enrols a site's log: its first epoch, whose data key's blob goes first.
    pub async fn enrol(&self, epoch: &EpochRecord) -> Result<(), ClientError> {
        self.statement("/v1/enrol", epoch).await
    }

    /// Starts an epoch.
    pub async fn start_epoch(&self, epoch: &EpochRecord) -> Result<(), ClientError> {
        self.statement("/v1/epoch", epoch).await
    }

    /// Has the vault tell its owner of an alarm of the site's.
    pub async fn notice(&self, text: &str) -> Result<(), ClientError> {
        self.ask_ok(Method::POST, "/v1/notice", Bytes::copy_from_slice(text.as_bytes())).await.map(drop)
    }

    async fn statement(&self, path: &str, epoch: &EpochRecord) -> Result<(), ClientError> {
        for blob in [&epoch.data_key].into_iter().chain(&epoch.past) {
            self.put_blob_bytes(&BlobName::of(blob), blob.clone().into()).await?;
        }
        self.ask_ok(Method::POST, path, epoch.statement.clone().into()).await.map(|_| ())
    }

    /// Appends batches; one cosignature line comes back for each. Whether they are good, the caller checks.
    pub async fn append(&self, batches: &[Bytes]) -> Result<Vec<NoteSignature>, ClientError> {
        self.append_proven(batches, &[]).await
    }

    /// As [`Self::append`], with the proof that the batches lead to where the newest epoch begins. A vault of an older release asks
    /// for none.
    pub async fn append_proven(&self, batches: &[Bytes], proof: &[Hash]) -> Result<Vec<NoteSignature>, ClientError> {
        let body = encode_batches(batches.iter().map(AsRef::as_ref));
        let hashes: Vec<_> = proof.iter().map(ToString::to_string).collect();
        let query = if hashes.is_empty() { String::new() } else { format!("?proof={}", hashes.join(",")) };
        let path = format!("/v1/append{query}");
        let (status, bytes) = self.ask(Method::POST, &path, body.into(), ANSWER_TIMEOUT).await?;
        if status == StatusCode::FAILED_DEPENDENCY {
            let names = std::str::from_utf8(&bytes).unwrap_or_default().lines().filter_map(|line| line.parse().ok());
            return Err(ClientError::MissingBlobs(names.collect()));
        }
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| ClientError::Nonsense("not text".to_owned()))?;
        let lines = text.lines().map(NoteSignature::parse).collect::<Result<Vec<_>, _>>();
        let lines = lines.map_err(|error| ClientError::Nonsense(error.to_string()))?;
        if lines.len() == batches.len() {
            Ok(lines)
        } else {
            Err(ClientError::Nonsense("it cosigned another number of batches".to_owned()))
        }
    }

    /// What proves that the vault possesses some bytes of each of these blobs; `None` for one that it has not.
    pub async fn audit(&self, nonce: &Hash, blobs: &[BlobName]) -> Result<Vec<Option<Hash>>, ClientError> {
        let body = serde_json::json!({
            "nonce": nonce.to_string(), "blobs": blobs.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let (status, bytes) = self.ask(Method::POST, "/v1/audit", body.to_string().into(), BLOB_TIMEOUT).await?;
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        let answers: Vec<Option<String>> =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        if answers.len() != blobs.len() {
            return Err(ClientError::Nonsense("it answered for another number of blobs".to_owned()));
        }
        Ok(answers.into_iter().map(|answer| answer.and_then(|hash| hash.parse().ok())).collect())
    }

    /// The batches from the one with entry `from` on; an empty list at the log's end.
    pub async fn batches(&self, from: u64) -> Result<Vec<Vec<u8>>, ClientError> {
        let bytes = self.ask_ok(Method::GET, &format!("/v1/batches?from={from}"), Bytes::new()).await?;
        let nonsense = |error: minicbor::decode::Error| ClientError::Nonsense(error.to_string());
        let mut d = Decoder::new(&bytes);
        let count = d.array().map_err(nonsense)?.unwrap_or(0);
        (0..count).map(|_| Ok(d.bytes().map_err(nonsense)?.to_vec())).collect()
    }

    /// The newest checkpoint with the vault's cosignature, which is public; None: nothing is signed there.
    pub async fn checkpoint(&self) -> Result<Option<SignedNote>, ClientError> {
        let (status, bytes) = self.ask(Method::GET, "/checkpoint", Bytes::new(), ANSWER_TIMEOUT).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if !status.is_success() => Err(refused(status, &bytes)),
            _ => {
                let text = std::str::from_utf8(&bytes).map_err(|_| ClientError::Nonsense("not text".to_owned()))?;
                text.parse().map(Some).map_err(|error| ClientError::Nonsense(format!("{error}")))
            }
        }
    }

    /// All epoch statements, oldest first.
    pub async fn epochs(&self) -> Result<Vec<SignedNote>, ClientError> {
        let bytes = self.ask_ok(Method::GET, "/v1/epochs", Bytes::new()).await?;
        let texts: Vec<String> =
            serde_json::from_slice(&bytes).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        texts.iter().map(|text| text.parse().map_err(|error| ClientError::Nonsense(format!("{error}")))).collect()
    }

    /// The orders that erased something at the vault, and how many blobs of each still wait behind locks.
    pub async fn erasure_orders(&self) -> Result<Vec<(Hash, usize)>, ClientError> {
        #[derive(Deserialize)]
        struct Erasure {
            order: String,
            waiting: usize,
        }
        let nonsense = |what: &dyn std::fmt::Display| ClientError::Nonsense(format!("its list of erasures: {what}"));
        let (status, bytes) = self.ask(Method::GET, "/v1/erasures", Bytes::new(), ANSWER_TIMEOUT).await?;
        // A vault of an older release erases nothing.
        if status == StatusCode::NOT_FOUND {
            return Ok(Vec::new());
        }
        if !status.is_success() {
            return Err(refused(status, &bytes));
        }
        let orders: Vec<Erasure> = serde_json::from_slice(&bytes).map_err(|error| nonsense(&error))?;
        let order = |erasure: Erasure| Ok((erasure.order.parse().map_err(|error| nonsense(&error))?, erasure.waiting));
        orders.into_iter().map(order).collect()
    }

    /// The records of what was erased at the vault by order, each consistent with itself and signed by this vault's key. Whether the orders
    /// are officers' is for the reader to know.
    pub async fn erasures(&self) -> Result<Vec<ErasureRecord>, ClientError> {
        let nonsense =
            |what: &dyn std::fmt::Display| ClientError::Nonsense(format!("its record of an erasure: {what}"));
        let mut records = Vec::new();
        for (order, _) in self.erasure_orders().await? {
            let bytes = self.ask_ok(Method::GET, &format!("/v1/erasure/{order}"), Bytes::new()).await?;
            let text = std::str::from_utf8(&bytes).map_err(|error| nonsense(&error))?;
            let record: ErasureRecord = text.parse().map_err(|error| nonsense(&error))?;
            if record.vault != self.url.vkey {
                return Err(nonsense(&"another vault signed it"));
            }
            records.push(record);
        }
        Ok(records)
    }
}

/// A body of so many bytes at most.
async fn limited(body: Incoming, bytes_max: usize) -> Result<Bytes, ClientError> {
    let body = Limited::new(body, bytes_max).collect().await;
    Ok(body.map_err(|error| ClientError::Unreachable(format!("the answer broke off: {error}")))?.to_bytes())
}

fn refused(status: StatusCode, bytes: &[u8]) -> ClientError {
    ClientError::Refused { status, text: String::from_utf8_lossy(&bytes[..bytes.len().min(1000)]).into_owned() }
}
