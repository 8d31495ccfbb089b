//! Pushes with the real git.

use crate::rig::{SiteRig, VaultRig, commit, config, git, git_ok, refs, said, vaults, work_tree};
use futures_util::TryStreamExt;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_held_answered_and_cloned_identical() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    assert!(rig.begun.new && rig.begun.recovery_key.as_ref().unwrap().is_file());
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["tag", "-a", "v1", "-m", "one"]).await;
    let remote = rig.remote(&token, "ada/new");
    let told = git_ok(&work, &["push", &remote, "main", "v1"]).await;
    assert!(told.contains("outlast: held by ") && told.contains("of 3), entry "), "{told}");
    assert!(told.contains(&format!("outlast: receipt {}/ada/new/-/receipts/", rig.url)), "{told}");
    let clone = dir.path().join("clone");
    git_ok(dir.path(), &["clone", "-q", &remote, clone.to_str().unwrap()]).await;
    git_ok(&clone, &["fsck", "--full"]).await;
    assert_eq!(refs(&clone).await, refs(&work).await);

    commit(&work, "second").await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    commit(&clone, "meanwhile").await;
    let late = git(&clone, &["push", &remote, "main"]).await;
    assert!(!late.status.success() && said(&late).contains("fetch first"), "{}", said(&late));
    git_ok(&work, &["push", "-q", &remote, ":refs/tags/v1"]).await;
    assert_eq!(git_ok(&work, &["ls-remote", &remote, "refs/tags/v1"]).await, "");
    let head = git(&work, &["push", &remote, ":main"]).await;
    assert!(said(&head).contains("deletion of the current branch prohibited"), "{}", said(&head));

    let entry: u64 = told.split("/receipts/").nth(1).unwrap().split_whitespace().next().unwrap().parse().unwrap();
    let who = rig.site.authenticate(&format!("Bearer {token}")).await.unwrap();
    let receipt = rig.site.receipt_of_repository(Some(&who), &"ada/new".parse().unwrap(), entry).await.unwrap();
    let verified = journal::receipt::verify(&receipt, None).unwrap();
    assert_eq!(verified.entry.seq, entry);
    assert!(rig.site.receipt_of_repository(None, &"ada/new".parse().unwrap(), entry).await.is_err());
    rig.stop().await;
}

/// The client had read the refs before the first of the two was seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_comes_twice_is_answered_twice_and_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let (remote, path) = (rig.remote(&token, "ada/x"), "ada/x".parse().unwrap());
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    let old = git_ok(&work, &["rev-parse", "HEAD"]).await;
    commit(&work, "twice").await;
    let new = git_ok(&work, &["rev-parse", "HEAD"]).await;
    let told = git_ok(&work, &["push", &remote, "main"]).await;
    let held = told.lines().find_map(|line| line.split_once("), entry ")).unwrap().1.trim();
    let entries = rig.site.size();

    let who = rig.site.authenticate(&format!("Bearer {token}")).await.unwrap();
    let line = format!("{} {} refs/heads/main\0report-status side-band-64k", old.trim(), new.trim());
    let objects = format!("printf '%s\\n' {} ^{} | git pack-objects --revs --stdout -q", new.trim(), old.trim());
    let pack = std::process::Command::new("sh").args(["-c", &objects]).current_dir(&work).output().unwrap().stdout;
    let body = [format!("{:04x}{line}0000", line.len() + 4).into_bytes(), pack].concat();
    let repository = rig.site.open_for_push(Some(&who), &path).await.unwrap();
    let answer: Vec<_> = repository.receive_pack(&body[..]).await.unwrap().try_collect().await.unwrap();
    let told = String::from_utf8_lossy(&answer.concat()).into_owned();
    assert!(told.contains("ok refs/heads/main") && told.contains(&format!("), entry {held}")), "{told}");
    assert_eq!(rig.site.size(), entries, "{told}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_pushes_race_and_one_is_told_to_fetch_first() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let remote = rig.remote(&token, "ada/race");
    let base = work_tree(&dir.path().join("base")).await;
    git_ok(&base, &["push", "-q", &remote, "main"]).await;
    let mut racing = tokio::task::JoinSet::new();
    for i in 0..6 {
        let (remote, dir) = (remote.clone(), dir.path().join(format!("racer-{i}")));
        let parent = base.clone();
        racing.spawn(async move {
            git_ok(&parent, &["clone", "-q", &remote, dir.to_str().unwrap()]).await;
            commit(&dir, &format!("racer {i}")).await;
            git_ok(&dir, &["branch", &format!("own-{i}")]).await;
            let both = git(&dir, &["push", &remote, "main", &format!("own-{i}")]).await;
            let told = said(&both);
            assert!(told.contains(&format!("own-{i} -> own-{i}")), "each ref is alone: {told}");
            (both.status.success(), told)
        });
    }
    let mut won = 0;
    while let Some(outcome) = racing.join_next().await {
        let (success, told) = outcome.unwrap();
        assert!(success || told.contains("fetch first"), "{told}");
        won += u32::from(success);
    }
    assert_eq!(won, 1);
    let listed = git_ok(&base, &["ls-remote", &remote, "refs/heads/own-*"]).await;
    assert_eq!(listed.lines().count(), 6, "{listed}");
    let atomic = dir.path().join("racer-0");
    git_ok(&atomic, &["checkout", "-q", "-b", "other"]).await;
    commit(&atomic, "atomic").await;
    git_ok(&atomic, &["push", "-q", "--force", &remote, "other:own-1"]).await;
    let lease = format!("--force-with-lease=own-2:{}", "0".repeat(39) + "1");
    let refused = git(&atomic, &["push", "--atomic", &lease, &remote, "other:own-2", "other:own-9"]).await;
    assert!(!refused.status.success());
    assert_eq!(git_ok(&base, &["ls-remote", &remote, "refs/heads/own-9"]).await, "");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_quorum_a_push_is_refused_and_reads_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let remote = rig.remote(&token, "ada/x");
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    vaults[1].stop().await;
    commit(&work, "two of three").await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    vaults[2].stop().await;
    rig.until("the site notices", |site| site.writability().is_err()).await;
    commit(&work, "one of three").await;
    let refused = git(&work, &["push", &remote, "main"]).await;
    let told = said(&refused);
    assert!(!refused.status.success() && told.contains("jp") && told.contains("us"), "{told}");
    let spooled = rig.site.spool().bytes();
    let unwritten = rig.site.snapshot_take().await;
    assert!(matches!(unwritten, Err(forge::Error::NoQuorum { .. })), "{unwritten:?}");
    rig.until("a snapshot that no entry names leaves nothing", |site| site.spool().bytes() <= spooled).await;
    git_ok(dir.path(), &["clone", "-q", &remote, "clone"]).await;
    vaults[1].start().await;
    rig.until("the vault is back", |site| site.writability().is_ok()).await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    vaults[2].start().await;
    rig.until("the last vault catches up", |site| site.vaults().iter().all(|v| v.lag == 0 && v.size > 0)).await;
    rig.until("the spool is empty", |site| site.spool().bytes() == 0).await;
    rig.stop().await;
}

