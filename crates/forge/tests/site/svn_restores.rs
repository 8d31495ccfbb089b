//! What a restore puts back in a repository of Subversion reaches the disk when it is held, whoever waits for it.

use crate::rig::{SiteRig, VaultRig, config, vaults};
use crate::svn_sessions::Client;
use forge::event::repo::RepoKind;
use forge::people::Principal;
use forge::site::NewRepo;
use forge::{Error, UserName};
use std::path::PathBuf;
use std::time::Duration;

/// Ada's revision, whose message she has made another since.
struct Scene {
    _dir: tempfile::TempDir,
    vaults: Vec<VaultRig>,
    rig: SiteRig,
    since_us: i64,
    message: PathBuf,
}

const MESSAGE: &str = "as it was";

fn now_us() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

async fn speaks(rig: &SiteRig, who: &Principal, words: &str, until: &str) {
    let mut client = Client::begin(rig, who).await;
    client.told("( success ( ").await;
    client.say(words).await;
    let said = client.told(until).await;
    assert!(said.contains(until) && !said.contains("failure"), "{said}");
}

async fn scene() -> Scene {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let mut config = config(&dir.path().join("site"), &vaults);
    config.limits.ledger.held_timeout = Duration::from_secs(2);
    let rig = SiteRig::open(config).await;
    let header = format!("Bearer {}", rig.user("ada", "repo").await);
    let ada = rig.site.authenticate(&header).await.unwrap();
    let new = NewRepo { kind: RepoKind::Svn, ..NewRepo::new("ada/project".parse().unwrap()) };
    let repo = rig.site.repo_create(Some(&ada), new).await.unwrap();
    let commit = format!(
        "( commit ( {0}:{MESSAGE} ( ) false ( ( 7:svn:log {0}:{MESSAGE} ) ) ) ) ( open-root ( ( ) 1:r ) ) ( close-dir ( 1:r ) ) \
         ( close-edit ( ) ) ",
        MESSAGE.len()
    );
    speaks(&rig, &ada, &commit, "( 3:ada )").await;
    let since_us = now_us();
    speaks(&rig, &ada, "( change-rev-prop ( 1 7:svn:log 3:pay ) ) ( get-latest-rev ( ) ) ", "( success ( 1 ) )").await;
    let message = rig.site.data().join(format!("svn/{}/repo/db/revprops/0/1", repo.id));
    assert!(std::fs::read_to_string(&message).unwrap().contains("pay"));
    Scene { _dir: dir, vaults, rig, since_us, message }
}

impl Scene {
    async fn comes_back(self) {
        self.vaults.iter().for_each(VaultRig::flow);
        let is_back = |_: &_| std::fs::read_to_string(&self.message).unwrap().contains(MESSAGE);
        self.rig.until("the message is as it was", is_back).await;
        self.rig.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_put_back_is_on_the_disk_when_it_is_held_though_it_was_not_in_time() {
    let scene = scene().await;
    scene.vaults.iter().for_each(VaultRig::hang);
    let ada: UserName = "ada".parse().unwrap();
    let late = scene.rig.site.restore(None, &ada, scene.since_us, false).await;
    assert!(matches!(late, Err(Error::NotHeldYet { .. })), "{late:?}");
    scene.comes_back().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_restore_put_back_is_on_the_disk_though_who_asked_has_left() {
    let scene = scene().await;
    scene.vaults.iter().for_each(VaultRig::hang);
    let (ada, size): (UserName, _) = ("ada".parse().unwrap(), scene.rig.site.size());
    let restoring = scene.rig.site.restore(None, &ada, scene.since_us, false);
    let written = scene.rig.until("it is written", |site| site.size() > size);
    tokio::select! { _ = restoring => panic!("it is not held"), () = written => {} }
    scene.comes_back().await;
}
