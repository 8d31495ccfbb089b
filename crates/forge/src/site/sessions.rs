//! Signing in to the pages, and out.

use super::Site;
use super::people::submitter;
use crate::error::Error;
use crate::names::UserName;
use crate::people::authenticate::now_us;
use crate::people::command::ProfileSet;
use crate::people::session::{SessionEnd, SessionStart, session_list};
use crate::people::{Principal, SessionInfo, SessionSecret};
use crate::writer::Submitter;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong passwords that are looked at for one name within [`ATTEMPTS_WINDOW`].
pub const ATTEMPTS_MAX: u32 = 10;
/// How long a wrong password counts.
pub const ATTEMPTS_WINDOW: Duration = Duration::from_secs(300);
/// Names whose wrong passwords are counted at one time.
const ATTEMPTS_NAMES_MAX: usize = 10_000;

/// Wrong passwords of late, by name.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<String, (u32, Instant)>>);

impl Attempts {
    /// Counts one more try; refuses when there were too many.
    fn begin(&self, name: &str, now: Instant) -> Result<(), Error> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= ATTEMPTS_NAMES_MAX {
            known.retain(|_, (_, since)| now.duration_since(*since) < ATTEMPTS_WINDOW);
        }
        let (count, since) = known.entry(name.to_ascii_lowercase()).or_insert((0, now));
        if now.duration_since(*since) >= ATTEMPTS_WINDOW {
            (*count, *since) = (0, now);
        }
        if *count >= ATTEMPTS_MAX {
            let wait = ATTEMPTS_WINDOW.saturating_sub(now.duration_since(*since)).as_secs() + 1;
            return Err(Error::forbidden(format!("too many wrong passwords for this name: try again in {wait} s")));
        }
        *count += 1;
        Ok(())
    }

    fn succeeded(&self, name: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&name.to_ascii_lowercase());
    }
}

impl Site {
    /// Signs in with a name and a password. Works with no vault reachable too.
    ///
    /// # Errors
    /// [`Error::Unauthenticated`] when they do not fit: whether the name is there is not said. [`Error::Forbidden`] after too
    /// many wrong ones.
    pub async fn sign_in(
        &self,
        name: &str,
        password: &str,
        agent: &str,
        address: Option<String>,
    ) -> Result<SessionSecret, Error> {
        self.attempts.begin(name, Instant::now())?;
        let wrong = || Error::Unauthenticated("the name or the password is wrong".into());
        let account = self.authenticator.with_password(name, password).await?.ok_or_else(wrong)?;
        self.attempts.succeeded(name);
        let secret = SessionSecret::generate()?;
        let command = SessionStart { account, hash: secret.hash(), agent: agent.to_owned(), address };
        self.ledger.submit(Submitter { actor: Some(account), credential: None }, command).await?;
        Ok(secret)
    }

    /// Who is signed in with what a cookie says.
    pub async fn session(&self, cookie: &str) -> Result<Principal, Error> {
        self.authenticator.from_session(&cookie.parse()?).await
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
}
