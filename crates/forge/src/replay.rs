//! From the journal back to the tables.
//!
//! ```text
//! batches (vault) --open, decode--> chunks --apply--> tables, journal, checkpoints      one thread | another
//! journal rows    --decode--------> chunks --apply--> tables                            one thread | another
//! ```
//!
//! Invariants:
//! 1. Entries are applied in order and without gaps, each exactly once; anything else is an error that names the entry.
//! 2. What is unknown or does not decode or apply stops the replay with a report. What is passed over is what whoever recovers has
//!    named ([`Skips`]); it stays a leaf of the tree, and the journal says that it was passed over.
//! 3. The tree's root is compared with each checkpoint's.

mod apply;
mod check;
mod compare;
mod fill;
mod fill_from;
mod in_place;
mod open;
mod rebuild;
mod skips;

pub use apply::{Progress, Replayed, replay};
pub use check::{Findings, check, check_in};
pub use compare::{DIFFERENCES_MAX, Difference, TableHash, differences, table_hash_through, table_hashes};
pub use fill::fill;
pub use fill_from::fill_from;
pub use in_place::{make_ready, rebuild_in_place};
pub use open::Fetch;
pub use rebuild::rebuild;
pub use skips::{BadEntry, Passing, SKIP_RANGES_MAX, Skips, Vet};

/// Events applied in one transaction.
const TRANSACTION_EVENTS: usize = 20_000;

/// Chunks of events that may wait between the two threads.
const CHUNKS_AHEAD: usize = 4;

/// Events handed from one thread to the other at a time.
const CHUNK_EVENTS: usize = 2_000;
