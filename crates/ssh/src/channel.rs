//! One command on one channel.

use crate::connection::Guest;
use crate::exec::{Exec, Refused};
use crate::listen::Door;
use crate::shown::Shown;
use forge::load::Class;
use forge::site::Protocol;
use forge::{Error, RepoPath};
use russh::server::{Handle, Msg};
use russh::{Channel, ChannelStream};
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncWriteExt as _, BufWriter};

/// What a client asked for.
pub(crate) enum Request {
    /// A shell.
    Greeting,
    /// A command.
    Exec(Exec),
    /// What is none.
    Refused(Refused),
}

/// A command that is run for somebody.
pub(crate) struct Call {
    pub(crate) door: Arc<Door>,
    pub(crate) guest: Guest,
    pub(crate) protocol: Protocol,
    pub(crate) terminal: bool,
}

/// How a command ended: its exit status, and words for the person at the client.
enum Ended {
    Well,
    /// In its own protocol the client knows already.
    Told,
    Badly(String),
}

/// Bytes gathered before they are sent: as many as one packet has.
const WRITE_BYTES: usize = 32 << 10;

impl Call {
    /// Runs it and ends the channel.
    pub(crate) async fn run(self, request: Request, channel: Channel<Msg>, handle: Handle) {
        let id = channel.id();
        let mut errors = channel.make_writer_ext(Some(1));
        let mut stream = channel.into_stream();
        let ended = self.serve(request, &mut stream).await;
        let status = match ended {
            Ended::Well => 0,
            Ended::Told => 1,
            Ended::Badly(words) => {
                let end = if self.terminal { "\r\n" } else { "\n" };
                let words = words.replace(char::is_control, " ");
                // Who is gone hears nothing.
                let _ = errors.write_all(format!("outlast: {words}{end}").as_bytes()).await;
                1
            }
        };
        let _ = handle.exit_status_request(id, status).await;
        let _ = handle.eof(id).await;
        let _ = handle.close(id).await;
        drop(stream);
    }

    async fn serve(&self, request: Request, stream: &mut ChannelStream<Msg>) -> Ended {
        match request {
            Request::Greeting => self.greet(stream).await,
            Request::Refused(refused) => Ended::Badly(refused.to_string()),
            Request::Exec(Exec::UploadPack(path)) => self.fetch(&path, stream).await,
            Request::Exec(Exec::ReceivePack(path)) => self.push(&path, stream).await,
            Request::Exec(Exec::Svnserve) => self.subversion(stream).await,
        }
    }

    async fn greet(&self, stream: &mut ChannelStream<Msg>) -> Ended {
        let end = if self.terminal { "\r\n" } else { "\n" };
        let (name, address) = (self.guest.principal.name(), &self.door.address);
        let words = match &self.guest.shown {
            Shown::Certificate(shown, ..) => {
                format!("Hello {name}, your certificate works ({}).{end}", shown.key_id.replace(char::is_control, " "))
            }
            Shown::Key(key) if self.guest.principal.is_confined() => {
                format!("Hello, this deploy key of {name}'s works ({}).{end}", key.fingerprint())
            }
            Shown::Key(key) => format!("Hello {name}, your key works ({}).{end}", key.fingerprint()),
        };
        let svn = self.door.svn.as_ref().map(|_| format!(", or with Subversion: svn+{address}/OWNER/NAME.svn"));
        let svn = svn.unwrap_or_default();
        let how = format!("There is no shell here. Use it with Git: git clone {address}/OWNER/NAME.git{svn}{end}");
        let greeting = async {
            stream.write_all((words + &how).as_bytes()).await?;
            stream.flush().await
        };
        if greeting.await.is_ok() { Ended::Well } else { Ended::Told }
    }

    async fn fetch(&self, path: &RepoPath, stream: &mut ChannelStream<Msg>) -> Ended {
        // Opening it is what may be much; how long it takes to send is the client's affair.
        let turn = match self.door.site.load().enter(Class::MemberRead, Some(self.guest.principal.user())).await {
            Ok(turn) => turn,
            Err(shed) => return tell(&shed.to_string(), stream).await,
        };
        let repository = match self.door.site.open_for_fetch(Some(&self.guest.principal), path).await {
            Ok(repository) => repository,
            Err(error) => return refuse(&error, stream).await,
        };
        drop(turn);
        let (reader, writer) = tokio::io::split(stream);
        let writer = BufWriter::with_capacity(WRITE_BYTES, writer);
        let served = repository.upload_stream(self.protocol, reader, writer, &self.door.pack_cache).await;
        ended(served, path, "a fetch")
    }

    async fn push(&self, path: &RepoPath, stream: &mut ChannelStream<Msg>) -> Ended {
        let _turn = match self.door.site.load().enter(Class::MemberWrite, Some(self.guest.principal.user())).await {
            Ok(turn) => turn,
            Err(shed) => return tell(&shed.to_string(), stream).await,
        };
        let repository = match self.door.site.open_for_push(Some(&self.guest.principal), path).await {
            Ok(repository) => repository,
            Err(error) => return refuse(&error, stream).await,
        };
        let (reader, writer) = tokio::io::split(stream);
        ended(repository.receive_stream(self.protocol, reader, writer).await, path, "a push")
    }

    async fn subversion(&self, stream: &mut ChannelStream<Msg>) -> Ended {
        let Some(svn) = &self.door.svn else {
            return Ended::Badly("this site does not speak Subversion over SSH".to_owned());
        };
        let (near, far) = tokio::io::duplex(WRITE_BYTES * 2);
        let serving = svn(self.guest.principal.clone(), Box::new(far));
        let (mut from_client, mut to_client) = tokio::io::split(stream);
        let (mut from_svn, mut to_svn) = tokio::io::split(near);
        let inwards = async {
            // When either is gone the other is told by the end of its stream.
            let _ = tokio::io::copy(&mut from_client, &mut to_svn).await;
            let _ = to_svn.shutdown().await;
            std::future::pending::<()>().await
        };
        let outwards = async { tokio::join!(serving, tokio::io::copy(&mut from_svn, &mut to_client)) };
        let served = tokio::select! {
            (served, _) = outwards => served,
            () = inwards => Ok(()),
        };
        match served {
            Ok(()) => Ended::Well,
            Err(error) => {
                tracing::debug!(%error, "a session of Subversion ended early");
                Ended::Told
            }
        }
    }
}

fn ended<E: std::fmt::Display>(served: Result<(), E>, path: &RepoPath, what: &str) -> Ended {
    match served {
        Ok(()) => Ended::Well,
        Err(error) => {
            tracing::info!(%error, repository = %path, "{what} over SSH was not completed");
            Ended::Told
        }
    }
}

/// Tells a Git client what the site says, in the words that it shows as the remote's.
async fn refuse(error: &Error, stream: &mut ChannelStream<Msg>) -> Ended {
    if error.is_ours() {
        tracing::error!(%error, "an SSH command failed");
    }
    tell(&error.to_string(), stream).await
}

async fn tell(words: &str, stream: &mut ChannelStream<Msg>) -> Ended {
    let line = forge::site::error_line(words);
    let told: io::Result<()> = async {
        stream.write_all(&line).await?;
        stream.flush().await
    }
    .await;
    match told {
        Ok(()) => Ended::Told,
        Err(_) => Ended::Badly(words.to_owned()),
    }
}
