//! The server side of Git: the smart protocol, the repository store, the cache of answers.
//!
//! Requests are parsed, refs are listed and pushes are received here, in Rust; packs are made and indexed by Git's own
//! programs, each in a sandbox ([`child`]). What a push means beyond the repository is for an [`receive::Acceptor`].
//! [`read`] reads repositories for people, in Rust.
//!
//! # Invariants
//! 1. Objects of a push are visible to nobody else until its acceptor has migrated them.
//! 2. A ref never points to an object that is not in the repository.
//! 3. An answer from the cache is the answer that Git gave to the same request in the same state of the refs.

mod brought;
pub mod cache;
pub mod child;
pub mod edit;
pub mod maintenance;
pub mod names;
pub mod openpgp;
pub mod pack;
pub mod pack_budget;
pub mod pkt;
pub mod quarantine;
pub mod read;
pub mod receive;
pub mod repository;
pub mod smart_http;
pub mod snapshot;
pub mod upload;

pub use brought::{BROUGHT_COMMITS_MAX, Brought, CHANGED_PATHS_BYTES_MAX};
pub use child::{ChildError, ChildLimits, Git, GitCommand, sandbox_available};
pub use names::{NameError, ObjectFormat, ObjectId, RefName};
pub use pack_budget::PackBudget;
pub use quarantine::Quarantine;
pub use receive::RefUpdate;
pub use repository::{Repository, RepositoryError};
pub use snapshot::{LsRefs, Ref, RefSnapshot};
