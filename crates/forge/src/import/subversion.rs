//! Taking in a repository of Subversion from its URL: `svnrdump` reads it through a proxy of ours, and what comes is loaded as a dump.

use super::address::GitUrl;
use super::egress::Egress;
use crate::error::Error;
use crate::people::Principal;
use crate::site::{Site, SvnImportTo, SvnImported};
use crate::svn::Remote;
use std::io;
use svn::RemoteSource;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::io::StreamReader;

/// Bytes of the head of a request to the proxy.
const HEAD_BYTES_MAX: u64 = 64 << 10;

/// A proxy for one host; it ends when this is dropped.
struct Proxy {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Proxy {
    async fn start(egress: Egress, host: String, port: u16) -> Result<Self, Error> {
        let failed = |e: io::Error| Error::internal(format!("a proxy for an import: {e}"));
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let own = listener.local_addr().map_err(failed)?.port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let host = host.clone();
                tokio::spawn(async move {
                    if let Err(error) = hand_on(stream, egress, &host, port).await {
                        tracing::debug!(%error, "a connection of an import ended");
                    }
                });
            }
        });
        Ok(Self { port: own, task })
    }
}

/// One connection: a tunnel, or requests as they are. Whatever it asks for, it comes to the one host.
async fn hand_on(stream: TcpStream, egress: Egress, host: &str, port: u16) -> io::Result<()> {
    let mut client = BufReader::new(stream);
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let room = HEAD_BYTES_MAX.saturating_sub(head.len() as u64);
        if (&mut client).take(room).read_until(b'\n', &mut head).await? == 0 {
            return Err(io::Error::other("no request"));
        }
    }
    let mut there = match egress.connect(host, port).await {
        Ok(there) => there,
        Err(error) => {
            client.write_all(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").await?;
            return Err(io::Error::other(error.to_string()));
        }
    };
    if head.starts_with(b"CONNECT ") {
        client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").await?;
    } else {
        there.write_all(&head).await?;
    }
    tokio::io::copy_bidirectional(&mut client, &mut there).await.map(drop)
}

impl Site {
    /// Takes in a repository of Subversion from its URL (the root of it), as [`Site::svn_import`] takes in a dump.
    ///
    /// # Errors
    /// Those of that; [`Error::Invalid`] says what the other server, or its address, is not.
    pub async fn svn_import_from(
        &self,
        by: Option<&Principal>,
        to: SvnImportTo,
        url: &GitUrl,
        egress: Egress,
    ) -> Result<SvnImported, Error> {
        // Said at once and in our own words, before a program is started that would say it in others.
        drop(egress.connect(&url.host, url.port).await?);
        let proxy = Proxy::start(egress, url.host.clone(), url.port).await?;
        let login = url.credential.as_deref().and_then(|text| text.split_once(':'));
        if login.is_some_and(|(user, password)| {
            user.starts_with('-') || [user, password].concat().contains(char::is_control)
        }) {
            return Err(Error::invalid("that is no name and password"));
        }
        let address = url.to_string();
        let dump = self.subversion().remote(RemoteSource { url: &address, login, proxy_port: proxy.port }).await?;
        self.svn_import(by, to, reader(dump)).await
    }
}

/// What comes, up to its end; a dump that broke off is none.
fn reader(dump: Remote) -> impl AsyncRead + Send + Unpin {
    let next = |mut dump: Option<Remote>| async move {
        let mut going = dump.take()?;
        match going.next().await {
            Ok(Some(piece)) => Some((Ok(io::Cursor::new(piece)), Some(going))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    };
    StreamReader::new(Box::pin(futures_util::stream::unfold(Some(dump), next)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_proxy_leads_to_one_host_whatever_is_asked_for() {
        let there = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = there.local_addr().unwrap().port();
        let proxy = Proxy::start(Egress::Any, "127.0.0.1".to_owned(), port).await.unwrap();
        for (asked, passed) in [
            ("CONNECT elsewhere:1 HTTP/1.1\r\n\r\n", ""),
            ("GET http://elsewhere/ HTTP/1.1\r\n\r\n", "GET http://elsewhere/"),
        ] {
            let mut client = TcpStream::connect(("127.0.0.1", proxy.port)).await.unwrap();
            client.write_all(asked.as_bytes()).await.unwrap();
            let (mut came, _) = there.accept().await.unwrap();
            client.write_all(b"more").await.unwrap();
            client.shutdown().await.unwrap();
            let mut text = String::new();
            came.read_to_string(&mut text).await.unwrap();
            assert!(text.starts_with(passed) && text.ends_with("more"), "{text}");
        }
        let closed = Proxy::start(Egress::Public, "127.0.0.1".to_owned(), port).await.unwrap();
        let mut client = TcpStream::connect(("127.0.0.1", closed.port)).await.unwrap();
        client.write_all(b"CONNECT a:1 HTTP/1.1\r\n\r\n").await.unwrap();
        let mut text = String::new();
        client.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 502"), "{text}");
    }
}
