//! How the site sends mail.

use super::{ApplyError, Payload, Stamp, wire};
use crate::db::{Tx, Value};
use minicbor::{Decode, Encode};

wire::words! {
    /// How the connection to the mail server is protected.
    MailSecurity {
        /// TLS from the first byte (port 465).
        0 Tls = "tls",
        /// TLS after a greeting, or no mail (port 587).
        1 StartTls = "starttls",
        /// None: for a server on this very machine.
        2 Plain = "none",
    }
}

/// Where mail is handed over from now on. What was in force before stays readable: that this changed is told by it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MailSet {
    /// The mail server; None: no mail is sent from now on.
    #[n(0)]
    pub host: Option<String>,
    /// Its port.
    #[n(1)]
    pub port: u32,
    /// How the connection is protected.
    #[n(2)]
    pub security: MailSecurity,
    /// The name to sign in with there.
    #[n(3)]
    pub login: Option<String>,
    /// The password for it, sealed to the recovery key and the site (age).
    #[cbor(n(4), with = "minicbor::bytes")]
    pub secret: Option<Vec<u8>>,
    /// The address that mail comes from.
    #[n(5)]
    pub sender: String,
}

impl Payload for MailSet {
    fn apply(&self, tx: &mut Tx, at: &Stamp) -> Result<(), ApplyError> {
        let sql = "INSERT INTO mail_transport (id, host, port, security, login, secret, sender, set_us)
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let values: [Value; 8] = [
            at.seq.into(),
            self.host.as_deref().into(),
            self.port.into(),
            self.security.as_str().into(),
            self.login.as_deref().into(),
            self.secret.as_deref().into(),
            (&self.sender).into(),
            at.time_us.into(),
        ];
        tx.execute(sql, &values)?;
        Ok(())
    }
}
