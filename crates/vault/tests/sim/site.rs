//! A site as the journal makes it: batches that are always the same bytes, shipped to each vault, counted by the quorum.

use crate::mutant::Mutant;
use crate::random::Random;
use crate::tile::tile;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use journal::epoch::{Epoch, recovery_signing_key};
use journal::merkle::Frontier;
use journal::note::{KeyKind, NoteSignature, SigningKey, VerifierKey};
use journal::policy::Policy;
use journal::tile::{TileId, prove_consistency};
use journal::{BlobName, Hash, Origin};
use std::collections::{BTreeMap, BTreeSet};

/// How many repositories its entries are of.
pub(crate) const REPOSITORIES: u64 = 3;
pub(crate) const RECOVERY: [u8; 32] = [42; 32];

pub(crate) fn origin() -> Origin {
    "outlast/simulated".parse().unwrap()
}

pub(crate) fn recovery_key() -> SigningKey {
    recovery_signing_key(&RECOVERY, &origin())
}

/// A batch that was made, and what is needed to ship it.
#[derive(Debug, Clone)]
pub(crate) struct Made {
    pub(crate) first: u64,
    pub(crate) end: u64,
    pub(crate) root: Hash,
    pub(crate) text: String,
    pub(crate) bytes: Vec<u8>,
    /// The blob that came with it, and whether it lies within.
    pub(crate) blob: Option<Vec<u8>>,
    pub(crate) inline: bool,
    /// What its entries need, and the repository that they are of.
    pub(crate) needs: Vec<BlobName>,
    pub(crate) repository: u64,
}

/// One site: the first, a copy of it, or a recovered one.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) number: usize,
    pub(crate) epoch: u64,
    /// Statements and data keys, oldest first.
    pub(crate) epochs: Vec<(String, Vec<u8>)>,
    pub(crate) batches: Vec<Made>,
    pub(crate) frontier: Frontier,
    /// With how many entries its epoch began.
    start: u64,
    /// Where each vault is, as far as the site knows, and what it has cosigned.
    pub(crate) at: Vec<u64>,
    pub(crate) cosigned: BTreeMap<String, u64>,
    pub(crate) acked: u64,
    /// What was ordered to be erased: nothing new needs it.
    pub(crate) ordered: BTreeSet<BlobName>,
    /// Whether it runs; a site that was recovered from elsewhere may go on for all that.
    pub(crate) writes: bool,
    /// Whose key signs: the epoch's, or an intruder's.
    signer: u64,
    policy: Policy,
}

impl Site {
    pub(crate) fn new(policy: Policy, vaults: usize) -> Self {
        let mut site = Self {
            number: 0,
            epoch: 0,
            epochs: Vec::new(),
            batches: Vec::new(),
            frontier: Frontier::new(),
            start: 0,
            at: vec![0; vaults],
            cosigned: BTreeMap::new(),
            acked: 0,
            ordered: BTreeSet::new(),
            writes: true,
            signer: 1,
            policy,
        };
        site.begin_epoch(1);
        site
    }

    /// Starts an epoch where the log ends.
    pub(crate) fn begin_epoch(&mut self, number: u64) {
        (self.epoch, self.start) = (number, self.frontier.size());
        self.signer = number;
        let data_key = format!("the sealed data key of epoch {number} of site {}", self.number).into_bytes();
        let key = recovery_key();
        let epoch = Epoch {
            origin: origin(),
            epoch: number,
            size: self.frontier.size(),
            root: self.frontier.root(),
            log_key: log_key(self.signer).verifier().clone(),
            data_key: BlobName::of(&data_key),
            recovery: vec![key.verifier().clone().into()],
            past: None,
            order: None,
        };
        self.epochs.push((epoch.sign(&key).unwrap().to_string(), data_key));
    }

