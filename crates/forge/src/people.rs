//! People: accounts, passwords, access tokens, and who a request comes from.
//!
//! Invariants:
//! 1. A token is known to its owner alone: only its SHA-256 is stored, and nothing shows it again.
//! 2. A password opens one door, signing in to the pages, and with a second factor where the account has one. It authenticates
//!    neither Git nor any other request.
//! 3. Who does not exist takes as long to refuse as a wrong password.
//! 4. A revocation is effective for every request that begins after it is committed, with or without vaults.
//! 5. Hashing never takes more than [`passwords::HASHING_THREADS_MAX`] x 19 MiB, whoever asks how often.

pub mod authenticate;
mod base32;
pub mod cache;
pub mod command;
pub mod factor;
pub mod failures;
pub mod header;
pub mod inventory;
pub mod known;
pub mod last_use;
pub mod oversight;
pub mod passwords;
pub mod policy;
pub mod principal;
pub mod proof;
pub mod query;
pub mod reset;
pub mod role;
pub mod scope;
pub mod session;
pub mod ticket;
pub mod token;
mod weak;
pub mod webauthn;

pub use authenticate::Authenticator;
pub use passwords::{Password, Passwords};
pub use principal::{Principal, Proved};
pub use proof::Proof;
pub use scope::{Scope, Scopes};
pub use session::{SessionInfo, SessionSecret};
pub use token::Token;
