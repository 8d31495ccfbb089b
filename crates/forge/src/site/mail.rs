//! Mail.

use super::Site;
use super::people::submitter;
use crate::error::Error;
use crate::event::mail::MailSecurity;
use crate::mail::{Letter, MailChannel, MailPut, MailServer, SECRET_BYTES_MAX, transport_fetch};
use crate::names::Email;
use crate::outbox::OutboxStatus;
use crate::people::{Principal, Proved};
use vault::seal::seal_blob;

/// How mail is sent, without the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailInfo {
    /// The server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub security: MailSecurity,
    /// The name to sign in with there.
    pub login: Option<String>,
    /// The address that mail comes from.
    pub sender: String,
    /// The entry that set it.
    pub entry: u64,
}

impl Site {
    /// How mail is sent, for operators and at the admin socket; None: it is not.
    pub async fn mail_info(&self, by: Option<&Principal>) -> Result<Option<MailInfo>, Error> {
        by.map_or(Ok(()), Principal::needs_operator)?;
        let transport = self.db().read_async(|tx| transport_fetch(tx, u64::MAX)).await?;
        Ok(transport.map(|known| MailInfo {
            host: known.host,
            port: known.port,
            security: known.security,
            login: known.login,
            sender: known.sender,
            entry: known.id,
        }))
    }

    /// How sending goes.
    #[must_use]
    pub fn mail_status(&self) -> OutboxStatus {
        let mail = self.channels().into_iter().find(|(name, _)| *name == "mail");
        mail.map(|(_, status)| status).unwrap_or_default()
    }

    /// Sets how mail is sent, by an operator or at the admin socket. `server` None: no mail is sent from then on; `secret` None: the
    /// password stays, where server and login stay.
    pub async fn mail_set(
        &self,
        by: Option<&Proved>,
        server: Option<MailServer>,
        secret: Option<String>,
    ) -> Result<(), Error> {
        let by = by.map(Proved::who);
        by.map_or(Ok(()), Principal::needs_operator)?;
        let seal = |secret: String| {
            if secret.len() as u64 > SECRET_BYTES_MAX {
                return Err(Error::invalid(format!("the password has at most {SECRET_BYTES_MAX} bytes")));
            }
            let sealed = seal_blob(&self.keys.recipients()?, secret.as_bytes());
            sealed.map(|(_, bytes)| bytes).map_err(|e| Error::internal(e.to_string()))
        };
        let secret = secret.map(seal).transpose()?;
        self.ledger.submit(submitter(by), MailPut { server, secret, by: by.cloned() }).await.map(drop)
    }

    /// Sends a message to see whether mail works, by an operator or at the admin socket. Gives what the server it went to is called.
    pub async fn mail_test(&self, by: Option<&Proved>, to: &Email) -> Result<String, Error> {
        by.map(Proved::who).map_or(Ok(()), Principal::needs_operator)?;
        let site = self.base_url();
        let text = format!("Somebody who runs {site} asked for this message, to see whether mail arrives. It did.\n");
        self.mail_post(to.as_str(), "A message to try whether mail arrives", text).await
    }

    /// Sends at once what is in no entry, and is not sent again. Gives what the server it went to is called.
    pub(super) async fn mail_post(&self, to: &str, subject: &str, text: String) -> Result<String, Error> {
        let transport = self.db().read_async(|tx| transport_fetch(tx, u64::MAX)).await?;
        let transport = transport.ok_or_else(|| Error::conflict("no mail server is set"))?;
        let channel = MailChannel::new(&self.ledger, &self.keys, self.base_url())?;
        let host = channel.host();
        let letter = Letter {
            to: to.to_owned(),
            subject: format!("[{host}] {subject}"),
            text,
            id: format!("once.{:016x}@{host}", u64::from_be_bytes(crate::keys::random::<8>()?)),
        };
        channel.post(&transport, &letter).await?;
        Ok(format!("{}:{}", transport.host, transport.port))
    }
}
