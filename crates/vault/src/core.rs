//! What a vault keeps and what it refuses: plain state over a [`Store`].
//!
//! ```text
//!            enrol                 append (fsync, read back, cosign)
//!   empty ----------> enrolled ---------------------------------------> enrolled, larger
//!                        |  start_epoch (recovery key; others by order)     |
//!                        +--------------------> next epoch                  |
//!   any --- storage error ---> reload from the store                        |
//!   any --- load finds damage ---> damaged: reads go on, nothing is signed <+
//! ```

mod erased;
mod opened;
mod standing;

pub(crate) use erased::{newest, stripped};
pub(crate) use standing::Standing;

use crate::mutant::without_order;
use crate::refusal::Refusal;
use crate::store::{Place, Put, Store, StoreError};
use erased::Erased;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::cosign;
use journal::entry::Envelope;
use journal::epoch::{Epoch, RecoveryPublic};
use journal::merkle::{Frontier, verify_consistency};
use journal::note::{NoteSignature, SignedNote, SigningKey, VerifierKey};
use journal::{BlobName, Hash, Origin};
use opened::Opened;
use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{self, Read};
use std::sync::Arc;

/// Room that blobs may not use, so that a full disk still takes entries: revocations and what names the missing blobs.
pub const ENTRY_RESERVE_BYTES: u64 = 256 << 20;

/// What is known of the log, all of it from the store.
#[derive(Default)]
struct State {
    epochs: Vec<(Epoch, String)>,
    frontier: Frontier,
    /// Each batch's first entry and where it is, in order.
    batches: Vec<(u64, Place)>,
    /// Small blobs, by the batch that holds them.
    inline: HashMap<BlobName, usize>,
    /// What was erased here by order: lawfully missing, and never taken again.
    erased: Erased,
    /// The newest checkpoint, as its log signed it.
    checkpoint: Option<SignedNote>,
    damaged: Option<String>,
}

/// Whether the recovery keys may become these, by the order with this hash; or what is lacking.
pub type Allows<'a> = dyn Fn(&Hash, &[RecoveryPublic]) -> Result<(), String> + 'a;

/// A vault.
pub struct Vault<S: Store + ?Sized> {
    store: Arc<S>,
    key: SigningKey,
    state: State,
    opened: Opened,
    /// Why the state could not be read again after the storage failed: until it was, nothing is signed.
    stale: Option<String>,
    /// Why the store is not to be trusted with more.
    unfit: Option<String>,
    /// How far was signed before, as something else than the store remembers it.
    signed: Option<SignedNote>,
}

impl State {
    fn epoch_of(&self, first: u64) -> Option<&Epoch> {
        self.epochs.iter().rev().map(|(epoch, _)| epoch).find(|epoch| epoch.size <= first)
    }

    fn current(&self) -> Result<&Epoch, Refusal> {
        self.epochs.last().map(|(epoch, _)| epoch).ok_or(Refusal::NotEnrolled)
    }

    /// Checks a batch that would come next, given what the batches before it in the same request lead to.
    fn judge(&self, batch: &Batch, frontier: &Frontier) -> Result<(Frontier, SignedNote), Refusal> {
        let current = self.current()?;
        if batch.origin != current.origin {
            return Err(Refusal::OtherLog(current.origin.clone()));
        }
        if batch.first != frontier.size() {
            return Err(Refusal::Size { size: frontier.size(), first: batch.first });
        }
        let epoch = self.epoch_of(batch.first).ok_or(Refusal::NotEnrolled)?;
        if batch.epoch != epoch.epoch {
            return Err(Refusal::OldEpoch { ours: epoch.epoch, theirs: batch.epoch });
        }
        let (note, checkpoint) = batch.checkpoint()?;
        note.verify(&epoch.log_key)?;
        // Where an epoch begins, a batch ends: across it nobody could compare roots.
        let (first, end) = (batch.first, batch.end());
        if let Some((over, _)) = self.epochs.iter().find(|(later, _)| first < later.size && later.size < end) {
            return Err(Refusal::OldEpoch { ours: over.epoch, theirs: batch.epoch });
        }
        let next = extend(frontier, batch);
        self.check_roots(&next, &checkpoint)?;
        Ok((next, note))
    }

