//! The shares of the recovery key, as far as a site knows of them: how many there are, and each one's digest.

use super::Site;
use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::proof::RecoverySharesPublished;
use crate::keys::Published;
use crate::writer::{Command, Decide, Submitter, Urgency};

/// Writes which shares there are, as far as the journal does not say so yet.
#[derive(Debug)]
pub(super) struct SharesPublish(pub(super) Published);

impl Command for SharesPublish {
    type Output = ();
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let known = fetch(tx, &self.0.recipient)?;
        if known.as_ref() == Some(&self.0) {
            return Ok((Vec::new(), ()));
        }
        let Published { recipient, threshold, digests } = self.0;
        let digests = digests.iter().map(ToString::to_string).collect();
        Ok((vec![RecoverySharesPublished { recipient, threshold, digests }.into()], ()))
    }
}

fn fetch(tx: &mut Tx, recipient: &str) -> Result<Option<Published>, Error> {
    let sql = "SELECT threshold, digest FROM recovery_share WHERE recipient = ?1 ORDER BY number";
    let (mut threshold, mut digests) = (0, Vec::new());
    for row in tx.query(sql, &[recipient.into()])? {
        threshold = u8::try_from(row.get::<u64>(0)?).map_err(|_| Error::damaged("a share's threshold"))?;
        digests.push(row.get::<String>(1)?.parse().map_err(|e| Error::damaged(format!("a share's digest: {e}")))?);
    }
    Ok((!digests.is_empty()).then(|| Published { recipient: recipient.to_owned(), threshold, digests }))
}

impl Site {
    /// The shares of this site's recovery keys, of each that they were made known of.
    pub async fn recovery_shares(&self) -> Result<Vec<Published>, Error> {
        let recipients: Vec<_> = self.keys.recovery_recipients().map(str::to_owned).collect();
        let read = move |tx: &mut Tx| recipients.iter().filter_map(|key| fetch(tx, key).transpose()).collect();
        self.db().read_async(read).await
    }

    /// Makes known which shares there are.
    ///
    /// # Errors
    /// [`Error::Invalid`] when they are of another key than this site's.
    pub async fn recovery_shares_publish(&self, published: Published) -> Result<(), Error> {
        if !self.keys.recovery_recipients().any(|recipient| recipient == published.recipient) {
            return Err(Error::invalid("these are shares of another recovery key than this site's"));
        }
        self.ledger.submit(Submitter::default(), SharesPublish(published)).await.map(drop)
    }
}
