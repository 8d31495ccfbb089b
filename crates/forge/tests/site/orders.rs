//! Orders that officers sign on pages, with passkeys; a clock that is moved on.

use crate::factors::{Passkey, register};
use crate::rig::{SiteRig, commit, config, git_ok, new_user, vaults, work_tree};
use forge::Error;
use forge::orders::{OfficerRule, OfficerSecret, State, Verb, Wish};
use forge::people::Principal;
use forge::people::factor::FactorRemove;
use forge::site::{Asked, NewUser};
use forge::writer::Submitter;
use std::time::Duration;

const HOUR_US: i64 = 3_600_000_000;

#[tokio::test(flavor = "multi_thread")]
async fn two_passkeys_of_two_officers_delete_a_repository_after_72_hours() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let config = config(&dir.path().join("site"), &vaults);
    let clock = config.limits.ledger.writer.clock.clone();
    let rig = SiteRig::open(config).await;
    let owner = rig.user("ada", "repo").await;
    let owner = rig.site.authenticate(&format!("Bearer {owner}")).await.unwrap();
    rig.site.repo_create(Some(&owner), forge::site::NewRepo::new("ada/code".parse().unwrap())).await.unwrap();
    let origin = rig.site.relying_party().unwrap().origin;
    let mut officers: Vec<(Principal, Passkey)> = Vec::new();
    for name in ["olga", "omar", "otto"] {
        let user = rig.site.user_create(None, NewUser { officer: true, ..new_user(name) }).await.unwrap();
        let mut key = Passkey::new(&origin);
        register(&rig.site, user.id, &mut key).await;
        let token = rig.token(name, "admin").await;
        officers.push((rig.site.authenticate(&format!("Bearer {token}")).await.unwrap(), key));
    }
    rig.site.officer_rule_set(None, OfficerRule { needed: 2, delay_us: 72 * HOUR_US }).await.unwrap();

    let path = "ada/code".parse().unwrap();
    let Asked::Ordered(id) = rig.site.repo_delete(Some(&owner), &path).await.unwrap() else { panic!("not guarded") };
    let order = rig.site.order_fetch(Some(&owner), id).await.unwrap();
    let mut sign = async |officer: usize, challenge: [u8; 32], verifies: bool| {
        let (who, key) = &mut officers[officer];
        key.verifies = verifies;
        rig.site.order_sign(who, id, &key.sign(&challenge)).await
    };
    let unverified = sign(0, order.hash, false).await;
    assert!(matches!(&unverified, Err(Error::Forbidden(text)) if text.contains("PIN")), "{unverified:?}");
    assert!(sign(0, [7; 32], true).await.is_err(), "another order");
    sign(0, order.hash, true).await.unwrap();
    assert!(matches!(sign(0, order.hash, true).await, Err(Error::Conflict(_))), "once");
    sign(1, order.hash, true).await.unwrap();
    clock.advance(Duration::from_secs(72 * 3600 - 60));
    rig.site.orders_settle().await.unwrap();
    assert_eq!(rig.site.order_fetch(Some(&owner), id).await.unwrap().state, State::Pending);
    rig.site.repo_fetch(Some(&owner), &path).await.unwrap();
    clock.advance(Duration::from_secs(60));
    rig.site.orders_settle().await.unwrap();
    let done = rig.site.order_fetch(Some(&owner), id).await.unwrap();
    assert_eq!((done.state, done.signatures.iter().filter(|by| by.counts).count()), (State::Executed, 2));
    assert!(matches!(rig.site.repo_fetch(Some(&owner), &path).await, Err(Error::NotFound(_))));
    let trash = rig.site.trash_list(Some(&owner)).await.unwrap();
    assert_eq!(trash.len(), 1);
    rig.site.trash_restore(Some(&owner), trash[0].id, None).await.unwrap();
    rig.site.repo_fetch(Some(&owner), &path).await.unwrap();
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_officers_last_passkey_stays_where_too_few_would_be_left() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let config = config(&dir.path().join("site"), &vaults);
    let clock = config.limits.ledger.writer.clock.clone();
    let rig = SiteRig::open(config).await;
    let origin = rig.site.relying_party().unwrap().origin;
    let mut passkeys = Vec::new();
    for name in ["olga", "omar", "otto", "olaf"] {
        let user = rig.site.user_create(None, NewUser { officer: true, ..new_user(name) }).await.unwrap();
        passkeys.push((user.id, register(&rig.site, user.id, &mut Passkey::new(&origin)).await));
        // What is only touched signs no order.
        let mut touched = Passkey::new(&origin);
        touched.verifies = false;
        register(&rig.site, user.id, &mut touched).await;
    }
    rig.site.officer_rule_set(None, OfficerRule { needed: 2, delay_us: 72 * HOUR_US }).await.unwrap();
    clock.advance(Duration::from_secs(25 * 3600));
    let remove = async |(owner, factor): (u64, u64)| {
        rig.site.ledger().submit(Submitter::default(), FactorRemove { factor, owner }).await.map(drop)
    };
    remove(passkeys[0]).await.unwrap();
    let refused = remove(passkeys[1]).await;
    assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains("this would leave 2")), "{refused:?}");
    rig.stop().await;
}