    /// What comes before the newest epoch is what that epoch began with, whoever still holds an older one's key: entries that would be
    /// cosigned below its beginning come with the proof that they lead there.
    fn check_proof(&self, next: &Frontier, proof: &[Hash]) -> Result<(), Refusal> {
        let newest = self.current()?;
        if next.size() >= newest.size {
            return Ok(());
        }
        verify_consistency(next.size(), newest.size, &next.root(), &newest.root, proof)
            .map_err(|_| Refusal::Unproven { epoch: newest.epoch, size: newest.size })
    }

    fn check_roots(&self, next: &Frontier, checkpoint: &Checkpoint) -> Result<(), Refusal> {
        if next.root() != checkpoint.root {
            return Err(Refusal::Invalid("the entries do not lead to the checkpoint's root".to_owned()));
        }
        // What a later epoch began with is settled, whoever still holds the older epoch's key.
        match self.epochs.iter().find(|(epoch, _)| epoch.size == next.size() && epoch.root != next.root()) {
            Some((epoch, _)) => Err(Refusal::Fork(epoch.size)),
            None => Ok(()),
        }
    }

    fn add(&mut self, place: Place, batch: &Batch, next: Frontier, note: SignedNote) {
        let index = self.batches.len();
        self.batches.push((batch.first, place));
        self.inline.extend(batch.inline.iter().map(|bytes| (BlobName::of(bytes), index)));
        self.frontier = next;
        self.checkpoint = Some(note);
    }
}

fn extend(frontier: &Frontier, batch: &Batch) -> Frontier {
    let mut next = frontier.clone();
    batch.entries.iter().for_each(|bytes| next.push(Envelope::leaf(bytes)));
    next
}

impl<S: Store + ?Sized> Vault<S> {
    /// A vault over a store, with what the store says.
    ///
    /// # Errors
    /// When the store can't be read at all. Damage is not an error here: such a vault serves what is good, and signs
    /// nothing.
    pub fn open(store: Arc<S>, key: SigningKey) -> Result<Self, StoreError> {
        let (state, opened, stale, unfit, signed) = Default::default();
        let mut vault = Self { store, key, state, opened, stale, unfit, signed };
        vault.reload()?;
        Ok(vault)
    }

    /// The state anew from the store; whatever was in memory is forgotten.
    fn reload(&mut self) -> Result<(), StoreError> {
        let mut state = State::default();
        for (number, text) in self.store.epochs()? {
            match parse_epoch(&text, &state) {
                Ok(epoch) if epoch.epoch == number => state.epochs.push((epoch, text)),
                _ => state.damaged = Some(format!("the statement of epoch {number} is not what was stored")),
            }
        }
        state.damaged = state.erased.read(&*self.store, self.key.verifier())?.or(state.damaged);
        let loaded = self.store.load(&mut |place, bytes| load_one(&mut state, &*self.store, place, bytes));
        match loaded {
            Err(StoreError::Damaged(what)) => state.damaged = Some(what),
            other => other?,
        }
        self.state = state;
        self.look_back()?;
        self.stale = None;
        Ok(())
    }

    /// The store, for reading blobs.
    pub fn store(&self) -> &S {
        &self.store
    }

    /// The cosigner key.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// How many entries are here.
    pub fn size(&self) -> u64 {
        self.state.frontier.size()
    }

    /// The log's root.
    pub fn root(&self) -> Hash {
        self.state.frontier.root()
    }

    /// What is wrong with the store, if something is.
    pub fn damaged(&self) -> Option<&str> {
        [&self.state.damaged, &self.stale, &self.unfit].into_iter().find_map(Option::as_deref)
    }

