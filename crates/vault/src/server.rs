//! The vault's server: HTTP/1.1 over TLS 1.3.
//!
//! | request | credential | answer |
//! |---|---|---|
//! | `GET /v1/state` | either | JSON: name, domain, vkey, origin, epoch, size, cosigned checkpoint, damage, free bytes |
//! | `POST /v1/enrol`, `POST /v1/epoch` | either | the statement is stored; its data key's blob must have been put |
//! | `HEAD /v1/blob/HEX` | either | 200 or 404 |
//! | `PUT /v1/blob/HEX` | either | 201 stored, 200 present, 422 wrong bytes, 507 no room |
//! | `POST /v1/append` | either | a CBOR array of batches; one cosignature line for each |
//! | `GET /v1/batches?from=N` | recovery | a CBOR array of batches |
//! | `GET /v1/blob/HEX` | recovery | the bytes |
//! | `POST /v1/blobs` | recovery | names of small blobs, a line each; a CBOR array of the bytes of the first of them |
//! | `GET /v1/epochs` | either | a JSON array of statements |
//! | `GET /v1/erasures`, `GET /v1/erasure/ORDER` | either | which orders erased something here; the record of one |
//! | `POST /v1/drill` | either | the signed report of a full drill is taken note of |
//! | `POST /v1/audit` | either | JSON: a nonce and names of blobs; a hash over some bytes of each |
//!
//! `GET /`, `/status.json`, `/metrics`, `/checkpoint` and `/fork` need no credential and tell how the vault is (`public.rs`).
//!
//! There is nothing else: no request changes or removes what is stored.

mod audit;
mod body;
mod bring;
mod erasure;
mod files;
mod gossip;
mod many;
mod possession;
mod public;
mod room;
mod routes;
mod ward;

use crate::core::Vault;
use crate::credential::Role;
use crate::orders::Orders;
use crate::s3::{S3Credentials, S3Url};
use crate::store::{Store, StoreError};
use crate::url::VaultUrl;
use crate::ward::WatchConfig;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use journal::Hash;
use room::{Room, STRANGER_TIME_MAX, Seat};
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

pub(crate) use bring::BLOB_BYTES_MAX;
pub(crate) use files::{lock, opened_key, write_private};
pub(crate) use gossip::PeerSeen;
pub(crate) use many::{MANY_BYTES, MANY_NAMES_MAX};
pub(crate) use routes::encode_batches;

/// Connections that the status page without TLS keeps open at once.
pub(crate) const STATUS_CONNECTIONS_MAX: usize = 64;
/// How long a client may take for its TLS handshake.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a connection may stay without a whole request head; a site's shippers ask for the state more often.
pub(crate) const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What `outlast vault serve` runs with.
#[derive(Debug, Clone)]
pub struct VaultServeConfig {
    /// The vault's directory.
    pub dir: PathBuf,
    /// Where to listen.
    pub listen: String,
    /// The vault's name.
    pub name: String,
    /// Who could destroy it.
    pub domain: String,
    /// The address for URLs, when it isn't the one listened on.
    pub public_address: Option<String>,
    /// Where it keeps what sites give it.
    pub store: StoreKind,
    /// How it watches, and whom it tells.
    pub watch: WatchConfig,
}

/// Where a vault keeps what sites give it.
#[derive(Debug, Clone, Default)]
pub enum StoreKind {
    /// In the vault's directory.
    #[default]
    Dir,
    /// In a bucket of its owner's account; keys and credentials stay in the vault's directory.
    S3 {
        /// The bucket.
        url: S3Url,
        /// Who may write there.
        credentials: S3Credentials,
    },
}

impl VaultServeConfig {
    /// A vault that is its own trust domain, with all in its directory.
    pub fn new(dir: impl Into<PathBuf>, listen: impl Into<String>, name: impl Into<String>) -> Self {
        let name = name.into();
        let (dir, listen, domain) = (dir.into(), listen.into(), name.clone());
        Self { dir, listen, name, domain, public_address: None, store: StoreKind::Dir, watch: WatchConfig::default() }
    }
}

/// Why a vault can't be served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// A name or address is not usable.
    #[error("{0}")]
    Invalid(String),
    /// Another vault server has this directory.
    #[error("another vault server is running in this directory")]
    Locked,
    /// The store can't be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A vault that is listening.
pub struct Running {
    listener: TcpListener,
    address: SocketAddr,
    tls: tokio_rustls::TlsAcceptor,
    shared: Arc<Shared>,
    passed: bool,
    status: Option<TcpListener>,
    _lock: std::fs::File,
}

