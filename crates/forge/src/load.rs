//! What the site takes on at a time, so that a flood slows strangers and not members.
//!
//! Invariants:
//! 1. A door that is full closes the connection of somebody who is nobody yet, and never one that was shown a credential.
//! 2. What strangers ask for never takes a turn that is a member's: each class has its own.
//! 3. No account takes all of a class: half of its turns are others'.
//! 4. Whoever is not served is told so, within a class's `wait_max`.

pub mod classes;
mod shares;
pub mod slots;

pub use classes::{Class, ClassLimits, Counts, Load, LoadLimits, Permit, Shed};
pub use shares::ACCOUNT_SHARE;
pub use slots::{Slot, SlotLimits, Slots};
