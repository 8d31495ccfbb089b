//! The journal as a format: entries, the Merkle log over them, checkpoints, cosignatures, receipts.
//!
//! Plain state: bytes in, bytes out, no I/O, no clock, no randomness. Whoever drives it decides where bytes come from
//! and what the time is, so that a simulator can drive the same code. The formats are the C2SP ones (signed-note,
//! tlog-checkpoint, tlog-tiles, tlog-cosignature, tlog-proof, tlog-policy, tlog-witness), so that other people's tools can check
//! this log; `docs/formats/journal.md` has the byte tables.
//!
//! # Invariants
//! 1. A decoder is total: any bytes give a value or an error, never a panic, never more memory than the bytes' own length
//!    times a small constant.
//! 2. Sealing is deterministic: the same data key, origin and entry give the same envelope.
//! 3. An envelope opens to one plaintext only: it commits to the secret that opens it.

pub mod batch;
pub mod checkpoint;
pub mod cosignature;
pub mod entry;
pub mod epoch;
pub mod erasure;
mod hash;
pub mod merkle;
pub mod note;
pub mod order;
pub mod policy;
pub mod receipt;
pub mod tile;
pub mod witness;

pub use hash::{BlobName, Hash, ParseHashError};
pub use note::{Origin, OriginError};

pub(crate) mod b64 {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    pub(crate) fn encode(bytes: &[u8]) -> String {
        STANDARD.encode(bytes)
    }

    pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
        STANDARD.decode(text).ok()
    }
}