/// What all requests share.
pub(crate) struct Shared {
    vault: Mutex<Vault<dyn Store>>,
    store: Arc<dyn Store>,
    name: String,
    domain: String,
    about: crate::about::About,
    append: Hash,
    recover: Hash,
    kind: &'static str,
    /// Where the proof of a fork is kept.
    fork_path: PathBuf,
    /// Where the newest checkpoint is kept that was signed, apart from the store.
    signed_path: PathBuf,
    /// What its owner was handed.
    orders: Orders,
    watch: ward::Watch,
    /// Who stores entries, and who brings a blob while the site is slowed down.
    appending: Arc<tokio::sync::Mutex<()>>,
    slowed: Arc<tokio::sync::Mutex<()>>,
}

impl Shared {
    /// A panic while the lock was held can have left the state half-changed, but not signed: nothing is lost by going on.
    fn vault(&self) -> MutexGuard<'_, Vault<dyn Store>> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Opens the vault in the directory (making it on first start) and begins to listen.
///
/// # Errors
/// When the directory, its store or the address can't be used.
pub async fn bind(config: VaultServeConfig) -> Result<Running, ServeError> {
    let listener = TcpListener::bind(&config.listen).await?;
    let address = listener.local_addr()?;
    let status = match &config.watch.status_listen {
        Some(address) => Some(TcpListener::bind(address).await?),
        None => None,
    };
    let opening = tokio::task::spawn_blocking(move || files::open(&config, address));
    let opened = opening.await.map_err(io::Error::other)??;
    let (tls, shared, passed) = (opened.tls.into(), Arc::new(opened.shared), opened.passed);
    Ok(Running { listener, address, tls, shared, passed, status, _lock: opened.lock })
}

impl Running {
    /// Where the status page is served without TLS, if it is.
    pub fn status_address(&self) -> Option<SocketAddr> {
        self.status.as_ref()?.local_addr().ok()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop` resolves, then lets requests in flight finish.
    ///
    /// # Errors
    /// Never while it can accept connections.
    pub async fn run(self, stop: impl Future<Output = ()>) -> io::Result<()> {
        let graceful = GracefulShutdown::new();
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(ward::look_after_store(self.shared.clone(), self.passed));
        tasks.spawn(ward::watch(self.shared.clone()));
        for peer in gossip::begin(&self.shared) {
            tasks.spawn(gossip::watch_peer(self.shared.clone(), peer));
        }
        if let Some(listener) = self.status {
            tasks.spawn(serve_status(listener, self.shared.clone()));
        }
        let room = Arc::new(Room::default());
        let mut stop = std::pin::pin!(stop);
        loop {
            let (stream, from) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        tracing::warn!(%error, "cannot accept a connection");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = &mut stop => break,
            };
            let seat = Arc::new(room.seat(from.ip()));
            let (tls, shared, watcher) = (self.tls.clone(), self.shared.clone(), graceful.watcher());
            tokio::spawn(async move {
                tokio::select! {
                    () = serve(stream, tls, shared, watcher, seat.clone()) => {}
                    () = seat.ends() => tracing::debug!("a connection without a credential was cut"),
                }
            });
        }
        tasks.abort_all();
        drop(self.listener);
        let finished = tokio::time::timeout(Duration::from_secs(10), graceful.shutdown());
        if finished.await.is_err() {
            tracing::warn!("some requests did not finish in time; stopping all the same");
        }
        ward::keep_signed(&self.shared);
        self.shared.watch.close();
        Ok(())
    }
}

/// One connection, for as long as it lives.
async fn serve(
    stream: TcpStream,
    tls: tokio_rustls::TlsAcceptor,
    shared: Arc<Shared>,
    watcher: Watcher,
    seat: Arc<Seat>,
) {
    let handshake = async {
        stream.set_nodelay(true)?;
        tls.accept(stream).await
    };
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
        Ok(Ok(stream)) => {
            let service =
                hyper::service::service_fn(move |request| routes::handle(shared.clone(), seat.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = watcher.watch(connection).await {
                tracing::debug!(%error, "connection ended");
            }
        }
        Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => tracing::debug!("TLS handshake took too long"),
    }
}

/// The public pages alone, without TLS: for a proxy in front, or a local network.
async fn serve_status(listener: TcpListener, shared: Arc<Shared>) {
    let room = Arc::new(Semaphore::new(STATUS_CONNECTIONS_MAX));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            let service = hyper::service::service_fn(move |request| routes::handle_public(shared.clone(), request));
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(IDLE_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(STRANGER_TIME_MAX, connection).await {
                tracing::debug!(%error, "connection ended");
            }
            drop(permit);
        });
    }
}

/// The two URLs of a vault.
fn urls(
    shared: &Shared,
    credentials: [(Role, crate::credential::Credential); 2],
    address: &str,
    pin: Hash,
) -> [VaultUrl; 2] {
    let vkey = shared.vault().key().verifier().clone();
    credentials.map(|(role, credential)| VaultUrl {
        role,
        credential,
        address: address.to_owned(),
        name: shared.name.clone(),
        domain: shared.domain.clone(),
        pin,
        vkey: vkey.clone(),
    })
}
