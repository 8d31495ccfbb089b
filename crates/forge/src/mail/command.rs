//! Setting how mail is sent.

use super::query::transport_fetch;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::mail::{MailSecurity, MailSet};
use crate::names::{Email, is_harmless};
use crate::people::Principal;
use crate::people::authenticate::still_good;
use crate::writer::{Command, Decide};
use std::net::IpAddr;

/// Bytes of a mail server's name.
const HOST_BYTES_MAX: usize = 253;
/// Bytes of the name to sign in with there.
const LOGIN_BYTES_MAX: usize = 320;

/// A mail server, as somebody asks for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailServer {
    host: String,
    port: u16,
    security: MailSecurity,
    login: Option<String>,
    sender: Email,
}

impl MailServer {
    /// Checks what cannot be right.
    ///
    /// # Errors
    /// [`Error::Invalid`]: a host that is none, port 0, or no protection on the way to another machine.
    pub fn new(host: &str, port: u16, security: &str, login: &str, sender: &str) -> Result<Self, Error> {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:".contains(c);
        if host.is_empty() || host.len() > HOST_BYTES_MAX || !host.chars().all(plain) {
            return Err(Error::invalid("a mail server is named as in mail.example.org"));
        }
        let security = MailSecurity::parse(security)
            .ok_or_else(|| Error::invalid("mail is protected by tls, starttls, or none on this very machine"))?;
        if port == 0 {
            return Err(Error::invalid("a port is 1 to 65535: 465 for tls, 587 for starttls"));
        }
        if security == MailSecurity::Plain && !is_loopback(host) {
            return Err(Error::invalid("without TLS mail goes to a server on this very machine alone: 127.0.0.1"));
        }
        if login.len() > LOGIN_BYTES_MAX || !login.chars().all(is_harmless) {
            return Err(Error::invalid("that is no name to sign in with"));
        }
        let login = Some(login.to_owned()).filter(|login| !login.is_empty());
        Ok(Self { host: host.to_ascii_lowercase(), port, security, login, sender: sender.parse()? })
    }
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Sets how mail is sent.
#[derive(Debug)]
pub struct MailPut {
    /// The server; None: no mail from then on.
    pub server: Option<MailServer>,
    /// The password there, sealed; None: the one that is set, if server and login stay what they are.
    pub secret: Option<Vec<u8>>,
    /// Who; None: the operator at the machine.
    pub by: Option<Principal>,
}

impl Command for MailPut {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        if let Some(who) = &self.by
            && !still_good(tx, who.credential(), ctx.now_us)?
        {
            return Err(Error::Unauthenticated("your sign-in or token was ended meanwhile".into()));
        }
        let before = transport_fetch(tx, u64::MAX)?;
        let Some(server) = self.server else {
            let off = || MailSet {
                host: None,
                port: 0,
                security: MailSecurity::Tls,
                login: None,
                secret: None,
                sender: String::new(),
            };
            return Ok((before.is_some().then(|| off().into()).into_iter().collect(), ()));
        };
        let MailServer { host, port, security, login, sender } = server;
        // A password is never shown to another server than the one that it was given for.
        let same = before.filter(|known| known.host == host && known.login == login);
        let secret = self.secret.or_else(|| same.and_then(|known| known.secret));
        if login.is_some() && secret.is_none() {
            return Err(Error::invalid("a name to sign in with needs its password"));
        }
        let secret = secret.filter(|_| login.is_some());
        let sender = sender.as_str().to_owned();
        Ok((vec![MailSet { host: Some(host), port: port.into(), security, login, secret, sender }.into()], ()))
    }
}

#[cfg(test)]
mod tests {
    use super::MailServer;

    #[test]
    fn without_tls_mail_stays_on_the_machine() {
        let server = |host, security| MailServer::new(host, 25, security, "", "outlast@example.org");
        for host in ["127.0.0.1", "localhost", "::1", "127.9.9.9"] {
            server(host, "none").unwrap();
        }
        for host in ["mail.example.org", "10.0.0.1", "localhost.example.org"] {
            assert!(server(host, "none").unwrap_err().to_string().contains("this very machine"), "{host}");
            server(host, "starttls").unwrap();
        }
        for host in ["", "a b", "host/x", "h\u{fc}te", "user@host"] {
            assert!(server(host, "tls").is_err(), "{host}");
        }
        assert!(server("mail.example.org", "ssl").is_err());
        assert!(MailServer::new("h", 0, "tls", "", "o@example.org").is_err());
        assert!(MailServer::new("h", 1, "tls", "", "nobody").is_err());
    }
}
