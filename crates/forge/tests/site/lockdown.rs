//! What a lockdown ends, and what it leaves: the inventory and the tree of spare logins agree.

use crate::factors::now_step;
use crate::rig::{SiteRig, config, new_user, vaults};
use forge::lockdown::MadeKind;
use forge::people::inventory::{CredentialKind, InventoryFilter};
use forge::site::{Device, NewProvider, NewUser, SignInStep};
use forge::ssh::command::NewSshKey;

fn now_us() -> i64 {
    i64::try_from(std::time::UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_set_since_then_opens_nothing_and_an_officer_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    for name in ["ada", "bob"] {
        rig.user(name, "repo").await;
    }
    rig.site.user_create(None, NewUser { officer: true, ..new_user("olga") }).await.unwrap();
    let (ada, bob) = (rig.proved("ada").await, rig.proved("bob").await);
    let (pager, _) = rig.site.alarm_hook_add(None, "https://pager.example.org/x").await.unwrap();
    let provider = |name: &str| NewProvider {
        name: name.into(),
        issuer: format!("https://{name}.example.org"),
        client_id: "outlast".into(),
        ..NewProvider::default()
    };
    rig.site.provider_put(None, provider("work")).await.unwrap();
    let since = now_us();

    // Somebody has Ada's session, fresh as it is, and Bob's; Olga sets a password meanwhile.
    let (app, ticket) = rig.site.app_secret(&ada).unwrap();
    rig.site.app_add(&ada, "phone", &ticket, &app.code(now_step())).await.unwrap();
    rig.site.recovery_codes_make(&ada).await.unwrap();
    let line = include_str!("../fixtures/ssh/good.txt").lines().next().unwrap().split_once(' ').unwrap().1;
    let key = NewSshKey { key: line.parse().unwrap(), name: String::new(), age_us: None };
    rig.site.ssh_key_add(&ada, key).await.unwrap();
    rig.site.password_set(Some(&bob), &"bob".parse().unwrap(), "the intruder's own".parse().unwrap()).await.unwrap();
    rig.site.alarm_hook_add(None, "https://his.example.org/x").await.unwrap();
    rig.site.provider_put(None, provider("his")).await.unwrap();
    let alarms = rig.site.alarm_list(None, true, None).await.unwrap();
    let set = |line: &forge::audit::AuditLine| line.event == "OidcProviderSet" && line.about.contains("https://his.");
    assert!(alarms.iter().any(|alarm| alarm.line.as_ref().is_some_and(set)), "{alarms:#?}");
    rig.site.password_set(None, &"olga".parse().unwrap(), "another for olga".parse().unwrap()).await.unwrap();

    let made = rig.site.lock_down(None, since).await.unwrap();
    let has =
        |kind, owner: &str| made.iter().any(|made| made.kind == MadeKind::Credential(kind) && made.owner == owner);
    for kind in [CredentialKind::App, CredentialKind::RecoveryCode, CredentialKind::SshKey] {
        assert!(has(kind, "ada"), "{kind:?}: {made:#?}");
    }
    assert!(has(CredentialKind::Password, "bob"), "{made:#?}");
    assert!(has(CredentialKind::WebhookSecret, ""), "what he had posted to himself: {made:#?}");
    let hooks = rig.site.alarm_hook_list(None).await.unwrap();
    assert_eq!(hooks.iter().map(|hook| hook.id).collect::<Vec<_>>(), [pager], "the one from before goes on");
    assert!(has(CredentialKind::Provider, ""), "who signs in whom he likes: {made:#?}");
    let providers = rig.site.providers().await.unwrap();
    assert_eq!(providers.iter().map(|known| known.name.as_str()).collect::<Vec<_>>(), ["work"]);
    assert!(!has(CredentialKind::Password, "ada") && made.iter().all(|made| made.owner != "olga"), "{made:#?}");

    // What is in the tree is over in the inventory, and nothing that was made since then is good beside it.
    let filter = InventoryFilter { since_us: since, ..InventoryFilter::default() };
    for (listed, _) in rig.site.inventory(None, None, filter).await.unwrap() {
        let in_tree = made.iter().any(|made| made.id == listed.id);
        assert_eq!(listed.is_good(now_us()), !in_tree, "{listed:?}");
        assert!(in_tree || listed.owner == "olga", "{listed:?}");
    }
    let from = Device::default();
    let back = rig.site.sign_in("ada", "ada's password", &from).await;
    assert!(matches!(back, Ok(SignInStep::Done(_))), "the intruder's app is asked for no more");
    for password in ["bob's password", "the intruder's own"] {
        assert!(rig.site.sign_in("bob", password, &from).await.is_err(), "{password}");
    }
    assert!(matches!(rig.site.sign_in("olga", "another for olga", &from).await, Ok(SignInStep::Done(_))));
    rig.stop().await;
}
