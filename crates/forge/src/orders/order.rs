//! An order in its canonical form: docs/formats/order.md.

use super::{Act, ORDER_BYTES_MAX};
use minicbor::{Decode, Decoder, Encode};
use sha2::{Digest as _, Sha256};

/// A guarded act that somebody asked for: what officers sign.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Order {
    /// `outlast order 1`.
    #[n(0)]
    pub kind: String,
    /// The site it is for, by the name of its log.
    #[n(1)]
    pub site: String,
    /// What is to be done.
    #[n(2)]
    pub act: Act,
    /// What it would do, counted when it was filed.
    #[n(3)]
    pub effects: Vec<Effect>,
    /// Chance, so that no two orders are equal.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub nonce: [u8; 16],
    /// When it was filed, microseconds since 1970.
    #[n(5)]
    pub created_us: i64,
    /// Before this it is not carried out.
    #[n(6)]
    pub not_before_us: i64,
    /// From this on it is not carried out.
    #[n(7)]
    pub expires_us: i64,
    /// The account that asks; None: the operator at the machine.
    #[n(8)]
    pub requester: Option<u64>,
}

/// Something that an act would change, counted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Effect {
    /// What: `refs`, `bytes of packs`.
    #[n(0)]
    pub what: String,
    /// How many.
    #[n(1)]
    pub count: u64,
}

/// Why bytes are no order.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no order in its canonical form: {0}")]
pub struct NotAnOrder(String);

impl Order {
    /// What every order begins with.
    pub const KIND: &str = "outlast order 1";

    /// An order for this site.
    pub(super) fn new(site: &str, act: Act, nonce: [u8; 16]) -> Self {
        let (kind, site) = (Self::KIND.to_owned(), site.to_owned());
        Self {
            kind,
            site,
            act,
            effects: Vec::new(),
            nonce,
            created_us: 0,
            not_before_us: 0,
            expires_us: 0,
            requester: None,
        }
    }

    /// The canonical bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // Writing into a Vec cannot fail.
        minicbor::to_vec(self).expect("an order always encodes")
    }

    /// Reads canonical bytes: whatever would be written otherwise again is refused, so that one order has one hash.
    pub fn decode(bytes: &[u8]) -> Result<Self, NotAnOrder> {
        if bytes.len() > ORDER_BYTES_MAX {
            return Err(NotAnOrder("it is too large".into()));
        }
        let order: Self = Decoder::new(bytes).decode().map_err(|e| NotAnOrder(e.to_string()))?;
        if order.kind != Self::KIND {
            return Err(NotAnOrder("it is of another kind, or for a newer release".into()));
        }
        if order.encode() != bytes {
            return Err(NotAnOrder("it is written otherwise than it must be".into()));
        }
        Ok(order)
    }

    /// The hash of canonical bytes: what is signed.
    #[must_use]
    pub fn hash_of(bytes: &[u8]) -> [u8; 32] {
        Sha256::digest(bytes).into()
    }

    /// The order in words, a line each: what an officer reads before signing.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let mut lines = vec![self.act.words()];
        lines.extend(self.effects.iter().map(|effect| format!("  {}: {}", effect.what, effect.count)));
        lines
    }
}
