//! Sessions: what a browser keeps after somebody signed in.

use super::factor::authenticator::{Authenticator, authenticator_by_id};
use super::factor::factors;
use super::principal::{Principal, Session};
use super::proof::{Proof, Shown};
use super::scope::Scopes;
use super::{policy, query};
use crate::clock::now_us;
use crate::db::{DbError, Row, Tx};
use crate::error::Error;
use crate::event::Event;
use crate::event::people::{SessionEnded, SessionStarted, SignIn};
use crate::settings::{Name, days_us};
use crate::writer::{Command, Decide, Urgency};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

/// How long a session may be idle, microseconds: 12 hours. One whose last use is unknown counts as used when it began.
pub const SESSION_IDLE_MAX_US: i64 = 12 * 60 * 60 * 1_000_000;
/// Sessions of one account that are good at one time; beyond it the oldest ends.
pub const SESSIONS_MAX: u32 = 100;
/// Characters that are kept of what a browser calls itself.
const AGENT_CHARS_MAX: usize = 200;

/// The secret in a session's cookie: 32 bytes of chance, in hex. It shows itself only when it is revealed.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionSecret([u8; 32]);

impl SessionSecret {
    /// A new one.
    pub fn generate() -> Result<Self, Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))?;
        Ok(Self(bytes))
    }

    /// The secret: for the cookie alone.
    #[must_use]
    pub fn reveal(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl FromStr for SessionSecret {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::Unauthenticated("you are signed out: sign in again".into());
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        for (byte, at) in bytes.iter_mut().zip((0..).step_by(2)) {
            *byte = u8::from_str_radix(&text[at..at + 2], 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for SessionSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionSecret(..)")
    }
}

/// A session, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionInfo {
    /// Its id.
    pub id: u64,
    /// Whose.
    pub account: u64,
    /// What the browser called itself.
    pub agent: String,
    /// The address it came from.
    pub address: Option<String>,
    /// Microseconds since 1970.
    pub created_us: i64,
    /// Until when it is good.
    pub expires_us: i64,
    /// Since when it is not.
    pub ended_us: Option<i64>,
    /// What it was begun with.
    pub how: SignIn,
    /// The authenticator or app it was begun with.
    pub factor: Option<u64>,
    /// The account had signed in before, and never from this address with such a browser.
    pub new_place: bool,
}

impl SessionInfo {
    /// Whether it is good at this time.
    #[must_use]
    pub fn is_good(&self, now_us: i64) -> bool {
        self.ended_us.is_none() && now_us < self.expires_us
    }
}

fn session_of(row: &Row) -> Result<SessionInfo, DbError> {
    Ok(SessionInfo {
        id: row.get(0)?,
        account: row.get(1)?,
        agent: row.get(2)?,
        address: row.get(3)?,
        created_us: row.get(4)?,
        expires_us: row.get(5)?,
        ended_us: row.get(6)?,
        how: row.get(7)?,
        factor: row.get(8)?,
        new_place: row.get(9)?,
    })
}

/// The session with this id.
pub fn session_by_id(tx: &mut Tx, id: u64) -> Result<Option<SessionInfo>, DbError> {
    let sql =
        "SELECT id, account, agent, address, created_us, expires_us, ended_us, how, factor, new_place FROM session
               WHERE id = ?1";
    tx.query_opt(sql, &[id.into()])?.map(|row| session_of(&row)).transpose()
}

/// An account's sessions that are not ended, the newest first.
pub fn session_list(tx: &mut Tx, account: u64, now_us: i64) -> Result<Vec<SessionInfo>, DbError> {
    let sql =
        "SELECT id, account, agent, address, created_us, expires_us, ended_us, how, factor, new_place FROM session
               WHERE account = ?1 AND ended_us IS NULL AND expires_us > ?2 ORDER BY id DESC";
    tx.query(sql, &[account.into(), now_us.into()])?.iter().map(session_of).collect()
}

/// Who is signed in with the secret of this hash.
///
/// A session has all the rights of its account, but for two cases: a role of the instance is asleep in one that was not begun with an
/// authenticator that verified its owner; and who must set up a factor first may do nothing else.
pub(super) fn principal_of_session(tx: &mut Tx, hash: &[u8; 32]) -> Result<Option<Principal>, DbError> {
    let sql =
        "SELECT id, account, agent, address, created_us, expires_us, ended_us, how, factor, new_place FROM session
               WHERE hash = ?1";
    let row = tx.query_opt(sql, &[hash.into()])?;
    let session = row.map(|row| session_of(&row)).transpose()?.filter(|session| session.is_good(now_us()));
    let Some(session) = session else { return Ok(None) };
    let Some(user) = query::user_by_id(tx, session.account)? else { return Ok(None) };
    let must_enrol = must_enrol(tx, &session)?;
    Ok(Some(Principal {
        user: user.id,
        name: user.name,
        credential: Some(session.id),
        scopes: if must_enrol { Scopes::default() } else { Scopes::all() },
        operator: user.operator && session.how == SignIn::Passkey,
        expires_us: Some(session.expires_us),
        repos: None,
        within: None,
        session: Some(Session {
            how: session.how,
            since_us: session.created_us,
            must_enrol,
            role_asleep: (user.operator || user.officer) && session.how != SignIn::Passkey,
        }),
    }))
}

/// After a recovery code until a factor is added; and where one is required and there is none.
fn must_enrol(tx: &mut Tx, session: &SessionInfo) -> Result<bool, DbError> {
    if session.how == SignIn::RecoveryCode {
        let sql = "SELECT (SELECT count(*) FROM authenticator WHERE account = ?1 AND id > ?2 AND removed_us IS NULL)
                   + (SELECT count(*) FROM totp WHERE account = ?1 AND id > ?2 AND removed_us IS NULL)";
        let since: u64 = tx.query_one(sql, &[session.account.into(), session.id.into()])?.get(0)?;
        return Ok(since == 0);
    }
    Ok(policy::required(tx)? && !factors(tx, session.account, now_us())?.any())
}

/// Signs somebody in. With or without vaults: who can read should be able to see what's wrong.
#[derive(Debug)]
pub struct SessionStart {
    /// Whose; None: the account of the key that signed.
    pub account: Option<u64>,
    /// What was shown for it.
    pub proof: Proof,
    /// Of the secret.
    pub hash: [u8; 32],
    /// What the browser called itself.
    pub agent: String,
    /// The address it came from.
    pub address: Option<String>,
}

impl Command for SessionStart {
    /// The session's id, and whose it is.
    type Output = (u64, u64);
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, (u64, u64)), Error> {
        let Shown { account, how, factor, used } = self.proof.check(tx, self.account, ctx.now_us)?;
        query::user_by_id(tx, account)?.ok_or_else(|| Error::not_found("the account"))?;
        let place = Place { agent: self.agent, address: self.address };
        let mut events = begin(tx, ctx.now_us, account, self.hash, place, how, factor)?;
        events.extend(used);
        Ok((events, (ctx.id(0), account)))
    }
}

