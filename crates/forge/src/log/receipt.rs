//! Receipts: the proof that an entry is in the log and held, made from tiles, the tail, and what the vaults signed.

use super::Log;
use super::quorum::{Terms, policy, policy_at};
use super::store::{self, EntryRow};
use crate::db::{Row, Tx};
use crate::error::Error;
use journal::Hash;
use journal::cosignature;
use journal::epoch::Epoch;
use journal::note::{NoteSignature, SignedNote, VerifierKey};
use journal::policy::Policy;
use journal::receipt::Receipt;
use journal::tile::{TileId, TileSource, consistency_tiles, inclusion_tiles, prove_consistency, prove_inclusion};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Cosigned checkpoints looked at for one that a quorum signed.
const CANDIDATES_MAX: u64 = 256;
/// And at one that a witness signed.
const WITNESSED_MAX: u64 = 4;

impl Log {
    /// The receipt of an entry: the file's text. [`Error::NotHeldYet`] until a quorum has cosigned a checkpoint over
    /// it.
    ///
    /// Blocks.
    pub fn receipt(&self, seq: u64) -> Result<String, Error> {
        self.db.read(|tx| {
            let row = store::entry_fetch(tx, seq)?.ok_or_else(|| Error::not_found(format!("entry {seq}")))?;
            let (size, checkpoint, policy) = self.held_checkpoint(tx, seq)?;
            let (epoch, envelope) = self.envelope_of(tx, &row)?;
            let secret = self.keys.data_key(epoch)?.secret(&self.keys.origin, seq);
            let proof = inclusion_proof(tx, seq, size)?;
            let receipt = Receipt { index: seq, envelope, secret, policy: policy.to_string(), proof, checkpoint };
            Ok(receipt.to_text())
        })
    }

    pub(super) fn envelope_of(&self, tx: &mut Tx, row: &EntryRow) -> Result<(u64, Vec<u8>), Error> {
        let over = store::checkpoint_list(tx, row.stamp.seq, 1)?;
        let epoch = over.first().ok_or_else(|| Error::damaged("an entry without a checkpoint"))?.epoch;
        Ok((epoch, self.keys.reseal(epoch, row)?))
    }

    /// The smallest checkpoint over an entry that a quorum cosigned, with their signatures; None: there is none yet.
    /// Blocks.
    pub fn cosigned_checkpoint(&self, seq: u64) -> Result<Option<String>, Error> {
        self.db.read(|tx| match self.held_checkpoint(tx, seq) {
            Ok((_, note, _)) => Ok(Some(note.to_string())),
            Err(Error::NotHeldYet { .. }) => Ok(None),
            Err(e) => Err(e),
        })
    }

    /// Who must have cosigned what is held, and who besides may have seen it.
    pub fn policy(&self, tx: &mut Tx) -> Result<Policy, Error> {
        Ok(policy(tx)?.with_witnesses(self.witnesses()))
    }

    /// Who had to cosign an entry when it was written, and who besides may have seen it.
    pub fn policy_at(&self, tx: &mut Tx, seq: u64) -> Result<Policy, Error> {
        Ok(policy_at(tx, seq)?.with_witnesses(self.witnesses()))
    }

    /// A checkpoint over an entry that a quorum of its time cosigned, with their lines, and that quorum: the smallest that a witness has
    /// signed too, or the smallest of all while there is none. Where this site has too few of those (it was recovered, say), one that
    /// the quorum of today cosigned.
    pub(super) fn held_checkpoint(&self, tx: &mut Tx, seq: u64) -> Result<(u64, SignedNote, Policy), Error> {
        let (mut terms, today) = (Terms::read(tx, self.witnesses())?, self.policy(tx)?);
        if let Some((size, note)) = self.cosigned_after(tx, seq, |size| terms.policy_at(size - 1).clone())? {
            return Ok((size, note, terms.policy_at(size - 1).clone()));
        }
        let since = seq.max(terms.since());
        if let Some((size, note)) = self.cosigned_after(tx, since, |_| today.clone())? {
            return Ok((size, note, today));
        }
        let missing = today.witnesses().iter().map(|(n, _)| n.clone()).filter(|n| today.counts(n)).collect();
        Err(Error::NotHeldYet { seq, waited_s: 0, missing })
    }

