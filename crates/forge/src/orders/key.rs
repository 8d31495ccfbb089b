//! Officers' own keys: made on their machines, never sent to the site.

use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use std::fmt;
use std::str::FromStr;

const PUBLIC: &str = "outlast-officer-key:";
const SECRET: &str = "OUTLAST-OFFICER-SECRET:";
const LINE: &str = "outlast-order-signature:";

/// What a signature says of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// It may be carried out.
    Approve,
    /// It must not.
    Veto,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Veto => "veto",
        }
    }

    /// What is signed: the word and the hash, so that neither can be taken for the other, nor for anything else.
    fn message(self, hash: &[u8; 32]) -> Vec<u8> {
        [format!("outlast-order-v1 {} ", self.as_str()).as_bytes(), hash].concat()
    }
}

/// The public half of an officer's key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct OfficerKey(pub [u8; 32]);

impl OfficerKey {
    /// Whether this key said this of the order with this hash.
    #[must_use]
    pub fn verify(&self, verb: Verb, hash: &[u8; 32], signature: &[u8]) -> bool {
        let Ok(key) = VerifyingKey::from_bytes(&self.0) else { return false };
        let Ok(signature) = Signature::from_slice(signature) else { return false };
        key.verify_strict(&verb.message(hash), &signature).is_ok()
    }
}

impl fmt::Display for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PUBLIC}{}", BASE64.encode(self.0))
    }
}

impl fmt::Debug for OfficerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
    BASE64.decode(text).ok()?.try_into().ok()
}

impl FromStr for OfficerKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let key = text.trim().strip_prefix(PUBLIC).and_then(bytes).map(Self);
        let key = key.filter(|key| VerifyingKey::from_bytes(&key.0).is_ok_and(|key| !key.is_weak()));
        key.ok_or_else(|| {
            Error::invalid(format!("an officer's key begins with {PUBLIC}; `outlast officer init` prints it"))
        })
    }
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

/// A signature as an officer hands it over: one line of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// What it says.
    pub verb: Verb,
    /// Of the order with this hash.
    pub hash: [u8; 32],
    /// The key that signed.
    pub key: OfficerKey,
    /// The signature.
    pub signature: [u8; 64],
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (hash, key, signature) =
            (BASE64.encode(self.hash), BASE64.encode(self.key.0), BASE64.encode(self.signature));
        write!(f, "{LINE}{}:{hash}:{key}:{signature}", self.verb.as_str())
    }
}

impl FromStr for SignatureLine {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let mut parts = text.trim().strip_prefix(LINE)?.split(':');
            let verb = match parts.next()? {
                "approve" => Verb::Approve,
                "veto" => Verb::Veto,
                _ => return None,
            };
            let (hash, key, signature) =
                (bytes(parts.next()?)?, OfficerKey(bytes(parts.next()?)?), bytes(parts.next()?)?);
            parts.next().is_none().then_some(Self { verb, hash, key, signature })
        };
        read().ok_or_else(|| {
            Error::invalid(format!("a signature is one line that begins with {LINE}; `outlast officer sign` prints it"))
        })
    }
}
