//! What a power cut leaves of a repository: files that were never flushed are empty, though the marker says that all is there.

use crate::rig::{SiteRig, VaultRig, commit, config, git, git_ok, said, vaults, work_tree};
use std::fs;
use std::path::{Path, PathBuf};

/// A site with a repository of two branches, stopped, and what is in its vaults.
struct World {
    dir: tempfile::TempDir,
    vaults: Vec<VaultRig>,
    token: String,
    work: PathBuf,
    repository: PathBuf,
}

async fn world() -> World {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    git_ok(&work, &["branch", "other"]).await;
    let remote = rig.remote(&token, "ada/x");
    git_ok(&work, &["push", "-q", &remote, "main", "other"]).await;
    commit(&work, "second").await;
    git_ok(&work, &["push", "-q", &remote, "main"]).await;
    let lag = |site: &forge::Site| site.vaults().iter().all(|vault| vault.lag == 0 && vault.size > 0);
    rig.until("the vaults have all", lag).await;
    rig.until("the spool is empty", |site| site.spool().bytes() == 0).await;
    rig.stop().await;
    let mut there = fs::read_dir(dir.path().join("site/git")).unwrap();
    let repository = there.next().unwrap().unwrap().path();
    World { dir, vaults, token, work, repository }
}

impl World {
    async fn open(&self) -> SiteRig {
        let mut config = config(&self.dir.path().join("site"), &self.vaults);
        config.vaults = self.vaults.iter().map(VaultRig::recover_url).collect();
        SiteRig::open(config).await
    }

    /// The site shows all that it answered for, and the disk is what it should be.
    async fn is_whole(&self) {
        let rig = self.open().await;
        let remote = rig.remote(&self.token, "ada/x");
        let seen = git_ok(&self.work, &["ls-remote", &remote, "HEAD", "refs/heads/*"]).await;
        let mine = git_ok(&self.work, &["for-each-ref", "--format=%(objectname)\t%(refname)", "refs/heads"]).await;
        let head = git_ok(&self.work, &["rev-parse", "HEAD"]).await;
        assert_eq!(seen, format!("{}\tHEAD\n{mine}", head.trim()));
        let clone = self.dir.path().join("clone");
        git_ok(self.dir.path(), &["clone", "-q", &remote, clone.to_str().unwrap()]).await;
        rig.stop().await;
        git_ok(&self.repository, &["fsck", "--full"]).await;
        let beside = fs::read_dir(self.repository.parent().unwrap()).unwrap().count();
        assert_eq!(beside, 1, "nothing lies beside it");
    }
}

fn empty(path: &Path) {
    assert!(path.is_file(), "{}", path.display());
    fs::write(path, "").unwrap();
}

fn lose_packs(repository: &Path) {
    for file in fs::read_dir(repository.join("objects/pack")).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_was_not_flushed_is_there_again() {
    let world = world().await;
    empty(&world.repository.join("refs/heads/other"));
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_went_back_is_where_it_was() {
    let world = world().await;
    fs::copy(world.repository.join("refs/heads/other"), world.repository.join("refs/heads/main")).unwrap();
    fs::copy(world.repository.join("refs/heads/other"), world.repository.join("refs/heads/deleted")).unwrap();
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_whose_own_files_were_not_flushed_is_laid_out_again() {
    let world = world().await;
    for file in ["HEAD", "config"] {
        empty(&world.repository.join(file));
    }
    fs::remove_dir(world.repository.join("objects/info")).unwrap();
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_that_are_missing_come_back_from_the_vaults() {
    let world = world().await;
    lose_packs(&world.repository);
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_git_cannot_list_is_filled_anew() {
    let world = world().await;
    fs::write(world.repository.join("packed-refs"), [0; 100]).unwrap();
    world.is_whole().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_repository_stays_where_the_vaults_cannot_be_read() {
    let world = world().await;
    lose_packs(&world.repository);
    let rig = SiteRig::open(config(&world.dir.path().join("site"), &world.vaults)).await;
    let refused = git(&world.work, &["ls-remote", &rig.remote(&world.token, "ada/x")]).await;
    assert!(!refused.status.success(), "{}", said(&refused));
    assert!(world.repository.join("outlast-seq").is_file(), "what was there is still there");
    rig.stop().await;
    world.is_whole().await;
}
