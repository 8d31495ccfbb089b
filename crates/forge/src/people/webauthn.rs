//! WebAuthn (W3C level 3), as far as a relying party needs it: registrations and assertions are read and verified here, with
//! `ring` for the signatures. Why no library: docs/decisions.
//!
//! Invariants:
//! 1. An assertion is good for one challenge, one origin and one key, all given by the caller; nothing of it is believed before its
//!    signature is verified.
//! 2. Only ES256, EdDSA (Ed25519) and RS256 are known. Which one is used follows from the registered key, never from the assertion.
//! 3. Attestation is asked for by nobody and believed by nobody: what a key says of its maker opens nothing.
//! 4. Reading is total: any bytes give a value or an error, within [`CEREMONY_BYTES_MAX`]; bytes left over are an error.

mod assertion;
mod authenticator_data;
mod client_data;
mod party;
mod public_key;
mod registration;

pub use assertion::{Assertion, Seen, verify};
pub use party::RelyingParty;
pub use registration::{Registered, Registration};

/// Bytes of what a browser sends about one ceremony, as JSON.
pub const CEREMONY_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a credential's id: WebAuthn's own limit.
pub const CREDENTIAL_ID_BYTES_MAX: usize = 1023;

/// Why a ceremony is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the authenticator's answer is not good: {0}")]
pub struct Refused(pub &'static str);

impl From<Refused> for crate::Error {
    fn from(refused: Refused) -> Self {
        Self::Invalid(format!("{refused}; try again"))
    }
}

/// base64url without padding, as WebAuthn's JSON has it.
fn unbase64(text: &str) -> Result<Vec<u8>, Refused> {
    use base64::Engine as _;
    let text = text.trim_end_matches('=');
    base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused("it is no base64url"))
}

#[cfg(test)]
mod tests;
