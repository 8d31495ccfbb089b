//! Signing in to the pages, and out.

use super::Site;
use super::people::submitter;
use super::proofs::{ProofWanted, Shows};
use crate::clock::now_us;
use crate::error::Error;
use crate::names::UserName;
use crate::people::command::ProfileSet;
use crate::people::factor::factors;
use crate::people::failures::FailedSignIns;
use crate::people::known::KnownDevice;
use crate::people::proof::Proof;
use crate::people::query::{password_of, user_by_id, user_fetch};
use crate::people::session::{SESSION_IDLE_MAX_US, SessionEnd, SessionStart, SessionsEnd, session_list};
use crate::people::{Password, Principal, SessionInfo, SessionSecret};
use crate::writer::Submitter;
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords that are looked at for one name within [`ATTEMPTS_WINDOW`].
pub const ATTEMPTS_MAX: u32 = 10;
/// How long a wrong password counts.
pub const ATTEMPTS_WINDOW: Duration = Duration::from_secs(300);
/// Names whose wrong passwords are counted at one time; beyond it the one that began longest ago is forgotten.
const ATTEMPTS_NAMES_MAX: usize = 10_000;

const SECOND: &str = "second step";
const PASSKEY: &str = "passkey";

/// What somebody signs in with: a browser, and where it is.
#[derive(Clone, Debug, Default)]
pub struct Device {
    /// What the browser calls itself.
    pub agent: String,
    /// The address it comes from.
    pub address: Option<String>,
    /// It has signed in before.
    pub known: Option<KnownDevice>,
}

/// What came of the right name and password.
#[derive(Debug)]
pub enum SignInStep {
    /// They are signed in: the secret for the cookie.
    Done(SessionSecret),
    /// Something else is needed too.
    Second(SecondStep),
}

/// What is needed besides the password.
#[derive(Debug)]
pub struct SecondStep {
    /// Brings back, with the answer, whose password was right. Good for some minutes.
    pub ticket: String,
    /// What may be shown.
    pub wanted: ProofWanted,
}

/// Wrong passwords and codes of late.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    passwords: Tries,
    /// Apart from the passwords: those come for names that whoever tries has made up, and the many push out the few.
    codes: Tries,
}

impl Attempts {
    /// Counts one more try of a password; refuses when there were too many.
    fn begin(&self, name: &str, now: Instant) -> Result<(), Error> {
        self.passwords.begin(hashed(name), now)
    }

    fn succeeded(&self, name: &str) {
        self.passwords.succeeded(&hashed(name));
    }

    /// As [`begin`](Self::begin), for the codes of an account: six digits are soon guessed.
    pub(super) fn begin_second(&self, account: u64, now: Instant) -> Result<(), Error> {
        self.codes.begin(hashed(&account.to_string()), now)
    }

    pub(super) fn succeeded_second(&self, account: u64) {
        self.codes.succeeded(&hashed(&account.to_string()));
    }

    /// Names and accounts that have had too many wrong tries.
    fn spent(&self, now: Instant) -> usize {
        self.passwords.spent(now) + self.codes.spent(now)
    }
}

/// Wrong tries, by the hash of what they are for: whoever tries may write names as long as they like.
#[derive(Debug, Default)]
struct Tries(Mutex<HashMap<[u8; 32], (u32, Instant)>>);

