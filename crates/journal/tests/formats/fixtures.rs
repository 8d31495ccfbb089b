//! A small journal that the first release wrote, with its keys: it must be readable for ever, and sealing its entries must
//! give the same bytes for ever. `docs/formats/journal.md` describes the files and opens one of the entries by hand.
//!
//! To write the files of a new format version: a new directory, `OUTLAST_WRITE_FIXTURES=1 cargo test -p journal fixtures`.
//! The files of an old one are never written again.

use crate::common::{hex, root, tile_of, unhex};
use journal::batch::Batch;
use journal::checkpoint::Checkpoint;
use journal::cosignature::{self, cosign};
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use journal::epoch::{Epoch, recovery_signing_key};
use journal::merkle::verify_consistency;
use journal::note::{KeyKind, SignedNote, SigningKey};
use journal::policy::Policy;
use journal::receipt::{self, Receipt};
use journal::tile::{self, TileId};
use journal::{BlobName, Hash, Origin};
use std::path::{Path, PathBuf};
use std::process::Command;

const VAULTS: [&str; 3] = ["eu", "us", "ap"];

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/journal-v1")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(directory().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read_text(name: &str) -> String {
    String::from_utf8(read(name)).unwrap()
}

/// A line of `keys.txt`.
fn key_text(name: &str) -> String {
    let keys = read_text("keys.txt");
    keys.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')).unwrap().to_owned()
}

fn key_bytes(name: &str) -> [u8; 32] {
    unhex(&key_text(name)).try_into().unwrap()
}

fn origin() -> Origin {
    key_text("origin").parse().unwrap()
}

fn data_key() -> DataKey {
    DataKey::new(key_bytes("data-key"))
}

fn log_key() -> SigningKey {
    SigningKey::from_seed(origin().as_str(), KeyKind::Ed25519, &key_bytes("log-seed")).unwrap()
}

fn vault_key(name: &str) -> SigningKey {
    SigningKey::from_seed(name, KeyKind::Cosignature, &key_bytes(&format!("vault-{name}"))).unwrap()
}

fn recovery_key() -> SigningKey {
    recovery_signing_key(&key_bytes("recovery-secret"), &origin())
}

fn policy() -> Policy {
    let domains = VAULTS.map(|name| (name.to_owned(), vec![vault_key(name).verifier().clone()]));
    Policy::majority(vec![log_key().verifier().clone()], &domains)
}

/// A blob that travels in its batch, and one that does not.
fn blobs() -> [Vec<u8>; 2] {
    [b"the first part, as stored".to_vec(), b"the second part, as stored".to_vec()]
}

/// One of each shape: no actor, every field, the ends of the numbers, a body in blobs, a body whose length takes two bytes.
fn entries() -> Vec<(Entry, Vec<BlobName>)> {
    let names = blobs().map(|blob| BlobName::of(&blob)).to_vec();
    let inline = |seq, body: &[u8]| Entry {
        seq,
        time_us: 1_764_000_000_000_000 + i64::try_from(seq).unwrap(),
        actor: None,
        credential: None,
        kind: 1,
        body: Body::Inline(body.to_vec()),
    };
    let (actor, credential) = (Some(0), Some(2));
    vec![
        (inline(0, b"the first event"), vec![]),
        (Entry { actor, credential, kind: 40, ..inline(1, b"pack in a blob") }, vec![names[0]]),
        (Entry { time_us: i64::MIN, actor: Some(u64::MAX), kind: u32::MAX, ..inline(2, b"") }, vec![]),
        (Entry { actor, credential, kind: 80, body: Body::Blob(names.clone()), ..inline(3, b"") }, names),
        (inline(4, &[b'z'; 300]), vec![]),
    ]
}

/// `entries.txt`: what the entries say, one a line.
fn described() -> String {
    let line = |(entry, needs): &(Entry, Vec<BlobName>)| {
        let number = |n: Option<u64>| n.map_or("-".to_owned(), |n| n.to_string());
        let body = match &entry.body {
            Body::Inline(bytes) => format!("inline {}", hex(bytes)),
            Body::Blob(names) => format!("blobs {}", texts(names)),
        };
        let (actor, credential) = (number(entry.actor), number(entry.credential));
        let Entry { seq, time_us, kind, .. } = entry;
        format!("{seq} {time_us} {actor} {credential} {kind} needs [{}] {body}\n", texts(needs))
    };
    let head = "# seq time_us actor credential kind, blobs a vault must hold, body\n".to_owned();
    head + &entries().iter().map(line).collect::<String>()
}

