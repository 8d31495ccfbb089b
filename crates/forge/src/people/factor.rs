//! Second factors: authenticators (security keys, passkeys), one-time password apps, recovery codes.
//!
//! Invariants:
//! 1. A factor opens its own account and no other: each is looked up together with the account.
//! 2. A factor that sleeps or was removed proves nothing.

pub mod authenticator;

pub use authenticator::{Authenticator, AuthenticatorAdd, Signer, authenticator_list, signer};

use crate::error::Error;
use crate::names::plain_text;

/// Factors of one account at one time.
pub const FACTORS_MAX: usize = 20;
/// Characters of a factor's name.
pub const FACTOR_NAME_CHARS_MAX: usize = 100;

/// What somebody calls a factor; without a name it gets `default`.
fn factor_name(text: &str, default: &str) -> Result<String, Error> {
    Ok(plain_text("a name", text, FACTOR_NAME_CHARS_MAX)?.unwrap_or_else(|| default.to_owned()))
}
