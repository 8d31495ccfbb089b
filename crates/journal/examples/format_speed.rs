//! How fast entries are sealed, hashed, read and opened, on one core.
//!
//!     cargo run --release -p journal --example format_speed

use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::{self, cosign};
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use journal::merkle::Frontier;
use journal::note::{KeyKind, SigningKey};
use journal::{BlobName, Hash, Origin};
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

const ENTRIES: u64 = 100_000;
const BATCH: usize = 1000;
/// Bytes of an event: about a push of one ref.
const EVENT_BYTES: usize = 120;

fn timed<T>(what: &str, count: u64, work: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let value = black_box(work());
    let seconds = start.elapsed().as_secs_f64();
    println!("{what:<58} {:>9.0} a second", count as f64 / seconds);
    value
}

fn entry(seq: u64) -> Entry {
    let body = Body::Inline(vec![u8::try_from(seq % 251).unwrap_or(0); EVENT_BYTES]);
    Entry { seq, time_us: 1_700_000_000_000_000, actor: Some(3), credential: Some(9), kind: 80, body }
}

fn main() -> Result<(), Box<dyn Error>> {
    let origin: Origin = "outlast/0123456789abcdef0123456789abcdef".parse()?;
    let (key, log_key) = (DataKey::new([9; 32]), SigningKey::from_seed(origin.as_str(), KeyKind::Ed25519, &[1; 32])?);
    let names = [BlobName(Hash([1; 32]))];
    let sealed = timed("seal", ENTRIES, || {
        (0..ENTRIES).map(|seq| seal(&key, &origin, &entry(seq), &names)).collect::<Result<Vec<_>, _>>()
    })?;
    let leaves = timed("leaf hash", ENTRIES, || sealed.iter().map(|bytes| Envelope::leaf(bytes)).collect::<Vec<_>>());
    let frontier = timed("append to the tree", ENTRIES, || {
        let mut frontier = Frontier::new();
        leaves.iter().for_each(|leaf| frontier.push(*leaf));
        frontier
    });
    let mut batches = Vec::new();
    for (at, entries) in sealed.chunks(BATCH).enumerate() {
        let (first, root) = ((at * BATCH) as u64, frontier.root());
        let checkpoint = Checkpoint::new(origin.clone(), 1, first + entries.len() as u64, root).sign(&log_key)?;
        let (origin, entries, checkpoint) = (origin.clone(), entries.to_vec(), checkpoint.to_string());
        let batch = Batch { origin, epoch: 1, first, entries, checkpoint, snapshot_entry: None, inline: vec![] };
        batches.push(batch.encode()?);
    }
    let read = timed("read from batches", ENTRIES, || {
        batches.iter().map(|bytes| Batch::decode(bytes)).collect::<Result<Vec<_>, _>>()
    })?;
    timed("parse and open", ENTRIES, || -> Result<(), Box<dyn Error>> {
        for batch in &read {
            for (seq, bytes) in (batch.first..).zip(&batch.entries) {
                black_box(Envelope::parse(bytes)?.open(&origin, seq, &key.secret(&origin, seq))?);
            }
        }
        Ok(())
    })?;
    timed("all of a replay's reading: batch, leaf, tree, open", ENTRIES, || -> Result<(), Box<dyn Error>> {
        let mut frontier = Frontier::new();
        for bytes in &batches {
            let batch = Batch::decode(bytes)?;
            for (seq, bytes) in (batch.first..).zip(&batch.entries) {
                frontier.push(Envelope::leaf(bytes));
                black_box(Envelope::parse(bytes)?.open(&origin, seq, &key.secret(&origin, seq))?);
            }
        }
        black_box(frontier.root());
        Ok(())
    })?;
    let vault = SigningKey::from_seed("eu", KeyKind::Cosignature, &[2; 32])?;
    let body = Checkpoint::new(origin, 1, ENTRIES, frontier.root()).body();
    let lines = timed("cosign", 5000, || (0..5000).map(|time_s| cosign(&vault, &body, time_s)).collect::<Vec<_>>());
    let verified = timed("verify a cosignature", 5000, || {
        lines.iter().filter(|line| cosignature::verify(vault.verifier(), &body, line).is_ok()).count()
    });
    if verified == lines.len() { Ok(()) } else { Err("a cosignature did not verify".into()) }
}