fn texts(names: &[BlobName]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

fn epoch() -> Epoch {
    Epoch {
        origin: origin(),
        epoch: 1,
        size: 0,
        root: Hash::of(b""),
        log_key: log_key().verifier().clone(),
        data_key: BlobName::of(&read("data-key.age")),
        recovery: vec![recovery_key().verifier().clone().into()],
        past: None,
        order: None,
    }
}

/// Every file that follows from the keys, as this version makes it.
fn made() -> Vec<(&'static str, Vec<u8>)> {
    let sealed: Vec<_> =
        entries().iter().map(|(entry, needs)| seal(&data_key(), &origin(), entry, needs).unwrap()).collect();
    let leaves: Vec<_> = sealed.iter().map(|bytes| Envelope::leaf(bytes)).collect();
    let checkpoint =
        |size: usize| Checkpoint::new(origin(), 1, size as u64, root(&leaves[..size])).sign(&log_key()).unwrap();
    let batch = |from: usize, to: usize, inline: Vec<Vec<u8>>, snapshot_entry| {
        let (first, entries) = (from as u64, sealed[from..to].to_vec());
        let checkpoint = checkpoint(to).to_string();
        Batch { origin: origin(), epoch: 1, first, entries, checkpoint, snapshot_entry, inline }.encode().unwrap()
    };
    let mut cosigned = checkpoint(5);
    for (seconds, vault) in (1_764_000_010..).zip(["eu", "us"]) {
        let line = cosign(&vault_key(vault), cosigned.text(), seconds);
        cosigned.add(line);
    }
    let source = |id: &TileId| tile_of(&leaves, id);
    let receipt = Receipt {
        index: 1,
        envelope: sealed[1].clone(),
        secret: data_key().secret(&origin(), 1),
        policy: policy().to_string(),
        proof: tile::prove_inclusion(1, 5, &source).unwrap(),
        checkpoint: cosigned.clone(),
    };
    vec![
        ("entries.txt", described().into_bytes()),
        ("epoch-1.note", epoch().sign(&recovery_key()).unwrap().to_string().into_bytes()),
        ("batch-0.cbor", batch(0, 3, vec![blobs()[0].clone()], None)),
        ("batch-3.cbor", batch(3, 5, vec![], Some(1))),
        ("envelope-1.cbor", sealed[1].clone()),
        ("entry-1.cbor", entries()[1].0.encode()),
        ("checkpoint-5.note", cosigned.to_string().into_bytes()),
        ("policy.txt", policy().to_string().into_bytes()),
        ("receipt-1.tlog-proof", receipt.to_text().into_bytes()),
        ("bundle-0.p-5", tile::encode_bundle(&sealed).unwrap()),
        ("tile-0-0.p-5", leaves.iter().flat_map(|leaf| leaf.0).collect()),
    ]
}

#[test]
fn the_same_keys_and_entries_give_the_same_bytes() {
    for (name, bytes) in made() {
        if std::env::var_os("OUTLAST_WRITE_FIXTURES").is_some() {
            std::fs::write(directory().join(name), &bytes).unwrap();
        }
        assert!(read(name) == bytes, "{name} is not what this version makes: a format has changed");
    }
}

#[test]
fn the_journal_is_read_from_its_files() {
    let epoch = Epoch::verify_first(&read_text("epoch-1.note").parse().unwrap()).unwrap();
    assert!(epoch.is_recovery(recovery_key().verifier()));
    assert_eq!(epoch.data_key, BlobName::of(&read("data-key.age")));
    let (mut leaves, mut before) = (Vec::new(), Hash::of(b""));
    for name in ["batch-0.cbor", "batch-3.cbor"] {
        let batch = Batch::decode(&read(name)).unwrap();
        let (note, _) = batch.checkpoint().unwrap();
        let checkpoint = Checkpoint::verify(&note, &epoch.log_key).unwrap();
        for (seq, bytes) in (batch.first..).zip(&batch.entries) {
            let envelope = Envelope::parse(bytes).unwrap();
            let entry = envelope.open(&batch.origin, seq, &data_key().secret(&batch.origin, seq)).unwrap();
            assert_eq!((entry, envelope.blobs), entries()[usize::try_from(seq).unwrap()]);
            leaves.push(Envelope::leaf(bytes));
        }
        assert_eq!(root(&leaves), checkpoint.root);
        let proof = tile::prove_consistency(batch.first, batch.end(), &|id: &TileId| tile_of(&leaves, id)).unwrap();
        verify_consistency(batch.first, batch.end(), &before, &checkpoint.root, &proof).unwrap();
        before = checkpoint.root;
    }
    assert_eq!(leaves.len(), 5);
}

#[test]
fn its_receipt_verifies() {
    let policy: Policy = read_text("policy.txt").parse().unwrap();
    let verified = receipt::verify(&read_text("receipt-1.tlog-proof"), Some(&policy)).unwrap();
    assert_eq!(verified.entry, entries()[1].0);
    assert_eq!(verified.cosigned, [("eu".to_owned(), 1_764_000_010), ("us".to_owned(), 1_764_000_011)]);
    let note: SignedNote = read_text("checkpoint-5.note").parse().unwrap();
    assert!(cosignature::verify_note(vault_key("ap").verifier(), &note).is_err(), "it had not cosigned yet");
}

/// The commands of the section "By hand" of the format's document, with the tools that every distribution has.
#[test]
fn an_entry_is_opened_by_hand_as_documented() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/journal.md");
    let document = std::fs::read_to_string(document).unwrap();
    let (_, section) = document.split_once("## By hand").unwrap();
    let commands: Vec<_> =
        section.split("```sh\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0)).collect();
    assert!(commands.len() >= 2, "the section has its commands");
    let out = std::env::temp_dir().join(format!("outlast-by-hand-{}", std::process::id()));
    std::fs::create_dir_all(&out).unwrap();
    for name in ["recovery-key.txt", "data-key.age", "envelope-1.cbor"] {
        std::fs::write(out.join(name), read(name)).unwrap();
    }
    let said = Command::new("sh").args(["-euc", &commands.concat()]).current_dir(&out).output().unwrap();
    let entry = std::fs::read(out.join("entry.cbor"));
    std::fs::remove_dir_all(&out).unwrap();
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert_eq!(entry.unwrap(), read("entry-1.cbor"));
    assert!(String::from_utf8_lossy(&said.stdout).contains("the commitment agrees"), "{said:?}");
}
