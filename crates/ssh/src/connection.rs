//! One connection: who it is, and which commands run in it.

use crate::channel::{Call, Request};
use crate::exec;
use crate::listen::Door;
use crate::shown::{Shown, certificate};
use forge::Principal;
use forge::site::Protocol;
use forge::ssh::SshPublicKey;
use russh::keys::{Algorithm, Certificate, PublicKey};
use russh::server::{Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, Pty};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// Bytes of what a client says in its environment.
const ENVIRONMENT_BYTES_MAX: usize = 256;

/// Who came.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    pub(crate) principal: Principal,
    pub(crate) shown: Shown,
}

/// A channel that was opened and on which nothing runs yet.
struct Waiting {
    channel: Channel<Msg>,
    protocol: Protocol,
    terminal: bool,
}

/// What russh calls as the client asks.
pub(crate) struct Connection {
    door: Arc<Door>,
    address: IpAddr,
    guest: watch::Sender<Option<Guest>>,
    /// Commands that run in this connection, and in all of them.
    busy: watch::Sender<usize>,
    running: watch::Sender<usize>,
    waiting: HashMap<ChannelId, Waiting>,
}

/// Counts while it lives.
pub(crate) struct Counted(watch::Sender<usize>);

impl Counted {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}

impl Connection {
    pub(crate) fn new(
        door: Arc<Door>,
        address: IpAddr,
        guest: watch::Sender<Option<Guest>>,
        busy: watch::Sender<usize>,
        running: watch::Sender<usize>,
    ) -> Self {
        Self { door, address, guest, busy, running, waiting: HashMap::new() }
    }

    /// Who holds this key, if it may be used and the signature is no older than SHA-2.
    async fn holder(&self, key: &PublicKey, algorithm: &Algorithm) -> Option<Guest> {
        if matches!(algorithm, Algorithm::Rsa { hash: None }) {
            return None;
        }
        let key = SshPublicKey::from_blob(&key.to_bytes().ok()?).ok()?;
        self.guest_of(Shown::Key(key)).await
    }

    async fn guest_of(&self, shown: Shown) -> Option<Guest> {
        match forge::canary::coming_from(Some(self.address), shown.principal(&self.door.site)).await {
            Ok(principal) => Some(Guest { principal: principal?, shown }),
            Err(error) => {
                tracing::error!(%error, "whose an SSH key is can't be found out");
                None
            }
        }
    }

    fn welcome(&self, guest: Option<Guest>) -> Auth {
        let Some(guest) = guest else { return Auth::reject() };
        self.door.site.used(&guest.principal, self.address);
        self.guest.send_replace(Some(guest));
        Auth::Accept
    }

    /// What is to be run: what the client says, or the one command that its certificate is for.
    fn request(&self, said: Option<&[u8]>) -> Request {
        let guest = self.guest.borrow();
        let forced = guest.as_ref().and_then(|guest| guest.shown.forced()).map(str::as_bytes);
        match forced.or(said).map(exec::parse) {
            None => Request::Greeting,
            Some(Ok(exec)) => Request::Exec(exec),
            Some(Err(refused)) => Request::Refused(refused),
        }
    }

    /// Starts what the client asked for, on a channel of its.
    fn start(&mut self, id: ChannelId, request: Request, session: &mut Session) -> Result<(), russh::Error> {
        let (Some(waiting), Some(guest)) = (self.waiting.remove(&id), self.guest.borrow().clone()) else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        let counted = (Counted::new(&self.busy), Counted::new(&self.running));
        let call = Call { door: self.door.clone(), guest, protocol: waiting.protocol, terminal: waiting.terminal };
        let handle = session.handle();
        tokio::spawn(async move {
            call.run(request, waiting.channel, handle).await;
            drop(counted);
        });
        Ok(())
    }
}

impl Handler for Connection {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, _: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        // Of a certificate only its key is told here: where any authority is trusted, the signature is asked for first.
        let sound = !matches!(offer.algorithm, Algorithm::Rsa { hash: None });
        let known = self.holder(offer.public_key, offer.algorithm).await.is_some();
        let accepted = known || (sound && self.door.site.ssh_authorities_any().await.unwrap_or(false));
        Ok(if accepted { Auth::Accept } else { Auth::reject() })
    }

    async fn auth_publickey(&mut self, _: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let guest = self.holder(key.public_key, key.algorithm).await;
        Ok(self.welcome(guest))
    }

    async fn auth_openssh_certificate(&mut self, user: &str, shown: &Certificate) -> Result<Auth, Self::Error> {
        let guest = match certificate(shown) {
            Some(shown) => self.guest_of(Shown::Certificate(Arc::new(shown), user.to_owned(), self.address)).await,
            None => None,
        };
        Ok(self.welcome(guest))
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.waiting.len() + *self.busy.borrow() >= self.door.limits.channels_max {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        }
        self.waiting.insert(channel.id(), Waiting { channel, protocol: Protocol::V0, terminal: false });
        reply.accept().await;
        Ok(())
    }

    async fn channel_close(&mut self, channel: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.waiting.remove(&channel);
        Ok(())
    }

    async fn env_request(
        &mut self,
        channel: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        match self.waiting.get_mut(&channel) {
            Some(waiting) if name == "GIT_PROTOCOL" && value.len() <= ENVIRONMENT_BYTES_MAX => {
                waiting.protocol = Protocol::from_header(Some(value));
                session.channel_success(channel)
            }
            _ => session.channel_failure(channel),
        }
    }

    async fn pty_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        // There is none; but a greeting is shown better than "PTY allocation request failed".
        if let Some(waiting) = self.waiting.get_mut(&channel) {
            waiting.terminal = true;
        }
        session.channel_success(channel)
    }

    async fn shell_request(&mut self, channel: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        self.start(channel, self.request(None), session)
    }

    async fn exec_request(
        &mut self,
        channel: ChannelId,
        data: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        self.start(channel, self.request(Some(data)), session)
    }

    async fn subsystem_request(
        &mut self,
        channel: ChannelId,
        _: &str,
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_failure(channel)
    }
}
