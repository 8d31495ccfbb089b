//! One message to one mail server.

use super::Transport;
use crate::error::Error;
use crate::event::mail::MailSecurity;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};
use std::time::Duration;

/// How long a server may take, from the first byte to its word that it has the message. The transport's own time is that of connecting.
const SMTP_TIME_MAX: Duration = Duration::from_secs(30);

/// A message to somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) to: String,
    pub(crate) subject: String,
    pub(crate) text: String,
    /// The same for the same message, however often it is sent.
    pub(crate) id: String,
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::conflict(format!("the mail was not taken: {error}"))
}

impl Letter {
    fn message(&self, sender: &str) -> Result<Message, Error> {
        let from: Address = sender.parse().map_err(failed)?;
        let to: Address = self.to.parse().map_err(failed)?;
        // Programs that answer mail do not answer this.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let message = Message::builder().from(from.into()).to(to.into()).subject(self.subject.clone());
        let message = message.message_id(Some(format!("<{}>", self.id))).raw_header(automatic);
        message.header(ContentType::TEXT_PLAIN).body(self.text.clone()).map_err(failed)
    }
}

/// Hands a message to the server. `host` is what this site calls itself.
pub(crate) async fn send(
    transport: &Transport,
    secret: Option<String>,
    host: &str,
    letter: &Letter,
) -> Result<(), Error> {
    let message = letter.message(&transport.sender)?;
    let parameters = || TlsParameters::new(transport.host.clone()).map_err(failed);
    let tls = match transport.security {
        MailSecurity::Tls => Tls::Wrapper(parameters()?),
        MailSecurity::StartTls => Tls::Required(parameters()?),
        MailSecurity::Plain => Tls::None,
    };
    let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(transport.host.clone())
        .port(transport.port)
        .tls(tls)
        .hello_name(ClientId::Domain(host.to_owned()))
        .timeout(Some(SMTP_TIME_MAX));
    if let (Some(login), Some(secret)) = (&transport.login, secret) {
        builder = builder.credentials(Credentials::new(login.clone(), secret));
    }
    let sent = tokio::time::timeout(SMTP_TIME_MAX, builder.build().send(message)).await;
    let slow = |_| failed(format!("{} said nothing for {} s", transport.host, SMTP_TIME_MAX.as_secs()));
    sent.map_err(slow)?.map(drop).map_err(failed)
}
