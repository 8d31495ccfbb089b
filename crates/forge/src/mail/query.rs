//! Reading how mail is sent.

use crate::db::{DbError, DbErrorKind, Row, Tx};
use crate::event::mail::MailSecurity;

/// How mail is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Transport {
    /// The entry that set it.
    pub(crate) id: u64,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) security: MailSecurity,
    pub(crate) login: Option<String>,
    /// Sealed.
    pub(crate) secret: Option<Vec<u8>>,
    pub(crate) sender: String,
}

fn transport_of(row: &Row) -> Result<Option<Transport>, DbError> {
    let Some(host) = row.get(1)? else { return Ok(None) };
    let odd = || DbError::new(DbErrorKind::Corrupt, "a mail transport that no event sets");
    let (port, security) = (row.get::<u64>(2)?, row.get::<String>(3)?);
    let (port, security) = (u16::try_from(port).map_err(|_| odd())?, MailSecurity::parse(&security).ok_or_else(odd)?);
    let (login, secret, sender) = (row.get(4)?, row.get(5)?, row.get(6)?);
    Ok(Some(Transport { id: row.get(0)?, host, port, security, login, secret, sender }))
}

/// The transport that was in force at the entries below `before`; None: no mail was sent.
pub(crate) fn transport_fetch(tx: &mut Tx, before: u64) -> Result<Option<Transport>, DbError> {
    let sql = "SELECT id, host, port, security, login, secret, sender FROM mail_transport
               WHERE id < ?1 ORDER BY id DESC LIMIT 1";
    let row = tx.query_opt(sql, &[before.into()])?;
    Ok(row.as_ref().map(transport_of).transpose()?.flatten())
}
