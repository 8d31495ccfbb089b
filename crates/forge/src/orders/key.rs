//! The secret half of an officer's own key: made on the officer's machine, never sent to the site. The public halves and the
//! signatures are formats that vaults read too (`journal::order`).

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ed25519_dalek::{Signer as _, SigningKey};
pub use journal::order::{OfficerKey, SignatureLine, Verb};
use std::fmt;
use std::str::FromStr;

const SECRET: &str = "OUTLAST-OFFICER-SECRET:";

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

/// The secret half. It shows itself only in [`OfficerSecret::reveal`].
pub struct OfficerSecret(SigningKey);

impl OfficerSecret {
    /// A new one, from the system's randomness.
    pub fn generate() -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|e| Error::internal(format!("the system gives no randomness: {e}")))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }

    /// As it stands in its file.
    #[must_use]
    pub fn reveal(&self) -> String {
        format!("{SECRET}{}", BASE64.encode(self.0.to_bytes()))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> OfficerKey {
        OfficerKey(self.0.verifying_key().to_bytes())
    }

    /// Signs an order's hash.
    #[must_use]
    pub fn sign(&self, verb: Verb, hash: [u8; 32]) -> SignatureLine {
        SignatureLine { verb, hash, key: self.public(), signature: self.0.sign(&verb.message(&hash)).to_bytes() }
    }
}

impl FromStr for OfficerSecret {
    type Err = Error;

    /// Comments begin with `#`.
    fn from_str(text: &str) -> Result<Self, Error> {
        let line = text.lines().map(str::trim).find(|line| line.starts_with(SECRET));
        let seed = line.and_then(|line| bytes(&line[SECRET.len()..]));
        let seed =
            seed.ok_or_else(|| Error::invalid(format!("no officer's key is in it: a line with {SECRET} is wanted")))?;
        Ok(Self(SigningKey::from_bytes(&seed)))
    }
}

impl fmt::Debug for OfficerSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OfficerSecret(..)")
    }
}
