//! What is remembered between two steps of a ceremony, by whom it is about: sealed with a key of this process, so that a flood of
//! first steps costs no memory. A restart voids what is under way.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// How long a step waits for the next one, microseconds.
pub const TICKET_AGE_MAX_US: i64 = 10 * 60 * 1_000_000;
/// Challenges that were answered and are remembered until they are too old to be answered again.
pub const CHALLENGES_USED_MAX: usize = 100_000;

/// Seals tickets and makes challenges.
pub struct Tickets {
    key: hmac::Key,
    used: Mutex<HashMap<[u8; 32], i64>>,
}

impl Tickets {
    /// With a new key.
    pub fn new() -> Result<Self, Error> {
        let mut key = [0; 32];
        random(&mut key)?;
        Ok(Self { key: hmac::Key::new(hmac::HMAC_SHA256, &key), used: Mutex::default() })
    }

    fn tag(&self, purpose: &str, time_us: i64, body: &[u8]) -> hmac::Tag {
        let mut mac = hmac::Context::with_key(&self.key);
        // Purposes are words of this program's: none holds a zero byte.
        mac.update(purpose.as_bytes());
        mac.update(&[0]);
        mac.update(&time_us.to_be_bytes());
        mac.update(body);
        mac.sign()
    }

    /// A text that [`open`](Self::open) takes for the same purpose, for [`TICKET_AGE_MAX_US`]. It hides nothing.
    #[must_use]
    pub fn seal(&self, purpose: &str, body: &[u8], now_us: i64) -> String {
        let mut bytes = self.tag(purpose, now_us, body).as_ref().to_vec();
        bytes.extend(now_us.to_be_bytes());
        bytes.extend(body);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// What was sealed.
    pub fn open(&self, purpose: &str, text: &str, now_us: i64) -> Result<Vec<u8>, Error> {
        let old = || Error::invalid("this took too long: begin again");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| old())?;
        let (tag, rest) = bytes.split_first_chunk::<32>().ok_or_else(old)?;
        let (time, body) = rest.split_first_chunk::<8>().ok_or_else(old)?;
        let time_us = i64::from_be_bytes(*time);
        let expected = self.tag(purpose, time_us, body);
        let fresh = (0..TICKET_AGE_MAX_US).contains(&now_us.saturating_sub(time_us));
        if fresh && constant_time_eq(expected.as_ref(), tag) { Ok(body.to_vec()) } else { Err(old()) }
    }

    /// A challenge for this purpose and subject: time (8 bytes), chance (8), tag (16).
    pub fn challenge(&self, purpose: &str, subject: u64, now_us: i64) -> Result<[u8; 32], Error> {
        let mut challenge = [0; 32];
        challenge[..8].copy_from_slice(&now_us.to_be_bytes());
        random(&mut challenge[8..16])?;
        let tag = self.challenge_tag(purpose, subject, &challenge);
        challenge[16..].copy_from_slice(&tag.as_ref()[..16]);
        Ok(challenge)
    }

    fn challenge_tag(&self, purpose: &str, subject: u64, challenge: &[u8; 32]) -> hmac::Tag {
        let mut body = subject.to_be_bytes().to_vec();
        body.extend(&challenge[..16]);
        self.tag(purpose, 0, &body)
    }

    /// The challenge that stands in a form: one of ours, for this purpose and subject, not too old.
    pub fn challenge_read(&self, purpose: &str, subject: u64, text: &str, now_us: i64) -> Result<[u8; 32], Error> {
        let old = || Error::invalid("this took too long: try again");
        let challenge = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        let challenge = challenge.ok_or_else(old)?;
        let expected = self.challenge_tag(purpose, subject, &challenge);
        let time_us = challenge.first_chunk::<8>().map_or(0, |time| i64::from_be_bytes(*time));
        let fresh = (0..TICKET_AGE_MAX_US).contains(&now_us.saturating_sub(time_us));
        let ours = constant_time_eq(&expected.as_ref()[..16], &challenge[16..]);
        if fresh && ours { Ok(challenge) } else { Err(old()) }
    }

    /// Uses a challenge up; refuses the second time. To be called when the answer was found to be good, so that strangers fill nothing.
    pub fn challenge_use(&self, challenge: [u8; 32], now_us: i64) -> Result<(), Error> {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.len() >= CHALLENGES_USED_MAX {
            used.retain(|_, since| now_us.saturating_sub(*since) < TICKET_AGE_MAX_US);
        }
        if used.len() >= CHALLENGES_USED_MAX {
            return Err(Error::Busy);
        }
        match used.insert(challenge, now_us) {
            None => Ok(()),
            Some(_) => Err(Error::invalid("this was used already: try again")),
        }
    }
}

impl std::fmt::Debug for Tickets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tickets(..)")
    }
}

/// As a form carries a challenge.
#[must_use]
pub fn challenge_text(challenge: &[u8; 32]) -> String {
    URL_SAFE_NO_PAD.encode(challenge)
}

/// Fills a buffer from the system's randomness.
pub(crate) fn random(buffer: &mut [u8]) -> Result<(), Error> {
    getrandom::fill(buffer).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))
}

/// Compares without telling by its time where they differ.
pub(crate) fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_one_purpose_and_a_while() {
        let tickets = Tickets::new().unwrap();
        let ticket = tickets.seal("second step", b"7", 1_000);
        assert_eq!(tickets.open("second step", &ticket, 2_000).unwrap(), b"7");
        tickets.open("another", &ticket, 2_000).unwrap_err();
        tickets.open("second step", &ticket, 1_000 + TICKET_AGE_MAX_US).unwrap_err();
        tickets.open("second step", &ticket, 0).unwrap_err();
        Tickets::new().unwrap().open("second step", &ticket, 2_000).unwrap_err();
        for at in 0..ticket.len() {
            let mut edited = ticket.clone().into_bytes();
            edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
            let edited = String::from_utf8(edited).unwrap();
            assert!(tickets.open("second step", &edited, 2_000).is_err(), "{at}");
        }
    }

    #[test]
    fn a_challenge_is_answered_once() {
        let tickets = Tickets::new().unwrap();
        let challenge = tickets.challenge("sign in", 7, 1_000).unwrap();
        let text = challenge_text(&challenge);
        assert_eq!(tickets.challenge_read("sign in", 7, &text, 2_000).unwrap(), challenge);
        tickets.challenge_read("sign in", 8, &text, 2_000).unwrap_err();
        tickets.challenge_read("prove", 7, &text, 2_000).unwrap_err();
        tickets.challenge_read("sign in", 7, &text, 1_000 + TICKET_AGE_MAX_US).unwrap_err();
        tickets.challenge_use(challenge, 2_000).unwrap();
        tickets.challenge_use(challenge, 2_001).unwrap_err();
    }
}