/// Where somebody signs in from.
struct Place {
    agent: String,
    address: Option<String>,
}

/// The events of a new session; beyond [`SESSIONS_MAX`] the oldest ends.
fn begin(
    tx: &mut Tx,
    now_us: i64,
    account: u64,
    hash: [u8; 32],
    place: Place,
    how: SignIn,
    factor: Option<u64>,
) -> Result<Vec<Event>, DbError> {
    let good = session_list(tx, account, now_us)?;
    let old = good.iter().skip(SESSIONS_MAX as usize - 1);
    let agent: String = place.agent.chars().filter(|c| crate::names::is_harmless(*c)).take(AGENT_CHARS_MAX).collect();
    let expires_us = now_us.saturating_add(days_us(tx, Name::SessionDays)?);
    let new_place = Some(is_new_place(tx, account, &agent, place.address.as_deref())?);
    let (how, address) = (Some(how), place.address);
    let mut events: Vec<Event> =
        vec![SessionStarted { account, hash, agent, address, expires_us, how, factor, new_place }.into()];
    events.extend(old.map(|session| SessionEnded { session: session.id }.into()));
    Ok(events)
}

/// Whether an account that has signed in before never did so from this network with such a browser.
fn is_new_place(tx: &mut Tx, account: u64, agent: &str, address: Option<&str>) -> Result<bool, DbError> {
    let sql = "SELECT agent, address FROM session WHERE account = ?1 ORDER BY id DESC LIMIT 1000";
    let before = tx.query(sql, &[account.into()])?;
    let here = address.map(network);
    let mut known = before.is_empty();
    for row in &before {
        let (browser, from): (String, Option<String>) = (row.get(0)?, row.get(1)?);
        known |= browser == agent && from.as_deref().map(network) == here;
    }
    Ok(!known)
}

