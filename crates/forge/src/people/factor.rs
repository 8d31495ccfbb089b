//! Second factors: authenticators (security keys, passkeys), one-time password apps, recovery codes.
//!
//! Invariants:
//! 1. What is good once (a one-time password's step, a recovery code, an authenticator's counter) is used up by the one writer, in the
//!    command that lets somebody in by it: of many at the same time one succeeds.
//! 2. A factor opens its own account and no other: each is looked up together with the account.
//! 3. A factor that sleeps or was removed proves nothing.
//! 4. Of an officer or operator every factor but the very first sleeps for a day. The first is good at once, because somebody who runs a
//!    new site must be able to begin; an account that ever had one is past its beginning, also after all were removed.

pub mod authenticator;
mod change;
pub mod recovery;
pub mod totp;
mod wake;

pub use authenticator::{Authenticator, AuthenticatorAdd, Signer, authenticator_list, signer};
pub use change::{FactorName, FactorRemove};
pub use recovery::{RecoveryCode, RecoveryCodesMake, recovery_codes_left};
pub use totp::{Totp, TotpAdd, TotpSecret, totp_list};
pub use wake::FactorWake;

use super::query::User;
use crate::db::{DbError, Tx};
use crate::error::Error;
use crate::mutant::{Mutant, without};
use crate::names::plain_text;
use crate::writer::Decide;

/// Factors of one account at one time.
pub const FACTORS_MAX: usize = 20;
/// Characters of a factor's name.
pub const FACTOR_NAME_CHARS_MAX: usize = 100;
/// How long a new factor of an officer or operator does nothing, microseconds: 24 hours.
pub const FACTOR_SLEEP_US: i64 = 24 * 60 * 60 * 1_000_000;

/// What an account has besides its password.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Factors {
    /// Authenticators that are awake.
    pub authenticators: u64,
    /// Apps that are awake.
    pub totps: u64,
    /// Of both those that sleep.
    pub asleep: u64,
}

impl Factors {
    /// Whether it has one, awake or not: from then on the password alone signs nobody in.
    #[must_use]
    pub fn any(&self) -> bool {
        self.authenticators + self.totps + self.asleep > 0
    }
}

/// What an account has besides its password.
pub fn factors(tx: &mut Tx, account: u64, now_us: i64) -> Result<Factors, DbError> {
    let mut count = |sql: &'static str| {
        let row = tx.query_one(sql, &[account.into(), now_us.into()])?;
        Ok::<(u64, u64), DbError>((row.get(0)?, row.get(1)?))
    };
    let (authenticators, keys) = count(
        "SELECT count(*), coalesce(sum(CASE WHEN sleeps_until_us > ?2 THEN 1 ELSE 0 END), 0) FROM authenticator
         WHERE account = ?1 AND removed_us IS NULL",
    )?;
    let (totps, apps) = count(
        "SELECT count(*), coalesce(sum(CASE WHEN sleeps_until_us > ?2 THEN 1 ELSE 0 END), 0) FROM totp
         WHERE account = ?1 AND removed_us IS NULL",
    )?;
    Ok(Factors { authenticators: authenticators - keys, totps: totps - apps, asleep: keys + apps })
}

/// Until when a factor that is added now sleeps (invariant 4).
fn sleeps_until(tx: &mut Tx, user: &User, now_us: i64) -> Result<Option<i64>, DbError> {
    if !(user.officer || user.operator) {
        return Ok(None);
    }
    let sql = "SELECT (SELECT count(*) FROM authenticator WHERE account = ?1)
               + (SELECT count(*) FROM totp WHERE account = ?1)";
    let ever: u64 = tx.query_one(sql, &[user.id.into()])?.get(0)?;
    Ok((ever > 0 && !without(Mutant::Dormancy)).then(|| now_us.saturating_add(FACTOR_SLEEP_US)))
}

/// Until when a token or key sleeps that an officer or operator makes when signed in: who has stolen a session of theirs gets nothing that
/// works before somebody hears of it. What is made at the machine works at once.
pub(crate) fn made_inside_sleeps(tx: &mut Tx, ctx: &Decide, user: &User) -> Result<Option<i64>, DbError> {
    ctx.by.credential.map_or(Ok(None), |_| sleeps_until(tx, user, ctx.now_us))
}

/// What somebody calls a factor; without a name it gets `default`.
fn factor_name(text: &str, default: &str) -> Result<String, Error> {
    Ok(plain_text("a name", text, FACTOR_NAME_CHARS_MAX)?.unwrap_or_else(|| default.to_owned()))
}