    /// Says what a probe found wrong with the store, or that nothing is. With something wrong nothing is signed.
    pub fn set_unfit(&mut self, why: Option<String>) {
        self.unfit = why;
    }

    /// The log and the number of its epoch.
    pub fn epoch(&self) -> Option<(&Origin, u64)> {
        self.state.epochs.last().map(|(epoch, _)| (&epoch.origin, epoch.epoch))
    }

    /// All epoch statements, oldest first.
    pub fn epochs(&self) -> impl Iterator<Item = &str> {
        self.state.epochs.iter().map(|(_, text)| text.as_str())
    }

    /// The newest checkpoint, cosigned now. `None` when there is none, or the store is damaged.
    pub fn checkpoint(&self, now_s: u64) -> Option<SignedNote> {
        let mut note = self.state.checkpoint.clone().filter(|_| self.damaged().is_none())?;
        let signature = cosign(&self.key, note.text(), now_s);
        note.add(signature);
        Some(note)
    }

    /// The keys that may have signed this log, one for each epoch.
    pub(crate) fn log_keys(&self) -> Vec<VerifierKey> {
        self.state.epochs.iter().map(|(epoch, _)| epoch.log_key.clone()).collect()
    }

    /// Whether something may be signed. A state that could not be read is read now.
    fn ready(&mut self) -> Result<(), Refusal> {
        if self.stale.is_some() {
            self.reload()?;
        }
        if let Some(what) = &self.state.damaged {
            return Err(Refusal::Damaged(what.clone()));
        }
        self.unfit.as_ref().map_or(Ok(()), |what| Err(Refusal::Unfit(what.clone())))
    }

    /// Takes a site's log: the statement of its first epoch. Repeating it is no error.
    ///
    /// # Errors
    /// When another log is enrolled, or the statement is not a log's first, or its data key is not here.
    pub fn enrol(&mut self, statement: &str) -> Result<(), Refusal> {
        self.ready()?;
        let epoch = Epoch::verify_first(&statement.parse()?)?;
        if let Some((first, text)) = self.state.epochs.first() {
            return if text == statement { Ok(()) } else { Err(Refusal::OtherLog(first.origin.clone())) };
        }
        self.store_epoch(&epoch, statement)
    }

    /// Starts a further epoch with the recovery keys that there are. Repeating it is no error.
    ///
    /// # Errors
    /// When no recovery key signed it, a later epoch was started, or this vault's log is another or longer.
    pub fn start_epoch(&mut self, statement: &str) -> Result<(), Refusal> {
        self.start_epoch_by(statement, &|_, _| Err("no order is here".to_owned()))
    }

    /// As [`Self::start_epoch`], also with other recovery keys, when an order allows it. A vault that holds no entry yet takes the
    /// log as it is told, as it takes the first epoch.
    ///
    /// # Errors
    /// As there; [`Refusal::NoOrder`] when the order is not here, or not due.
    pub fn start_epoch_by(&mut self, statement: &str, allows: &Allows<'_>) -> Result<(), Refusal> {
        self.ready()?;
        if self.state.epochs.iter().any(|(_, text)| text == statement) {
            return Ok(());
        }
        let current = self.state.current()?;
        let epoch = Epoch::verify_next(&statement.parse()?, current)?;
        if epoch.origin != current.origin {
            return Err(Refusal::OtherLog(current.origin.clone()));
        }
        if epoch.epoch <= current.epoch {
            return Err(Refusal::OldEpoch { ours: current.epoch, theirs: epoch.epoch });
        }
        if epoch.size < current.size {
            return Err(Refusal::Invalid("the epoch begins before the one that it follows".to_owned()));
        }
        let held = self.size();
        if held > epoch.size {
            return Err(Refusal::HoldsMore { held, size: epoch.size });
        }
        if held == epoch.size && self.root() != epoch.root {
            return Err(Refusal::Fork(held));
        }
        if held > 0
            && epoch.changes_keys(current)
            && let Some(order) = &epoch.order
        {
            allows(order, &epoch.recovery).map_err(Refusal::NoOrder)?;
        }
        self.store_epoch(&epoch, statement)
    }

