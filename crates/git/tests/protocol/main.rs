//! The smart protocol with the real `git` on the other side, over a loopback HTTP server around this crate's functions.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bombs;
mod client;
mod differential;
mod fetch;
mod maintenance;
mod objects;
mod push;
mod raw;
mod refused;
mod server;
mod single_flight;
