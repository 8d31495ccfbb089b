//! Canaries: credentials that nobody has a reason to use, put where an intruder looks. They are refused as any unknown credential is,
//! by the same code, and whoever tries one on any door is told of to the officers.

mod command;
mod key;
mod query;
mod touched;

pub use command::{CANARIES_MAX, CanaryMake, CanaryRemove};
pub(crate) use key::ssh_key;
pub use query::{Canary, canary_list};
pub(crate) use query::{canary_by_hash, canary_by_id};
pub(crate) use touched::Touched;
pub use touched::coming_from;
