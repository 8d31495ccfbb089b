//! SSH keys: whose they are, what they open, and when they end.

use crate::rig::{SiteRig, config, vaults};
use forge::access::{Administer, Read, Write};
use forge::site::NewRepo;
use forge::ssh::SshPublicKey;
use forge::ssh::command::NewSshKey;
use forge::{Error, RepoPath};

/// The `n`th of the keys that `ssh-keygen` made for tests.
fn key(n: usize) -> SshPublicKey {
    let line = include_str!("../fixtures/ssh/good.txt").lines().nth(n).unwrap();
    line.split_once(' ').unwrap().1.parse().unwrap()
}

fn new(n: usize) -> NewSshKey {
    NewSshKey { key: key(n), name: String::new(), age_us: None }
}

fn path(text: &str) -> RepoPath {
    text.parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_owners_until_it_is_removed_also_without_vaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let header = |token: String| format!("Bearer {token}");
    let token = rig.site.authenticate(&header(rig.user("ada", "repo,user").await)).await.unwrap();
    rig.user("bob", "repo,user").await;
    assert!(matches!(rig.site.proved(&token), Err(Error::ReauthRequired)), "no token adds a key");
    let (by_ada, by_bob) = (rig.proved("ada").await, rig.proved("bob").await);
    let (ada, bob) = (by_ada.who().clone(), by_bob.who().clone());
    let added = rig.site.ssh_key_add(&by_ada, new(0)).await.unwrap();
    assert_eq!((added.name.as_str(), added.made_by), ("ann@laptop", ada.credential()));
    let holder = rig.site.ssh_principal(&key(0)).await.unwrap().unwrap();
    assert_eq!((holder.name(), holder.credential()), ("ada", Some(added.id)));
    assert!(holder.needs(forge::people::Scope::UserWrite).is_err(), "a key is for repositories");
    assert_eq!(rig.site.ssh_principal(&key(1)).await.unwrap(), None);

    let twice = rig.site.ssh_key_add(&by_ada, new(0)).await.unwrap_err().to_string();
    assert!(twice.contains("there already"), "{twice}");
    let other = rig.site.ssh_key_add(&by_bob, new(0)).await.unwrap_err().to_string();
    assert!(other.contains("in use already") && !other.contains("ada"), "{other}");
    assert!(matches!(rig.site.ssh_key_remove(Some(&bob), added.id).await, Err(Error::NotFound(_))));
    let long = NewSshKey { age_us: Some(i64::MAX), ..new(1) };
    assert!(matches!(rig.site.ssh_key_add(&by_ada, long).await, Err(Error::Invalid(_))));

    rig.site.used(&holder, "192.0.2.7".parse().unwrap());
    assert_eq!(rig.site.last_use(added.id).unwrap().address, "192.0.2.7");
    for vault in &mut vaults {
        vault.stop().await;
    }
    rig.site.ssh_key_remove(Some(&ada), added.id).await.unwrap();
    assert_eq!(rig.site.ssh_principal(&key(0)).await.unwrap(), None);
    assert_eq!(rig.site.ssh_key_list(&ada).await.unwrap(), []);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_outlive_the_session_that_added_them_and_end_with_the_password() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("ada", "repo,user").await;
    let by = rig.proved("ada").await;
    let session = by.who().credential().unwrap();
    rig.site.ssh_key_add(&by, new(0)).await.unwrap();
    rig.site.ssh_key_add_for(&"ada".parse().unwrap(), new(1)).await.unwrap();
    assert!(rig.site.ssh_principal(&key(0)).await.unwrap().is_some());
    rig.site.session_end(by.who(), session).await.unwrap();
    assert!(rig.site.ssh_key_add(&by, new(2)).await.is_err(), "in a session that is over");
    assert!(rig.site.ssh_principal(&key(0)).await.unwrap().is_some());
    let password = "a new and longer password".parse().unwrap();
    rig.site.password_set(None, &"ada".parse().unwrap(), password).await.unwrap();
    for n in [0, 1] {
        assert_eq!(rig.site.ssh_principal(&key(n)).await.unwrap(), None);
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_key_opens_its_repository_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    for name in ["ada", "bob"] {
        rig.user(name, "repo").await;
    }
    let (by_ada, by_bob) = (rig.proved("ada").await, rig.proved("bob").await);
    let ada = by_ada.who().clone();
    for name in ["ada/one", "ada/two"] {
        rig.site.repo_create(Some(&ada), NewRepo::new(path(name))).await.unwrap();
    }
    assert!(matches!(rig.site.deploy_key_add(&by_bob, &path("ada/one"), new(0), true).await, Err(Error::NotFound(_))));
    let reads = rig.site.deploy_key_add(&by_ada, &path("ada/one"), new(0), false).await.unwrap();
    rig.site.deploy_key_add(&by_ada, &path("ada/one"), new(1), true).await.unwrap();
    let reader = rig.site.ssh_principal(&key(0)).await.unwrap().unwrap();
    let writer = rig.site.ssh_principal(&key(1)).await.unwrap().unwrap();
    for (who, writes) in [(&reader, false), (&writer, true)] {
        assert!(rig.site.authorize::<Read>(Some(who), &path("ada/one")).await.is_ok());
        assert_eq!(rig.site.authorize::<Write>(Some(who), &path("ada/one")).await.is_ok(), writes);
        let other = rig.site.authorize::<Read>(Some(who), &path("ada/two")).await.unwrap_err();
        let missing = rig.site.authorize::<Read>(Some(who), &path("ada/six")).await.unwrap_err();
        assert_eq!(other.to_string().replace("two", "six"), missing.to_string());
        assert!(rig.site.open_for_push(Some(who), &path("ada/made")).await.is_err(), "it makes nothing");
        assert!(rig.site.authorize::<Administer>(Some(who), &path("ada/two")).await.is_err());
    }
    assert_eq!(rig.site.deploy_key_list(&ada, &path("ada/one")).await.unwrap().len(), 2);
    assert_eq!(rig.site.ssh_key_list(&ada).await.unwrap(), [], "it is the repository's");
    assert!(rig.site.deploy_key_remove(&ada, &path("ada/two"), reads.id).await.is_err(), "of another repository");
    rig.site.deploy_key_remove(&ada, &path("ada/one"), reads.id).await.unwrap();
    assert_eq!(rig.site.ssh_principal(&key(0)).await.unwrap(), None);
    rig.stop().await;
}
