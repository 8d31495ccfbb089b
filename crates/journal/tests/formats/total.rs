//! Decoders are total: whatever the bytes are, there is a value or an error. (`tests/memory.rs` holds what they may allocate.)

use crate::common::{Log, data_key, entry, origin, policy};
use journal::batch::{BATCH_ENTRIES_MAX, Batch, BatchError, INLINE_BLOB_BYTES_MAX, INLINE_BLOBS_MAX};
use journal::checkpoint::Checkpoint;
use journal::entry::{Body, ENTRY_BYTES_MAX, Entry, EntryError, Envelope, seal};
use journal::epoch::Epoch;
use journal::note::{NAME_BYTES_MAX, NOTE_BYTES_MAX, NOTE_SIGNATURES_MAX, NoteSignature, SignedNote, VerifierKey};
use journal::policy::Policy;
use journal::receipt::{self, RECEIPT_BYTES_MAX, Receipt};
use journal::tile::{self, TileId};
use journal::{BlobName, Origin};
use proptest::prelude::*;

/// Every decoder there is. What one accepts, it must say again in the same words.
fn decode_all(bytes: &[u8]) {
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(Entry::decode(&entry.encode()), Ok(entry));
    }
    let opened = Envelope::parse(bytes).map(|envelope| envelope.open(&origin(), 0, &data_key().secret(&origin(), 0)));
    drop(opened);
    if let Ok(batch) = Batch::decode(bytes) {
        assert_eq!(Batch::decode(&batch.encode().unwrap()), Ok(batch.clone()));
        drop((batch.checkpoint(), batch.blobs_needed()));
    }
    if let Some(entries) = tile::decode_bundle(bytes) {
        assert_eq!(tile::encode_bundle(&entries).unwrap(), bytes);
    }
    decode_text(&String::from_utf8_lossy(bytes));
}

fn decode_text(text: &str) {
    let same = |again: Option<String>| assert!(again.as_deref().is_none_or(|again| again == text), "{again:?}\n{text}");
    same(text.parse::<SignedNote>().ok().map(|note| note.to_string()));
    same(text.parse::<Checkpoint>().ok().map(|checkpoint| checkpoint.to_string()));
    same(text.parse::<Epoch>().ok().map(|epoch| epoch.to_string()));
    same(text.parse::<VerifierKey>().ok().map(|key| key.to_string()));
    same(text.parse::<Origin>().ok().map(|origin| origin.to_string()));
    same(text.parse::<BlobName>().ok().map(|name| name.to_string()));
    same(TileId::parse(text).map(|id| id.path()));
    if let Ok(policy) = text.parse::<Policy>() {
        assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    }
    drop((
        NoteSignature::parse(text),
        tile::parse_bundle_path(text),
        Receipt::parse(text),
        receipt::verify(text, None),
    ));
}

/// Good bytes of each kind.
fn seeds() -> Vec<Vec<u8>> {
    let log = Log::of(3);
    let receipt = log.receipt(1, 3, &["eu", "us"]);
    let batch = Batch {
        origin: origin(),
        epoch: 1,
        first: 0,
        entries: log.envelopes.clone(),
        checkpoint: log.checkpoint(3, &[]).to_string(),
        snapshot_entry: None,
        inline: vec![vec![1; 40]],
    };
    let blobs = Entry { body: Body::Blob(vec![BlobName::of(b"x"); 3]), ..entry(0) };
    vec![
        entry(0).encode(),
        blobs.encode(),
        seal(&data_key(), &origin(), &blobs, &[BlobName::of(b"x"); 3]).unwrap(),
        batch.encode().unwrap(),
        tile::encode_bundle(&log.envelopes).unwrap(),
        receipt.to_text().into_bytes(),
        receipt.checkpoint.to_string().into_bytes(),
        policy().to_string().into_bytes(),
    ]
}

#[test]
fn limits_are_kept() {
    let long = "x".repeat(NAME_BYTES_MAX + 1);
    assert!(long.parse::<Origin>().is_err() && long[1..].parse::<Origin>().is_ok());
    let big = format!("{}\n\n\u{2014} a AAAAAAA=\n", "x".repeat(NOTE_BYTES_MAX));
    assert!(big.parse::<SignedNote>().is_err());
    let note = |n: usize| format!("x\n\n{}", "\u{2014} a AAAAAAA=\n".repeat(n));
    assert!(note(NOTE_SIGNATURES_MAX).parse::<SignedNote>().is_ok());
    assert!(note(NOTE_SIGNATURES_MAX + 1).parse::<SignedNote>().is_err());
    let text = Log::of(3).receipt(1, 3, &[]).to_text();
    assert!(Receipt::parse(&text.replacen("\n\n", &"\n".repeat(RECEIPT_BYTES_MAX), 1)).is_err());
    let hash = journal::Hash::of(b"").to_base64();
    assert!(Receipt::parse(&text.replacen("\n\n", &format!("\n{}\n", format!("{hash}\n").repeat(63)), 1)).is_err());
    assert_eq!(Envelope::parse(&vec![0; ENTRY_BYTES_MAX + 1]), Err(EntryError::TooLarge(ENTRY_BYTES_MAX + 1)));
    assert_eq!(Entry::decode(&vec![0; ENTRY_BYTES_MAX + 1]), Err(EntryError::TooLarge(ENTRY_BYTES_MAX + 1)));
}

#[test]
fn a_batch_over_a_limit_is_neither_made_nor_read() {
    let log = Log::of(1);
    let batch = |entries: usize, blobs: usize, blob: usize| Batch {
        origin: origin(),
        epoch: 1,
        first: 0,
        entries: vec![log.envelopes[0].clone(); entries],
        checkpoint: String::new(),
        snapshot_entry: None,
        inline: vec![vec![0; blob]; blobs],
    };
    for (what, made) in [
        ("entries", batch(BATCH_ENTRIES_MAX + 1, 0, 0)),
        ("inline blobs", batch(1, INLINE_BLOBS_MAX + 1, 1)),
        ("bytes in an inline blob", batch(1, 1, INLINE_BLOB_BYTES_MAX + 1)),
        ("bytes", batch(1, 64, INLINE_BLOB_BYTES_MAX)),
    ] {
        assert!(matches!(made.encode(), Err(BatchError::TooLarge { what: w, .. }) if w == what), "{what}");
    }
    batch(BATCH_ENTRIES_MAX, INLINE_BLOBS_MAX, 1).encode().unwrap();
    assert!(batch(0, 0, 0).encode().is_err(), "a batch without entries");
    assert!(Batch { first: u64::MAX, ..batch(1, 0, 0) }.encode().is_err(), "numbers that overflow");
}

proptest! {
    #[test]
    fn of_any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        decode_all(&bytes);
    }

    #[test]
    fn of_any_text(text in "[ -~\n\u{2014}\u{e9}]{0,300}") {
        decode_all(text.as_bytes());
    }

    /// Bytes that are nearly right get further than bytes that are not.
    #[test]
    fn of_spoilt_bytes(seed in 0usize..8, edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0u8..4), 1..6)) {
        let mut bytes = seeds()[seed].clone();
        for (place, byte, how) in edits {
            let place = place.index(bytes.len());
            match how {
                0 => bytes[place] = byte,
                1 => bytes.insert(place, byte),
                2 => bytes.truncate(place.max(1)),
                _ => drop(bytes.splice(place..place, [0xff; 9])),
            }
        }
        decode_all(&bytes);
    }
}
