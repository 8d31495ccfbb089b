//! A copy of all projections as of one entry, so that a recovery need not replay everything.
//!
//! A snapshot is `zstd` over lines of JSON, which `zstdcat` and `jq` read:
//!
//! ```text
//! {"format":"outlast-snapshot/1", "checkpoint":{...}, "last_time_us":.., "edges":[["<hex>", ..], ..]}
//! {"table":"ref", "columns":["repo","name","oid","seq"]}
//! [7, "refs/heads/main", {"hex":"af3.."}, 9]
//! ...
//! {"end":true, "rows":1234}
//! ```
//!
//! Invariants:
//! 1. It is one consistent reading: exactly the state after the last entry of its checkpoint.
//! 2. A snapshot cut short is refused: it has no last line.
//! 3. It is loaded into an empty database whole, or not at all.
//! 4. Its edges give the root of its checkpoint; replay of the entries after it then proves that root against what
//!    the vaults signed.

mod header;
mod load;
mod take;

pub use header::Header;
pub use load::load;
pub(crate) use load::load_if;
pub use take::{take, write};

/// Bytes of one part of a snapshot before sealing.
pub const SNAPSHOT_PART_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Bytes of one line: a row of ours is far smaller.
pub const SNAPSHOT_LINE_BYTES_MAX: u64 = 16 * 1024 * 1024;

const FORMAT: &str = "outlast-snapshot/1";
