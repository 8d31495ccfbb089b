//! Entries, batches and receipts from outside: what was sealed opens, who must have signed what.

use crate::common::{COSIGNED_S, Log, data_key, entry, log_key, origin, policy, vault_key};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::{self, cosign};
use journal::entry::{Body, ENTRY_BYTES_MAX, Entry, EntryError, Envelope, seal};
use journal::epoch::{Epoch, EpochError, RecoveryPublic, recovery_signing_key};
use journal::note::{KeyKind, SignedNote, SigningKey};
use journal::policy::Policy;
use journal::receipt::{self, Receipt, ReceiptError};
use journal::{BlobName, Hash, Origin};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn receipt(size: usize, index: usize, vaults: &[&str]) -> Receipt {
    Log::of(size as u64).receipt(index, size, vaults)
}

#[test]
fn a_receipt_says_what_who_and_when() {
    let text = receipt(40, 17, &["eu", "us"]).to_text();
    let verified = receipt::verify(&text, Some(&policy())).unwrap();
    assert_eq!(verified.entry, entry(17));
    assert_eq!(verified.checkpoint.size, 40);
    assert_eq!(verified.cosigned, [("eu".to_owned(), COSIGNED_S), ("us".to_owned(), COSIGNED_S)]);
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
fn sealing_is_deterministic_and_bound_to_its_place() {
    let key = data_key();
    let bytes = seal(&key, &origin(), &entry(5), &[]).unwrap();
    assert_eq!(bytes, seal(&key, &origin(), &entry(5), &[]).unwrap());
    let envelope = Envelope::parse(&bytes).unwrap();
    assert_eq!(envelope.open(&origin(), 5, &key.secret(&origin(), 5)), Ok(entry(5)));
    assert_eq!(envelope.open(&origin(), 6, &key.secret(&origin(), 6)), Err(EntryError::WrongSecret(6)));
    let elsewhere: Origin = "other".parse().unwrap();
    assert!(envelope.open(&elsewhere, 5, &key.secret(&origin(), 5)).is_err());
}

#[test]
fn an_entry_too_large_for_a_bundle_is_refused() {
    let mut large = entry(0);
    large.body = Body::Inline(vec![0; ENTRY_BYTES_MAX]);
    assert!(matches!(seal(&data_key(), &origin(), &large, &[]), Err(EntryError::TooLarge(_))));
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
        recovery: vec![recovery.verifier().clone().into()],
        past: None,
        order: None,
    };
    let note: SignedNote = epoch.sign(&recovery).unwrap().to_string().parse().unwrap();
    assert_eq!(Epoch::verify(&note, recovery.verifier()).unwrap(), epoch);
    assert!(Epoch::verify_first(&note).is_err(), "epoch 2 is not a log's first");
    let intruder = recovery_signing_key(&[5; 32], &origin());
    let forged = epoch.sign(&intruder).unwrap();
    assert!(Epoch::verify(&forged, recovery.verifier()).is_err());
}

#[test]
fn recovery_keys_change_by_an_order_alone_and_a_statement_has_one_form() {
    let keys = [4, 5, 6].map(|seed| recovery_signing_key(&[seed; 32], &origin()));
    let public = |at: usize| RecoveryPublic::new(&origin(), keys[at].verifier().as_bytes(), "age1key").unwrap();
    let epoch = |number: u64, recovery: Vec<RecoveryPublic>, order: Option<Hash>| Epoch {
        origin: origin(),
        epoch: number,
        size: 40 * (number - 1),
        root: Hash::of(b"root"),
        log_key: log_key().verifier().clone(),
        data_key: BlobName::of(b"key"),
        recovery,
        past: order.map(|_| BlobName::of(b"past")),
        order,
    };
    let signed = |epoch: &Epoch, at: usize| epoch.sign(&keys[at]).unwrap();
    let first = epoch(1, vec![keys[0].verifier().clone().into()], None);
    let both = epoch(2, vec![public(1), public(2)], Some(Hash::of(b"order")));
    assert!(first.to_string().starts_with("outlast-epoch/v1\n") && both.to_string().starts_with("outlast-epoch/v2\n"));
    assert_eq!(both.to_string().parse(), Ok(both.clone()));
    let text = both.to_string();
    for (from, to) in
        [("v2", "v1"), ("past", "pest"), (" age1key", ""), (" age1key", "  age1key"), ("order ", "order  ")]
    {
        assert!(text.replacen(from, to, 1).parse::<Epoch>().is_err(), "{from:?} as {to:?}");
    }
    assert!(epoch(2, vec![public(1), public(1)], None).to_string().parse::<Epoch>().is_err(), "one key twice");
    assert!(epoch(2, Vec::new(), None).to_string().parse::<Epoch>().is_err(), "none");

    // By the old key or a new one; never by another, nor without an order.
    for at in [0, 1, 2] {
        Epoch::verify_next(&signed(&both, at), &first).unwrap();
    }
    let silent = epoch(2, vec![public(1)], None);
    assert!([0, 1].iter().all(|at| Epoch::verify_next(&signed(&silent, *at), &first).is_err()));
    let third = epoch(3, vec![public(2), public(1)], None);
    assert!(!third.changes_keys(&both), "in whatever order");
    assert!(Epoch::verify_next(&signed(&third, 0), &both).is_err(), "the old key");

    let own = |at: usize| vec![keys[at].verifier().clone()];
    let all = [signed(&first, 0), signed(&both, 0), signed(&third, 2)];
    assert_eq!(Epoch::verify_all(&all, &own(1)).unwrap().len(), 3);
    assert_eq!(Epoch::verify_all(&all, &own(0)), Err(EpochError::Replaced(40)));
    let stranger = recovery_signing_key(&[9; 32], &origin()).verifier().clone();
    assert_eq!(Epoch::verify_all(&all, &[stranger]), Err(EpochError::AnotherKey));
    assert!(Epoch::verify_all(&[signed(&first, 0), signed(&third, 2)], &[]).is_err(), "one left out");
    assert!(Epoch::verify_all(&all[1..], &[]).is_err(), "without the first");
}

