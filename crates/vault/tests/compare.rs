//! Two vaults, one site: who shows them two logs is found out, and who lost something, too.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, tree, until};
use journal::BlobName;
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

/// Two vaults, each of which is the other's peer by its owner's word.
async fn watching_each_other(parent: &std::path::Path) -> [TestVault; 2] {
    let often = Duration::from_millis(50);
    let watch = |peers| WatchConfig {
        peers,
        gossip_every: often,
        audit_every: often,
        status_listen: Some("127.0.0.1:0".to_owned()),
        ..WatchConfig::default()
    };
    let mut vaults = [TestVault::start(parent, "a").await, TestVault::start(parent, "b").await];
    let peers = [&vaults[1], &vaults[0]].map(|vault| PeerUrl::from_arg(vault.dir.to_str().unwrap()).unwrap());
    for (vault, peer) in vaults.iter_mut().zip(peers) {
        vault.down().await;
        vault.watch = watch(vec![peer]);
        vault.up().await;
    }
    vaults
}

fn peer_seen(vault: &TestVault) -> serde_json::Value {
    let url = format!("http://{}/status.json", vault.status.as_ref().unwrap());
    let output = std::process::Command::new("curl").args(["-s", "-m", "10", &url]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn vaults_ask_each_other_for_proof_and_tell_who_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let [a, b] = watching_each_other(dir.path()).await;
    let log = TestLog::new(1);
    let blobs: Vec<_> = (0..4u8).map(|n| log.spool(&vec![n; 400_000])).collect();
    log.write_with(2, "large", &[&blobs[..], &[BlobName::of(b"inline")]].concat(), vec![b"inline".to_vec()]);
    let replicator = log.replicate(&[a.url(), b.url()]);
    until("both have it", || replicator.status().iter().all(|vault| vault.lag == 0 && vault.connected)).await;
    replicator.stop().await;
    let audit = |vault: &TestVault| peer_seen(vault)["peers"][0]["audit"].clone();
    for vault in [&a, &b] {
        until("all is proved", || audit(vault)["asked"] == 5 && audit(vault)["lacks"] == 0).await;
    }
    let path = |vault: &TestVault, name: &BlobName| {
        let name = name.to_string();
        tree(&vault.dir.join("store/blob")).into_keys().find(|path| path.ends_with(&name)).unwrap()
    };
    let whole = std::fs::read(path(&b, &blobs[0])).unwrap();
    std::fs::write(path(&b, &blobs[0]), vec![77; whole.len()]).unwrap();
    std::fs::remove_file(path(&b, &blobs[1])).unwrap();
    until("it is seen", || audit(&a)["lacks"] == 2).await;
    let alarms = peer_seen(&a)["alarms"].clone();
    assert_eq!(alarms[0]["alarm"], "peer-lacks");
    assert!(
        alarms[0]["detail"].as_str().unwrap().contains("vault b could not prove that it has 2 of 5 blobs"),
        "{alarms}"
    );
    until("b knows what it lost", || peer_seen(&b)["alarms"].to_string().contains("are not here any more")).await;
    std::fs::write(path(&b, &blobs[0]), &whole).unwrap();
    VaultClient::new(b.url()).unwrap().put_blob_bytes(&blobs[1], vec![1; 400_000].into()).await.unwrap();
    until("it is over", || !peer_seen(&a)["alarms"].to_string().contains("peer-lacks")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_proves_nothing_to_one_that_its_owner_did_not_name() {
    let dir = tempfile::tempdir().unwrap();
    let a = TestVault::start(dir.path(), "a").await;
    let peer = PeerUrl::from_arg(a.dir.to_str().unwrap()).unwrap();
    let often = Duration::from_millis(50);
    let status_listen = Some("127.0.0.1:0".to_owned());
    let watch = WatchConfig {
        peers: vec![peer],
        gossip_every: often,
        audit_every: often,
        status_listen,
        ..WatchConfig::default()
    };
    let b = TestVault::start_watching(dir.path(), "b", StoreKind::Dir, watch).await;
    let log = TestLog::new(1);
    log.write_with(1, "small", &[BlobName::of(b"inline")], vec![b"inline".to_vec()]);
    let replicator = log.replicate(&[a.url(), b.url()]);
    until("both have it", || replicator.status().iter().all(|vault| vault.lag == 0 && vault.connected)).await;
    replicator.stop().await;
    let page = || {
        let url = format!("http://{}/", b.status.as_ref().unwrap());
        let output = std::process::Command::new("curl").args(["-s", "-m", "10", &url]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    until("it is told", || page().contains("it proves nothing to this vault")).await;
    assert!(page().contains("owner named with --peer"), "{}", page());
    assert!(!peer_seen(&b)["alarms"].to_string().contains("peer-lacks"));
}
