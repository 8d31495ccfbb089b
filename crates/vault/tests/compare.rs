//! Two vaults, one site: who shows them two logs is found out, and who lost something, too.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, tree, until};
use std::sync::Arc;
use std::time::Duration;
use vault::{
    ForkProof, PeerUrl, StoreKind, VaultClient, VaultReport, WatchConfig, audit, first_fork, fork_proof, verify_vault,
};

async fn read(vault: &TestVault) -> (Arc<VaultClient>, VaultReport) {
    let client = Arc::new(VaultClient::new(vault.recover_url()).unwrap());
    let report = verify_vault(client.clone(), &[]).await.unwrap();
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
    let proof: ForkProof = proof.parse().unwrap();
    let forked = proof.verify(Some(&[log.log_key().verifier().clone()])).unwrap();
    assert_eq!((forked.size, forked.roots), (5, fork.roots));
    assert_eq!(proof.verify(None), Ok(forked));
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

#[tokio::test(flavor = "multi_thread")]
async fn vaults_that_watch_each_other_see_a_fork_and_prove_it() {
    let dir = tempfile::tempdir().unwrap();
    let a = TestVault::start(dir.path(), "a").await;
    let peer = PeerUrl::from_arg(a.dir.to_str().unwrap()).unwrap();
    let watch = WatchConfig {
        peers: vec![peer],
        gossip_every: Duration::from_millis(50),
        status_listen: Some("127.0.0.1:0".to_owned()),
        ..WatchConfig::default()
    };
    let b = TestVault::start_watching(dir.path(), "b", StoreKind::Dir, watch).await;
    let get = |path: &str| {
        let url = format!("http://{}{path}", b.status.as_ref().unwrap());
        let output = std::process::Command::new("curl").args(["-s", "-m", "10", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    let log = TestLog::new(1);
    log.write(2, "for both");
    let both = log.replicate(&[a.url(), b.url()]);
    until("both have it", || both.status().iter().all(|vault| vault.lag == 0 && vault.connected)).await;
    both.stop().await;
    until("b has compared", || get("/status.json").contains("\"entries\":2,\"name\":\"a\"")).await;
    assert!(get("/fork").starts_with("no fork"));
    let twin = log.copy();
    log.write(3, "for a");
    twin.write(3, "for b");
    for (site, vault) in [(&log, &a), (&twin, &b)] {
        let replicator = site.replicate(&[vault.url()]);
        until("held", || *replicator.held().borrow() == 5).await;
        replicator.stop().await;
    }
    until("the fork is seen", || get("/fork").starts_with("outlast/fork/v1")).await;
    let proof: ForkProof = get("/fork").parse().unwrap();
    let forked = proof.verify(Some(&[log.log_key().verifier().clone()])).unwrap();
    assert_eq!(forked.size, 5);
    until("it is an alarm", || get("/status.json").contains("fork-refused")).await;
}