    /// The first checkpoint over an entry that was cosigned as its quorum wants it.
    fn cosigned_after(
        &self,
        tx: &mut Tx,
        seq: u64,
        mut policy: impl FnMut(u64) -> Policy,
    ) -> Result<Option<(u64, SignedNote)>, Error> {
        let pending =
            self.cosignatures().range((seq + 1, String::new())..).map(|(k, v)| (k.clone(), v.clone())).collect();
        let pending: BTreeMap<(u64, String), String> = pending;
        let witnessed = self.witnessed_sizes(tx, seq, &pending)?;
        let mut sizes: BTreeSet<u64> = store::cosigned_sizes(tx, seq, CANDIDATES_MAX)?.into_iter().collect();
        sizes.extend(pending.keys().map(|(size, _)| *size));
        for size in witnessed.into_iter().chain(sizes) {
            let Some(checkpoint) = store::checkpoint_fetch(tx, size)? else { continue };
            let mut lines = store::cosignature_list(tx, size)?;
            lines.extend(
                pending.iter().filter(|((s, _), _)| *s == size).map(|((_, v), line)| (v.clone(), line.clone())),
            );
            let note = cosigned(&checkpoint.note, &lines, &policy(size))?;
            if let Some(note) = note {
                return Ok(Some((size, note)));
            }
        }
        Ok(None)
    }

    /// Sizes over the entry that witnesses signed, a few, smallest first.
    fn witnessed_sizes(
        &self,
        tx: &mut Tx,
        seq: u64,
        pending: &BTreeMap<(u64, String), String>,
    ) -> Result<BTreeSet<u64>, Error> {
        let mut sizes = BTreeSet::new();
        for key in self.witnesses() {
            sizes.extend(store::sizes_cosigned_by(tx, key.name(), seq, WITNESSED_MAX)?);
            sizes.extend(pending.keys().filter(|(_, name)| name == key.name()).map(|(size, _)| *size));
        }
        Ok(sizes)
    }
}

/// The note with the lines that verify, if they are a quorum's.
fn cosigned(note: &str, lines: &[(String, String)], policy: &Policy) -> Result<Option<SignedNote>, Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("a stored checkpoint: {e}"));
    let mut note: SignedNote = note.parse().map_err(|e| bad(&e))?;
    let (mut names, mut seen) = (BTreeSet::new(), BTreeSet::new());
    for signature in lines.iter().filter_map(|(_, line)| NoteSignature::parse(line).ok()) {
        let by = policy.witnesses().iter().find(|(_, key)| cosignature::verify(key, note.text(), &signature).is_ok());
        if let Some((name, _)) = by
            && seen.insert(name.clone())
        {
            names.insert(name.as_str());
            note.add(signature);
        }
    }
    Ok(policy.satisfied(&names).then_some(note))
}

/// The recovery keys: any of them may start the next epoch.
pub(crate) fn recovery_keys(tx: &mut Tx) -> Result<Vec<VerifierKey>, Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("a stored recovery key: {e}"));
    let keys: String = tx.query_one("SELECT recovery_key FROM site", &[])?.get(0)?;
    keys.split_whitespace().map(|key| key.parse().map_err(|e| bad(&e))).collect()
}

/// The keys that may have signed checkpoints: each epoch's.
pub(super) fn log_keys(tx: &mut Tx) -> Result<Vec<VerifierKey>, Error> {
    let bad = |e: &dyn std::fmt::Display| Error::damaged(format!("a stored epoch statement: {e}"));
    let note = |row: &Row| row.get::<String>(0)?.parse::<SignedNote>().map_err(|e| bad(&e));
    let rows = tx.query("SELECT statement FROM epoch ORDER BY number", &[])?;
    let notes = rows.iter().map(note).collect::<Result<Vec<_>, Error>>()?;
    let epochs = Epoch::verify_all(&notes, &recovery_keys(tx)?).map_err(|e| bad(&e))?;
    Ok(epochs.into_iter().map(|epoch| epoch.log_key).collect())
}

/// The proof that the tree of `new` entries begins with that of `old`; neither is 0.
pub(super) fn consistency_proof(tx: &mut Tx, old: u64, new: u64) -> Result<Vec<Hash>, Error> {
    let tiles = Tiles::read(tx, consistency_tiles(old, new))?;
    prove_consistency(old, new, &tiles)
        .map_err(|e| Error::damaged(format!("no proof from {old} to {new} entries can be made: {e}")))
}

/// The proof that entry `seq` is in the tree of this size.
pub fn inclusion_proof(tx: &mut Tx, seq: u64, size: u64) -> Result<Vec<Hash>, Error> {
    let tiles = Tiles::read(tx, inclusion_tiles(seq, size))?;
    prove_inclusion(seq, size, &tiles).map_err(|e| Error::damaged(format!("no proof for entry {seq} can be made: {e}")))
}

struct Tiles(HashMap<TileId, Vec<Hash>>);

impl Tiles {
    fn read(tx: &mut Tx, ids: Vec<TileId>) -> Result<Self, Error> {
        let mut tiles = HashMap::new();
        for id in ids {
            if let Some(hashes) = store::tile_fetch(tx, id.level, id.index, u64::from(id.width))? {
                tiles.insert(id, hashes);
            }
        }
        Ok(Self(tiles))
    }
}

impl TileSource for Tiles {
    fn tile(&self, id: &TileId) -> Option<Vec<Hash>> {
        self.0.get(id).cloned()
    }
}
