//! Repositories: what they are called, who may use them, and where they lie on the disk.

pub mod command;
pub mod query;

pub use query::Repo;
