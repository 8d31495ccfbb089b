//! The accept loop: who may come in, how long they may stay nobody, and when they must leave.

use crate::SvnTunnel;
use crate::connection::{Connection, Guest};
use forge::Site;
use forge::load::{Slot, SlotLimits, Slots};
use forge::site::PackCache;
use russh::keys::ssh_key::private::{Ed25519Keypair, KeypairData};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use russh::server::Config;
use russh::{MethodKind, MethodSet, Preferred, SshId};
use std::borrow::Cow;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::WaitForCancellationFutureOwned;

/// What the door takes on.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections.
    pub slots: SlotLimits,
    /// From the connection to a key that is known.
    pub login_grace: Duration,
    /// How often it is asked whether the key of a connection is still good.
    pub recheck_every: Duration,
    /// How long a connection may stay open with nothing going on in it.
    pub idle_max: Duration,
    /// Commands of one connection at one time.
    pub channels_max: usize,
    /// How long what is under way gets to finish at a graceful stop.
    pub graceful_stop: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            slots: SlotLimits {
                connections_max: 1024,
                network_connections_max: 256,
                unknown_max: 256,
                network_unknown_max: 32,
            },
            login_grace: Duration::from_secs(10),
            recheck_every: Duration::from_secs(2),
            idle_max: Duration::from_secs(600),
            channels_max: 10,
            graceful_stop: Duration::from_secs(30),
        }
    }
}

/// A client that does not answer so many questions, so long apart, is gone.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(30);
const KEEP_ALIVES_MAX: usize = 4;
/// How long a refused key is waited with, so that nothing is learnt from the time it takes.
const REJECTION_TIME: Duration = Duration::from_millis(100);
const KEYS_TRIED_MAX: usize = 20;

/// Everything that connections share.
pub struct Door {
    /// The site.
    pub site: Arc<Site>,
    /// Answers to fetches, kept: the same as over HTTP.
    pub pack_cache: Arc<PackCache>,
    /// `ssh://HOST:PORT`, as people write it in addresses.
    pub address: String,
    /// Subversion, when it is spoken here.
    pub svn: Option<SvnTunnel>,
    /// Bounds.
    pub limits: Limits,
}

/// Serves until `stop` resolves, then lets what is under way finish.
///
/// # Errors
/// When the site's host key can't be made.
pub async fn serve(door: Door, listener: TcpListener, stop: impl Future<Output = ()>) -> io::Result<()> {
    let slots = Slots::new(door.limits.slots);
    let config = Arc::new(config(&door.site)?);
    let door = Arc::new(door);
    let running = watch::Sender::new(0_usize);
    let mut stop = std::pin::pin!(stop);
    let mut cuts = door.site.cuts();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
            // A lockdown: whoever is here comes again, with a key that is still good.
            Ok(()) = cuts.changed() => {
                slots.cut_all();
                continue;
            }
        };
        match accepted {
            Ok((stream, address)) => {
                let Some(slot) = slots.enter(address.ip()) else { continue };
                let connecting = connection(door.clone(), config.clone(), stream, address.ip(), slot, running.clone());
                tokio::spawn(connecting);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    let mut left = running.subscribe();
    if tokio::time::timeout(door.limits.graceful_stop, left.wait_for(|count| *count == 0)).await.is_err() {
        tracing::warn!("some SSH commands did not finish in time; stopping all the same");
    }
    slots.cut_all();
    Ok(())
}

fn config(site: &Site) -> io::Result<Config> {
    let seed = site.keys().ssh_host_seed().map_err(io::Error::other)?;
    let pair = KeypairData::Ed25519(Ed25519Keypair::from_seed(&seed));
    let key = PrivateKey::new(pair, "").map_err(io::Error::other)?;
    let ecdsa = |curve| Algorithm::Ecdsa { curve };
    let rsa = |hash| Algorithm::Rsa { hash: Some(hash) };
    let keys = vec![
        Algorithm::Ed25519,
        Algorithm::SkEd25519,
        ecdsa(EcdsaCurve::NistP256),
        ecdsa(EcdsaCurve::NistP384),
        ecdsa(EcdsaCurve::NistP521),
        Algorithm::SkEcdsaSha2NistP256,
        rsa(HashAlg::Sha512),
        rsa(HashAlg::Sha256),
    ];
    Ok(Config {
        server_id: SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-Outlast_", env!("CARGO_PKG_VERSION")))),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REJECTION_TIME,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        preferred: Preferred {
            key: Cow::Owned(keys),
            compression: Cow::Borrowed(&[russh::compression::NONE]),
            ..Preferred::DEFAULT
        },
        max_auth_attempts: KEYS_TRIED_MAX,
        inactivity_timeout: None,
        keepalive_interval: Some(KEEP_ALIVE_EVERY),
        keepalive_max: KEEP_ALIVES_MAX,
        nodelay: true,
        ..Config::default()
    })
}

