//! Receipts and the log, checked by ourselves offline and by an independent implementation.

use crate::common::{World, cli, provided};
use journal::Hash;
use journal::cosignature;
use journal::merkle::{Frontier, leaf_hash, verify_consistency, verify_inclusion};
use journal::note::{SignedNote, VerifierKey};
use journal::policy::Policy;
use journal::receipt::Receipt;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

#[test]
fn a_receipt_is_verified_offline_and_a_changed_one_is_not() {
    let mut world = World::new();
    let one = world.repository("one");
    let pushed = world.push(&one, &["HEAD"]);
    let receipt = world.receipt(pushed.entry, "receipt.txt");
    let path = receipt.to_str().unwrap().to_owned();
    // Nothing of the site or the vaults is needed.
    world.site.kill();
    world.vaults.iter_mut().for_each(crate::common::Vault::kill);
    let said = cli(["verify", &path]).success();
    assert!(said.contains(&pushed.entry.to_string()), "{said}");

    let text = std::fs::read_to_string(&receipt).unwrap();
    let changed = world.path("changed.txt");
    let places: Vec<_> = text.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()).collect();
    for step in 0..40 {
        let (at, letter) = places[step * places.len() / 40];
        let mut bytes = text.clone().into_bytes();
        bytes[at] = if letter == 'A' { b'B' } else { b'A' };
        std::fs::write(&changed, &bytes).unwrap();
        let said = cli(["verify", changed.to_str().unwrap()]);
        // Only the receipt's own policy may be changed without the proof breaking, and then not unseen.
        assert!(!said.ok || !said.stdout.is_empty(), "byte {at}: {said:?}");
    }
    std::fs::write(&changed, text.replacen("index ", "index 1", 1)).unwrap();
    cli(["verify", changed.to_str().unwrap()]).failure();
    // With a policy of one's own, the keys are one's own.
    let policy = world.path("policy.txt");
    std::fs::write(&policy, &text.parse_receipt().policy).unwrap();
    cli(["verify", &path, "--policy", policy.to_str().unwrap()]).success();
    let other = World::new();
    let push = other.push(&other.repository("two"), &["HEAD"]);
    let foreign = other.receipt(push.entry, "foreign.txt");
    cli(["verify", foreign.to_str().unwrap(), "--policy", policy.to_str().unwrap()]).failure();
}

trait ParseReceipt {
    fn parse_receipt(&self) -> Receipt;
}

impl ParseReceipt for String {
    fn parse_receipt(&self) -> Receipt {
        Receipt::parse(self).unwrap()
    }
}

fn interop(python: &Path, arguments: &[&str], input: &Value) -> Value {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/tlog_interop.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn an_independent_implementation_verifies_our_receipt() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let world = World::new();
    let one = world.repository("one");
    for n in 0..5 {
        one.commit("a", &format!("{n}\n"));
        world.push(&one, &["HEAD"]);
    }
    let pushed = world.push(&one, &["HEAD:refs/heads/last"]);
    let receipt = std::fs::read_to_string(world.receipt(pushed.entry, "receipt.txt")).unwrap().parse_receipt();
    let policy: Policy = receipt.policy.parse().unwrap();
    let witnesses: Vec<_> = policy.witnesses().iter().map(|(_, key)| key.to_string()).collect();
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    for log in policy.logs() {
        let given = json!({
            "note": receipt.checkpoint.to_string(), "log_vkey": log.to_string(), "witness_vkeys": witnesses, "quorum": 2,
            "index": receipt.index, "leaf": hex(&receipt.envelope),
            "proof": receipt.proof.iter().map(ToString::to_string).collect::<Vec<_>>(),
        });
        let said = interop(&python, &["check"], &given);
        assert!(said["witnesses"].as_array().unwrap().len() >= 2, "{said}");
    }
}

#[test]
fn we_verify_the_log_of_an_independent_implementation() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    for size in [1_usize, 2, 7, 64, 97] {
        let made = interop(&python, &["make", &size.to_string()], &Value::Null);
        let hash = |value: &Value| value.as_str().unwrap().parse::<Hash>().unwrap();
        let hashes = |value: &Value| value.as_array().unwrap().iter().map(hash).collect::<Vec<_>>();
        let note: SignedNote = made["note"].as_str().unwrap().parse().unwrap();
        note.verify(&made["log_vkey"].as_str().unwrap().parse::<VerifierKey>().unwrap()).unwrap();
        let witness: VerifierKey = made["witness_vkey"].as_str().unwrap().parse().unwrap();
        cosignature::verify_note(&witness, &note).unwrap();

        let roots = hashes(&made["roots"]);
        let root = roots[size - 1];
        let mut frontier = Frontier::new();
        for (n, leaf) in made["leaves"].as_array().unwrap().iter().enumerate() {
            let text = leaf.as_str().unwrap();
            let bytes: Vec<u8> =
                (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
            let leaf = leaf_hash(&bytes);
            frontier.push(leaf);
            assert_eq!(frontier.root(), roots[n]);
            let proof = hashes(&made["inclusion"][n]);
            verify_inclusion(n as u64, size as u64, &leaf, &proof, &root).unwrap();
            verify_inclusion(n as u64, size as u64, &leaf_hash(b"other"), &proof, &root).unwrap_err();
        }
        for (n, proof) in made["consistency"].as_array().unwrap().iter().enumerate() {
            verify_consistency(n as u64 + 1, size as u64, &roots[n], &root, &hashes(proof)).unwrap();
        }
    }
}
