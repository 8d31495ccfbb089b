//! Pushes: from the wire into the journal, and out again onto the disk when they are held.
//!
//! ```text
//! commands --authorize--> pack --index-pack--> quarantine          (git, a child)
//!                           `--seal--> spool --upload--> vaults    (meanwhile)
//! both there --submit--> entry --held--> objects migrated --> refs moved --> report
//!                          |       `--not in time: refused with "applied, not yet held"; the projector completes it later
//!                          `--refused (the ref moved, a right was taken away): nothing is written
//! ```
//!
//! Invariants:
//! 1. The order is entry, held, objects, refs. Nothing that is not held can be fetched.
//! 2. Each ref is compared with the `ref` table when the entry is decided, by the one writer: of two pushes that race, one moves a
//!    ref and the other is told to fetch first.
//! 3. The blobs an entry names are durable in the spool before it is submitted, and stay there until every vault has them and the
//!    repository has taken them in: a crash at any point loses nothing that was written.
//! 4. Rights are asked for again when the entry is decided: what was revoked while a pack came in is not used.

mod acceptor;
mod command;
mod fuse;
mod judge;
mod look;
mod pack;
mod report;

pub use acceptor::PushAcceptor;
pub(crate) use acceptor::PushContext;
pub use command::{PushRefs, Pushing};
pub(crate) use fuse::Fuse;
