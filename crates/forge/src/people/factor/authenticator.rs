//! Authenticators: what is known of each, and who signed something.

use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::factor::{AuthenticatorAdded, AuthenticatorUsed};
use crate::people::query;
use crate::people::webauthn::{Assertion, Registered, RelyingParty, verify};
use crate::writer::{Command, Decide, Urgency};

/// An authenticator of somebody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authenticator {
    /// Its id: the entry that added it.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// What its owner calls it.
    pub name: String,
    /// The credential's id.
    pub credential: Vec<u8>,
    /// The public key, as COSE writes it.
    pub public_key: Vec<u8>,
    /// Its counter when it was last seen.
    pub sign_count: u32,
    /// Whether it verified its owner when it was registered.
    pub user_verified: bool,
    /// Whether the key is copied to other devices.
    pub backed_up: bool,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// When it last signed.
    pub used_us: Option<i64>,
    /// Until when it does nothing.
    pub sleeps_until_us: Option<i64>,
    /// Since when it is no longer good.
    pub removed_us: Option<i64>,
}

impl Authenticator {
    /// Whether it proves something at this time.
    #[must_use]
    pub fn is_good(&self, now_us: i64) -> bool {
        self.removed_us.is_none() && self.sleeps_until_us.is_none_or(|until| until <= now_us)
    }
}

fn authenticator_of(row: &Row) -> Result<Authenticator, DbError> {
    Ok(Authenticator {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        credential: row.get(3)?,
        public_key: row.get(4)?,
        sign_count: row.get(5)?,
        user_verified: row.get(6)?,
        backed_up: row.get(7)?,
        created_us: row.get(8)?,
        used_us: row.get(9)?,
        sleeps_until_us: row.get(10)?,
        removed_us: row.get(11)?,
    })
}

/// An account's authenticators that are not removed, by id; also those that sleep.
pub fn authenticator_list(tx: &mut Tx, account: u64) -> Result<Vec<Authenticator>, DbError> {
    let sql = "SELECT id, account, name, credential, public_key, sign_count, user_verified, backed_up, created_us,
               used_us, sleeps_until_us, removed_us FROM authenticator
               WHERE account = ?1 AND removed_us IS NULL ORDER BY id";
    tx.query(sql, &[account.into()])?.iter().map(authenticator_of).collect()
}

/// The authenticator with this id, also a removed one: what it signed stays checkable.
pub fn authenticator_by_id(tx: &mut Tx, id: u64) -> Result<Option<Authenticator>, DbError> {
    let sql = "SELECT id, account, name, credential, public_key, sign_count, user_verified, backed_up, created_us,
               used_us, sleeps_until_us, removed_us FROM authenticator WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| authenticator_of(&row)).transpose()
}

/// The authenticator whose credential has this id, also a removed one.
pub fn authenticator_by_credential(tx: &mut Tx, credential: &[u8]) -> Result<Option<Authenticator>, DbError> {
    let sql = "SELECT id, account, name, credential, public_key, sign_count, user_verified, backed_up, created_us,
               used_us, sleeps_until_us, removed_us FROM authenticator WHERE credential = ?1";
    tx.query_opt(sql, &[credential.into()])?.map(|row| authenticator_of(&row)).transpose()
}

/// The authenticator that signed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signer {
    /// Its id.
    pub authenticator: u64,
    /// Whose it is.
    pub account: u64,
    /// Whether it verified its owner this time.
    pub user_verified: bool,
    /// Its counter.
    pub sign_count: u32,
}

impl Signer {
    /// What the journal says of it. Whoever lets something happen by the signature writes this with it, so that a counter counts.
    #[must_use]
    pub fn used(&self) -> Event {
        AuthenticatorUsed { authenticator: self.authenticator, sign_count: self.sign_count }.into()
    }
}

/// Which authenticator signed this challenge; `account` says whose it must be (None: anybody's, for a sign-in without a name).
///
/// For an order, the challenge is the SHA-256 of its canonical form; ask for [`Signer::user_verified`] then. To be called in the
/// command that acts on it ([`Command::decide`]): only there has nobody removed the authenticator in between.
///
/// # Errors
/// [`Error::Invalid`] when the signature is not good; [`Error::Forbidden`] when the authenticator is unknown, another account's,
/// removed or asleep, or has counted backwards, which a copy does.
pub fn signer(
    tx: &mut Tx,
    rp: &RelyingParty,
    account: Option<u64>,
    challenge: &[u8; 32],
    assertion: &Assertion,
    now_us: i64,
) -> Result<Signer, Error> {
    let known = authenticator_by_credential(tx, &assertion.credential)?;
    let known = known.filter(|known| known.removed_us.is_none() && account.is_none_or(|id| id == known.account));
    let known = known.ok_or_else(|| Error::forbidden("this authenticator is not registered for this account"))?;
    let seen = verify(rp, challenge, &known.public_key, assertion)?;
    if !known.is_good(now_us) {
        return Err(Error::forbidden(
            "this authenticator is new and sleeps for a day; an officer can wake it before, and another one works at once",
        ));
    }
    let counts = seen.sign_count != 0 || known.sign_count != 0;
    if counts && seen.sign_count <= known.sign_count {
        return Err(Error::forbidden(
            "this authenticator has counted backwards: somebody may have copied it; remove it and use another",
        ));
    }
    let Authenticator { id, account, .. } = known;
    Ok(Signer { authenticator: id, account, user_verified: seen.user_verified, sign_count: seen.sign_count })
}

/// Registers an authenticator.
#[derive(Debug)]
pub struct AuthenticatorAdd {
    /// Whose.
    pub account: u64,
    /// What its owner calls it; empty: it gets a name.
    pub name: String,
    /// The key, verified.
    pub registered: Registered,
}

impl Command for AuthenticatorAdd {
    /// Its id, and whether it is good at once.
    type Output = (u64, bool);
    const URGENCY: Urgency = Urgency::Founding;
    /// An intruder who knows a password would make himself a way in that stays.
    const DURING_LOCKDOWN: bool = false;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, (u64, bool)), Error> {
        let user = query::user_by_id(tx, self.account)?.ok_or_else(|| Error::not_found("the account"))?;
        let have = authenticator_list(tx, self.account)?.len();
        if have >= super::FACTORS_MAX {
            return Err(Error::invalid(format!(
                "an account has at most {} keys; remove one first",
                super::FACTORS_MAX
            )));
        }
        let Registered { credential, public_key, sign_count, user_verified, backed_up } = self.registered;
        if authenticator_by_credential(tx, &credential)?.is_some() {
            return Err(Error::conflict("this key was registered before: use another one"));
        }
        let name = super::factor_name(&self.name, if backed_up { "Passkey" } else { "Security key" })?;
        let event = AuthenticatorAdded {
            account: self.account,
            name,
            credential,
            public_key,
            sign_count,
            user_verified,
            backed_up,
            sleeps_until_us: super::sleeps_until(tx, &user, ctx.now_us)?,
        };
        let awake = event.sleeps_until_us.is_none();
        Ok((vec![event.into()], (ctx.id(0), awake)))
    }
}
