//! Entries, batches and receipts from outside: what was sealed opens, and one changed byte anywhere is found.

use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::{self, cosign};
use journal::entry::{Body, DataKey, ENTRY_BYTES_MAX, Entry, EntryError, Envelope, seal};
use journal::epoch::{Epoch, recovery_signing_key};
use journal::merkle::Frontier;
use journal::note::{KeyKind, SignedNote, SigningKey, VerifierKey};
use journal::policy::Policy;
use journal::receipt::{self, Receipt, ReceiptError};
use journal::tile::{self, TileId};
use journal::{BlobName, Hash, Origin};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn origin() -> Origin {
    "outlast/0123456789abcdef0123456789abcdef".parse().unwrap()
}

fn entry(seq: u64) -> Entry {
    let body = Body::Inline(format!("event {seq}").into_bytes());
    Entry { seq, time_us: 1_700_000_000_000_000, actor: Some(3), credential: None, kind: 7, body }
}

fn log_key() -> SigningKey {
    SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &[1; 32]).unwrap()
}

fn vault_key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, KeyKind::Cosignature, Hash::of(name.as_bytes()).0[..].try_into().unwrap()).unwrap()
}

fn policy() -> Policy {
    let domain = |name: &str| (name.to_owned(), vec![vault_key(name).verifier().clone()]);
    Policy::majority(vec![log_key().verifier().clone()], &[domain("eu"), domain("us"), domain("ap")])
}

/// A log of `size` entries, and the receipt of one of them, cosigned by these vaults.
fn receipt(size: u64, index: u64, vaults: &[&str]) -> Receipt {
    let key = DataKey::new([9; 32]);
    let envelopes: Vec<_> = (0..size).map(|seq| seal(&key, &origin(), &entry(seq), &[]).unwrap()).collect();
    let leaves: Vec<_> = envelopes.iter().map(|bytes| Envelope::leaf(bytes)).collect();
    let mut frontier = Frontier::new();
    leaves.iter().for_each(|leaf| frontier.push(*leaf));
    let source = |id: &TileId| {
        let first = usize::try_from(id.index).unwrap() * 256;
        assert_eq!(id.level, 0);
        Some(leaves[first..first + usize::from(id.width)].to_vec())
    };
    let mut checkpoint = Checkpoint::new(origin(), 1, size, frontier.root()).sign(&log_key()).unwrap();
    for vault in vaults {
        let line = cosign(&vault_key(vault), checkpoint.text(), 1_700_000_100);
        checkpoint.add(line);
    }
    let proof = tile::prove_inclusion(index, size, &source).unwrap();
    let envelope = envelopes[usize::try_from(index).unwrap()].clone();
    Receipt { index, envelope, secret: key.secret(&origin(), index), policy: policy().to_string(), proof, checkpoint }
}

#[test]
fn a_receipt_says_what_who_and_when() {
    let text = receipt(40, 17, &["eu", "us"]).to_text();
    let verified = receipt::verify(&text, Some(&policy())).unwrap();
    assert_eq!(verified.entry, entry(17));
    assert_eq!(verified.checkpoint.size, 40);
    assert_eq!(verified.cosigned, [("eu".to_owned(), 1_700_000_100), ("us".to_owned(), 1_700_000_100)]);
    assert!(verified.policy_pinned && !receipt::verify(&text, None).unwrap().policy_pinned);
}

#[test]
fn one_vault_of_three_is_not_held() {
    let text = receipt(40, 17, &["eu"]).to_text();
    assert_eq!(receipt::verify(&text, None), Err(ReceiptError::NotHeld("eu".to_owned())));
}

#[test]
fn another_logs_receipt_is_refused_by_a_pinned_policy() {
    let other = SigningKey::from_seed("other", KeyKind::Ed25519, &[2; 32]).unwrap();
    let pinned = Policy::majority(vec![other.verifier().clone()], &[]);
    let text = receipt(3, 1, &["eu", "us"]).to_text();
    assert!(matches!(receipt::verify(&text, Some(&pinned)), Err(ReceiptError::NotTheLog(_))));
}

#[test]
fn a_receipt_with_any_one_byte_changed_proves_nothing_else() {
    let text = receipt(9, 4, &["eu", "us"]).to_text();
    let good = receipt::verify(&text, Some(&policy())).unwrap();
    let mut survived = 0;
    for place in 0..text.len() {
        let mut bytes = text.clone().into_bytes();
        bytes[place] ^= 1;
        let Ok(changed) = String::from_utf8(bytes) else { continue };
        // Only the policy that the receipt carries along is not under a signature; a pinned policy does not read it.
        if let Ok(verified) = receipt::verify(&changed, Some(&policy())) {
            assert_eq!(verified, good);
            survived += 1;
        }
    }
    assert!(survived < text.len() / 2, "most of a receipt is proof");
}

#[test]
fn sealing_is_deterministic_and_bound_to_its_place() {
    let key = DataKey::new([9; 32]);
    let bytes = seal(&key, &origin(), &entry(5), &[]).unwrap();
    assert_eq!(bytes, seal(&key, &origin(), &entry(5), &[]).unwrap());
    let envelope = Envelope::parse(&bytes).unwrap();
    assert_eq!(envelope.open(&origin(), 5, &key.secret(&origin(), 5)), Ok(entry(5)));
    assert_eq!(envelope.open(&origin(), 6, &key.secret(&origin(), 6)), Err(EntryError::WrongSecret(6)));
    let elsewhere: Origin = "other".parse().unwrap();
    assert!(envelope.open(&elsewhere, 5, &key.secret(&origin(), 5)).is_err());
}