    fn store_epoch(&mut self, epoch: &Epoch, statement: &str) -> Result<(), Refusal> {
        for name in [epoch.data_key].into_iter().chain(epoch.past) {
            if !self.store.has_blob(&name)? {
                return Err(Refusal::MissingBlobs(vec![name]));
            }
        }
        // Two statements with one number would be two sites that both recovered: the first one wins.
        let put = self.store.put_epoch(epoch.epoch, statement).map_err(|error| self.failed(error))?;
        if put == Put::Present {
            self.reload()?;
            let stored = self.state.epochs.iter().any(|(_, text)| text == statement);
            return if stored { Ok(()) } else { Err(Refusal::OldEpoch { ours: epoch.epoch, theirs: epoch.epoch }) };
        }
        self.state.epochs.push((epoch.clone(), statement.to_owned()));
        Ok(())
    }

    /// Stores a blob. Needs no state, so that it doesn't wait for appends.
    ///
    /// # Errors
    /// When there is no room, or its bytes are not what its name says.
    pub fn put_blob(store: &S, name: &BlobName, source: &mut dyn Read) -> Result<Put, Refusal> {
        if store.has_blob(name)? {
            io::copy(source, &mut io::sink()).map_err(StoreError::from)?;
            return Ok(Put::Present);
        }
        let free = store.free_bytes()?;
        if free < ENTRY_RESERVE_BYTES {
            return Err(Refusal::Full { free });
        }
        Ok(store.put_blob(name, source)?)
    }

    /// Whether a blob is here, in a file or in a batch.
    ///
    /// # Errors
    /// When the store fails.
    pub fn has_blob(&self, name: &BlobName) -> Result<bool, StoreError> {
        if self.erased(name).is_some() {
            return Ok(false);
        }
        Ok(self.state.inline.contains_key(name) || self.store.has_blob(name)?)
    }

    /// The batches from the one that holds entry `from` on, up to about `bytes_max` bytes, at least one if there is any.
    ///
    /// # Errors
    /// When one no longer reads as it was stored.
    pub fn batches(&self, from: u64, bytes_max: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        let start = self.state.batches.partition_point(|(first, _)| *first <= from).saturating_sub(1);
        let mut batches = Vec::new();
        let mut bytes = 0;
        if from >= self.size() {
            return Ok(batches);
        }
        for (_, place) in &self.state.batches[start..] {
            bytes += place.len as usize;
            if bytes > bytes_max && !batches.is_empty() {
                break;
            }
            batches.push(self.store.batch(place)?);
        }
        Ok(batches)
    }

    /// Appends batches, in order, with one fsync, and cosigns the checkpoint of each. Batches that are here already, byte
    /// for byte, are cosigned again.
    ///
    /// # Errors
    /// When any of them must be refused, none is stored.
    pub fn append(&mut self, requests: &[Vec<u8>], now_s: u64) -> Result<Vec<NoteSignature>, Refusal> {
        self.append_proven(requests, &[], now_s)
    }

