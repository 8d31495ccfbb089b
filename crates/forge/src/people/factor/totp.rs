//! One-time passwords from an app (TOTP, RFC 6238: SHA-1, 30 s, six digits, which is what every app knows).

use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{TotpAdded, TotpUsed};
use crate::people::ticket::{constant_time_eq, random};
use crate::people::{base32, query};
use crate::writer::{Command, Decide, Urgency};
use ring::hmac;

/// Seconds for which a code is shown.
const STEP_S: u64 = 30;
/// Codes before and after the present one that are taken too: clocks differ, people type.
const STEPS_APART_MAX: u64 = 1;
/// Bytes of a secret.
const SECRET_BYTES: usize = 20;

/// An app's secret: shown to its owner once, when it is enrolled.
#[derive(Clone, PartialEq, Eq)]
pub struct TotpSecret(Vec<u8>);

impl TotpSecret {
    /// A new one.
    pub fn generate() -> Result<Self, Error> {
        let mut secret = vec![0; SECRET_BYTES];
        random(&mut secret)?;
        Ok(Self(secret))
    }

    /// One that was made before.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// For typing into an app.
    #[must_use]
    pub fn base32(&self) -> String {
        base32::encode(&self.0)
    }

    /// What a QR code for apps says.
    #[must_use]
    pub fn uri(&self, site: &str, name: &str) -> String {
        format!("otpauth://totp/{site}:{name}?secret={}&issuer={site}&algorithm=SHA1&digits=6&period=30", self.base32())
    }

    /// The six digits of a step.
    #[must_use]
    pub fn code(&self, step: u64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let tag = hmac::sign(&key, &step.to_be_bytes());
        let bytes = tag.as_ref();
        let at = usize::from(bytes[bytes.len() - 1] & 0x0f);
        let word = bytes[at..at + 4].iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        format!("{:06}", (word & 0x7fff_ffff) % 1_000_000)
    }

    /// The step whose code this is, after `after`, near this time.
    #[must_use]
    pub fn step_of(&self, code: &str, after: Option<u64>, now_us: i64) -> Option<u64> {
        let code: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        let now = u64::try_from(now_us).unwrap_or(0) / 1_000_000 / STEP_S;
        let near = now.saturating_sub(STEPS_APART_MAX)..=now.saturating_add(STEPS_APART_MAX);
        near.filter(|step| after.is_none_or(|after| *step > after))
            .find(|step| constant_time_eq(self.code(*step).as_bytes(), code.as_bytes()))
    }
}

impl std::fmt::Debug for TotpSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TotpSecret(..)")
    }
}

/// An app of somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totp {
    /// Its id: the entry that added it.
    pub id: u64,
    /// What its owner calls it.
    pub name: String,
    secret: TotpSecret,
    step: u64,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// When a code of it was last used.
    pub used_us: Option<i64>,
    /// Until when it does nothing.
    pub sleeps_until_us: Option<i64>,
}

fn totp_of(row: &Row) -> Result<Totp, DbError> {
    Ok(Totp {
        id: row.get(0)?,
        name: row.get(1)?,
        secret: TotpSecret(row.get(2)?),
        step: row.get(3)?,
        created_us: row.get(4)?,
        used_us: row.get(5)?,
        sleeps_until_us: row.get(6)?,
    })
}

/// An account's apps that are not removed, by id; also those that sleep.
pub fn totp_list(tx: &mut Tx, account: u64) -> Result<Vec<Totp>, DbError> {
    let sql = "SELECT id, name, secret, step, created_us, used_us, sleeps_until_us FROM totp
               WHERE account = ?1 AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[account.into()])?.iter().map(totp_of).collect()
}

/// What is written when this code is let in by: none of its step or an earlier one is good afterwards. To be called in the command
/// that acts on it.
///
/// # Errors
/// [`Error::Unauthenticated`] when no app of the account shows it, or it was used.
pub fn totp_use(tx: &mut Tx, account: u64, code: &str, now_us: i64) -> Result<(u64, Event), Error> {
    let apps = totp_list(tx, account)?;
    let awake = apps.iter().filter(|app| app.sleeps_until_us.is_none_or(|until| until <= now_us));
    let fitting = awake.filter_map(|app| Some((app.id, app.secret.step_of(code, Some(app.step), now_us)?))).next();
    let (totp, step) = fitting.ok_or_else(|| {
        Error::Unauthenticated("this code is not right, or was used before: wait for the next one".into())
    })?;
    Ok((totp, TotpUsed { totp, step }.into()))
}

/// Enrols an app, by a code that it shows. Gives its id.
#[derive(Debug)]
pub struct TotpAdd {
    /// Whose.
    pub account: u64,
    /// What its owner calls it; empty: it gets a name.
    pub name: String,
    /// Shared with the app.
    pub secret: TotpSecret,
    /// What the app shows.
    pub code: String,
}

impl Command for TotpAdd {
    type Output = u64;
    const URGENCY: Urgency = Urgency::Founding;
    /// An intruder who knows a password would make himself a way in that stays.
    const DURING_LOCKDOWN: bool = false;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let user = query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        if totp_list(tx, self.account)?.len() >= super::FACTORS_MAX {
            return Err(Error::invalid(format!(
                "an account has at most {} apps; remove one first",
                super::FACTORS_MAX
            )));
        }
        let privileged = user.officer || user.operator;
        if privileged && super::authenticator_list(tx, self.account)?.is_empty() {
            return Err(Error::invalid("an officer or operator adds a passkey first: the role needs one"));
        }
        let step = self.secret.step_of(&self.code, None, ctx.now_us).ok_or_else(|| {
            Error::invalid("this is not the code that the app should show: scan again, and look at the device's clock")
        })?;
        let name = super::factor_name(&self.name, "Authenticator app")?;
        let sleeps_until_us = super::sleeps_until(tx, &user, ctx.now_us)?;
        let event = TotpAdded { account: self.account, name, secret: self.secret.0.clone(), step, sleeps_until_us };
        Ok((vec![event.into()], ctx.id(0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6238, appendix B, the last six of its eight digits.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret(b"12345678901234567890".to_vec());
        for (time_s, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code(time_s / STEP_S), code);
        }
    }

    #[test]
    fn a_code_is_good_for_its_neighbours_and_not_twice() {
        let secret = TotpSecret(b"12345678901234567890".to_vec());
        let at = |step: u64| i64::try_from(step * STEP_S * 1_000_000 + 5).unwrap();
        let code = secret.code(1000);
        for now in [999, 1000, 1001] {
            assert_eq!(secret.step_of(&code, Some(998), at(now)), Some(1000));
        }
        assert_eq!(secret.step_of(&code, None, at(1002)), None, "too late");
        assert_eq!(secret.step_of(&code, None, at(998)), None, "too early");
        assert_eq!(secret.step_of(&code, Some(1000), at(1000)), None, "used");
        assert_eq!(secret.step_of(&format!(" {} {} ", &code[..3], &code[3..]), None, at(1000)), Some(1000));
        assert_eq!(secret.step_of("", None, at(1000)), None);
    }
}
