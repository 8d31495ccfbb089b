//! Two vaults, one site: who shows them two logs is found out, and who lost something, too.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, tree, until};
use journal::note::SignedNote;
use std::sync::Arc;
use vault::{VaultClient, VaultReport, audit, first_fork, fork_proof, verify_vault};

async fn read(vault: &TestVault) -> (Arc<VaultClient>, VaultReport) {
    let client = Arc::new(VaultClient::new(vault.recover_url()).unwrap());
    let report = verify_vault(client.clone(), None).await.unwrap();
    (client, report)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_shows_two_logs_is_proved_to() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (TestVault::start(dir.path(), "a").await, TestVault::start(dir.path(), "b").await);
    let log = TestLog::new(1);
    log.write(2, "for both");
    let twin = log.copy();
    log.write(3, "for a");
    twin.write(3, "for b");
    twin.write(1, "more for b");
    for (site, vault, size) in [(&log, &a, 5), (&twin, &b, 6)] {
        let replicator = site.replicate(&[vault.url()]);
        until("held", || *replicator.held().borrow() == size).await;
        replicator.stop().await;
    }
    let ((client_a, report_a), (client_b, report_b)) = (read(&a).await, read(&b).await);
    assert!(report_a.problems.is_empty() && report_b.problems.is_empty(), "each by itself is good");
    let fork = first_fork(&report_a, &report_b).unwrap();
    assert_eq!((fork.size, fork.roots[0]), (5, log.root()));
    let proof = fork_proof(&client_a, &client_b, &fork).await.unwrap();
    let key = log.log_key().verifier().clone();
    let notes: Vec<&str> = proof.split("outlast/test-1\n").filter(|text| !text.is_empty()).collect();
    assert_eq!(notes.len(), 2, "{proof}");
    let mut roots = Vec::new();
    for note in notes {
        let note: SignedNote = format!("outlast/test-1\n{}\n", note.trim_end()).parse().unwrap();
        note.verify(&key).unwrap();
        roots.push(note.text().parse::<journal::checkpoint::Checkpoint>().unwrap().root);
    }
    assert_eq!(roots, fork.roots);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_lost_or_changed_a_blob_can_not_prove_that_it_has_it() {
    let dir = tempfile::tempdir().unwrap();
    let (a, b) = (TestVault::start(dir.path(), "a").await, TestVault::start(dir.path(), "b").await);
    let log = TestLog::new(1);
    let blobs: Vec<_> = (0..4u8).map(|n| log.spool(&vec![n; 400_000])).collect();
    log.write_with(2, "large", &blobs, vec![b"inline".to_vec()]);
    let replicator = log.replicate(&[a.url(), b.url()]);
    until("both have it", || replicator.status().iter().all(|vault| vault.lag == 0 && vault.connected)).await;
    replicator.stop().await;
    let ((client_a, report_a), (client_b, report_b)) = (read(&a).await, read(&b).await);
    assert_eq!(first_fork(&report_a, &report_b), None);
    assert!(report_a.named.len() >= 5);
    assert_eq!(audit(&client_a, &client_b, &report_a.named).await.unwrap(), []);
    let path = |name: &str| tree(&b.dir.join("store/blob")).into_keys().find(|path| path.ends_with(name)).unwrap();
    std::fs::remove_file(path(&blobs[0].to_string())).unwrap();
    std::fs::write(path(&blobs[1].to_string()), vec![77; 400_000]).unwrap();
    let mut found = audit(&client_a, &client_b, &report_a.named).await.unwrap();
    found.sort();
    let mut gone = vec![blobs[0], blobs[1]];
    gone.sort();
    assert_eq!(found, gone);
}
