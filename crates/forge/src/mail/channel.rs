//! Mail as a channel of the [outbox](crate::outbox).

use super::letters::{self, host_of};
use super::{Letter, Transport, send, transport_fetch};
use crate::db::{Db, Tx};
use crate::error::Error;
use crate::event::{Event, Stamp};
use crate::keys::Keys;
use crate::ledger::Ledger;
use crate::log::{entry_fetch, read_row};
use crate::outbox::Channel;
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::watch;
use vault::seal::{Identity, open_blob};

/// Bytes of a mail server's password.
pub(crate) const SECRET_BYTES_MAX: u64 = 1024;

/// Everything that it takes to write to somebody.
#[derive(Clone)]
pub(crate) struct MailChannel {
    db: Db,
    /// The site's address.
    site: String,
    /// What opens passwords.
    identities: Arc<Vec<Identity>>,
    /// Up to where entries are held.
    held: watch::Receiver<u64>,
    /// Where Subversion's repositories lie, for what commits have changed.
    repositories: Option<PathBuf>,
}

impl MailChannel {
    /// Of the site with these keys, at this address.
    pub(crate) fn new(ledger: &Ledger, keys: &Keys, site: &str) -> Result<Self, Error> {
        let (db, identities) = (ledger.db().clone(), Arc::new(keys.identities()?));
        let (site, held) = (site.trim_end_matches('/').to_owned(), ledger.shipping().held());
        Ok(Self { db, site, identities, held, repositories: None })
    }

    /// Tells of commits what they have changed.
    pub(crate) fn reading(mut self, repositories: PathBuf) -> Self {
        self.repositories = Some(repositories);
        self
    }

    /// What this site calls itself.
    pub(crate) fn host(&self) -> &str {
        host_of(&self.site)
    }

    /// Sends one letter.
    pub(crate) async fn post(&self, transport: &Transport, letter: &Letter) -> Result<(), Error> {
        let secret = transport.secret.as_deref().map(|sealed| self.open(sealed)).transpose()?;
        send(transport, secret, self.host(), letter).await
    }

    fn open(&self, sealed: &[u8]) -> Result<String, Error> {
        let read = |identity: &Identity| {
            let mut secret = String::new();
            open_blob(identity, sealed).ok()?.take(SECRET_BYTES_MAX).read_to_string(&mut secret).ok()?;
            Some(secret)
        };
        let none = || Error::conflict("the mail server's password was sealed for another site: set it again");
        self.identities.iter().find_map(read).ok_or_else(none)
    }
}

/// The transport that was in force when an entry came: mail that is set up today tells nothing of yesterday. That mail was changed or
/// switched off is told by the transport before, so that who takes it over or ends it can't do so in silence.
fn transport_then(tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Option<Transport>, Error> {
    let before = if matches!(event, Event::MailSet(_)) { transport_fetch(tx, at.seq)? } else { None };
    before.map_or_else(|| Ok(transport_fetch(tx, at.seq + 1)?), |before| Ok(Some(before)))
}

/// The transport that tells of an entry now: the newest, which may be the one that works at last; that of then when mail was switched off
/// meanwhile, or when that is what is told.
fn transport_for(tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Option<Transport>, Error> {
    let newest = transport_fetch(tx, u64::MAX)?;
    let then = transport_then(tx, at, event)?;
    let changes = matches!(event, Event::MailSet(_)) && then.as_ref().is_some_and(|then| then.id < at.seq);
    Ok(if changes { then } else { newest.or(then) })
}

impl Channel for MailChannel {
    const NAME: &'static str = "mail";

    fn recipients(&self, tx: &mut Tx, at: &Stamp, event: &Event) -> Result<Vec<String>, Error> {
        let Some(_) = transport_then(tx, at, event)? else { return Ok(Vec::new()) };
        letters::recipients(tx, at, event)
    }

    async fn send(&self, entry: u64, to: &str) -> Result<(), Error> {
        let (site, host, addressee) = (self.site.clone(), self.host().to_owned(), to.to_owned());
        let (held, repositories) = (*self.held.borrow(), self.repositories.clone());
        let read = move |tx: &mut Tx| {
            let Some(row) = entry_fetch(tx, entry)? else { return Ok(None) };
            let event = read_row(&row)?.1;
            if matches!(event, Event::SvnCommitted(_)) && entry >= held {
                return Err(Error::conflict(format!("entry {entry} is not held yet")));
            }
            let transport = transport_for(tx, &row.stamp, &event)?;
            let text = letters::text(tx, &site, &addressee, &row.stamp, &event, repositories.as_deref())?;
            Ok::<_, Error>(transport.zip(text))
        };
        let Some((transport, (subject, text))) = self.db.read_async(read).await? else { return Ok(()) };
        let digest = journal::Hash::of(to.to_ascii_lowercase().as_bytes()).to_string();
        let id = format!(
            "{entry}.{}@{host}",
            digest.chars().filter(char::is_ascii_alphanumeric).take(16).collect::<String>()
        );
        self.post(&transport, &Letter { to: to.to_owned(), subject, text, id }).await
    }
}
