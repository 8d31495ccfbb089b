//! Passwords: argon2id, in a few threads of their own.
//!
//! A hash takes 19 MiB and some 20 ms by intention. Threads of their own bound the memory and keep everything else running
//! when many sign in at once; who finds the queue full is told so at once instead of waiting.

use crate::error::Error;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher as _, PasswordVerifier as _, Version};
use std::fmt;
use std::str::FromStr;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;

/// Threads that hash.
pub const HASHING_THREADS_MAX: usize = 2;
/// Passwords that wait for one of them.
pub const HASHING_QUEUE_MAX: usize = 64;
/// How far they stand back (`setpriority(2)`): whoever guesses passwords takes no time of those who are signed in.
pub const HASHING_NICENESS: i32 = 10;
/// OWASP's parameters: 19 MiB, two passes, one lane.
pub const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
const SALT_BYTES: usize = 16;

/// Characters of a new password.
pub const PASSWORD_CHARS_MIN: usize = 8;
/// Bytes of any password.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A password as typed. Never shown.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// One that somebody offers to be checked; too long is never right.
    pub fn offered(text: &str) -> Result<Self, Error> {
        if text.len() > PASSWORD_BYTES_MAX {
            return Err(Error::invalid(format!("a password has at most {PASSWORD_BYTES_MAX} bytes")));
        }
        Ok(Self(text.to_owned()))
    }
}

impl Password {
    /// Refuses what everybody would try first for an account of this name at this site.
    pub(crate) fn must_be_hard_to_guess(&self, name: &str, host: &str) -> Result<(), Error> {
        match super::weak::weak(&self.0, name, host) {
            None => Ok(()),
            Some(why) => {
                Err(Error::invalid(format!("this password is soon guessed: {why}; a few words in a row are better")))
            }
        }
    }
}

/// A new password.
impl FromStr for Password {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.chars().count() < PASSWORD_CHARS_MIN {
            return Err(Error::invalid(format!("a password has at least {PASSWORD_CHARS_MIN} characters")));
        }
        Self::offered(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(...)")
    }
}

type Work = Box<dyn FnOnce(&Hasher) + Send>;

/// The threads. They end when the last of these is dropped.
#[derive(Clone, Debug)]
pub struct Passwords {
    queue: SyncSender<Work>,
}

impl Passwords {
    /// Starts the threads.
    pub fn start() -> Result<Self, Error> {
        let hasher = Arc::new(Hasher::new()?);
        let (queue, work) = sync_channel(HASHING_QUEUE_MAX);
        let work = Arc::new(Mutex::new(work));
        for _ in 0..HASHING_THREADS_MAX {
            let (work, hasher) = (work.clone(), hasher.clone());
            std::thread::Builder::new()
                .name("passwords".into())
                .spawn(move || run(&work, &hasher))
                .map_err(|e| Error::internal(format!("no thread for passwords: {e}")))?;
        }
        Ok(Self { queue })
    }

    /// The PHC text to store. [`Error::Busy`] when too many wait.
    pub async fn hash(&self, password: Password) -> Result<String, Error> {
        self.ask(move |hasher| hasher.hash(&password)).await?
    }

    /// Whether it is the password behind `stored`. Without one (no such account, or it has no password) the answer is no, after
    /// the same work.
    pub async fn verify(&self, password: Password, stored: Option<String>) -> Result<bool, Error> {
        self.ask(move |hasher| hasher.verify(&password, stored.as_deref())).await
    }

    async fn ask<T: Send + 'static>(&self, work: impl FnOnce(&Hasher) -> T + Send + 'static) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |hasher| {
            // Who asked may have gone.
            let _ = reply.send(work(hasher));
        });
        self.queue.try_send(work).map_err(|_| Error::Busy)?;
        answer.await.map_err(|_| Error::internal("a password could not be hashed"))
    }
}

fn run(work: &Mutex<Receiver<Work>>, hasher: &Hasher) {
    // Lowering it is always allowed; where it is not, the number of threads is still a bound.
    if let Err(error) = rustix::process::setpriority_process(None, HASHING_NICENESS) {
        tracing::warn!(%error, "cannot lower the priority of hashing passwords");
    }
    loop {
        let next = work.lock().unwrap_or_else(PoisonError::into_inner).recv();
        match next {
            Ok(job) => job(hasher),
            Err(_) => return,
        }
    }
}

struct Hasher {
    argon2: Argon2<'static>,
    /// What is compared with when there is nothing to compare with.
    nobody: String,
}

impl Hasher {
    fn new() -> Result<Self, Error> {
        let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(failed)?;
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let mut hasher = Self { argon2, nobody: String::new() };
        hasher.nobody = hasher.hash(&Password("nobody has this password".into()))?;
        Ok(hasher)
    }

    fn hash(&self, password: &Password) -> Result<String, Error> {
        let mut salt = [0u8; SALT_BYTES];
        getrandom::fill(&mut salt).map_err(failed)?;
        let hash = self.argon2.hash_password_with_salt(password.0.as_bytes(), &salt).map_err(failed)?;
        Ok(hash.to_string())
    }

    fn verify(&self, password: &Password, stored: Option<&str>) -> bool {
        let stored = stored.map_or(Ok(None), |text| PasswordHash::new(text).map(Some));
        // A stored text that cannot be read is refused like a wrong password, after the same work.
        let stored = stored.unwrap_or(None);
        let nobody = PasswordHash::new(&self.nobody).ok();
        let Some(compared) = stored.as_ref().or(nobody.as_ref()) else { return false };
        self.argon2.verify_password(password.0.as_bytes(), compared).is_ok() && stored.is_some()
    }
}

fn failed(e: impl fmt::Display) -> Error {
    Error::internal(format!("a password could not be hashed: {e}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(text: &str) -> Password {
        Password::offered(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_by_its_hash_alone() {
        let passwords = Passwords::start().unwrap();
        let stored = passwords.hash("correct horse".parse().unwrap()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert!(passwords.verify(password("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(password("Correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!passwords.verify(password("nobody has this password"), None).await.unwrap());
        assert!(!passwords.verify(password("x"), Some("$argon2id$damaged".into())).await.unwrap());
        assert_ne!(passwords.hash(password("correct horse")).await.unwrap(), stored, "salted");
    }

    #[tokio::test]
    async fn a_full_queue_is_said_at_once() {
        let (queue, _kept) = sync_channel(1);
        let passwords = Passwords { queue };
        let waiting = passwords.clone();
        let first = tokio::spawn(async move { waiting.hash(password("first in line")).await });
        tokio::task::yield_now().await;
        assert!(matches!(passwords.hash(password("second")).await, Err(Error::Busy)));
        first.abort();
    }

    #[test]
    fn lengths() {
        assert!("short".parse::<Password>().is_err());
        assert!("x".repeat(1025).parse::<Password>().is_err());
        assert!("x".repeat(1024).parse::<Password>().is_ok());
        assert_eq!(format!("{:?}", password("secret")), "Password(...)");
    }
}
