//! What is expensive to read, and edits: against the real Git, on histories made at random.

#![expect(clippy::unwrap_used, reason = "tests")]

mod archive;
mod blame;
mod diff;
mod edit;
mod given;
mod last_change;
mod search;
mod support;
