//! A small log with fixed keys, and what vaults said of it.

use journal::checkpoint::Checkpoint;
use journal::cosignature::cosign;
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use journal::merkle::Frontier;
use journal::note::{KeyKind, SignedNote, SigningKey};
use journal::policy::Policy;
use journal::receipt::Receipt;
use journal::tile::{self, TileId};
use journal::{Hash, Origin};

/// When the vaults of these tests cosign, in seconds since 1970.
pub(crate) const COSIGNED_S: u64 = 1_700_000_100;

pub(crate) fn origin() -> Origin {
    "outlast/0123456789abcdef0123456789abcdef".parse().unwrap()
}

pub(crate) fn data_key() -> DataKey {
    DataKey::new([9; 32])
}

pub(crate) fn entry(seq: u64) -> Entry {
    let body = Body::Inline(format!("event {seq}").into_bytes());
    Entry { seq, time_us: 1_700_000_000_000_000, actor: Some(3), credential: None, kind: 7, body }
}

pub(crate) fn log_key() -> SigningKey {
    SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &[1; 32]).unwrap()
}

/// A vault's key, which its name decides.
pub(crate) fn vault_key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, KeyKind::Cosignature, &Hash::of(name.as_bytes()).0).unwrap()
}

/// Three vaults of three owners.
pub(crate) fn policy() -> Policy {
    let domain = |name: &str| (name.to_owned(), vec![vault_key(name).verifier().clone()]);
    Policy::majority(vec![log_key().verifier().clone()], &[domain("eu"), domain("us"), domain("ap")])
}

/// The tile of a tree with these leaves, word for word as tlog-tiles defines it.
pub(crate) fn tile_of(leaves: &[Hash], id: &TileId) -> Option<Vec<Hash>> {
    let span = 256usize.pow(u32::from(id.level));
    let first = usize::try_from(id.index).ok()? * 256;
    (first..first + usize::from(id.width)).map(|n| leaves.get(n * span..(n + 1) * span).map(root)).collect()
}

pub(crate) fn root(leaves: &[Hash]) -> Hash {
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    frontier.root()
}

/// Envelopes one after another, from number 0.
pub(crate) struct Log {
    pub(crate) envelopes: Vec<Vec<u8>>,
    pub(crate) leaves: Vec<Hash>,
}

impl Log {
    pub(crate) fn of(size: u64) -> Self {
        Self::from((0..size).map(|seq| seal(&data_key(), &origin(), &entry(seq), &[]).unwrap()).collect::<Vec<_>>())
    }

    pub(crate) fn root(&self, size: usize) -> Hash {
        root(&self.leaves[..size])
    }

    /// The log's checkpoint at a size, cosigned by these vaults.
    pub(crate) fn checkpoint(&self, size: usize, vaults: &[&str]) -> SignedNote {
        let mut note = Checkpoint::new(origin(), 1, size as u64, self.root(size)).sign(&log_key()).unwrap();
        for vault in vaults {
            let line = cosign(&vault_key(vault), note.text(), COSIGNED_S);
            note.add(line);
        }
        note
    }

    pub(crate) fn receipt(&self, index: usize, size: usize, vaults: &[&str]) -> Receipt {
        let source = |id: &TileId| tile_of(&self.leaves[..size], id);
        Receipt {
            index: index as u64,
            envelope: self.envelopes[index].clone(),
            secret: data_key().secret(&origin(), index as u64),
            policy: policy().to_string(),
            proof: tile::prove_inclusion(index as u64, size as u64, &source).unwrap(),
            checkpoint: self.checkpoint(size, vaults),
        }
    }
}

impl From<Vec<Vec<u8>>> for Log {
    fn from(envelopes: Vec<Vec<u8>>) -> Self {
        let leaves = envelopes.iter().map(|bytes| Envelope::leaf(bytes)).collect();
        Self { envelopes, leaves }
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    assert_eq!(text.len() % 2, 0, "{text}");
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