    /// Makes a batch. Two sites with one key make different ones.
    pub(crate) fn write(&mut self, random: &mut Random) {
        let first = self.frontier.size();
        let blob = random.chance(400).then(|| format!("a pack of site {} before {first}.", self.number).into_bytes());
        let inline = blob.is_some() && random.chance(400);
        let mut needs: Vec<_> = blob.iter().map(|bytes| BlobName::of(bytes)).collect();
        if random.chance(150) {
            let mut known = self.batches.iter().flat_map(|made| &made.needs);
            needs.extend(known.rfind(|name| !self.ordered.contains(name)));
        }
        let data_key = DataKey::new([7; 32]);
        let mut frontier = self.frontier.clone();
        let mut entries = Vec::new();
        for seq in first..first + 1 + random.below(3) {
            let mut text = format!("entry {seq} of site {} {}", self.number, random.below(1000)).into_bytes();
            text.resize(text.len() + random.below(1500) as usize, 0);
            let entry = Entry { seq, time_us: 0, actor: None, credential: None, kind: 1, body: Body::Inline(text) };
            let sealed = seal(&data_key, &origin(), &entry, &needs).unwrap();
            frontier.push(Envelope::leaf(&sealed));
            entries.push(sealed);
        }
        let checkpoint = Checkpoint::new(origin(), self.epoch, frontier.size(), frontier.root());
        let note = checkpoint.sign(&log_key(self.signer)).unwrap();
        let batch = Batch {
            origin: origin(),
            epoch: self.epoch,
            first,
            entries,
            checkpoint: note.to_string(),
            snapshot_entry: None,
            inline: blob.iter().filter(|_| inline).cloned().collect(),
        };
        let bytes = batch.encode().unwrap();
        let (end, root, text) = (frontier.size(), frontier.root(), note.text().to_owned());
        let repository = random.below(REPOSITORIES);
        self.batches.push(Made { first, end, root, text, bytes, blob, inline, needs, repository });
        self.frontier = frontier;
    }

    /// A batch whose checkpoint somebody else signed: what an intruder without the log's key sends.
    pub(crate) fn forged(&self, random: &mut Random) -> Vec<u8> {
        let mut copy = self.clone();
        copy.signer = 99;
        copy.number = 90;
        copy.write(random);
        copy.batches.pop().unwrap().bytes
    }

    /// Forgets the newest batch that nobody acknowledged and makes another in its place.
    pub(crate) fn remake(&mut self, random: &mut Random) {
        if self.batches.last().is_some_and(|made| made.first >= self.acked) {
            self.batches.pop();
            let mut frontier = Frontier::new();
            for made in &self.batches {
                let batch = Batch::decode(&made.bytes).unwrap();
                batch.entries.iter().for_each(|entry| frontier.push(Envelope::leaf(entry)));
            }
            self.frontier = frontier;
            self.write(random);
        }
    }

    pub(crate) fn root_at(&self, size: u64) -> Option<Hash> {
        if size == 0 {
            return Some(Frontier::new().root());
        }
        self.batches.iter().find(|made| made.end == size).map(|made| made.root)
    }

    /// What a vault asks for that is given only what came before the epoch.
    pub(crate) fn proof(&self, end: u64) -> Vec<Hash> {
        if end >= self.start {
            return Vec::new();
        }
        let batches = self.batches.iter().map(|made| Batch::decode(&made.bytes).unwrap());
        let leaves: Vec<_> = batches.flat_map(|batch| batch.entries).map(|bytes| Envelope::leaf(&bytes)).collect();
        prove_consistency(end, self.start, &|id: &TileId| tile(&leaves, id)).unwrap()
    }

    /// The batches from `first` on, some of them.
    pub(crate) fn from(&self, first: u64, most: usize) -> Vec<Made> {
        self.batches.iter().filter(|made| made.first >= first).take(most).cloned().collect()
    }

    /// A vault's answer. Gives the size that became held, when one did.
    pub(crate) fn answered(
        &mut self,
        vault: usize,
        key: &VerifierKey,
        texts: &[String],
        lines: &[NoteSignature],
        mutant: Mutant,
    ) -> Option<u64> {
        for (text, line) in texts.iter().zip(lines) {
            let Some(made) = self.batches.iter().find(|made| made.text == *text) else { continue };
            let end = made.end;
            if self.at[vault] >= end && self.cosigned.get(key.name()).is_some_and(|has| *has >= end) {
                // Nothing new: what it signs again and again is looked at once, or most of the time goes there.
                continue;
            }
            let good = mutant == Mutant::Cosignature || cosignature::verify(key, text, line).is_ok();
            if good {
                self.at[vault] = self.at[vault].max(end);
                let has = self.cosigned.entry(key.name().to_string()).or_default();
                *has = (*has).max(end);
            }
        }
        let cosigned = self.cosigned.iter().map(|(name, size)| (name.as_str(), *size));
        let held = if mutant == Mutant::Quorum { self.frontier.size() } else { vault::held(&self.policy, cosigned) };
        let news = held > self.acked;
        self.acked = self.acked.max(held);
        news.then_some(held)
    }
}

fn log_key(epoch: u64) -> SigningKey {
    SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &[epoch as u8; 32]).unwrap()
}
