//! Shippers and real vault servers: what is held, and what is not.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::{TestLog, TestVault, until};
use std::sync::Arc;
use vault::{JournalSource as _, Trouble, VaultClient, verify_vault};

async fn three(dir: &std::path::Path) -> [TestVault; 3] {
    [TestVault::start(dir, "a").await, TestVault::start(dir, "b").await, TestVault::start(dir, "c").await]
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_is_held_and_reads_back_as_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = three(dir.path()).await;
    let log = TestLog::new(1);
    let replicator = log.replicate(&vaults.each_ref().map(TestVault::url));
    let large = log.spool(&vec![7; 1 << 20]);
    log.write(3, "first");
    log.write_with(1, "with blobs", &[large, journal::BlobName::of(b"small")], vec![b"small".to_vec()]);
    replicator.committed();
    until("held", || *replicator.held().borrow() == 4).await;
    until("all", || replicator.status().iter().all(|vault| vault.lag == 0)).await;
    for vault in &vaults {
        let client = Arc::new(VaultClient::new(vault.recover_url()).unwrap());
        let report = verify_vault(client, &[]).await.unwrap();
        assert_eq!((report.entries, report.root, report.problems), (4, log.root(), vec![]));
        assert_eq!(report.blobs, 3, "the data key, the large and the small blob");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_vault_costs_nothing_and_catches_up_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = three(dir.path()).await;
    let log = TestLog::new(1);
    let replicator = log.replicate(&vaults.each_ref().map(TestVault::url));
    log.write(1, "one");
    replicator.committed();
    until("all", || replicator.status().iter().all(|vault| vault.size == 1)).await;
    vaults[2].down().await;
    for n in 0..50 {
        log.write(1, &format!("{n}"));
        replicator.committed();
    }
    until("held by two", || *replicator.held().borrow() == 51).await;
    until("noticed", || !replicator.status()[2].connected).await;
    replicator.quorum_reachable().unwrap();
    vaults[2].up().await;
    until("caught up", || replicator.status()[2].size == 51).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_nothing_is_held_and_the_missing_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = three(dir.path()).await;
    let log = TestLog::new(1);
    let replicator = log.replicate(&vaults.each_ref().map(TestVault::url));
    log.write(1, "one");
    replicator.committed();
    until("held", || *replicator.held().borrow() == 1).await;
    vaults[0].down().await;
    vaults[1].down().await;
    log.write(1, "two");
    replicator.committed();
    until("the third has it", || replicator.status()[2].size == 2).await;
    until("noticed", || replicator.quorum_reachable().is_err()).await;
    assert_eq!(*replicator.held().borrow(), 1, "one vault is not a quorum");
    assert_eq!(replicator.quorum_reachable(), Err(vec!["a".to_owned(), "b".to_owned()]));
    vaults[0].up().await;
    until("held later, by itself", || *replicator.held().borrow() == 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_sites_restored_from_one_backup_one_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = three(dir.path()).await;
    let urls = vaults.each_ref().map(TestVault::url);
    let log = TestLog::new(1);
    log.write(1, "before");
    let first = log.replicate(&urls);
    until("held", || *first.held().borrow() == 1).await;
    let twin = log.copy();
    log.write(1, "the one");
    first.committed();
    until("all", || first.status().iter().all(|vault| vault.size == 2)).await;
    twin.write(1, "the other");
    let second = twin.replicate(&urls);
    until("found out", || second.trouble().borrow().is_some()).await;
    assert!(matches!(*second.trouble().borrow(), Some(Trouble::Fork { size: 2, .. })));
    assert_eq!(*second.held().borrow(), 0);
    assert!(twin.cosigned().iter().all(|(_, size)| *size < 2), "no vault cosigned the other log");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_on_an_old_copy_of_its_disk_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = three(dir.path()).await;
    let urls = vaults.each_ref().map(TestVault::url);
    let log = TestLog::new(1);
    log.write(1, "before");
    let old = log.copy();
    log.write(5, "after");
    let replicator = log.replicate(&urls);
    until("all", || replicator.status().iter().all(|vault| vault.size == 6)).await;
    replicator.stop().await;
    let again = old.replicate(&urls);
    until("found out", || again.trouble().borrow().is_some()).await;
    assert!(matches!(*again.trouble().borrow(), Some(Trouble::Rollback { held: 6, ours: 1, .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovered_site_shuts_the_lost_one_out() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = three(dir.path()).await;
    let urls = vaults.each_ref().map(TestVault::url);
    let lost = TestLog::new(1);
    lost.write(2, "before");
    let old = lost.replicate(&urls);
    until("all", || old.status().iter().all(|vault| vault.size == 2)).await;
    let recovered = lost.recovered(2);
    recovered.write(1, "in the new epoch");
    let new = recovered.replicate(&urls);
    until("all follow", || new.status().iter().all(|vault| vault.size == 3)).await;
    lost.write(1, "an intruder goes on with the old site's keys");
    old.committed();
    until("shut out", || old.trouble().borrow().is_some()).await;
    assert!(matches!(*old.trouble().borrow(), Some(Trouble::Superseded { epoch: 2, .. })));
    assert_eq!(*old.held().borrow(), 2);
    let client = Arc::new(VaultClient::new(vaults[0].recover_url()).unwrap());
    let report = verify_vault(client, std::slice::from_ref(&lost.identity)).await.unwrap();
    assert_eq!((report.entries, report.epochs, report.problems), (3, 2, vec![]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_was_behind_takes_nothing_more_from_the_lost_sites_key() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let lost = TestLog::new(1);
    lost.write(2, "before");
    let replicator = lost.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    replicator.stop().await;
    let intruders = [lost.copy(), lost.copy(), lost.copy()];
    lost.write(2, "what other vaults hold");
    lost.write(3, "and more of it");
    let recovered = lost.recovered(2);
    let client = VaultClient::new(vault.url()).unwrap();
    client.start_epoch(recovered.epochs.last().unwrap()).await.unwrap();
    // Over the new epoch's beginning, up to it, and before it.
    for (intruder, count) in intruders.iter().zip([9, 5, 2]) {
        intruder.write(count, "forged");
        let refused = client.append(&intruder.encoded()).await.unwrap_err().to_string();
        assert!(refused.contains("epoch") || refused.contains("other entries"), "{refused}");
        let proof = lost.consistency(4, 7).unwrap();
        client.append_proven(&intruder.encoded(), &proof).await.unwrap_err();
    }
    assert_eq!(client.state().await.unwrap().size, 2);
    let first = &lost.encoded()[..2];
    let refused = client.append(first).await.unwrap_err().to_string();
    assert!(refused.contains("come with the proof"), "{refused}");
    assert_eq!(client.append_proven(first, &lost.consistency(4, 7).unwrap()).await.unwrap().len(), 2);
    recovered.write(1, "in the new epoch");
    let new = recovered.replicate(&[vault.url()]);
    until("it catches up", || new.status()[0].size == 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_with_the_lost_sites_other_log_does_not_stop_the_recovered_one() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = three(dir.path()).await;
    let urls = vaults.each_ref().map(TestVault::url);
    let lost = TestLog::new(1);
    lost.write(2, "before");
    let (shorter, longer) = (lost.copy(), lost.copy());
    lost.write(3, "what one vault holds");
    shorter.write(1, "forged");
    longer.write(9, "forged");
    for (log, vault) in [&lost, &shorter, &longer].into_iter().zip(&vaults) {
        let client = VaultClient::new(vault.url()).unwrap();
        client.enrol(&log.epochs[0]).await.unwrap();
        client.append(&log.encoded()).await.unwrap();
    }
    let recovered = lost.recovered(2);
    recovered.write(1, "in the new epoch");
    let new = recovered.replicate(&urls);
    let other = |error: &Option<String>| error.as_ref().is_some_and(|error| error.contains("another log"));
    until("all were met", || {
        let status = new.status();
        status[0].size == 6 && status[1..].iter().all(|vault| other(&vault.last_error))
    })
    .await;
    assert_eq!(*new.trouble().borrow(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_intruder_with_all_of_the_sites_secrets_can_not_start_an_epoch() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    log.write(2, "before");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    // Everything the site has: its log key, its append credential; not the recovery key.
    let other = TestLog::new(1);
    other.write(2, "before");
    let forged = other.recovered(2);
    let record = forged.epochs.last().unwrap();
    let client = VaultClient::new(vault.url()).unwrap();
    let refused = client.start_epoch(record).await.unwrap_err().to_string();
    assert!(refused.contains("wrong") || refused.contains("not signed"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blob_that_is_missing_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    let name = journal::BlobName::of(b"nowhere");
    log.write_with(1, "needs a blob", &[name], vec![]);
    let replicator = log.replicate(&[vault.url()]);
    until("noticed", || replicator.status()[0].last_error.is_some()).await;
    assert_eq!(*replicator.held().borrow(), 0);
    log.spool(b"nowhere");
    until("held once it is there", || *replicator.held().borrow() == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_sites_vault_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let (first, second) = (TestLog::new(1), TestLog::new(2));
    first.write(1, "mine");
    let one = first.replicate(&[vault.url()]);
    until("held", || *one.held().borrow() == 1).await;
    second.write(1, "not yours");
    let two = second.replicate(&[vault.url()]);
    until("refused", || two.status()[0].last_error.as_ref().is_some_and(|e| e.contains("another site's log"))).await;
    assert_eq!(*two.held().borrow(), 0);
}
