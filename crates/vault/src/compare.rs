//! Comparing vaults: what the same log's key signed for one must be what it signed for the other.
//!
//! A site that shows two vaults two logs is found out by whoever reads both: two checkpoints of one size, both signed by
//! the log's key, with different roots. That pair is the proof.

use crate::client::{ClientError, VaultClient};
use crate::fork::ForkProof;
use crate::read_log::VaultReport;
use journal::batch::Batch;
use journal::epoch::Epoch;
use journal::note::{SignedNote, VerifierKey};
use journal::{BlobName, Hash};

/// How many blobs an audit asks for; of a vault that lost one in a hundred, so many find one with a probability of 95 %.
pub const AUDIT_BLOBS_MAX: usize = 300;

/// Two checkpoints of one size that one log's key signed, with different roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// The size.
    pub size: u64,
    /// What each vault has signed for it.
    pub roots: [Hash; 2],
    /// The first entry of the batch in question, at each vault.
    pub first: [u64; 2],
}

/// Where two verified logs part: `None` when one is the beginning of the other.
pub fn first_fork(one: &VaultReport, other: &VaultReport) -> Option<Fork> {
    let of = |report: &VaultReport, at: usize| at.checked_sub(1).map_or(0, |before| report.checkpoints[before].0);
    let mut theirs = other.checkpoints.iter().enumerate().peekable();
    for (at, (size, root)) in one.checkpoints.iter().enumerate() {
        while theirs.next_if(|(_, (their_size, _))| their_size < size).is_some() {}
        let Some((their_at, (_, their_root))) = theirs.peek().filter(|(_, (their_size, _))| their_size == size) else {
            continue;
        };
        if their_root != root {
            let first = [of(one, at), of(other, *their_at)];
            return Some(Fork { size: *size, roots: [*root, *their_root], first });
        }
    }
    None
}

/// The proof of a fork, with the two signed checkpoints as the vaults give them.
///
/// # Errors
/// When one of them can't be asked, or no longer has it.
pub async fn fork_proof(one: &VaultClient, other: &VaultClient, fork: &Fork) -> Result<String, ClientError> {
    let (mut notes, mut keys) = (Vec::new(), Vec::<VerifierKey>::new());
    for (client, first) in [(one, fork.first[0]), (other, fork.first[1])] {
        let batches = client.batches(first).await?;
        let batch = batches.iter().filter_map(|bytes| Batch::decode(bytes).ok()).find(|batch| batch.end() == fork.size);
        let gone = || ClientError::Nonsense(format!("it no longer has its batch at entry {first}"));
        let note: SignedNote = batch.and_then(|batch| batch.checkpoint.parse().ok()).ok_or_else(gone)?;
        for epoch in client.epochs().await?.iter().filter_map(|note| note.text().parse::<Epoch>().ok()) {
            if note.verify(&epoch.log_key).is_ok() && !keys.iter().any(|key| key.same_key(&epoch.log_key)) {
                keys.push(epoch.log_key);
            }
        }
        notes.push(note);
    }
    let both = || ClientError::Nonsense("two checkpoints were expected".to_owned());
    Ok(ForkProof { keys, notes: notes.try_into().map_err(|_| both())? }.to_string())
}

/// Asks two vaults to prove that they possess blobs, and names those for which their answers differ, or one has none.
/// What is asked for is new each time, so nobody can answer from memory.
///
/// # Errors
/// When one of them can't be asked.
pub async fn audit(one: &VaultClient, other: &VaultClient, blobs: &[BlobName]) -> Result<Vec<BlobName>, ClientError> {
    let mut nonce = [0; 32];
    getrandom::fill(&mut nonce).map_err(|error| ClientError::Unreachable(error.to_string()))?;
    let asked = sample(blobs, &nonce);
    let nonce = Hash(nonce);
    let (mine, theirs) = tokio::try_join!(one.audit(&nonce, &asked), other.audit(&nonce, &asked))?;
    let differs = |at: &usize| mine[*at].is_none() || mine[*at] != theirs[*at];
    Ok((0..asked.len()).filter(differs).map(|at| asked[at]).collect())
}

/// Some of the names, chosen by the nonce.
fn sample(blobs: &[BlobName], nonce: &[u8; 32]) -> Vec<BlobName> {
    let mut keyed: Vec<_> = blobs.iter().map(|name| (Hash::of(&[&nonce[..], &name.0.0].concat()).0, *name)).collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    keyed.into_iter().take(AUDIT_BLOBS_MAX).map(|(_, name)| name).collect()
}

/// The bytes of a blob that an audit asks for: where they begin and end.
pub(crate) fn audit_range(nonce: &Hash, name: &BlobName, len: u64) -> (u64, u64) {
    let Hash(chosen) = Hash::of(&[&nonce.0[..], &name.0.0, b"range"].concat());
    let number =
        u64::from_be_bytes([chosen[0], chosen[1], chosen[2], chosen[3], chosen[4], chosen[5], chosen[6], chosen[7]]);
    let start = number % len.max(1);
    (start, len.min(start + AUDIT_RANGE_BYTES))
}

/// How many bytes of a blob an audit covers.
pub(crate) const AUDIT_RANGE_BYTES: u64 = 64 << 10;

/// The answer for one blob: a hash that only who has the bytes can make.
pub(crate) fn audit_answer(nonce: &Hash, name: &BlobName, range: &[u8]) -> Hash {
    Hash::of(&[&nonce.0[..], &name.0.0, range].concat())
}