impl Tries {
    fn begin(&self, name: [u8; 32], now: Instant) -> Result<(), Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ATTEMPTS_NAMES_MAX && !known.contains_key(&name) {
            known.retain(|_, (_, since)| now.duration_since(*since) < ATTEMPTS_WINDOW);
            let oldest = known.iter().min_by_key(|(_, (_, since))| *since).map(|(name, _)| *name);
            if let Some(oldest) = oldest.filter(|_| known.len() >= ATTEMPTS_NAMES_MAX) {
                known.remove(&oldest);
            }
        }
        let (count, since) = known.entry(name).or_insert((0, now));
        if now.duration_since(*since) >= ATTEMPTS_WINDOW {
            (*count, *since) = (0, now);
        }
        if *count >= ATTEMPTS_MAX {
            let wait = ATTEMPTS_WINDOW.saturating_sub(now.duration_since(*since)).as_secs() + 1;
            return Err(Error::forbidden(format!("too many wrong tries for this account: try again in {wait} s")));
        }
        *count += 1;
        Ok(())
    }

    fn spent(&self, now: Instant) -> usize {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let spent =
            |(count, since): &&(u32, Instant)| *count >= ATTEMPTS_MAX && now.duration_since(*since) < ATTEMPTS_WINDOW;
        known.values().filter(spent).count()
    }

    fn succeeded(&self, name: &[u8; 32]) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

/// Of a name, in any case of letters.
fn hashed(name: &str) -> [u8; 32] {
    Sha256::digest(name.to_ascii_lowercase()).into()
}

impl Site {
    /// That passwords are being guessed, in words.
    pub(crate) fn signing_in_fails(&self) -> Option<String> {
        let (names, minutes) = (self.attempts.spent(Instant::now()), ATTEMPTS_WINDOW.as_secs() / 60);
        (names > 0)
            .then(|| format!("{names} accounts had {ATTEMPTS_MAX} wrong passwords or codes within {minutes} minutes"))
    }

    /// Signs in with a name and a password, or says what else is needed. Works with no vault reachable too.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when they do not fit: whether the name is there is not said. [`Error::Forbidden`] after too
    /// many wrong ones: for a name together, and apart for a browser that has signed in to the account before.
    pub async fn sign_in(&self, name: &str, password: &str, from: &Device) -> Result<SignInStep, Error> {
        // What costs no hashing is not counted: it would push out what is.
        Password::offered(password)?;
        let counted_as = self.counted_as(name, from.known).await?;
        self.attempts.begin(&counted_as, Instant::now())?;
        let Some(account) = self.authenticator.with_password(name, password).await? else {
            self.note_failed(name, from).await?;
            return Err(Error::Unauthenticated("the name or the password is wrong".into()));
        };
        self.attempts.succeeded(&counted_as);
        if self.db().read_async(move |tx| factors(tx, account, now_us())).await?.any() {
            return self.second_step(account).await.map(SignInStep::Second);
        }
        self.begin(Some(account), Proof::Password, from).await.map(SignInStep::Done)
    }

    /// Under what a wrong password for `name` is counted.
    async fn counted_as(&self, name: &str, known: Option<KnownDevice>) -> Result<String, Error> {
        let (Some(known), Ok(user)) = (known, name.parse::<UserName>()) else { return Ok(name.to_owned()) };
        let account = self.db().read_async(move |tx| user_fetch(tx, &user)).await?.map(|user| user.id);
        Ok(if account == Some(known.account()) { known.counted_as() } else { name.to_owned() })
    }

    /// The browser that brings this mark, if it is one of [`device_mark`](Self::device_mark).
    #[must_use]
    pub fn known_device(&self, mark: &str) -> Option<KnownDevice> {
        self.known_devices.read(mark, now_us())
    }