#[test]
fn every_changed_byte_of_an_envelope_is_found() {
    let key = DataKey::new([9; 32]);
    let secret = key.secret(&origin(), 5);
    let bytes = seal(&key, &origin(), &entry(5), &[BlobName::of(b"x")]).unwrap();
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        assert!(Envelope::parse(&changed).and_then(|e| e.open(&origin(), 5, &secret)).is_err(), "byte {place}");
    }
}

#[test]
fn an_entry_too_large_for_a_bundle_is_refused() {
    let mut large = entry(0);
    large.body = Body::Inline(vec![0; ENTRY_BYTES_MAX]);
    assert!(matches!(seal(&DataKey::new([9; 32]), &origin(), &large, &[]), Err(EntryError::TooLarge(_))));
}

#[test]
fn an_epoch_is_started_by_the_recovery_key_alone() {
    let recovery = recovery_signing_key(&[4; 32], &origin());
    let epoch = Epoch {
        origin: origin(),
        epoch: 2,
        size: 41,
        root: Hash::of(b"root"),
        log_key: log_key().verifier().clone(),
        data_key: BlobName::of(b"key"),
        recovery_key: recovery.verifier().clone(),
    };
    let note: SignedNote = epoch.sign(&recovery).unwrap().to_string().parse().unwrap();
    assert_eq!(Epoch::verify(&note, recovery.verifier()).unwrap(), epoch);
    assert!(Epoch::verify_first(&note).is_err(), "epoch 2 is not a log's first");
    let intruder = recovery_signing_key(&[5; 32], &origin());
    let forged = epoch.sign(&intruder).unwrap();
    assert!(Epoch::verify(&forged, recovery.verifier()).is_err());
}

#[test]
fn a_batch_names_what_its_entries_need() {
    let key = DataKey::new([9; 32]);
    let names = [BlobName::of(b"a"), BlobName::of(b"b")];
    let entries =
        vec![seal(&key, &origin(), &entry(5), &names).unwrap(), seal(&key, &origin(), &entry(6), &names[..1]).unwrap()];
    let checkpoint = Checkpoint::new(origin(), 1, 7, Hash::of(b"root")).sign(&log_key()).unwrap().to_string();
    let batch = Batch {
        origin: origin(),
        epoch: 1,
        first: 5,
        entries,
        checkpoint,
        snapshot_entry: None,
        inline: vec![b"a".to_vec()],
    };
    let read = Batch::decode(&batch.encode().unwrap()).unwrap();
    assert_eq!(read, batch);
    assert_eq!(read.blobs_needed().unwrap(), BTreeSet::from(names));
    read.checkpoint().unwrap();
    assert!(Batch { first: 6, ..batch }.checkpoint().is_err());
}

#[test]
fn a_cosignature_is_of_one_text_and_time() {
    let key = vault_key("eu");
    let line = cosign(&key, "text\n", 5);
    assert_eq!(cosignature::verify(key.verifier(), "text\n", &line), Ok(5));
    assert!(cosignature::verify(key.verifier(), "other\n", &line).is_err());
    assert!(cosignature::verify(vault_key("us").verifier(), "text\n", &line).is_err());
    let mut later = line;
    later.bytes[7] ^= 1;
    assert!(cosignature::verify(key.verifier(), "text\n", &later).is_err());
}

#[test]
fn a_policy_counts_domains_not_copies() {
    let (a, b, c) = (vault_key("a"), vault_key("b"), vault_key("c"));
    let one_owner = ("same".to_owned(), vec![a.verifier().clone(), b.verifier().clone()]);
    let other = ("other".to_owned(), vec![c.verifier().clone()]);
    let policy = Policy::majority(vec![], &[one_owner, other]);
    assert!(!policy.satisfied(&BTreeSet::from(["a", "b"])));
    assert!(policy.satisfied(&BTreeSet::from(["a", "c"])));
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    assert!(!Policy::majority(vec![], &[]).satisfied(&BTreeSet::new()), "nobody's word is not a quorum");
}

proptest! {
    #[test]
    fn entries_round_trip(seq: u64, time_us: i64, actor: Option<u64>, credential: Option<u64>, kind: u32, bytes: Vec<u8>) {
        let entry = Entry { seq, time_us, actor, credential, kind, body: Body::Inline(bytes) };
        prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
    }

    #[test]
    fn decoders_are_total(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = Entry::decode(&bytes);
        let _ = Envelope::parse(&bytes);
        let _ = Batch::decode(&bytes);
        let text = String::from_utf8_lossy(&bytes);
        let _ = text.parse::<SignedNote>();
        let _ = text.parse::<Checkpoint>();
        let _ = text.parse::<Policy>();
        let _ = text.parse::<Epoch>();
        let _ = text.parse::<VerifierKey>();
        let _ = Receipt::parse(&text);
    }

    #[test]
    fn notes_round_trip(lines in prop::collection::vec("[a-z ]{1,20}", 1..5)) {
        let text = format!("{}\n", lines.join("\n"));
        let note = log_key().sign(&text).unwrap();
        let read: SignedNote = note.to_string().parse().unwrap();
        prop_assert_eq!(&read, &note);
        read.verify(log_key().verifier()).unwrap();
    }
}
