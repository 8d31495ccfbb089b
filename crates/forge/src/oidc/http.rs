//! Asking a provider: one request, one answer, no redirect.

use crate::error::Error;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode, Uri, header};
use hyper_util::rt::TokioIo;
use std::io;
use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a provider may take to answer.
const PROVIDER_TIME_MAX: Duration = Duration::from_secs(10);
/// Bytes of a provider's answer.
const PROVIDER_ANSWER_BYTES_MAX: usize = 256 * 1024;

/// Where a provider is asked: `https`, or `http` on this very machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    tls: bool,
    pub(super) host: String,
    port: u16,
    authority: String,
    path: String,
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bad = || Error::invalid(format!("{text:?} is no https address (http is for this very machine alone)"));
        let uri: Uri = text.parse().map_err(|_| bad())?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
        let host = authority.host().trim_matches(['[', ']']).to_ascii_lowercase();
        let here = host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if here => false,
            _ => return Err(bad()),
        };
        let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
        Ok(Self { tls, host, port, authority: authority.to_string(), path })
    }
}

/// A form to be sent.
pub(super) struct Sent {
    pub(super) body: String,
    /// The `Authorization` header.
    pub(super) authorization: Option<String>,
}

/// Asks, with a form or without. What goes wrong is the provider's, and is told as that.
pub(super) async fn ask(address: &Address, sent: Option<Sent>) -> Result<(StatusCode, Bytes), Error> {
    let wrong = |what: String| Error::conflict(format!("{} can't be asked: {what}", address.host));
    match tokio::time::timeout(PROVIDER_TIME_MAX, exchange(address, sent)).await {
        Ok(answer) => answer.map_err(|error| wrong(error.to_string())),
        Err(_) => Err(wrong(format!("it said nothing for {} s", PROVIDER_TIME_MAX.as_secs()))),
    }
}

async fn exchange(address: &Address, sent: Option<Sent>) -> io::Result<(StatusCode, Bytes)> {
    let stream = TcpStream::connect((address.host.as_str(), address.port)).await?;
    if !address.tls {
        return over(TokioIo::new(stream), address, sent).await;
    }
    let tls = vault::public_tls()?;
    let name = address.host.clone().try_into().map_err(io::Error::other)?;
    over(TokioIo::new(tls.connect(name, stream).await?), address, sent).await
}

async fn over<T>(io: T, address: &Address, sent: Option<Sent>) -> io::Result<(StatusCode, Bytes)>
where
    T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
{
    let (mut sender, connection) = handshake(io).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder()
        .uri(&address.path)
        .header(header::HOST, &address.authority)
        .header(header::ACCEPT, "application/json");
    let body = match sent {
        None => Bytes::new(),
        Some(Sent { body, authorization }) => {
            request = request.method("POST").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            if let Some(value) = authorization {
                request = request.header(header::AUTHORIZATION, value);
            }
            body.into()
        }
    };
    let request = request.body(Full::new(body)).map_err(io::Error::other)?;
    let response = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = response.status();
    let body =
        Limited::new(response.into_body(), PROVIDER_ANSWER_BYTES_MAX).collect().await.map_err(io::Error::other)?;
    connection.abort();
    Ok((status, body.to_bytes()))
}

/// Percent-encodes what stands in a query or a form.
pub(super) fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_are_asked_by_https_alone_but_on_this_machine() {
        let address: Address = "https://Login.Example.org/a?b=c".parse().unwrap();
        assert_eq!((address.host.as_str(), address.port, address.path.as_str()), ("login.example.org", 443, "/a?b=c"));
        for good in ["http://127.0.0.1:9/x", "http://[::1]/x", "http://localhost"] {
            good.parse::<Address>().unwrap();
        }
        for bad in ["http://example.org/", "http://10.0.0.1/", "ftp://example.org", "https://a@b/", "/x", ""] {
            bad.parse::<Address>().unwrap_err();
        }
    }
}