/// The network an address is in, as providers give them to their customers: /24 of IPv4, /48 of IPv6.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V4(v4)) => v4.octets()[..3].iter().map(|byte| format!("{byte}.")).collect(),
        Ok(IpAddr::V6(v6)) => v6.segments()[..3].iter().map(|part| format!("{part:x}:")).collect(),
        Err(_) => address.to_owned(),
    }
}

/// Ends all sessions of an account but one, with or without vaults.
#[derive(Debug)]
pub struct SessionsEnd {
    /// Whose.
    pub owner: u64,
    /// The one that goes on.
    pub except: Option<u64>,
}

impl Command for SessionsEnd {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let good = session_list(tx, self.owner, ctx.now_us)?;
        let others = good.into_iter().filter(|session| Some(session.id) != self.except);
        Ok((others.map(|session| SessionEnded { session: session.id }.into()).collect(), ()))
    }
}

/// Begins a session anew with another secret, because its owner has just registered a key that verified them: from now on it counts as
/// begun with it. The old secret is void, so who had stolen it has nothing of that.
#[derive(Debug)]
pub struct SessionRenew {
    /// Which.
    pub session: u64,
    /// Whose it must be.
    pub owner: u64,
    /// The key.
    pub authenticator: u64,
    /// Of the new secret.
    pub hash: [u8; 32],
}

impl Command for SessionRenew {
    type Output = u64;
    const URGENCY: Urgency = Urgency::Founding;

    fn decide(self, tx: &mut Tx, ctx: &Decide) -> Result<(Vec<Event>, u64), Error> {
        let old = session_by_id(tx, self.session)?.filter(|old| old.account == self.owner && old.is_good(ctx.now_us));
        let old = old.ok_or_else(|| Error::Unauthenticated("you are signed out: sign in again".into()))?;
        let key = authenticator_by_id(tx, self.authenticator)?;
        let verified = |key: &Authenticator| key.account == self.owner && key.user_verified && key.is_good(ctx.now_us);
        key.filter(verified).ok_or_else(|| Error::forbidden("this key does not verify its owner"))?;
        let place = Place { agent: old.agent, address: old.address };
        let mut events =
            begin(tx, ctx.now_us, self.owner, self.hash, place, SignIn::Passkey, Some(self.authenticator))?;
        events.push(SessionEnded { session: old.id }.into());
        Ok((events, ctx.id(0)))
    }
}

/// Ends a session, with or without vaults. Doing it twice changes nothing.
#[derive(Debug)]
pub struct SessionEnd {
    /// Which.
    pub session: u64,
    /// Whose it must be.
    pub owner: u64,
}

impl Command for SessionEnd {
    type Output = ();
    const URGENCY: Urgency = Urgency::Revocation;

    fn decide(self, tx: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        let session = session_by_id(tx, self.session)?.filter(|session| session.account == self.owner);
        let session = session.ok_or_else(|| Error::not_found("the session"))?;
        let event = session.ended_us.is_none().then(|| SessionEnded { session: session.id }.into());
        Ok((event.into_iter().collect(), ()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_again_and_hidden_from_logs() {
        let secret = SessionSecret::generate().unwrap();
        assert_eq!(secret.reveal().parse::<SessionSecret>().unwrap(), secret);
        assert_eq!(format!("{secret:?}"), "SessionSecret(..)");
        for bad in ["", "00", &"g".repeat(64), &"é".repeat(32), &secret.reveal()[1..]] {
            assert!(bad.parse::<SessionSecret>().is_err(), "{bad}");
        }
    }
}
