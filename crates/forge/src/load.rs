//! What the site takes on at a time, so that a flood slows strangers and not members.
//!
//! Invariants:
//! 1. A door that is full closes the connection of somebody who is nobody yet, and never one that was shown a credential.

pub mod slots;

pub use slots::{Slot, SlotLimits, Slots};
