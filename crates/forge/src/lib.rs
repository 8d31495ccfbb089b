//! The domain of Outlast: people, repositories, pushes, as events in one journal.
//!
//! Everything is an event ([`event`]), written by one [`writer`] into the [`log`] and applied to the tables ([`schema`]) in one
//! transaction; the tables can be rebuilt from the journal alone ([`replay`]), or from a [`snapshot`] and the rest of it.

pub mod access;
pub mod activity;
pub mod alarm;
pub mod audit;
pub mod canary;
pub mod certificate;
mod clock;
pub mod db;
pub mod doctor;
pub mod drill;
mod egress;
pub mod error;
pub mod event;
pub mod export;
pub mod import;
pub mod incident;
pub mod jobs;
pub mod keys;
pub mod ledger;
pub mod load;
pub mod lockdown;
pub mod log;
pub mod mail;
pub mod maintenance;
pub mod mutant;
pub mod names;
pub mod oidc;
pub mod openpgp;
pub mod orders;
pub mod org;
pub mod outbox;
pub mod people;
pub mod projector;
pub mod protect;
pub mod push;
pub mod quota;
pub mod recover;
pub mod replay;
pub mod repo;
pub mod restore;
pub mod schema;
pub mod settings;
mod signer;
pub mod site;
pub mod snapshot;
pub mod spool;
pub mod ssh;
pub mod svn;
pub mod witness;
pub mod writer;

pub use clock::now_us;
pub use error::Error;
pub use event::Event;
pub use ledger::Ledger;
pub use names::{Email, OwnerPath, RepoName, RepoPath, TokenName, UserName};
pub use people::Principal;
pub use site::Site;
pub use vault::{VaultStatus, VaultUrl};