/// A push that is written while the vaults go, and held when they are back: once, also after a crash in between.
async fn held_later(crash: bool) {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let mut config = config(&dir.path().join("site"), &vaults);
    let rig = SiteRig::open(config.clone()).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    rig.stop().await;
    config.limits.ledger.held_timeout = Duration::from_millis(300);
    let mut rig = SiteRig::open(config.clone()).await;
    let ready = |site: &forge::Site| site.writability().is_ok() && site.vaults().iter().all(|v| v.lag == 0);
    rig.until("all vaults have it", ready).await;
    let before = git_ok(&work, &["rev-parse", "HEAD"]).await;
    commit(&work, "later").await;
    let after = git_ok(&work, &["rev-parse", "HEAD"]).await;
    // Vaults that are there when it is decided, and do not answer any more.
    vaults.iter().for_each(VaultRig::hang);
    let push = git(&work, &["push", &rig.remote(&token, "ada/x"), "main"]).await;
    let told = said(&push);
    assert!(!push.status.success() && told.contains("NOT YET HELD") && told.contains("Do not push again"), "{told}");
    let seen = git_ok(&work, &["ls-remote", &rig.remote(&token, "ada/x"), "main"]).await;
    assert!(seen.starts_with(before.trim()), "what is not held is not seen: {seen}");
    let entries = rig.site.size();
    let told = said(&git(&work, &["push", &rig.remote(&token, "ada/x"), "main"]).await);
    assert!(told.contains("[remote rejected]") && !told.contains("fetch first"), "nor twice: {told}");
    assert_eq!(rig.site.size(), entries, "{told}");
    if crash {
        rig.kill().await;
        rig = SiteRig::open(config).await;
        let seen = git_ok(&work, &["ls-remote", &rig.remote(&token, "ada/x"), "main"]).await;
        assert!(seen.starts_with(before.trim()), "also not after a restart: {seen}");
    }
    vaults.iter().for_each(VaultRig::flow);
    rig.until("it is held", |site| site.held() >= entries).await;
    rig.until("it is there", |site| site.projected() >= entries).await;
    let seen = git_ok(&work, &["ls-remote", &rig.remote(&token, "ada/x"), "main"]).await;
    assert!(seen.starts_with(after.trim()), "{seen}");
    assert_eq!(rig.site.size(), entries, "once");
    let clone = dir.path().join("clone");
    git_ok(dir.path(), &["clone", "-q", &rig.remote(&token, "ada/x"), clone.to_str().unwrap()]).await;
    git_ok(&clone, &["fsck", "--full"]).await;
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_not_held_in_time_is_completed_later() {
    held_later(false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_is_not_held_in_time_is_completed_after_a_crash() {
    held_later(true).await;
}