    /// As [`Self::append`]. Batches that end before the newest epoch begins come with the consistency proof from the last one's end
    /// to that beginning.
    ///
    /// # Errors
    /// As there; [`Refusal::Unproven`].
    pub fn append_proven(
        &mut self,
        requests: &[Vec<u8>],
        proof: &[Hash],
        now_s: u64,
    ) -> Result<Vec<NoteSignature>, Refusal> {
        self.ready()?;
        let mut notes = Vec::new();
        let mut new: Vec<(Cow<'_, [u8]>, Batch)> = Vec::new();
        let mut frontier = self.state.frontier.clone();
        for bytes in requests {
            let batch = Batch::decode(bytes)?;
            if batch.first < self.size() {
                notes.push(self.known(&batch, bytes)?);
                continue;
            }
            let (next, note) = self.state.judge(&batch, &frontier)?;
            frontier = next;
            notes.push(note);
            new.push((self.state.erased.stored(bytes, &batch), batch));
        }
        if !new.is_empty() {
            self.state.check_proof(&frontier, proof)?;
        }
        self.check_blobs(&new)?;
        self.store_batches(&new)?;
        Ok(notes.iter().map(|note| cosign(&self.key, note.text(), now_s)).collect())
    }

    /// A batch that begins below the log's end must be the one that is there.
    fn known(&self, batch: &Batch, bytes: &[u8]) -> Result<SignedNote, Refusal> {
        let fork = || Refusal::Fork(batch.first);
        let current = self.state.current()?;
        if batch.origin != current.origin {
            return Err(Refusal::OtherLog(current.origin.clone()));
        }
        let found = self.state.batches.binary_search_by_key(&batch.first, |(first, _)| *first);
        let same = match found {
            Ok(found) => self.state.erased.same(&self.store.batch(&self.state.batches[found].1)?, bytes),
            Err(_) => false,
        };
        if !same && !without_order() {
            return Err(fork());
        }
        Ok(batch.checkpoint()?.0)
    }

    fn check_blobs(&self, new: &[(Cow<'_, [u8]>, Batch)]) -> Result<(), Refusal> {
        let mut coming = std::collections::HashSet::new();
        let mut missing = Vec::new();
        for (_, batch) in new {
            coming.extend(batch.inline.iter().map(|bytes| BlobName::of(bytes)));
            for name in batch.blobs_needed()? {
                if !coming.contains(&name) && self.erased(&name).is_none() && !self.has_blob(&name)? {
                    missing.push(name);
                }
            }
        }
        if missing.is_empty() { Ok(()) } else { Err(Refusal::MissingBlobs(missing)) }
    }

    fn store_batches(&mut self, new: &[(Cow<'_, [u8]>, Batch)]) -> Result<(), Refusal> {
        if new.is_empty() {
            return Ok(());
        }
        let bytes = new.iter().map(|(bytes, _)| &**bytes).collect::<Vec<_>>();
        let stored = self.store.append(&bytes).and_then(|stored| {
            // What is signed for is what the disk gave back, not what came over the network.
            for (place, back) in &stored {
                load_one(&mut self.state, &*self.store, *place, back)?;
            }
            Ok(())
        });
        stored.map_err(|error| self.failed(error))
    }

    /// The storage failed, and what was being stored may be there all the same: an epoch that is ends the one before it.
    fn failed(&mut self, error: StoreError) -> Refusal {
        tracing::error!(%error, "storing failed; the state is read from the store again");
        if let Err(again) = self.reload() {
            self.stale = Some(format!("the store could not be read after it failed: {again}"));
        }
        error.into()
    }
}

fn parse_epoch(text: &str, state: &State) -> Result<Epoch, Refusal> {
    let note: SignedNote = text.parse()?;
    match state.epochs.last() {
        None => Ok(Epoch::verify_first(&note)?),
        Some((before, _)) => Ok(Epoch::verify_next(&note, before)?),
    }
}

/// Judges one batch as the store gives it, and adds it to the state.
fn load_one<S: Store + ?Sized>(state: &mut State, store: &S, place: Place, bytes: &[u8]) -> Result<(), StoreError> {
    let damaged = |what: String| StoreError::Damaged(what);
    let batch = Batch::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    if batch.first < state.frontier.size() {
        // Written twice: the first time the storage reported an error, though the bytes had reached it.
        let found = state.batches.binary_search_by_key(&batch.first, |(first, _)| *first);
        let same = match found {
            Ok(index) => state.erased.same(&store.batch(&state.batches[index].1)?, bytes),
            Err(_) => false,
        };
        return if same {
            Ok(())
        } else {
            Err(damaged(format!("two different batches begin at entry {}", batch.first)))
        };
    }
    let (next, note) = state.judge(&batch, &state.frontier).map_err(|error| damaged(error.to_string()))?;
    state.add(place, &batch, next, note);
    Ok(())
}
