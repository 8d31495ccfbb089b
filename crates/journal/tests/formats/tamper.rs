//! One changed byte, anywhere: found.

use crate::common::{Log, data_key, entry, log_key, origin, policy, vault_key};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::entry::{Envelope, seal};
use journal::epoch::{Epoch, recovery_signing_key};
use journal::note::{SignedNote, VerifierKey};
use journal::receipt::{self, Verified};
use journal::{BlobName, Hash};
use std::collections::BTreeSet;

/// The bytes with one of them changed, for each of them, in several ways.
fn changed(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len()).flat_map(move |place| {
        [0x01, 0x20, 0x80, 0xff].map(|bits| {
            let mut changed = bytes.to_vec();
            changed[place] ^= bits;
            (place, changed)
        })
    })
}

/// The same for a text: only what is still a text, since nothing else is read as one.
fn changed_text(text: &str) -> impl Iterator<Item = (usize, String)> {
    changed(text.as_bytes()).filter_map(|(place, bytes)| Some((place, String::from_utf8(bytes).ok()?)))
}

#[test]
fn in_an_envelope() {
    let secret = data_key().secret(&origin(), 5);
    let bytes = seal(&data_key(), &origin(), &entry(5), &[BlobName::of(b"x")]).unwrap();
    assert!(Envelope::parse(&bytes).unwrap().open(&origin(), 5, &secret).is_ok());
    for (place, bytes) in changed(&bytes) {
        let opened = Envelope::parse(&bytes).and_then(|envelope| envelope.open(&origin(), 5, &secret));
        assert!(opened.is_err(), "byte {place}");
    }
    for len in 0..bytes.len() {
        assert!(Envelope::parse(&bytes[..len]).is_err(), "cut to {len}");
    }
}

/// What whoever takes a batch checks: the log's signature, the root from the entries, the blobs' names.
fn accept(bytes: &[u8], log: &VerifierKey) -> Option<Batch> {
    let batch = Batch::decode(bytes).ok()?;
    let (note, checkpoint) = batch.checkpoint().ok()?;
    Checkpoint::verify(&note, log).ok()?;
    let root = Log::from(batch.entries.clone()).root(batch.entries.len());
    let blobs: BTreeSet<_> = batch.inline.iter().map(|blob| BlobName::of(blob)).collect();
    let all_good = batch.first == 0 && root == checkpoint.root && blobs == batch.blobs_needed().ok()?;
    all_good.then_some(batch)
}

#[test]
fn in_a_batch() {
    let blob = b"a small pack".to_vec();
    let envelope = seal(&data_key(), &origin(), &entry(0), &[BlobName::of(&blob)]).unwrap();
    let envelopes = vec![envelope, seal(&data_key(), &origin(), &entry(1), &[]).unwrap()];
    let checkpoint = Log::from(envelopes.clone()).checkpoint(2, &[]).to_string();
    let batch = Batch {
        origin: origin(),
        epoch: 1,
        first: 0,
        entries: envelopes,
        checkpoint,
        snapshot_entry: Some(0),
        inline: vec![blob],
    };
    let bytes = batch.encode().unwrap();
    assert_eq!(accept(&bytes, log_key().verifier()), Some(batch.clone()));
    for (place, bytes) in changed(&bytes) {
        if let Some(read) = accept(&bytes, log_key().verifier()) {
            // The hint for recovery is believed only after the entry it names was opened.
            assert_eq!(Batch { snapshot_entry: Some(0), ..read }, batch, "byte {place}");
        }
    }
    for len in 0..bytes.len() {
        assert!(Batch::decode(&bytes[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn in_a_checkpoint() {
    let text = Log::of(3).checkpoint(3, &[]).to_string();
    let verify = |text: &str| Checkpoint::verify(&text.parse().ok()?, log_key().verifier()).ok();
    assert!(verify(&text).is_some());
    for (place, text) in changed_text(&text) {
        assert_eq!(verify(&text), None, "byte {place}");
    }
}

#[test]
fn in_a_cosigned_checkpoint() {
    let text = Log::of(3).checkpoint(3, &["eu"]).to_string();
    let verify = |text: &str| {
        let note: SignedNote = text.parse().ok()?;
        cosignature::verify_note(vault_key("eu").verifier(), &note).ok()?;
        Checkpoint::verify(&note, log_key().verifier()).ok()
    };
    assert!(verify(&text).is_some());
    for (place, text) in changed_text(&text) {
        assert_eq!(verify(&text), None, "byte {place}");
    }
}

#[test]
fn in_an_epoch_statement() {
    let recovery = recovery_signing_key(&[4; 32], &origin());
    let epoch = Epoch {
        origin: origin(),
        epoch: 1,
        size: 0,
        root: Hash::of(b""),
        log_key: log_key().verifier().clone(),
        data_key: BlobName::of(b"key"),
        recovery: vec![recovery.verifier().clone().into()],
        past: None,
        order: None,
    };
    let text = epoch.sign(&recovery).unwrap().to_string();
    let verify = |text: &str| Epoch::verify(&text.parse().ok()?, recovery.verifier()).ok();
    assert_eq!(verify(&text), Some(epoch));
    for (place, text) in changed_text(&text) {
        assert_eq!(verify(&text), None, "byte {place}");
        let first = text.parse().ok().and_then(|note| Epoch::verify_first(&note).ok());
        assert_eq!(first, None, "byte {place}");
    }
}

/// What a changed receipt may still say: less, and never something else.
fn says_less(said: &Verified, good: &Verified) -> bool {
    let fewer =
        said.cosigned.len() < good.cosigned.len() && said.cosigned.iter().all(|one| good.cosigned.contains(one));
    fewer && Verified { cosigned: good.cosigned.clone(), ..said.clone() } == *good
}

#[test]
fn in_a_receipt_read_with_the_readers_own_policy() {
    let text = Log::of(9).receipt(4, 9, &["eu", "us", "ap"]).to_text();
    let good = receipt::verify(&text, Some(&policy())).unwrap();
    // The policy that the receipt carries is the end of the second line, and a reader with his own does not read it.
    let carried = policy().to_string().len() * 4 / 3;
    let line = text.match_indices('\n').nth(1).unwrap().0;
    for (place, text) in changed_text(&text) {
        match receipt::verify(&text, Some(&policy())) {
            Ok(said) if said == good => assert!((line - carried - 8..line).contains(&place), "byte {place}: {text}"),
            Ok(said) => assert!(says_less(&said, &good), "byte {place}: {said:?}"),
            Err(_) => {}
        }
    }
}

#[test]
fn in_a_receipt_read_with_its_own_policy() {
    let text = Log::of(9).receipt(4, 9, &["eu", "us", "ap"]).to_text();
    let good = receipt::verify(&text, None).unwrap();
    for (place, text) in changed_text(&text) {
        // Names in the carried policy may be changed, which is why only a policy of one's own proves anything; what the
        // entry says, and which log it is in, may not.
        if let Ok(said) = receipt::verify(&text, None) {
            assert_eq!((said.entry, said.checkpoint), (good.entry.clone(), good.checkpoint.clone()), "byte {place}");
            assert!(!said.policy_pinned);
        }
    }
}
