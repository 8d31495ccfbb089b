//! Requests that the site makes to addresses which somebody named: webhooks, witnesses.
//!
//! Invariants:
//! 1. The address that is connected to is the one that was looked at: a name is resolved once.
//! 2. It is a global one, or one that the operator's configuration lists. Neither the site itself nor a vault of its is asked.
//! 3. No redirect is followed; of the answer no more bytes are read than the caller says.
//! 4. `https` everywhere; plain `http` to listed addresses alone.

mod address;
mod url;

use crate::error::Error;
pub(crate) use address::is_global;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};
pub(crate) use url::HookUrl;

/// How long one request may take, from the name to the status.
pub(crate) const EGRESS_TIME_MAX: Duration = Duration::from_secs(10);

/// Who may be asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Egress {
    /// Addresses that are allowed though they are not global.
    pub(crate) allowed: Vec<IpAddr>,
    /// Hosts that are never asked: the site and its vaults.
    pub(crate) own: Vec<String>,
}

/// What is posted.
pub(crate) struct Post<'a> {
    pub(crate) content_type: &'a str,
    pub(crate) headers: &'a [(&'a str, String)],
    pub(crate) body: String,
    /// Bytes of the answer that are read; an answer with more is an error, unless none are wanted.
    pub(crate) answer_bytes_max: usize,
}

/// What was answered.
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::conflict(format!("the address was not reached: {error}"))
}

impl Egress {
    /// Posts it, and gives the answer.
    ///
    /// # Errors
    /// When the address may not be asked, or does not answer in time.
    pub(crate) async fn post(&self, url: &HookUrl, post: Post<'_>) -> Result<Answered, Error> {
        let posting = async {
            let address = self.address(url).await?;
            self.exchange(address, url, post).await
        };
        tokio::time::timeout(EGRESS_TIME_MAX, posting).await.map_err(|_| failed("it took too long"))?
    }

    /// The first address of the host that may be asked.
    async fn address(&self, url: &HookUrl) -> Result<SocketAddr, Error> {
        // What the configuration lists by its number is meant, though the site may be on the same machine.
        let listed = url.host().parse().is_ok_and(|ip: IpAddr| self.allowed.contains(&ip));
        if !listed && self.own.iter().any(|own| own.eq_ignore_ascii_case(url.host())) {
            return Err(failed("it is the site itself, or a vault of it"));
        }
        let found = lookup_host((url.host(), url.port())).await.map_err(failed)?;
        let mut refused = None;
        for address in found {
            let ip = address.ip().to_canonical();
            let listed = self.allowed.contains(&ip);
            if listed || (is_global(ip) && url.is_tls()) {
                return Ok(SocketAddr::new(ip, address.port()));
            }
            refused = Some(ip);
        }
        Err(match refused {
            Some(ip) if is_global(ip) => failed("it must be https"),
            Some(ip) => failed(format!("{ip} is no address outside; an operator may list it as egress_allow")),
            None => failed("its name has no address"),
        })
    }

    async fn exchange(&self, address: SocketAddr, url: &HookUrl, what: Post<'_>) -> Result<Answered, Error> {
        let stream = TcpStream::connect(address).await.map_err(failed)?;
        if !url.is_tls() {
            return post(TokioIo::new(stream), url, what).await;
        }
        let tls = tokio_rustls::TlsConnector::from(vault::public_client().map_err(failed)?);
        let name = url.host().to_owned().try_into().map_err(failed)?;
        post(TokioIo::new(tls.connect(name, stream).await.map_err(failed)?), url, what).await
    }
}

async fn post<T>(io: T, url: &HookUrl, what: Post<'_>) -> Result<Answered, Error>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(io).await.map_err(failed)?;
    let connection = tokio::spawn(connection);
    let request = Request::post(url.path())
        .header(header::HOST, url.authority())
        .header(header::CONTENT_TYPE, what.content_type)
        .header(header::USER_AGENT, concat!("outlast/", env!("CARGO_PKG_VERSION")));
    let request = what.headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    let request = request.body(Full::new(Bytes::from(what.body))).map_err(failed)?;
    let response = sender.send_request(request).await.map_err(failed)?;
    let status = response.status();
    let content_type = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let content_type = content_type.unwrap_or_default().to_owned();
    let body = match what.answer_bytes_max {
        0 => Bytes::new(),
        most => Limited::new(response.into_body(), most).collect().await.map_err(failed)?.to_bytes(),
    };
    connection.abort();
    Ok(Answered { status, content_type, body })
}

#[cfg(test)]
mod tests;
