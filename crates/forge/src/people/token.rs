//! Access tokens: `olp_`, 30 characters of chance, 6 of checksum.
//!
//! The prefix makes a token that leaked recognisable, the checksum lets guesses and typing errors be refused without a look
//! at the database. 30 characters of 62 are 178 bits: hashing one once with SHA-256 is enough.

use crate::error::Error;
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::str::FromStr;

const PREFIX: &str = "olp_";
const RANDOM_CHARS: usize = 30;
const CHECKSUM_CHARS: usize = 6;
const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token. It shows itself only when it is [revealed](Token::reveal).
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// A new one, from the system's randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut random = String::with_capacity(RANDOM_CHARS);
        while random.len() < RANDOM_CHARS {
            let mut bytes = [0u8; 64];
            getrandom::fill(&mut bytes).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))?;
            // 248 = 4 * 62: beyond it the first letters would come more often.
            let unbiased = bytes.iter().filter(|b| **b < 248).map(|b| char::from(ALPHABET[usize::from(b % 62)]));
            random.extend(unbiased.take(RANDOM_CHARS - random.len()));
        }
        Ok(Self(format!("{PREFIX}{random}{}", checksum(&random))))
    }

    /// The token itself: to be shown to its owner, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// Why a text is no token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an access token: they begin with olp_ and have 40 characters; this one is cut short or mistyped")]
pub struct NotAToken;

impl FromStr for Token {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let rest = text.strip_prefix(PREFIX).ok_or(NotAToken)?;
        let plain = rest.len() == RANDOM_CHARS + CHECKSUM_CHARS && rest.bytes().all(|b| b.is_ascii_alphanumeric());
        if plain && checksum(&rest[..RANDOM_CHARS]) == rest[RANDOM_CHARS..] {
            return Ok(Self(text.to_owned()));
        }
        Err(NotAToken)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(olp_...)")
    }
}

/// CRC-32 (IEEE) of the random part, in base 62, most significant digit first.
fn checksum(random: &str) -> String {
    let mut crc = crc32fast::hash(random.as_bytes()) as usize;
    let mut digits = [b'0'; CHECKSUM_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = ALPHABET[crc % 62];
        crc /= 62;
    }
    digits.iter().map(|d| char::from(*d)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_token_is_read_again_and_hidden_from_logs() {
        let token = Token::generate().unwrap();
        assert_eq!(token.reveal().len(), 40);
        assert_eq!(token.reveal().parse::<Token>().unwrap(), token);
        assert_eq!(format!("{token:?}"), "Token(olp_...)");
        assert_ne!(Token::generate().unwrap(), token);
    }

    #[test]
    fn the_checksum_is_crc32_in_base_62() {
        // Computed apart, with Python's zlib.crc32.
        assert_eq!(checksum(&"0".repeat(30)), "2C8GjS");
        assert!(format!("olp_{}2C8GjS", "0".repeat(30)).parse::<Token>().is_ok());
    }

    #[test]
    fn what_is_no_token_is_refused() {
        let good = Token::generate().unwrap().reveal().to_owned();
        let mut swapped = good.clone().into_bytes();
        swapped[10] = if swapped[10] == b'a' { b'b' } else { b'a' };
        let swapped = String::from_utf8(swapped).unwrap();
        let long = format!("{good}0");
        for bad in ["", "olp_", &good[1..], &good[..39], &long, &swapped, "ghp_000000000000000000000000000000000000"] {
            assert!(bad.parse::<Token>().is_err(), "{bad}");
        }
        assert!(format!("olp_{}", "é".repeat(18)).parse::<Token>().is_err(), "not a boundary of characters");
    }
}
