//! A vault's own channel for alarms: a POST of JSON to an address of its owner's choice.

use super::Message;
use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http1::handshake;
use hyper::{Request, StatusCode, header};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long a message may take to be delivered.
const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(20);

/// Where alarms go: `https://...`, or `http://` to this machine.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    tls: bool,
    authority: String,
    path: String,
}

/// Not a usable address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a webhook's address: give https://HOST/PATH, or http:// with an address of this machine")]
pub struct WebhookError;

impl FromStr for Webhook {
    type Err = WebhookError;

    fn from_str(text: &str) -> Result<Self, WebhookError> {
        let uri: http::Uri = text.parse().map_err(|_| WebhookError)?;
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or(WebhookError)?;
        let local = ["127.0.0.1", "localhost", "[::1]"].contains(&authority.host());
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if local => false,
            _ => return Err(WebhookError),
        };
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        Ok(Self { tls, authority: authority.to_string(), path: path.to_owned() })
    }
}

impl fmt::Debug for Webhook {
    /// Without the path, which is often a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Webhook({})", self.authority)
    }
}

impl Webhook {
    /// Delivers one message.
    pub(crate) async fn send(&self, vault: &str, message: &Message) -> io::Result<()> {
        let state = if message.over { "over" } else { "open" };
        let text = format!("Outlast vault {vault}: {} ({state}): {}", message.kind.as_str(), message.text);
        // `text` and `content` are what the usual chat services show.
        let body = json!({
            "vault": vault, "alarm": message.kind.as_str(), "state": state, "since": message.since_s,
            "count": message.count, "detail": message.text, "text": text, "content": text,
        });
        let sending = self.post(body.to_string().into());
        match tokio::time::timeout(WEBHOOK_TIMEOUT, sending).await {
            Ok(Ok(status)) if status.is_success() => Ok(()),
            Ok(Ok(status)) => Err(io::Error::other(format!("the webhook answered {status}"))),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    async fn post(&self, body: Bytes) -> io::Result<StatusCode> {
        let (host, port) = match self.authority.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (host, port.parse().map_err(io::Error::other)?),
            _ => (self.authority.as_str(), if self.tls { 443 } else { 80 }),
        };
        let host = host.trim_matches(['[', ']']);
        let stream = TcpStream::connect((host, port)).await?;
        if !self.tls {
            return self.exchange(TokioIo::new(stream), body).await;
        }
        let tls = tokio_rustls::TlsConnector::from(crate::tls::public_client()?);
        let name = host.to_owned().try_into().map_err(io::Error::other)?;
        self.exchange(TokioIo::new(tls.connect(name, stream).await?), body).await
    }

    async fn exchange<T>(&self, io: T, body: Bytes) -> io::Result<StatusCode>
    where
        T: hyper::rt::Read + hyper::rt::Write + Unpin + Send + 'static,
    {
        let (mut sender, connection) = handshake(io).await.map_err(io::Error::other)?;
        let connection = tokio::spawn(connection);
        let request = Request::post(&self.path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(body))
            .map_err(io::Error::other)?;
        let response = sender.send_request(request).await.map_err(io::Error::other)?;
        connection.abort();
        Ok(response.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_others_can_not_read_is_taken() {
        for good in
            ["https://hooks.example.org/a?b=c", "http://127.0.0.1:9000/x", "https://[2001:db8::1]/x", "https://h"]
        {
            assert!(good.parse::<Webhook>().is_ok(), "{good}");
        }
        for bad in ["http://example.org/x", "ftp://example.org", "https://user:pass@example.org/", "x"] {
            assert!(bad.parse::<Webhook>().is_err(), "{bad}");
        }
        let hook: Webhook = "https://hooks.example.org/secret".parse().unwrap();
        assert!(!format!("{hook:?}").contains("secret"));
    }
}