/// Deletes a repository, has the trash emptied of it and its content erased, and gives its number.
async fn forget(rig: &SiteRig, path: &str, secrets: &[OfficerSecret]) -> u64 {
    let carried_out = async |id: u64| {
        let order = rig.site.order_fetch(None, id).await.unwrap();
        for secret in secrets {
            let line = secret.sign(Verb::Approve, order.hash).to_string();
            rig.site.order_line(None, id, &line, "").await.unwrap();
        }
        assert_eq!(rig.site.order_fetch(None, id).await.unwrap().state, State::Executed);
    };
    let Asked::Ordered(id) = rig.site.repo_delete(None, &path.parse().unwrap()).await.unwrap() else { panic!() };
    carried_out(id).await;
    let repo = rig.site.trash_list(None).await.unwrap()[0].id;
    for act in ["trash-empty", "erase"] {
        let wish = Wish { act: act.into(), subject: repo.to_string(), ..Wish::default() };
        carried_out(rig.site.order_ask(None, wish).await.unwrap()).await;
    }
    repo
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_forgotten_leaves_the_disk_also_when_a_crash_came_between() {
    let dir = tempfile::tempdir().unwrap();
    let (vaults, data) = (vaults(dir.path()).await, dir.path().join("site"));
    let rig = SiteRig::open(config(&data, &vaults)).await;
    let token = rig.user("ada", "repo").await;
    let work = work_tree(&dir.path().join("work")).await;
    commit(&work, "what is to go").await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/secret"), "main"]).await;
    git_ok(&work, &["push", "-q", &rig.remote(&token, "ada/kept"), "main"]).await;
    let secrets: Vec<_> = (0..3).map(|_| OfficerSecret::generate().unwrap()).collect();
    let mut officers = Vec::new();
    for (name, secret) in ["olga", "omar", "otto"].into_iter().zip(&secrets) {
        rig.site.user_create(None, new_user(name)).await.unwrap();
        officers.push((name.parse().unwrap(), secret.public()));
    }
    rig.site.officers_found(officers, OfficerRule { needed: 2, delay_us: 0 }).await.unwrap();
    let mut forgotten = rig.site.forgotten();
    let repo = forget(&rig, "ada/secret", &secrets[..2]).await;
    let git = data.join(format!("git/{repo}.git"));
    rig.until("it is gone", |_| !git.exists()).await;
    forgotten.changed().await.unwrap();
    let names = "SELECT blob FROM erased_blob";
    let erased: Vec<journal::BlobName> = {
        let rows = rig.site.db().read(|tx| tx.query(names, &[])).unwrap();
        rows.iter().map(|row| journal::BlobName(row.get(0).unwrap())).collect()
    };
    assert_eq!(erased.len(), 1);
    rig.kill().await;

    // As a crash leaves it that came before any of that.
    let places = ["git/ID.part", "git/ID.damaged", "svn/ID", "svn/ID.part", "svn-git/ID"];
    let place = |name: &&str| data.join(name.replace("ID", &repo.to_string()));
    let left: Vec<_> = places.iter().map(place).chain([git]).collect();
    for place in &left {
        std::fs::create_dir_all(place).unwrap();
        std::fs::write(place.join("content"), "what is to go").unwrap();
    }
    let spooled = data.join("spool").join(erased[0].to_string());
    std::fs::write(&spooled, "a sealed pack").unwrap();
    let rig = SiteRig::open(config(&data, &vaults)).await;
    rig.until("all of it is gone", |_| left.iter().chain([&spooled]).all(|place| !place.exists())).await;
    assert_eq!(std::fs::read_dir(data.join("git")).unwrap().count(), 1, "the other stays");
    rig.stop().await;
}
