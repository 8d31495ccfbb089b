//! Organisations: namespaces of many people.
//!
//! Invariants:
//! 1. An organisation has an owner of its own at every time, also when it lies in another.
//! 2. Whoever is in a team is in its organisation; who leaves the organisation leaves its teams.
//! 3. Owners, members and teams of an organisation are so in all that lie in it too.
//! 4. No organisation has the name of a repository beside it: an address means one thing.

pub mod command;
pub mod query;
pub mod team;
