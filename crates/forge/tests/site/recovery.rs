//! The site is lost and comes back from its vaults.

use crate::rig::{SiteRig, VaultRig, commit, config, git, git_ok, refs, said, vaults, work_tree};
use forge::Error;
use forge::keys::RecoveryKey;
use forge::recover::{At, RecoverRequest, Report, recover};
use forge::site::{SiteConfig, SiteLimits};
use std::path::Path;

pub(crate) fn request(vaults: &[&VaultRig], key: &Path, to: &Path) -> RecoverRequest {
    RecoverRequest {
        vaults: vaults.iter().map(|vault| vault.recover_url()).collect(),
        key: RecoveryKey::read(key).unwrap(),
        order: None,
        site: None,
        to: to.to_owned(),
        database: None,
        at: None,
        without: None,
        skip: Vec::new(),
        dry_run: false,
        full: false,
        keep_credentials: false,
        limits: SiteLimits::default(),
    }
}

pub(crate) async fn recovered(request: RecoverRequest) -> Report {
    let report = recover(request, &mut |_| {}).await.unwrap();
    println!("{report}");
    report
}

/// A site with two repositories, pushed to, burnt. What is left: vaults, the key, a work tree, its token.
struct Burnt {
    dir: tempfile::TempDir,
    vaults: Vec<VaultRig>,
    token: String,
    size: u64,
    receipt: String,
}

async fn burnt(snapshot: bool) -> Burnt {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    let big: Vec<u8> = (0..400_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_le_bytes()).collect();
    std::fs::write(work.join("big.bin"), big).unwrap();
    commit(&work, "a pack that travels as a blob of its own").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/one"), "main"]).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/two"), "main"]).await;
    if snapshot {
        rig.site.snapshot_take().await.unwrap();
    }
    for i in 0..3 {
        commit(&work, &format!("more {i}")).await;
        git_ok(&work, &["tag", "-a", &format!("v{i}"), "-m", "tag"]).await;
        git_ok(&work, &["push", "-q", "--follow-tags", &rig.remote(&token, "ada/one"), "main"]).await;
    }
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    let (size, who) = (rig.site.size(), rig.site.authenticate(&format!("Bearer {token}")).await.unwrap());
    let receipt = rig.site.receipt_of_repository(Some(&who), &"ada/one".parse().unwrap(), size - 1).await.unwrap();
    std::fs::rename(dir.path().join("site/recovery-key.txt"), dir.path().join("key.txt")).unwrap();
    rig.kill().await;
    std::fs::remove_dir_all(dir.path().join("site")).unwrap();
    Burnt { dir, vaults, token, size, receipt }
}

