//! The accept loop: connections in, requests to a router, with limits that a flood can't get round.
//!
//! `axum::serve` waits for ever for the rest of a half-sent request; this loop closes such a connection after
//! [`Limits::header_read_timeout`], and never holds more than [`Limits::connections_max`] of them: when there is no room, the
//! oldest that has not sent a whole request head is closed for the new one.

use crate::proxies::Peer;
use crate::svn_http;
use axum::Router;
use axum::response::Response;
use axum::routing::future::RouteFuture;
use forge::load::{Slot, SlotLimits, Slots};
use hyper::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::{GracefulConnection, GracefulShutdown};
use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::watch;

/// What one listener takes on at a time.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Open connections.
    pub connections_max: usize,
    /// How long a client may take to send a whole request head, and how long a kept-alive connection may be idle.
    pub header_read_timeout: Duration,
    /// How long requests in flight get to finish at a graceful stop.
    pub graceful_stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            header_read_timeout: Duration::from_secs(5),
            graceful_stop: Duration::from_secs(30),
        }
    }
}

/// Something that yields byte streams: a TCP or a Unix listener.
pub trait Accept: Send {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    /// Waits for the next connection; with it the address at its other end, if it has one.
    fn accept(&mut self) -> impl Future<Output = io::Result<(Self::Stream, Option<IpAddr>)>> + Send;
}

impl Accept for TcpListener {
    type Stream = tokio::net::TcpStream;
    async fn accept(&mut self) -> io::Result<(Self::Stream, Option<IpAddr>)> {
        let (stream, peer) = TcpListener::accept(self).await?;
        // A push's answer is several small writes; Nagle would hold each back for the client's delayed ACK.
        stream.set_nodelay(true)?;
        Ok((stream, Some(peer.ip().to_canonical())))
    }
}

impl Accept for UnixListener {
    type Stream = tokio::net::UnixStream;
    async fn accept(&mut self) -> io::Result<(Self::Stream, Option<IpAddr>)> {
        Ok((UnixListener::accept(self).await?.0, None))
    }
}

/// Serves `router` on `listener` until `stop` resolves, then lets requests in flight finish.
pub async fn serve(listener: impl Accept, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let (_never, cuts) = watch::channel(0);
    serve_cut(listener, router, limits, stop, cuts).await;
}

/// As [`serve`]; whatever connection is open when `cuts` changes is closed at once, in the middle of a request too.
pub async fn serve_cut(
    mut listener: impl Accept,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
    cuts: watch::Receiver<u64>,
) {
    let graceful = GracefulShutdown::new();
    let all = limits.connections_max;
    // No bound for each network: behind a proxy all come from one.
    let slots = Slots::new(SlotLimits {
        connections_max: all,
        network_connections_max: all,
        unknown_max: all,
        network_unknown_max: all,
    });
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                let Some(slot) = slots.enter(peer.unwrap_or(Ipv4Addr::LOCALHOST.into())).map(Arc::new) else {
                    continue;
                };
                let cut = slot.cut().clone();
                let mut cuts = cuts.clone();
                cuts.mark_unchanged();
                let connection = graceful.watch(connection(stream, peer, router.clone(), slot, limits));
                tokio::spawn(async move {
                    let all_cut = async {
                        if cuts.changed().await.is_err() {
                            std::future::pending::<()>().await;
                        }
                    };
                    tokio::select! {
                        // A client that hangs up half-way is nothing to report; what mattered was reported where it was
                        // handled.
                        ended = connection => {
                            if let Err(error) = ended {
                                tracing::debug!(%error, "connection ended");
                            }
                        }
                        () = cut.cancelled() => {}
                        () = all_cut => {}
                    }
                });
            }
            Err(error) => pause_after(&error).await,
        }
    }
    drop(listener);
    if tokio::time::timeout(limits.graceful_stop, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            seconds = limits.graceful_stop.as_secs(),
            "some requests did not finish in time; stopping all the same"
        );
    }
}

fn connection<S>(
    stream: S,
    peer: Option<IpAddr>,
    router: Router,
    slot: Arc<Slot>,
    limits: Limits,
) -> impl GracefulConnection<Error = hyper::Error> + Send
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = OfConnection { router, behind: svn_http::Behind::default(), peer: Peer(peer), slot };
    let service = hyper_util::service::TowerToHyperService::new(service);
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_read_timeout)
        .serve_connection(TokioIo::new(stream), service)
}

/// The router, with what belongs to one connection beside each request of it.
#[derive(Clone)]
struct OfConnection {
    router: Router,
    behind: svn_http::Behind,
    peer: Peer,
    slot: Arc<Slot>,
}

impl tower::Service<Request<Incoming>> for OfConnection {
    type Response = Response;
    type Error = Infallible;
    type Future = RouteFuture<Infallible>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        tower::Service::<Request<Incoming>>::poll_ready(&mut self.router, context)
    }

    fn call(&mut self, mut request: Request<Incoming>) -> Self::Future {
        // It has sent a whole request head: it is not closed for others any more.
        self.slot.known();
        request.extensions_mut().insert(self.behind.clone());
        request.extensions_mut().insert(self.peer);
        self.router.call(request)
    }
}

/// Out of file descriptors is a state that passes when a connection closes; without a pause the loop would spin.
async fn pause_after(error: &io::Error) {
    tracing::warn!(%error, "cannot accept a connection");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
