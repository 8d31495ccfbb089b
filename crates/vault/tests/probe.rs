//! The probe against every single lie, and against the stores that do not lie.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "a test fails by panicking; common serves several")]

mod common;

use common::radosgw::radosgw;
use common::s3::{FATAL, FakeS3, Lie};
use common::{TestLog, TestVault, until};
use vault::disk::RealDisk;
use vault::{Outcome, Probe, S3Credentials, S3Url, VaultClient, probe_bucket, probe_directory, probe_vault};

fn probe(url: S3Url) -> Probe {
    probe_bucket(url, S3Credentials::new("AK", "SK")).unwrap()
}

fn outcome(probe: &Probe, attack: &str) -> Outcome {
    probe
        .attempts
        .iter()
        .find(|attempt| attempt.attack == attack)
        .unwrap_or_else(|| panic!("{attack}: {probe}"))
        .outcome
}

#[test]
fn an_honest_bucket_is_fit_and_keeps_its_settings() {
    let fake = FakeS3::start(Lie::None);
    for _ in 0..2 {
        let probe = probe(fake.url("v"));
        assert!(probe.passed(), "{probe}");
        assert!(probe.attempts.iter().all(|attempt| attempt.outcome == Outcome::Held), "{probe}");
        assert!(probe.attempts.len() > 15, "{probe}");
    }
}

#[test]
fn each_lie_is_named() {
    let named = [
        (Lie::Deletes, "delete it"),
        (Lie::DeletesWithBypass, "delete it, lifting governance mode"),
        (Lie::Shortens, "shorten its lock"),
        (Lie::Downgrades, "weaken its lock to governance mode"),
        (Lie::Suspends, "suspend the bucket's versioning"),
        (Lie::NoVersions, "write an object and read it back"),
        (Lie::NoLock, "lock it for a day in compliance mode"),
        (Lie::Governance, "lock it for a day in compliance mode"),
        (Lie::ShortLock, "lock it for a day in compliance mode"),
        (Lie::Flips, "write an object and read it back"),
        (Lie::Forgets, "write an object and read it back"),
        (Lie::Kms, "read it with nobody else's key"),
        (Lie::CustomerKey, "read it with nobody else's key"),
        (Lie::HidesVersions, "write over it"),
        (Lie::NoExtension, "extend its lock"),
    ];
    for lie in FATAL {
        let (_, attack) = named.iter().find(|(named, _)| *named == lie).unwrap();
        let probe = probe(FakeS3::start(lie).url("v"));
        assert_eq!(outcome(&probe, attack), Outcome::Fell, "{lie:?}: {probe}");
        assert!(!probe.passed() && probe.failures().iter().any(|words| words.contains(attack)), "{lie:?}: {probe}");
        assert!(probe.to_string().contains("REJECTED"), "{probe}");
    }
}

#[test]
fn what_is_merely_missing_is_told_and_is_no_reason() {
    for (lie, attack) in [
        (Lie::NoCas, "use its name again (If-None-Match)"),
        (Lie::NoChecksums, "store bytes under a wrong SHA-256"),
        (Lie::NoDefault, "remove the bucket's default lock"),
    ] {
        let fake = FakeS3::start(lie);
        let first = probe(fake.url("v"));
        assert_eq!(outcome(&first, attack), Outcome::Fell, "{lie:?}: {first}");
        assert!(first.passed(), "{lie:?}: {first}");
        assert!(first.to_string().contains("missing"), "{first}");
        fake.lie(Lie::None);
        assert_eq!(outcome(&probe(fake.url("v")), attack), Outcome::Held, "{lie:?}: it set back what it changed");
    }
}

#[test]
fn a_service_that_is_away_is_neither_fit_nor_rejected() {
    let fake = FakeS3::start(Lie::None);
    fake.fail(3, false);
    let probe = probe(fake.url("v"));
    assert!(!probe.passed() && probe.is_inconclusive() && probe.failures().is_empty(), "{probe}");
}

#[test]
fn a_directory_of_this_machine_is_fit() {
    let dir = tempfile::tempdir().unwrap();
    let probe = probe_directory(dir.path(), &RealDisk);
    assert!(probe.passed(), "{probe}");
    assert_eq!(outcome(&probe, "remove it as whoever runs the vault"), Outcome::Fell, "and this is said: {probe}");
}

#[test]
fn radosgw_protects_and_has_no_compare_and_swap() {
    let Some((url, credentials)) = radosgw("probed") else { return };
    let probe = probe_bucket(url, credentials).unwrap();
    eprintln!("{probe}");
    assert!(probe.passed(), "{probe}");
    assert_eq!(outcome(&probe, "use its name again (If-None-Match)"), Outcome::Fell, "{probe}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_vault_withstands_with_either_credential() {
    let dir = tempfile::tempdir().unwrap();
    let vault = TestVault::start(dir.path(), "a").await;
    let log = TestLog::new(1);
    log.write(2, "kept");
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    replicator.stop().await;
    for url in [vault.url(), vault.recover_url()] {
        let probe = probe_vault(&VaultClient::new(url).unwrap()).await.unwrap();
        assert!(probe.passed(), "{probe}");
        assert!(probe.attempts.len() >= 8, "{probe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_signs_nothing_over_a_store_that_fails_and_goes_on_when_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    let fake = FakeS3::start(Lie::Shortens);
    let mut vault = TestVault::start_with(dir.path(), "a", fake.kind("v")).await;
    let log = TestLog::new(1);
    log.write(2, "kept");
    let client = VaultClient::new(vault.url()).unwrap();
    let state = client.state().await.unwrap();
    assert!(state.damaged.unwrap().contains("shorten its lock"));
    let record = &log.epochs[0];
    let refused = client.enrol(record).await.unwrap_err().to_string();
    assert!(refused.contains("signs nothing"), "{refused}");
    fake.lie(Lie::None);
    vault.down().await;
    vault.up().await;
    let replicator = log.replicate(&[vault.url()]);
    until("held", || *replicator.held().borrow() == 2).await;
    replicator.stop().await;
}
