//! The site is rebuilt from its vaults beside itself, and what differs is told.

use crate::rig::{SiteRig, VaultRig, commit, config, git_ok, vaults, work_tree};
use forge::drill::{DrillReport, blind_drill, officer_drill};
use forge::event::proof::DrillKind;
use forge::keys::RecoveryKey;
use forge::site::SiteLimits;
use forge::{Error, VaultStatus};
use std::path::Path;
use vault::{Excuse, VaultUrl};

async fn site(dir: &Path, vaults: &[VaultRig]) -> SiteRig {
    let rig = SiteRig::open(config(&dir.join("site"), vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.join("work")).await;
    commit(&work, "one").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/one"), "main"]).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/two"), "main:side"]).await;
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v: &VaultStatus| v.lag == 0)).await;
    rig
}

fn readable(vaults: &[VaultRig]) -> Vec<VaultUrl> {
    vaults.iter().map(VaultRig::recover_url).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_drill_rebuilds_and_compares_everything_and_leaves_nothing_but_its_result() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = site(dir.path(), &vaults).await;
    let (size, urls) = (rig.site.size(), readable(&vaults));
    let (entry, report) = rig.site.drill(&urls, &mut |_| {}).await.unwrap();
    assert!(report.is_good(), "{report}");
    assert_eq!((report.through, report.repositories, report.refs), (size, 2, 2));
    assert!(report.rows > 5 && report.snapshot.is_none(), "{report}");
    assert!(!dir.path().join("site/drill").exists(), "what it made is gone");
    let kept = rig.site.drill_fetch(entry).await.unwrap();
    let signer = rig.site.keys().log_verifiers().unwrap().pop().unwrap();
    assert_eq!(DrillReport::verify(&kept.report, &signer).unwrap(), report);
    rig.site.snapshot_take().await.unwrap();
    let (_, second) = rig.site.drill(&urls, &mut |_| {}).await.unwrap();
    assert!(second.is_good() && second.snapshot.is_some(), "every other drill begins as a recovery does: {second}");
    assert_eq!(rig.site.drill_state().await.unwrap().alarm(), None);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drills_take_turns_with_the_vaults_and_say_what_is_wrong_with_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = site(dir.path(), &vaults).await;
    let urls = readable(&vaults);
    let mut firsts = Vec::new();
    for _ in 0..3 {
        rig.until("all vaults have it", |site| site.vaults().iter().all(|v: &VaultStatus| v.lag == 0)).await;
        let (_, report) = rig.site.drill(&urls, &mut |_| {}).await.unwrap();
        assert!(report.is_good() && report.vaults.len() == 3, "{report}");
        firsts.push(report.vaults[0].clone());
    }
    assert_eq!(firsts, ["eu", "eu", "jp"]);
    vaults[1].stop().await;
    let (_, report) = rig.site.drill(&urls, &mut |_| {}).await.unwrap();
    assert_eq!(report.vaults.iter().filter(|name| *name == "us").count(), 0, "it was not read: {report}");
    assert!(!report.is_good() && report.differences[0].contains("vault us"), "{report}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_changed_behind_the_journals_back_is_a_difference_and_an_alarm() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = site(dir.path(), &vaults).await;
    rig.site.db().write(|tx| tx.execute("UPDATE account SET operator = 1", &[])).unwrap();
    let repo = std::fs::read_dir(dir.path().join("site/git")).unwrap().flatten().next().unwrap().path();
    git_ok(&repo, &["update-ref", "refs/heads/forged", "HEAD"]).await;
    let (_, report) = rig.site.drill(&readable(&vaults), &mut |_| {}).await.unwrap();
    let text = report.to_string();
    assert!(text.contains("difference account") && text.contains("operator is 1"), "{text}");
    assert!(text.contains("refs/heads/forged"), "{text}");
    assert!(rig.site.drill_state().await.unwrap().alarm().unwrap().contains("differences"));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_lost_a_blob_fails_both_drills() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    let big: Vec<u8> = (0..400_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(work.join("big.bin"), big).unwrap();
    commit(&work, "a pack that is a blob of its own").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/one"), "main"]).await;
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    let url = vaults[0].recover_url();
    assert!(blind_drill(&url, Excuse::Nothing).await.unwrap().report.is_good());
    let largest = largest(&vaults[0].dir.join("store/blob"));
    std::fs::remove_file(&largest).unwrap();
    let blind = blind_drill(&url, Excuse::Nothing).await.unwrap().report;
    assert!(!blind.is_good() && blind.differences[0].contains("blob"), "{blind}");
    let (_, full) = rig.site.drill(std::slice::from_ref(&url), &mut |_| {}).await.unwrap();
    assert!(!full.is_good() && full.to_string().contains("ada/one"), "{full}");
    let others: Vec<_> = readable(&vaults);
    let (_, with_others) = rig.site.drill(&others, &mut |_| {}).await.unwrap();
    assert!(with_others.is_good(), "another vault has it: {with_others}");
    rig.stop().await;
}

/// The file under `dir` with the most bytes.
fn largest(dir: &Path) -> std::path::PathBuf {
    let (mut files, mut dirs) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = dirs.pop() {
        for entry in std::fs::read_dir(dir).unwrap().flatten() {
            if entry.path().is_dir() { dirs.push(entry.path()) } else { files.push(entry.path()) }
        }
    }
    files.into_iter().max_by_key(|path| path.metadata().unwrap().len()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_that_may_read_no_vault_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = site(dir.path(), &vaults).await;
    assert!(
        matches!(rig.site.drill(&[], &mut |_| {}).await, Err(Error::Invalid(text)) if text.contains("--drill-vault"))
    );
    assert!(!rig.site.drill_state().await.unwrap().can_drill);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officer_drill_is_signed_by_the_recovery_key_and_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = site(dir.path(), &vaults).await;
    let size = rig.site.size();
    let key = RecoveryKey::read(&dir.path().join("site/recovery-key.txt")).unwrap();
    let (to, limits) = (dir.path().join("clean"), SiteLimits::default());
    let (report, note) = officer_drill(&readable(&vaults), &key, &to, &limits, &mut |_| {}).await.unwrap();
    assert!(report.is_good(), "{report}");
    assert_eq!((report.kind, report.through, report.repositories), (DrillKind::Officer, size, 2));
    rig.site.drill_record(&note).await.unwrap();
    assert!(matches!(rig.site.drill_record(&note).await, Err(Error::Conflict(_))));
    let forged = note.replace("differences 0", "differences 1");
    assert!(matches!(rig.site.drill_record(&forged).await, Err(Error::Invalid(_))));
    assert!(rig.site.vaults().iter().all(|vault| vault.connected), "no vault heard of it");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_drills_by_itself() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let mut config = config(&dir.path().join("site"), &vaults);
    config.drill_vaults = readable(&vaults);
    config.limits.drill_first = std::time::Duration::from_millis(10);
    let rig = SiteRig::open(config).await;
    let mut done = Vec::new();
    for _ in 0..1000 {
        done = rig.site.drill_list(5).await.unwrap();
        if !done.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(done.first().is_some_and(|drill| drill.differences == 0), "{done:?}");
    rig.stop().await;
}
