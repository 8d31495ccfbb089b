//! What one officer puts back once there is an officers' rule, and what is left to orders, to owners, and to who works at the machine.

use crate::rig::{SiteRig, config, new_user, vaults};
use forge::Error;
use forge::db::Tx;
use forge::event::factor::TotpAdded;
use forge::event::guard::OfficerRuleSet;
use forge::event::protect::{Allowed, Protected, ProtectionSet};
use forge::event::push::{Pushed, RefMove};
use forge::event::repo::{
    Access, CollaboratorRemoved, CollaboratorSet, Format, RepoCreated, RepoDescribed, RepoKind, RepoVisibilitySet,
    Visibility,
};
use forge::event::{Event, Oid};
use forge::site::NewUser;
use forge::writer::{Command, Decide, Submitter};
use std::time::Duration;

#[derive(Debug)]
struct Write(Event);

impl Command for Write {
    type Output = ();

    fn decide(self, _: &mut Tx, _: &Decide) -> Result<(Vec<Event>, ()), Error> {
        Ok((vec![self.0], ()))
    }
}

async fn by(rig: &SiteRig, actor: u64, event: impl Into<Event>) -> u64 {
    let by = Submitter { actor: Some(actor), credential: None };
    rig.site.ledger().submit(by, Write(event.into())).await.unwrap().first_seq
}

fn moved(repo: u64, name: &str, old: Option<u8>, new: Option<u8>) -> Pushed {
    let oid = |n: Option<u8>| n.map(|n| Oid::new(&[n; 20]).unwrap());
    let updates = vec![RefMove { name: format!("refs/heads/{name}"), old: oid(old), new: oid(new) }];
    Pushed { repo, updates, pack: Vec::new(), options: Vec::new() }
}

fn rule(repo: u64, pattern: &str) -> ProtectionSet {
    let push = Allowed { role: Some(Access::Write), ..Allowed::default() };
    let (kind, force, delete) = (Protected::Branch, Allowed::default(), Allowed::default());
    ProtectionSet { id: None, repo, kind, pattern: pattern.into(), push, force, delete, signed: None, paths: None }
}

