//! Orders, as far as vaults read them: what M of N officers have signed, in one text that is carried to each vault's owner.
//!
//! ```text
//! outlast-order:BASE64                       the order's canonical bytes (docs/formats/order.md)
//! outlast-order-signature:approve:...        a line for each officer
//! ```
//! What an officer signs is the SHA-256 of the bytes.

use crate::epoch::RecoveryPublic;
use crate::note::NoteError;
use crate::{Hash, Origin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use minicbor::{Decode, Decoder, Encode};
use std::fmt;
use std::str::FromStr;

/// Bytes of an order's canonical form.
pub const ORDER_BYTES_MAX: usize = 16 * 1024;
/// What every order begins with.
pub const ORDER_KIND: &str = "outlast order 1";
/// Signatures under one order.
const SIGNATURES_MAX: usize = 64;

const ORDER: &str = "outlast-order:";
const PUBLIC: &str = "outlast-officer-key:";
const LINE: &str = "outlast-order-signature:";

/// Why a text is no order, key or signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OrderError(pub String);

fn wrong(text: impl Into<String>) -> OrderError {
    OrderError(text.into())
}

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
    pub fn message(self, hash: &[u8; 32]) -> Vec<u8> {
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
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let key = text.trim().strip_prefix(PUBLIC).and_then(bytes).map(Self);
        let key = key.filter(|key| VerifyingKey::from_bytes(&key.0).is_ok_and(|key| !key.is_weak()));
        key.ok_or_else(|| wrong(format!("an officer's key begins with {PUBLIC}; `outlast officer key` prints it")))
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
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
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
            wrong(format!("a signature is one line that begins with {LINE}; `outlast officer sign` prints it"))
        })
    }
}

/// The public half of a recovery key, as an order names it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RecoveryHalf {
    /// The age recipient.
    #[n(0)]
    pub recipient: String,
    /// The key that signs epochs: ed25519.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub signing: [u8; 32],
}

/// What a vault is ordered to let be done. Others of an order's acts are the site's alone.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum VaultAct {
    /// From the next epoch on these are the recovery keys.
    #[n(7)]
    #[cbor(map)]
    RecoveryKeys {
        /// All of them.
        #[n(0)]
        keys: Vec<RecoveryHalf>,
    },
    /// The blobs of a list are erased.
    #[n(15)]
    #[cbor(map)]
    Erase {
        /// The repository that they are of, and its path: words for people.
        #[n(0)]
        repository: u64,
        /// Its path.
        #[n(1)]
        path: String,
        /// The SHA-256 of the list ([`EraseList`](crate::erasure::EraseList)).
        #[cbor(n(2), with = "minicbor::bytes")]
        list: [u8; 32],
        /// How many blobs it names.
        #[n(3)]
        blobs: u64,
        /// Their content's bytes, as the site counted them.
        #[n(4)]
        bytes: u64,
    },
}

/// What of an order a vault reads; whatever else is in it is the site's affair.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct VaultOrder {
    /// [`ORDER_KIND`].
    #[n(0)]
    pub kind: String,
    /// The site, by the name of its log.
    #[n(1)]
    pub site: String,
    /// What is to be done.
    #[n(2)]
    pub act: VaultAct,
    /// Before this it has no effect: microseconds since 1970.
    #[n(6)]
    pub not_before_us: i64,
    /// From this on nobody takes it any more.
    #[n(7)]
    pub expires_us: i64,
}

/// An order with its signatures: what is carried to a vault's owner. That it parsed says nothing about whether they are good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOrder {
    /// The canonical bytes.
    pub bytes: Vec<u8>,
    /// What they say.
    pub order: VaultOrder,
    /// Who signed, and who vetoed.
    pub signatures: Vec<SignatureLine>,
}

impl SignedOrder {
    /// Of these parts.
    ///
    /// # Errors
    /// When the bytes are no order for vaults.
    pub fn new(bytes: Vec<u8>, signatures: Vec<SignatureLine>) -> Result<Self, OrderError> {
        if bytes.len() > ORDER_BYTES_MAX || signatures.len() > SIGNATURES_MAX {
            return Err(wrong("this order is too large"));
        }
        let mut decoder = Decoder::new(&bytes);
        let order: VaultOrder =
            decoder.decode().map_err(|error| wrong(format!("this is no order that concerns vaults: {error}")))?;
        if order.kind != ORDER_KIND || decoder.position() != bytes.len() {
            return Err(wrong("this is no order, or one for a newer release"));
        }
        Ok(Self { bytes, order, signatures })
    }

    /// What was signed.
    pub fn hash(&self) -> Hash {
        Hash::of(&self.bytes)
    }

    /// Which of these keys said this of the order.
    pub fn signed<'a>(&'a self, verb: Verb, keys: impl IntoIterator<Item = &'a OfficerKey>) -> Vec<&'a OfficerKey> {
        let hash = self.hash();
        let by = |key: &&OfficerKey| {
            let own = |line: &&SignatureLine| line.key == **key && line.verb == verb && line.hash == hash.0;
            self.signatures.iter().filter(own).any(|line| key.verify(verb, &hash.0, &line.signature))
        };
        keys.into_iter().filter(by).collect()
    }

    /// The recovery keys it names, as keys of its log.
    ///
    /// # Errors
    /// When one is none.
    pub fn recovery(&self) -> Result<Vec<RecoveryPublic>, OrderError> {
        let VaultAct::RecoveryKeys { keys } = &self.order.act else {
            return Err(wrong("this order does not replace recovery keys"));
        };
        let origin: Origin = self.order.site.parse().map_err(|_| wrong("the order's site is no log's name"))?;
        let key = |half: &RecoveryHalf| RecoveryPublic::new(&origin, &half.signing, &half.recipient);
        let keys = keys.iter().map(key).collect::<Result<_, NoteError>>();
        keys.map_err(|error| wrong(format!("a recovery key in the order: {error}")))
    }
}

impl fmt::Display for SignedOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{ORDER}{}", BASE64.encode(&self.bytes))?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl FromStr for SignedOrder {
    type Err = OrderError;

    fn from_str(text: &str) -> Result<Self, OrderError> {
        let (mut bytes, mut signatures) = (None, Vec::new());
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            if let Some(order) = line.strip_prefix(ORDER).filter(|_| bytes.is_none()) {
                bytes = Some(BASE64.decode(order).map_err(|_| wrong("the order is not base64"))?);
            } else {
                signatures.push(line.parse()?);
            }
        }
        let bytes = bytes.ok_or_else(|| wrong("it has no order: `outlast order show ID --signed FILE` writes one"))?;
        Self::new(bytes, signatures)
    }
}
