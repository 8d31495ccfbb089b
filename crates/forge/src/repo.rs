//! Repositories: what they are called, who may use them, and where they lie on the disk.

mod as_of;
pub mod command;
mod marker;
mod packs;
pub mod query;
mod slot;
mod store;

pub(crate) use as_of::refs_as_of;
pub(crate) use packs::Together;
pub use packs::{BlobSource, Concatenated, FetchMany};
pub use query::Repo;
pub use slot::Opened;
pub(crate) use slot::{Objects, Step, object_id, ref_name};
pub(crate) use store::remove_dir;
pub use store::{FILL_WAIT, FILLS_AT_ONCE, OPEN_MAX, Repositories};
