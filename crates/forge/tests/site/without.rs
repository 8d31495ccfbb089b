//! Recovered as if some acts had not been; and a past tip that outlives consolidated packs.

use crate::recovery::{recovered, request, sizes};
use crate::rig::{SiteRig, VaultRig, commit, config, git_ok, refs, vaults, work_tree};
use forge::people::Scopes;
use forge::recover::{Whose, Without};
use forge::site::{NewToken, SiteConfig};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_stolen_token_did_is_undone_and_what_others_did_stays() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    let remote = rig.remote(&token, "ada/x");
    commit(&work, "what must come back").await;
    git_ok(&work, &["push", "-q", &remote, "main", "main:refs/heads/keep"]).await;
    let good = refs(&work).await;
    let new = NewToken {
        name: "stolen".parse().unwrap(),
        scopes: Scopes::parse(["repo"]).unwrap(),
        age_us: None,
        repos: None,
    };
    let (stolen, info) = rig.site.token_create(&"ada".parse().unwrap(), new).await.unwrap();
    let evil = rig.remote(stolen.reveal(), "ada/x");
    git_ok(&work, &["reset", "-q", "--hard", "HEAD~1"]).await;
    commit(&work, "in its place").await;
    git_ok(&work, &["push", "-q", "-f", &evil, "main", ":refs/heads/keep", "main:refs/heads/evil"]).await;
    git_ok(&work, &["push", "-q", &evil, "main:refs/heads/built-on"]).await;
    commit(&work, "somebody builds on it").await;
    git_ok(&work, &["push", "-q", &remote, "main:refs/heads/built-on", "main:refs/heads/later"]).await;
    rig.site.consolidate(&"ada/x".parse().unwrap()).await.unwrap();
    rig.until("all vaults have it", |site| site.vaults().iter().all(|v| v.lag == 0)).await;
    std::fs::rename(dir.path().join("site/recovery-key.txt"), dir.path().join("key.txt")).unwrap();
    rig.kill().await;
    std::fs::remove_dir_all(dir.path().join("site")).unwrap();

    let (all, key): (Vec<&VaultRig>, _) = (vaults.iter().collect(), dir.path().join("key.txt"));
    let without = Without { whose: vec![Whose::Credential(info.id)], since_us: 0 };
    let (before, to) = (sizes(&vaults).await, dir.path().join("again"));
    let mut look = request(&all, &key, &to);
    (look.without, look.dry_run) = (Some(without.clone()), true);
    let looked = recovered(look).await.undone.unwrap();
    assert_eq!(looked.done.len(), 3, "main, keep and evil: {:?}", looked.done);
    assert!(looked.kept.iter().any(|line| line.contains("built-on")), "{:?}", looked.kept);
    assert!(!to.exists() && sizes(&vaults).await == before, "a dry run leaves nothing and tells nobody");

    let mut wanted = request(&all, &key, &to);
    (wanted.without, wanted.full) = (Some(without), true);
    let report = recovered(wanted).await;
    assert_eq!(report.undone.unwrap().done, looked.done);
    assert!(report.full.unwrap().problems.is_empty());
    let rig = SiteRig::open(SiteConfig::new(&to)).await;
    rig.until("a quorum holds it", |site| site.held() == site.size()).await;
    let remote = rig.remote(&rig.token("ada", "repo").await, "ada/x");
    git_ok(dir.path(), &["clone", "-q", "--mirror", &remote, "clone"]).await;
    let clone = dir.path().join("clone");
    git_ok(&clone, &["fsck", "--full"]).await;
    let now = refs(&clone).await;
    let main = good.split_whitespace().next().unwrap();
    let of = |name: &str| now.lines().find(|line| line.ends_with(&format!(" refs/heads/{name}"))).map(str::to_owned);
    assert_eq!(of("main"), Some(format!("{main} refs/heads/main")));
    assert_eq!(of("keep"), Some(format!("{main} refs/heads/keep")));
    assert!(of("evil").is_none() && of("built-on").is_some() && of("later").is_some(), "{now}");
    rig.stop().await;
}
