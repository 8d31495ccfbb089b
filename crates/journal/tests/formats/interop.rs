//! An independent implementation, the PyPI package aics-tlog, verifies our log, and we verify its.
//!
//! It takes from us, and gives us: signed notes, checkpoints, cosignatures, inclusion and consistency proofs, tiles, entry
//! bundles. `formats/interop.py` is its side.

use crate::common::{Log, data_key, entry, hex, log_key, origin, policy, tile_of, unhex};
use journal::Hash;
use journal::checkpoint::Checkpoint;
use journal::cosignature;
use journal::entry::{Body, Entry, seal};
use journal::merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion};
use journal::note::{SignedNote, VerifierKey};
use journal::tile::{self, TileId};
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The Python that has the packages of tests/requirements.txt. Its absence is a failure, so that no run passes by not looking.
fn python() -> PathBuf {
    let python = std::env::var_os("OUTLAST_TEST_PYTHON");
    python.map(PathBuf::from).unwrap_or_else(|| {
        panic!(
            "OUTLAST_TEST_PYTHON is not set, so the independent implementation can't be asked. \
             Run: scripts/test-venv.sh cargo test -p journal"
        )
    })
}

/// Runs the other side with something to read, and gives what it said.
fn other_side(arguments: &[&str], input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats/interop.py");
    let mut command = Command::new(python());
    command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(Hash::to_string).collect()
}

/// Every tile of a tree, by its path: all full ones, and the last of each level.
fn tiles(log: &Log) -> Value {
    let mut tiles = serde_json::Map::new();
    for level in 0..8u8 {
        let at_level = log.leaves.len() >> (8 * u32::from(level));
        for index in 0..at_level.div_ceil(256) {
            let width = u16::try_from((at_level - index * 256).min(256)).unwrap();
            let id = TileId { level, index: index as u64, width };
            let bytes = tile_of(&log.leaves, &id).unwrap().concat_bytes();
            tiles.insert(id.path(), hex(&bytes).into());
        }
    }
    tiles.into()
}

fn bundles(log: &Log) -> Value {
    let bundle = |(index, entries): (usize, &[Vec<u8>])| {
        let path = tile::bundle_path(index as u64, u16::try_from(entries.len()).unwrap());
        (path, Value::from(hex(&tile::encode_bundle(entries).unwrap())))
    };
    log.envelopes.chunks(256).enumerate().map(bundle).collect::<serde_json::Map<_, _>>().into()
}

trait ConcatBytes {
    fn concat_bytes(&self) -> Vec<u8>;
}

impl ConcatBytes for Vec<Hash> {
    fn concat_bytes(&self) -> Vec<u8> {
        self.iter().flat_map(|hash| hash.0).collect()
    }
}

#[test]
fn they_verify_our_log() {
    let size = 600;
    let body = |seq: u64| Body::Inline(vec![b'x'; usize::try_from(seq).unwrap() * 7]);
    let sealed = |seq| seal(&data_key(), &origin(), &Entry { body: body(seq), ..entry(seq) }, &[]).unwrap();
    let log = Log::from((0..size as u64).map(sealed).collect::<Vec<_>>());
    let source = |size: usize| {
        let tree = &log.leaves[..size];
        move |id: &TileId| tile_of(tree, id)
    };
    let (mut inclusion, mut consistency) = (Vec::new(), Vec::new());
    for tree in [1usize, 2, 7, 255, 256, 257, 512, 600] {
        for index in [0, tree / 3, tree / 2, tree - 1] {
            let proof = tile::prove_inclusion(index as u64, tree as u64, &source(tree)).unwrap();
            inclusion.push(json!([index, tree, texts(&proof)]));
        }
        for old in [1, tree.div_ceil(3), tree.div_ceil(2), tree] {
            let proof = tile::prove_consistency(old as u64, tree as u64, &source(tree)).unwrap();
            consistency.push(json!([old, tree, texts(&proof)]));
        }
    }
    let witnesses: Vec<_> = policy().witnesses().iter().map(|(_, key)| key.to_string()).collect();
    let said = other_side(
        &["check"],
        &json!({
            "note": log.checkpoint(size, &["eu", "us"]).to_string(),
            "log_vkey": log_key().verifier().to_string(),
            "witness_vkeys": witnesses,
            "quorum": 2,
            "leaves": log.envelopes.iter().map(|bytes| hex(bytes)).collect::<Vec<_>>(),
            "inclusion": inclusion,
            "consistency": consistency,
            "tiles": tiles(&log),
            "bundles": bundles(&log),
        }),
    );
    let expected = json!({
        "origin": origin().as_str(), "size": size, "root": log.root(size).to_string(), "extensions": ["epoch 1"],
        "witnesses": ["eu", "us"], "tiles": 3 + 1 + 3,
    });
    assert_eq!(said, expected);
}

#[test]
fn we_verify_theirs() {
    for size in [1_usize, 2, 7, 64, 97, 300] {
        let made = other_side(&["make", &size.to_string()], &Value::Null);
        let hash = |value: &Value| value.as_str().unwrap().parse::<Hash>().unwrap();
        let hashes = |value: &Value| value.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
        let key = |name: &str| made[name].as_str().unwrap().parse::<VerifierKey>().unwrap();
        let roots = hashes(&made["roots"]);

        let note: SignedNote = made["note"].as_str().unwrap().parse().unwrap();
        let checkpoint = Checkpoint::verify(&note, &key("log_vkey")).unwrap();
        assert_eq!((checkpoint.size, checkpoint.root, checkpoint.epoch()), (size as u64, roots[size - 1], Some(1)));
        assert_eq!(cosignature::verify_note(&key("witness_vkey"), &note), Ok(1_700_000_000));

        let leaves: Vec<_> =
            made["leaves"].as_array().unwrap().iter().map(|leaf| leaf_hash(&unhex(leaf.as_str().unwrap()))).collect();
        let mut frontier = Frontier::new();
        for (n, leaf) in leaves.iter().enumerate() {
            frontier.push(*leaf);
            assert_eq!(frontier.root(), roots[n]);
            let proof = hashes(&made["inclusion"][n]);
            verify_inclusion(n as u64, size as u64, leaf, &proof, &checkpoint.root).unwrap();
            verify_inclusion(n as u64, size as u64, &leaf_hash(b"other"), &proof, &checkpoint.root).unwrap_err();
        }
        for old in 1..=size {
            let proof = hashes(&made["consistency"][old]);
            verify_consistency(old as u64, size as u64, &roots[old - 1], &checkpoint.root, &proof).unwrap();
        }

        // Their tiles, read by their paths: the same root, the same proofs.
        let source = |id: &TileId| {
            let bytes = unhex(made["tiles"].get(id.path())?.as_str()?);
            Some(bytes.chunks(32).map(|hash| Hash::from_slice(hash).unwrap()).collect())
        };
        assert_eq!(tile::root(size as u64, &source), Ok(checkpoint.root));
        for n in 0..size {
            let proof = tile::prove_inclusion(n as u64, size as u64, &source).unwrap();
            assert_eq!(proof, hashes(&made["inclusion"][n]));
        }
    }
}
