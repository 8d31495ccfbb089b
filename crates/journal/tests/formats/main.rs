//! The journal's formats from outside: what is promised, what is refused, what others make of it.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

mod common;
mod fixtures;
mod interop;
mod log;
mod policy;
mod receipts;
mod tamper;
mod total;
mod vectors;