/// `main at 01..` for each branch of a repository, and what else is so of it.
fn is_now(rig: &SiteRig, repo: u64) -> Vec<String> {
    let sql =
        "SELECT name, oid FROM ref WHERE repo = ?1 UNION ALL SELECT visibility, NULL FROM repository WHERE id = ?1
               UNION ALL SELECT pattern, NULL FROM protection WHERE repo = ?1
               UNION ALL SELECT access, NULL FROM collaborator WHERE repo = ?1 ORDER BY 1";
    let rows = rig.site.ledger().db().read(|tx| tx.query(sql, &[repo.into()])).unwrap();
    let shown = |row: &forge::db::Row| {
        let oid: Option<Vec<u8>> = row.get(1).unwrap();
        format!("{}{}", row.get::<String>(0).unwrap(), oid.map(|oid| format!(" {}", oid[0])).unwrap_or_default())
    };
    rows.iter().map(shown).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_officer_does_not_do_by_putting_back_what_orders_hold_back() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let config = config(&dir.path().join("site"), &vaults);
    let clock = config.limits.ledger.writer.clock.clone();
    let rig = SiteRig::open(config).await;
    let mut ids = Vec::new();
    for name in ["ada", "bob", "mia"] {
        ids.push(rig.site.user_create(None, new_user(name)).await.unwrap().id);
    }
    let (ada, bob, mia) = (ids[0], ids[1], ids[2]);
    rig.site.user_create(None, NewUser { officer: true, ..new_user("olga") }).await.unwrap();
    let olga = rig.token("olga", "admin").await;
    let olga = rig.site.authenticate(&format!("Bearer {olga}")).await.unwrap();
    by(&rig, ada, OfficerRuleSet { needed: 2, delay_us: 72 * 3_600_000_000 }).await;
    let mut repos = Vec::new();
    for name in ["code", "fresh"] {
        let (kind, format, visibility) = (RepoKind::Git, Format::Sha1, Visibility::Public);
        let head = "refs/heads/main".to_owned();
        let made = RepoCreated { namespace: ada, name: name.into(), kind, format, visibility, head };
        repos.push(by(&rig, ada, made).await);
    }
    let (repo, fresh) = (repos[0], repos[1]);
    by(&rig, ada, rule(repo, "main")).await;
    by(&rig, ada, moved(repo, "main", None, Some(1))).await;
    by(&rig, ada, moved(repo, "next", None, Some(2))).await;
    by(&rig, ada, CollaboratorSet { repo, account: bob, access: Access::Write }).await;
    by(&rig, ada, CollaboratorSet { repo, account: mia, access: Access::Read }).await;
    let before = is_now(&rig, repo);

    // What an honest account does in a day.
    clock.advance(Duration::from_secs(60));
    let since_us = clock.now_us();
    by(&rig, ada, moved(repo, "main", Some(1), Some(3))).await;
    by(&rig, ada, moved(repo, "next", Some(2), None)).await;
    by(&rig, ada, moved(repo, "work", None, Some(4))).await;
    by(&rig, ada, rule(repo, "release/*")).await;
    by(&rig, ada, moved(repo, "release/1", None, Some(5))).await;
    by(&rig, ada, moved(fresh, "main", None, Some(6))).await;
    by(&rig, ada, RepoVisibilitySet { repo, visibility: Visibility::Private }).await;
    by(&rig, ada, CollaboratorRemoved { repo, account: bob }).await;
    by(&rig, ada, CollaboratorSet { repo, account: mia, access: Access::Admin }).await;
    by(&rig, ada, RepoDescribed { repo, description: Some("what it is".into()), website: None }).await;
    let secret = b"12345678901234567890".to_vec();
    by(&rig, ada, TotpAdded { account: ada, name: "phone".into(), secret, step: 0, sleeps_until_us: None }).await;

    let name = "ada".parse().unwrap();
    let looked = rig.site.restore(Some(&olga), &name, since_us, true).await.unwrap();
    let told = rig.site.restore(Some(&olga), &name, since_us, false).await.unwrap();
    assert_eq!((&looked.done, &looked.by_hand), (&told.done, &told.by_hand));
    // What was lost is back, what she had given away is taken back; nothing else.
    let now = ["main 3", "next 2", "release/1 5"].map(|name| format!("refs/heads/{name}"));
    let own = ["main", "private", "read", "release/*"].map(str::to_owned);
    let mut expected = [now.as_slice(), &own].concat();
    expected.sort();
    assert_eq!(is_now(&rig, repo), expected, "{told:#?}");
    assert_eq!(is_now(&rig, fresh), ["public", "refs/heads/main 6"]);
    assert_eq!(told.done.len(), 4, "{told:#?}");
    for what in [
        "ada/code refs/heads/main: one officer alone does not put it back: it is protected: outlast order ask ref-rewrite ada/code",
        "ada/code refs/heads/release/1: one officer alone does not put it back: it is protected",
        "ada/fresh refs/heads/main: one officer alone does not put it back: it is the default branch",
        "it would loosen what protects ada/code",
        "ada/code: visibility",
        &format!("ada/code: collaborator {bob}"),
        "outlast order ask factor-remove",
    ] {
        assert!(told.by_hand.iter().any(|line| line.contains(what)), "{what}: {told:#?}");
    }
    assert_eq!(told.by_hand.len(), 7, "{told:#?}");

    // Who works at the machine puts it all back.
    let told = rig.site.restore(None, &name, since_us, false).await.unwrap();
    assert!(told.by_hand.is_empty(), "{told:#?}");
    assert_eq!(is_now(&rig, repo), before);
    let sql = "SELECT rule FROM alarm WHERE rule = 'put-back'";
    assert_eq!(rig.site.ledger().db().read(|tx| tx.query(sql, &[])).unwrap().len(), 2, "each is an alarm");
    rig.stop().await;
}