async fn connection(
    door: Arc<Door>,
    config: Arc<Config>,
    stream: TcpStream,
    address: IpAddr,
    slot: Slot,
    running: watch::Sender<usize>,
) {
    // A push's answer is several small writes; Nagle would hold each back for the client's delayed ACK.
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let cut = slot.cut().clone();
    let stream = Cuttable { stream, cut: Box::pin(cut.clone().cancelled_owned()) };
    let guest = watch::Sender::new(None);
    let busy = watch::Sender::new(0);
    let handler = Connection::new(door.clone(), address, guest.clone(), busy.clone(), running);
    let session = async {
        let running = russh::server::run_stream(config, stream, handler).await?;
        running.await
    };
    let watching = watch_over(&door, &slot, guest.subscribe(), busy.subscribe());
    let mut session = std::pin::pin!(session);
    let ended = tokio::select! {
        ended = &mut session => ended,
        () = watching => {
            cut.cancel();
            session.await
        }
    };
    if let Err(error) = ended {
        // Clients hang up as they like; what mattered was reported where it was handled.
        tracing::debug!(%error, %address, "an SSH connection ended");
    }
}

/// Returns when the connection must end: nobody in time, not the key's any more, nothing going on, or cut.
async fn watch_over(
    door: &Door,
    slot: &Slot,
    mut guest: watch::Receiver<Option<Guest>>,
    mut busy: watch::Receiver<usize>,
) {
    let grace = tokio::time::timeout(door.limits.login_grace, guest.wait_for(Option::is_some));
    let known = tokio::select! {
        known = grace => matches!(known, Ok(Ok(_))),
        () = slot.cut().cancelled() => false,
    };
    if !known {
        return;
    }
    slot.known();
    let allowed = async {
        loop {
            tokio::time::sleep(door.limits.recheck_every).await;
            let now = guest.borrow().clone();
            if let Some(now) = now
                && !still_good(door, &now).await
            {
                return;
            }
        }
    };
    let idle = async {
        // An error means that the connection is gone.
        while busy.wait_for(|count| *count == 0).await.is_ok() {
            let stirs = busy.wait_for(|count| *count > 0);
            if tokio::time::timeout(door.limits.idle_max, stirs).await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = allowed => {}, () = idle => {}, () = slot.cut().cancelled() => {} }
}

async fn still_good(door: &Door, guest: &Guest) -> bool {
    match guest.shown.principal(&door.site).await {
        Ok(now) => now.is_some_and(|now| now == guest.principal),
        // Not to be known is no reason to throw somebody out; what they do is asked about again.
        Err(_) => true,
    }
}

/// A connection that can be ended from outside, whatever it waits for.
struct Cuttable {
    stream: TcpStream,
    cut: Pin<Box<WaitForCancellationFutureOwned>>,
}

impl Cuttable {
    fn check(&mut self, context: &mut Context<'_>) -> io::Result<()> {
        match self.cut.as_mut().poll(context) {
            Poll::Ready(()) => Err(io::ErrorKind::ConnectionAborted.into()),
            Poll::Pending => Ok(()),
        }
    }
}

impl AsyncRead for Cuttable {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl AsyncWrite for Cuttable {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check(context)?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
