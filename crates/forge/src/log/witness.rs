//! What a witness is shown.

use super::receipt::consistency_proof;
use super::{Log, checkpoint_fetch, store};
use crate::error::Error;
use journal::Hash;
use journal::note::SignedNote;

/// A checkpoint for a witness.
pub(crate) struct Shown {
    pub(crate) size: u64,
    /// With the log's signature alone.
    pub(crate) note: SignedNote,
    /// That the log begins with what the witness signed last.
    pub(crate) proof: Vec<Hash>,
}

impl Log {
    /// A checkpoint that a quorum cosigned over the last of `held` entries, and the proof that it continues the tree of `old`
    /// entries; None: there is none yet, or it is smaller than that. Only what is held is shown: a witness never forgets, and
    /// a site that lost what was not held must be able to go on.
    ///
    /// Blocks.
    pub(crate) fn show_from(&self, held: u64, old: u64) -> Result<Option<Shown>, Error> {
        let Some(newest) = held.checked_sub(1) else { return Ok(None) };
        self.db.read(|tx| {
            let size = match self.held_checkpoint(tx, newest) {
                Ok((size, _, _)) if size >= old => size,
                Ok(_) | Err(Error::NotHeldYet { .. }) => return Ok(None),
                Err(error) => return Err(error),
            };
            let damaged = |e: &dyn std::fmt::Display| Error::damaged(format!("the checkpoint of size {size}: {e}"));
            let row = checkpoint_fetch(tx, size)?.ok_or_else(|| damaged(&"it is gone"))?;
            let note: SignedNote = row.note.parse().map_err(|e| damaged(&e))?;
            let proof = if old == 0 || old == size { Vec::new() } else { consistency_proof(tx, old, size)? };
            Ok(Some(Shown { size, note, proof }))
        })
    }

    /// The largest size that this witness is known to have signed. Blocks.
    pub(crate) fn witnessed(&self, name: &str) -> Result<u64, Error> {
        let pending = self.cosignatures().keys().filter(|(_, by)| by == name).map(|(size, _)| *size).max();
        Ok(self.db.read(|tx| store::size_cosigned_by(tx, name))?.max(pending.unwrap_or(0)))
    }
}