#[test]
fn a_batch_names_what_its_entries_need() {
    let key = data_key();
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
fn a_wrong_cosignature_is_refused_even_when_others_are_enough() {
    let mut receipt = receipt(9, 4, &["eu", "us"]);
    let mut line = cosign(&vault_key("ap"), "something else\n", COSIGNED_S);
    receipt.checkpoint.add(line.clone());
    assert!(matches!(receipt::verify(&receipt.to_text(), None), Err(ReceiptError::WrongCosignature(_))));
    // One that nobody knows is none of the reader's business.
    line.name = "witness.example/\u{e9}t\u{e9}".to_owned();
    let mut stranger = self::receipt(9, 4, &["eu", "us"]);
    stranger.checkpoint.add(line);
    assert_eq!(receipt::verify(&stranger.to_text(), None).unwrap().cosigned.len(), 2);
}

#[test]
fn a_receipt_from_a_key_of_another_log_is_refused() {
    let mut receipt = receipt(9, 4, &["eu", "us"]);
    let elsewhere = Checkpoint::new("outlast/other".parse().unwrap(), 1, 9, Hash::of(b"root"));
    receipt.checkpoint = elsewhere.sign(&log_key()).unwrap();
    let refused = receipt::verify(&receipt.to_text(), None);
    assert!(matches!(refused, Err(ReceiptError::WrongOrigin { .. })), "{refused:?}");
}

#[test]
fn a_receipt_opens_its_own_entry_only() {
    let log = Log::of(9);
    let mut receipt = log.receipt(4, 9, &["eu", "us"]);
    receipt.secret = data_key().secret(&origin(), 5);
    assert_eq!(receipt::verify(&receipt.to_text(), None), Err(EntryError::WrongSecret(4).into()));
    let other = Envelope::parse(&log.envelopes[5]).unwrap();
    let secret = data_key().secret(&origin(), 4);
    assert_eq!(other.open(&origin(), 5, &secret), Err(EntryError::WrongSecret(5)));
}

#[test]
fn a_receipt_of_a_later_version_may_carry_more() {
    let text = receipt(3, 1, &["eu", "us"]).to_text();
    let extra = text.lines().nth(1).and_then(|line| line.strip_prefix("extra ")).unwrap();
    let bytes = STANDARD.decode(extra).unwrap();
    assert_eq!(bytes[0], 0x83, "an array of three parts");
    let with = |head: u8, more: &[u8]| text.replace(extra, &STANDARD.encode([&[head], &bytes[1..], more].concat()));
    assert_eq!(receipt::verify(&with(0x84, b"\x64more"), None), receipt::verify(&text, None));
    for (what, wrong) in [("no fourth part", with(0x84, b"")), ("bytes after it", with(0x83, b"\x00"))] {
        assert!(matches!(receipt::verify(&wrong, None), Err(ReceiptError::Malformed(_))), "{what}");
    }
}

#[test]
fn an_entry_has_one_body_and_each_field_once() {
    let good = entry(5).encode();
    assert_eq!(good[0], 0xa5, "a map of five fields");
    let with = |fields: u8, more: &[u8]| [&[0xa0 + fields], &good[1..], more].concat();
    assert_eq!(Entry::decode(&with(6, b"\x18\x63\x01")), Ok(entry(5)), "an unknown field of a later version");
    for (what, more) in
        [("a second body", &b"\x06\x80"[..]), ("the kind again", b"\x04\x08"), ("out of order", b"\x00\x05")]
    {
        assert!(Entry::decode(&with(6, more)).is_err(), "{what}");
    }
}

#[test]
fn an_epochs_keys_are_of_its_log() {
    let recovery = recovery_signing_key(&[4; 32], &origin());
    let good = Epoch {
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
    assert_eq!(good.to_string().parse(), Ok(good.clone()));
    Epoch::verify_first(&good.sign(&recovery).unwrap()).unwrap();
    let foreign = SigningKey::from_seed("other", KeyKind::Ed25519, &[1; 32]).unwrap();
    let vault = SigningKey::from_seed(origin().as_str(), KeyKind::Cosignature, &[1; 32]).unwrap();
    for key in [&foreign, &vault] {
        let log = Epoch { log_key: key.verifier().clone(), ..good.clone() };
        assert!(log.to_string().parse::<Epoch>().is_err());
        let recovery = Epoch { recovery: vec![key.verifier().clone().into()], ..good.clone() };
        assert!(recovery.to_string().parse::<Epoch>().is_err());
    }
}

proptest! {
    #[test]
    fn entries_round_trip(seq: u64, time_us: i64, actor: Option<u64>, credential: Option<u64>, kind: u32, bytes: Vec<u8>) {
        let entry = Entry { seq, time_us, actor, credential, kind, body: Body::Inline(bytes) };
        prop_assert_eq!(Entry::decode(&entry.encode()).unwrap(), entry);
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