    /// What a browser that has just signed in is known by from now on.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn device_mark(&self, who: &Principal) -> Result<String, Error> {
        self.known_devices.mark(who.user(), now_us())
    }

    /// Whom a wrong password was meant for will hear of it; whether that is anybody is told to nobody.
    async fn note_failed(&self, name: &str, from: &Device) -> Result<(), Error> {
        let Ok(name) = name.parse::<UserName>() else { return Ok(()) };
        if let Some(user) = self.db().read_async(move |tx| user_fetch(tx, &name)).await? {
            self.failures.note(user.id, from.address.as_deref(), now_us());
        }
        Ok(())
    }

    /// Sign-ins to somebody's account that failed since the site was started; None: there were none.
    #[must_use]
    pub fn failed_sign_ins(&self, who: &Principal) -> Option<FailedSignIns> {
        self.failures.of(who.user())
    }

    /// What who has given the right password is asked for besides.
    pub(super) async fn second_step(&self, account: u64) -> Result<SecondStep, Error> {
        let mut body = account.to_be_bytes().to_vec();
        body.extend(self.password_mark(account).await?);
        let ticket = self.tickets.seal(SECOND, &body, now_us());
        let wanted = self.wanted_of(account, SECOND, account).await?;
        Ok(SecondStep { ticket, wanted })
    }

    /// Of the stored password: a ticket is void once another was set.
    async fn password_mark(&self, account: u64) -> Result<[u8; 8], Error> {
        let stored = self.db().read_async(move |tx| password_of(tx, account)).await?;
        let hash: [u8; 32] = Sha256::digest(stored.unwrap_or_default()).into();
        Ok(hash.first_chunk().copied().unwrap_or_default())
    }

    async fn ticket_account(&self, ticket: &str) -> Result<u64, Error> {
        let body = self.tickets.open(SECOND, ticket, now_us())?;
        let (account, mark) = body.split_first_chunk::<8>().ok_or_else(|| Error::invalid("begin again"))?;
        let account = u64::from_be_bytes(*account);
        if self.password_mark(account).await? != mark {
            return Err(Error::invalid("the password was changed meanwhile: begin again"));
        }
        Ok(account)
    }

    /// The same question again, after a wrong answer.
    pub async fn second_step_again(&self, ticket: &str) -> Result<SecondStep, Error> {
        let account = self.ticket_account(ticket).await?;
        self.second_step(account).await
    }

    /// Signs in with what the second step asked for: a code, a key, or a recovery code.
    pub async fn sign_in_second(&self, ticket: &str, shows: &Shows, from: &Device) -> Result<SessionSecret, Error> {
        let account = self.ticket_account(ticket).await?;
        self.attempts.begin_second(account, Instant::now())?;
        let proof = self.shown(shows, SECOND, account, false)?;
        if matches!(proof, Proof::Password) {
            return Err(Error::invalid("enter the code that your app shows, or use your key"));
        }
        self.use_challenge(Some(account), &proof).await?;
        let begun = self.begin(Some(account), proof, from).await;
        if begun.as_ref().is_err_and(|error| !error.is_ours()) {
            self.failures.note(account, from.address.as_deref(), now_us());
        }
        let secret = begun?;
        self.attempts.succeeded_second(account);
        Ok(secret)
    }

    /// What a key may sign to sign in with it alone.
    pub fn passkey_challenge(&self) -> Result<[u8; 32], Error> {
        self.relying_party()?;
        self.tickets.challenge(PASSKEY, 0, now_us())
    }

    /// Signs in with a key alone: it must verify its owner.
    pub async fn sign_in_passkey(&self, shows: &Shows, from: &Device) -> Result<SessionSecret, Error> {
        let proof = self.shown(shows, PASSKEY, 0, true)?;
        if !matches!(proof, Proof::Key { .. }) {
            return Err(Error::invalid("no key has signed: try again"));
        }
        self.use_challenge(None, &proof).await?;
        self.begin(None, proof, from).await
    }

    pub(super) async fn begin(
        &self,
        account: Option<u64>,
        proof: Proof,
        from: &Device,
    ) -> Result<SessionSecret, Error> {
        let secret = SessionSecret::generate()?;
        let (by_provider, proves) = (matches!(proof, Proof::Provider { .. }), !matches!(proof, Proof::Recovery(_)));
        let Device { agent, address, .. } = from.clone();
        let command = SessionStart { account, proof, hash: secret.hash(), agent, address };
        let (session, account) =
            self.ledger.submit(Submitter { actor: account, credential: None }, command).await?.output;
        // Who has just signed in has just proved it; but no provider's word is a proof of an officer or operator.
        let user = self.db().read_async(move |tx| user_by_id(tx, account)).await?;
        if proves && !(by_provider && user.is_none_or(|user| user.officer || user.operator)) {
            self.proofs.note(session, account, Instant::now());
        }
        Ok(secret)
    }

    /// Who is signed in with what a cookie says. A session that was idle for too long ends here.
    pub async fn session(&self, cookie: &str) -> Result<Principal, Error> {
        let who = self.authenticator.from_session(&cookie.parse()?).await?;
        let (Some(id), Some(session)) = (who.credential(), who.session()) else { return Ok(who) };
        let last = self.last_uses.get(id).map_or(session.since_us, |used| used.time_us);
        if now_us().saturating_sub(last) < SESSION_IDLE_MAX_US {
            return Ok(who);
        }
        if let Err(error) = self.session_end(&who, id).await {
            // It is over all the same, each time that it is looked at.
            tracing::debug!(session = id, %error, "an idle session could not be ended");
        }
        Err(Error::Unauthenticated("you were signed out after 12 hours of doing nothing: sign in again".into()))
    }

    /// Ends all sessions of somebody's but the one they are signed in with.
    pub async fn sessions_end_others(&self, who: &Principal) -> Result<(), Error> {
        let command = SessionsEnd { owner: who.user(), except: who.credential() };
        self.change_rights(who.submitter(), command).await.map(drop)
    }

    /// Ends a session of somebody's: the one they are signed in with, or another. Effective when it returns.
    pub async fn session_end(&self, who: &Principal, session: u64) -> Result<(), Error> {
        let command = SessionEnd { session, owner: who.user() };
        self.change_rights(who.submitter(), command).await.map(drop)
    }

    /// Somebody's sessions, the newest first.
    pub async fn session_list(&self, who: &Principal) -> Result<Vec<SessionInfo>, Error> {
        let account = who.user();
        self.db().read_async(move |tx| Ok(session_list(tx, account, now_us())?)).await
    }

    /// Sets what somebody says of themselves.
    pub async fn profile_set(
        &self,
        who: &Principal,
        full_name: String,
        bio: String,
        website: String,
    ) -> Result<(), Error> {
        let command = ProfileSet { account: who.user(), full_name, bio, website };
        self.ledger.submit(submitter(Some(who)), command).await.map(drop)
    }

    /// Whether this is somebody's password.
    pub async fn password_fits(&self, name: &UserName, password: &str) -> Result<bool, Error> {
        self.attempts.begin(name.as_str(), Instant::now())?;
        let fits = self.authenticator.with_password(name.as_str(), password).await?.is_some();
        if fits {
            self.attempts.succeeded(name.as_str());
        }
        Ok(fits)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_many_wrong_passwords_one_waits() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..ATTEMPTS_MAX {
            attempts.begin("Ada", now).unwrap();
        }
        assert!(attempts.begin("ada", now).unwrap_err().to_string().contains("try again in 301 s"));
        attempts.begin("bob", now).unwrap();
        attempts.begin("ada", now + ATTEMPTS_WINDOW).unwrap();
        attempts.succeeded("ADA");
        for _ in 0..ATTEMPTS_MAX {
            attempts.begin("ada", now + ATTEMPTS_WINDOW).unwrap();
        }
    }

    #[test]
    fn names_that_somebody_made_up_give_nobody_more_tries_of_a_code() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for _ in 0..ATTEMPTS_MAX {
            attempts.begin_second(7, now).unwrap();
        }
        for n in 0..ATTEMPTS_NAMES_MAX + 10 {
            attempts.begin(&n.to_string(), now).unwrap();
        }
        assert!(attempts.begin_second(7, now).is_err());
        assert_eq!(attempts.spent(now), 1);
        attempts.succeeded_second(7);
        attempts.begin_second(7, now).unwrap();
    }

    #[test]
    fn many_names_fill_no_memory() {
        let (attempts, now) = (Attempts::default(), Instant::now());
        for n in 0..ATTEMPTS_NAMES_MAX + 10 {
            attempts.begin(&format!("{n} {}", "x".repeat(100)), now).unwrap();
        }
        assert_eq!(attempts.passwords.0.lock().unwrap().len(), ATTEMPTS_NAMES_MAX);
    }
}
