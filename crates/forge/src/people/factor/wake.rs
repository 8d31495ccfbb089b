//! Waking a new factor, token, SSH key or linked sign-in of an officer or operator before its day is over: another officer says that it is theirs.

use crate::db::Tx;
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::FactorWoken;
use crate::people::query;
use crate::writer::{Command, Decide};

/// Wakes a factor.
#[derive(Debug)]
pub struct FactorWake {
    /// Which.
    pub factor: u64,
    /// The officer who says so.
    pub officer: u64,
}

impl Command for FactorWake {
    type Output = ();

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let officer = query::user_by_id(tx, self.officer)?.filter(|user| user.officer);
        officer.ok_or_else(|| Error::forbidden("only an officer wakes a factor"))?;
        let sql = "SELECT account FROM authenticator WHERE id = ?1 AND removed_us IS NULL AND sleeps_until_us > ?2
                   UNION ALL SELECT account FROM totp WHERE id = ?1 AND removed_us IS NULL AND sleeps_until_us > ?2
                   UNION ALL SELECT account FROM token WHERE id = ?1 AND revoked_us IS NULL AND sleeps_until_us > ?2
                   UNION ALL SELECT account FROM ssh_key WHERE id = ?1 AND removed_us IS NULL AND sleeps_until_us > ?2
                   UNION ALL SELECT account FROM oidc_identity
                             WHERE id = ?1 AND removed_us IS NULL AND sleeps_until_us > ?2";
        let row = tx.query_opt(sql, &[self.factor.into(), ctx.now_us.into()])?;
        let owner: u64 =
            row.ok_or_else(|| Error::not_found("a sleeping factor, token or key of this number"))?.get(0)?;
        if owner == self.officer {
            return Err(Error::forbidden("somebody else must say that it is yours: ask another officer"));
        }
        Ok((vec![FactorWoken { factor: self.factor }.into()], ()))
    }
}