#[tokio::test(flavor = "multi_thread")]
async fn push_burn_recover_clone_is_identical() {
    for snapshot in [false, true] {
        let Burnt { dir, mut vaults, token, size, receipt } = burnt(snapshot).await;
        vaults[0].stop().await;
        let (key, to) = (dir.path().join("key.txt"), dir.path().join("again"));
        let report = recovered(request(&[&vaults[1], &vaults[2], &vaults[0]], &key, &to)).await;
        assert_eq!((report.entries, report.epoch, report.repositories), (size, Some(2), 2));
        assert_eq!(report.snapshot.is_some(), snapshot);
        assert!(report.vaults.iter().any(|v| v.entries.is_none()), "the one that is away is named");
        let rig = SiteRig::open(SiteConfig::new(&to)).await;
        let revoked = git(dir.path(), &["ls-remote", &rig.remote(&token, "ada/one")]).await;
        assert!(!revoked.status.success(), "tokens are revoked");
        rig.until("a quorum is there", |site| site.writability().is_ok()).await;
        let token = rig.token("ada", "repo").await;
        for (name, clone) in [("ada/one", "clone-one"), ("ada/two", "clone-two")] {
            git_ok(dir.path(), &["clone", "-q", &rig.remote(&token, name), clone]).await;
            git_ok(&dir.path().join(clone), &["fsck", "--full"]).await;
        }
        assert_eq!(refs(&dir.path().join("clone-one")).await, refs(&dir.path().join("work")).await);
        let work = dir.path().join("work");
        commit(&work, "after the fire").await;
        let told = git_ok(&work, &["push", &rig.remote(&token, "ada/one"), "main"]).await;
        assert!(told.contains("held by"), "{told}");
        let policy = rig.site.policy().await.unwrap();
        assert!(journal::receipt::verify(&receipt, Some(&policy)).is_ok(), "the old receipt is still good");
        vaults[0].start().await;
        rig.until("the vault that was away catches up", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
        rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lost_site_is_shut_out_by_the_recovered_one() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let old = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    old.user("ada", "repo").await;
    old.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    let all: Vec<_> = vaults.iter().collect();
    let key = dir.path().join("site/recovery-key.txt");
    let mut wanted = request(&all, &key, &dir.path().join("new"));
    wanted.full = true;
    let report = recovered(wanted).await;
    assert!(report.is_good() && report.full.is_some());
    let new = SiteRig::open(SiteConfig::new(dir.path().join("new"))).await;
    new.until("a quorum is there", |site| site.writability().is_ok()).await;
    new.user("bob", "repo").await;
    let refused = old.site.user_create(None, crate::rig::new_user("eve")).await;
    assert!(refused.is_err(), "{refused:?}");
    old.until("the old one knows", |site| matches!(site.writability(), Err(Error::Frozen { .. }))).await;
    old.stop().await;
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_vault_alone_gives_a_prefix_and_says_so() {
    let Burnt { dir, mut vaults, size, .. } = burnt(false).await;
    vaults[0].stop().await;
    vaults[1].stop().await;
    let (key, to) = (dir.path().join("key.txt"), dir.path().join("again"));
    let mut wanted = request(&[&vaults[2]], &key, &to);
    (wanted.full, wanted.keep_credentials) = (true, true);
    let report = recovered(wanted).await;
    assert_eq!(report.entries, size);
    assert!(report.warnings.iter().any(|w| w.contains("one vault alone")), "{:?}", report.warnings);
    assert_eq!(report.full.unwrap().problems, Vec::<String>::new());
    assert!(!report.credentials_revoked);
    let again = recover(request(&[&vaults[2]], &key, &to), &mut |_| {}).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "not over another site");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_and_a_wrong_url_say_so() {
    let Burnt { dir, vaults, .. } = burnt(false).await;
    let wrong = dir.path().join("wrong");
    std::fs::create_dir(&wrong).unwrap();
    let key = RecoveryKey::generate().write(&wrong).unwrap();
    let refused = recover(request(&[&vaults[0]], &key, &dir.path().join("x")), &mut |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("right key"), "{refused}");
    let mut append = request(&[], &dir.path().join("key.txt"), &dir.path().join("y"));
    append.vaults = vec![vaults[0].site_url()];
    let refused = recover(append, &mut |_| {}).await.unwrap_err();
    assert!(refused.to_string().contains("recover.url"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_view_shows_the_past_and_writes_nothing() {
    let Burnt { dir, vaults, token, size, .. } = burnt(true).await;
    let before: Vec<_> = sizes(&vaults).await;
    let key = dir.path().join("key.txt");
    let mut wanted = request(&[&vaults[0], &vaults[1]], &key, &dir.path().join("view"));
    wanted.at = Some(At::Entry(size - 2));
    let report = recovered(wanted).await;
    assert_eq!((report.entries, report.epoch), (size - 1, None));
    let rig = SiteRig::open(SiteConfig::new(dir.path().join("view"))).await;
    let (work, remote) = (dir.path().join("work"), rig.remote(&token, "ada/one"));
    let shown = git_ok(&work, &["ls-remote", &remote, "refs/tags/v?"]).await;
    assert_eq!(shown.lines().count(), 2, "the last push is not in it: {shown}");
    git_ok(dir.path(), &["clone", "-q", &remote, "seen"]).await;
    let refused = git(&work, &["push", &remote, "main"]).await;
    assert!(!refused.status.success() && said(&refused).contains("view"), "{}", said(&refused));
    rig.stop().await;
    assert_eq!(sizes(&vaults).await, before);
    let mut wanted = request(&[&vaults[0]], &key, &dir.path().join("then"));
    wanted.at = Some(At::Time(report.last_time_us - 1));
    let earlier = recovered(wanted).await;
    assert!(earlier.entries < report.entries);
}

pub(crate) async fn sizes(vaults: &[VaultRig]) -> Vec<(u64, u64)> {
    let mut sizes = Vec::new();
    for vault in vaults {
        let state = vault::VaultClient::new(vault.site_url()).unwrap().state().await.unwrap();
        sizes.push((state.epoch, state.size));
    }
    sizes
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_gone_is_filled_again() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let mut config = config(&dir.path().join("site"), &vaults);
    config.vaults = vaults.iter().map(VaultRig::recover_url).collect();
    let rig = SiteRig::open(config.clone()).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    commit(&work, "second").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    rig.site.consolidate(&"ada/x".parse().unwrap()).await.unwrap();
    commit(&work, "third").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    rig.until("the spool is empty", |site| site.spool().bytes() == 0).await;
    rig.stop().await;
    std::fs::remove_dir_all(dir.path().join("site/git")).unwrap();
    let rig = SiteRig::open(config).await;
    rig.until("a quorum is there", |site| site.held() > 0).await;
    let mut clones = tokio::task::JoinSet::new();
    for i in 0..4 {
        let (remote, dir) = (rig.remote(&token, "ada/x"), dir.path().to_owned());
        clones.spawn(async move { git_ok(&dir, &["clone", "-q", &remote, &format!("clone-{i}")]).await });
    }
    while let Some(cloned) = clones.join_next().await {
        cloned.unwrap();
    }
    git_ok(&dir.path().join("clone-3"), &["fsck", "--full"]).await;
    assert_eq!(refs(&dir.path().join("clone-3")).await, refs(&work).await);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vault_that_is_behind_the_snapshot_catches_up_with_the_recovered_site() {
    for answers in [false, true] {
        behind_the_snapshot(answers).await;
    }
}

async fn behind_the_snapshot(answers: bool) {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    vaults[2].stop().await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    commit(&work, "second").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/x"), "main"]).await;
    let snapshot = rig.site.snapshot_take().await.unwrap();
    rig.user("bob", "repo").await;
    std::fs::rename(dir.path().join("site/recovery-key.txt"), dir.path().join("key.txt")).unwrap();
    rig.kill().await;
    if answers {
        vaults[2].start().await;
    }
    let all: Vec<_> = vaults.iter().collect();
    let mut wanted = request(&all, &dir.path().join("key.txt"), &dir.path().join("again"));
    wanted.keep_credentials = true;
    let report = recovered(wanted).await;
    assert!(report.snapshot.is_some_and(|through| through > 3 && through <= snapshot));
    if !answers {
        vaults[2].start().await;
    }
    let rig = SiteRig::open(SiteConfig::new(dir.path().join("again"))).await;
    rig.until("the one behind catches up", |site| site.vaults().iter().all(|v| v.lag == 0 && v.size > snapshot)).await;
    rig.site.writability().unwrap();
    let receipt = rig.site.receipt(3).await.unwrap();
    assert!(journal::receipt::verify(&receipt, None).is_ok(), "of an entry before the snapshot");
    git_ok(dir.path(), &["clone", "-q", &rig.remote(&token, "ada/x"), "clone"]).await;
    rig.stop().await;
}

/// A row that no entry explains: somebody who holds the site makes himself an operator, and a snapshot carries it.
#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_came_with_a_snapshot_is_found_out() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("eve", "repo").await;
    rig.site.db().write(|tx| tx.execute("UPDATE account SET operator = 1", &[])).unwrap();
    rig.site.snapshot_take().await.unwrap();
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    std::fs::rename(dir.path().join("site/recovery-key.txt"), dir.path().join("key.txt")).unwrap();
    rig.kill().await;
    let all: Vec<_> = vaults.iter().collect();
    let request = |to: &str| request(&all, &dir.path().join("key.txt"), &dir.path().join(to));
    let is_operator = |rig: &SiteRig| {
        let read = rig.site.db().read(|tx| tx.query_one("SELECT operator FROM account", &[])?.get::<bool>(0));
        read.unwrap()
    };
    let report = recovered(request("fast")).await;
    assert!(report.snapshot.is_some() && report.to_string().contains("the lost site's word"), "{report}");
    let rig = SiteRig::open(SiteConfig::new(dir.path().join("fast"))).await;
    assert!(is_operator(&rig));
    let alarms = "SELECT count(*) FROM alarm WHERE rule = 'rows-unexplained'";
    rig.until("an alarm", |site| site.db().read(|tx| tx.query_one(alarms, &[])?.get::<u64>(0)).unwrap() > 0).await;
    rig.until("nothing is left to check", |_| !dir.path().join("fast/rows-unchecked").exists()).await;
    rig.stop().await;
    let mut full = request("full");
    full.full = true;
    let report = recovered(full).await;
    assert!(report.is_good() && report.snapshot.is_none(), "{report}");
    let rig = SiteRig::open(SiteConfig::new(dir.path().join("full"))).await;
    assert!(!is_operator(&rig));
    rig.stop().await;
}
