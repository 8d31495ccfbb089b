//! Browsers that have signed in to an account before ("device cookies", OWASP): who guesses passwords for an account shuts out
//! strangers, and not its owner's browser.
//!
//! A mark is no credential and opens nothing: its wrong passwords are counted apart, and it has turns of its own at the sign-in.
//! Nothing is kept of it: it is sealed with a key that follows from the site's, so it is good after a restart and a recovery.

use super::ticket::{constant_time_eq, random};
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::fmt;

/// How long a browser is known after it signed in, microseconds.
pub const KNOWN_DEVICE_AGE_MAX_US: i64 = 365 * 24 * 60 * 60 * 1_000_000;

const PURPOSE: &[u8] = b"outlast/v1 known device\0";

/// A browser that has signed in to an account before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownDevice {
    account: u64,
    number: [u8; 16],
}

impl KnownDevice {
    /// The account that it signed in to.
    #[must_use]
    pub fn account(&self) -> u64 {
        self.account
    }

    /// Under what its wrong passwords are counted. No account's name has a space.
    pub(crate) fn counted_as(&self) -> String {
        format!("device {}", URL_SAFE_NO_PAD.encode(self.number))
    }
}

/// Makes marks, and knows them again.
pub struct KnownDevices(hmac::Key);

impl KnownDevices {
    /// With this secret.
    #[must_use]
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// A mark for a browser that has just signed in to this account, of letters that a cookie may have.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn mark(&self, account: u64, now_us: i64) -> Result<String, Error> {
        let mut number = [0; 16];
        random(&mut number)?;
        let body = [&account.to_be_bytes()[..], &now_us.to_be_bytes(), &number].concat();
        let tag = self.tag(&body);
        Ok(URL_SAFE_NO_PAD.encode([&body, tag.as_ref()].concat()))
    }

    /// The browser with this mark; None: it is none of ours, or too old.
    #[must_use]
    pub fn read(&self, mark: &str, now_us: i64) -> Option<KnownDevice> {
        let bytes: [u8; 64] = URL_SAFE_NO_PAD.decode(mark).ok()?.try_into().ok()?;
        let (body, tag) = bytes.split_first_chunk::<32>()?;
        let (account, rest) = body.split_first_chunk::<8>()?;
        let (time, number) = rest.split_first_chunk::<8>()?;
        let age_us = now_us.saturating_sub(i64::from_be_bytes(*time));
        let good = constant_time_eq(self.tag(body).as_ref(), tag) && (0..KNOWN_DEVICE_AGE_MAX_US).contains(&age_us);
        good.then_some(KnownDevice { account: u64::from_be_bytes(*account), number: number.try_into().ok()? })
    }

    fn tag(&self, body: &[u8]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.0);
        mac.update(PURPOSE);
        mac.update(body);
        mac.sign()
    }
}

impl fmt::Debug for KnownDevices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KnownDevices(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_known_again_for_a_year_and_only_where_it_was_made() {
        let (here, elsewhere) = (KnownDevices::new(&[1; 32]), KnownDevices::new(&[2; 32]));
        let mark = here.mark(7, 1_000).unwrap();
        assert_eq!(KnownDevices::new(&[1; 32]).read(&mark, 1_000).unwrap().account(), 7, "after a restart too");
        assert!(here.read(&mark, 999 + KNOWN_DEVICE_AGE_MAX_US).is_some());
        assert_eq!(here.read(&mark, 1_000 + KNOWN_DEVICE_AGE_MAX_US), None);
        assert_eq!(here.read(&mark, 999), None, "of the future");
        assert_eq!(elsewhere.read(&mark, 1_000), None);
    }

    #[test]
    fn no_other_bytes_are_a_mark() {
        let devices = KnownDevices::new(&[1; 32]);
        let mark = devices.mark(7, 0).unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(&mark).unwrap();
        for place in 0..bytes.len() {
            let mut wrong = bytes.clone();
            wrong[place] ^= 1;
            assert_eq!(devices.read(&URL_SAFE_NO_PAD.encode(wrong), 0), None, "byte {place}");
        }
        for text in ["", "x", &mark[1..], &format!("{mark}AAAA")] {
            assert_eq!(devices.read(text, 0), None, "{text}");
        }
    }

    #[test]
    fn two_browsers_of_an_account_are_counted_apart() {
        let devices = KnownDevices::new(&[1; 32]);
        let counted = || devices.read(&devices.mark(7, 0).unwrap(), 0).unwrap().counted_as();
        assert_ne!(counted(), counted());
    }
}
