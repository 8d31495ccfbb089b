//! Protected branches and tags.
//!
//! Invariants:
//! 1. Of all rules whose pattern fits a ref's name one decides: the exact one, else the one with the most letters of its own, else
//!    the oldest.
//! 2. A rule binds administrators too: they may change it, which is an entry of the journal, and not pass it by. Once there is an
//!    officers' rule they make it stricter, and officers loosen it, unless it is younger than an order's delay.
//! 3. Each ref of a push is judged alone, by the writer, on the state it will be moved in, after the objects were unpacked.
//! 4. A rule only takes away: who may not push to a repository may not push to its protected refs either.
//! 5. What the branch has from then on is what rules of paths are about: the difference between where it was and where it goes.
//!
//! Required reviews and checks come with reviews and checks.

pub mod command;
pub mod judge;
pub(crate) mod loosen;
pub mod pattern;
pub mod query;

pub use pattern::{PathPattern, Pattern};
pub use query::{Protection, Rights};
