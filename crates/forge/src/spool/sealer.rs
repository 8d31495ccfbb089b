//! Sealing a stream into the spool, in parts that are each a blob of its own.

use super::{Lease, Spool};
use crate::error::Error;
use std::sync::Arc;
use vault::seal::SealWriter;

/// A sealed part: the blob, and how many bytes of plaintext are in it.
pub type LeasedPart = (Lease, u64);

/// Seals what is written to it. Blocks. Dropped, it leaves nothing behind but the parts it has given.
pub struct PartWriter {
    spool: Arc<Spool>,
    seal: SealWriter,
    given: usize,
}

impl PartWriter {
    /// One that writes into this spool.
    #[must_use]
    pub fn new(spool: Arc<Spool>) -> Self {
        let seal = SealWriter::new(spool.recipients.clone(), &spool.dir);
        Self { spool, seal, given: 0 }
    }

    /// Writes all of `bytes`; the parts that became full with them, which can be on their way already.
    pub fn write(&mut self, bytes: &[u8]) -> Result<Vec<LeasedPart>, Error> {
        // Asked for each piece: a push that cannot end well should not first fill the disk.
        self.spool.has_room(bytes.len() as u64)?;
        let written = self.seal.write(bytes).map_err(|e| self.spool.failed(&e));
        let full = self.seal.complete()[self.given..].to_vec();
        self.given += full.len();
        // Also when what follows could not be written: a part goes with its lease.
        let leased = full.iter().map(|part| Ok((self.spool.adopt(&part.name, part.bytes)?, part.plain_bytes)));
        let leased = leased.collect::<Vec<Result<LeasedPart, Error>>>();
        written?;
        leased.into_iter().collect()
    }

    /// The last part, if anything is in it.
    pub fn finish(self) -> Result<Option<LeasedPart>, Error> {
        let (spool, given) = (self.spool, self.given);
        let parts = self.seal.finish().map_err(|e| spool.failed(&e))?;
        let last = parts.get(given);
        last.map(|part| Ok((spool.adopt(&part.name, part.bytes)?, part.plain_bytes))).transpose()
    }
}
