//! Reading for people, compared with what the real `git` says of the same repositories.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod compare;
mod fixture;
mod graph;
mod log;
mod measure;
mod names;
mod resolve;
mod signature;
mod tree;
mod while_it_changes;
