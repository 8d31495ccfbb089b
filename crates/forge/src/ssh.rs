//! SSH keys: of people, and of repositories (deploy keys).
//!
//! Invariants:
//! 1. A key belongs to one account or to one repository, never to two.
//! 2. A key ends: after what the site's settings say when nobody says otherwise.
//! 3. A deploy key never gives more than the account that added it may do, and nothing outside its repository.
//! 4. A key that was added with an access token is good no longer than that token: it can't outlive its revocation.

pub mod command;
mod public_key;
pub mod query;

pub(crate) use public_key::fingerprint;
pub use public_key::{KeyAlgorithm, RSA_BITS_MAX, RSA_BITS_MIN, SshPublicKey};
pub use query::SshKey;
