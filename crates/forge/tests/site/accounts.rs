//! Accounts, tokens, and who may see what.

use crate::rig::{SiteRig, config, vaults};
use forge::access::{Administer, Read, Write};
use forge::event::people::SignIn;
use forge::event::repo::{Access, Visibility};
use forge::people::command::WhichToken;
use forge::site::{Device, NewRepo, RepoChange, SignInStep};
use forge::{Error, RepoPath};

pub(crate) fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_key_is_told_of_until_somebody_has_an_account() {
    let dir = tempfile::tempdir().unwrap();
    let (vaults, data) = (vaults(dir.path()).await, dir.path().join("site"));
    let key = Some(data.join(forge::keys::RECOVERY_FILE));
    // Killed before it could say a word.
    SiteRig::open(config(&data, &vaults)).await.kill().await;
    let rig = SiteRig::open(config(&data, &vaults)).await;
    assert_eq!((rig.begun.new, &rig.begun.recovery_key), (false, &key));
    rig.user("ada", "repo").await;
    rig.stop().await;
    let rig = SiteRig::open(config(&data, &vaults)).await;
    assert_eq!(rig.begun.recovery_key, None);
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_is_refused_at_once_also_without_vaults() {
    let dir = tempfile::tempdir().unwrap();
    let mut vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let token = rig.user("ada", "repo,user").await;
    let ada = rig.site.authenticate(&bearer(&token)).await.unwrap();
    assert_eq!(ada.name(), "ada");
    for vault in &mut vaults {
        vault.stop().await;
    }
    let id = ada.credential().unwrap();
    rig.site.token_revoke(Some(&ada), WhichToken::Id(id)).await.unwrap();
    let refused = rig.site.authenticate(&bearer(&token)).await;
    assert!(matches!(refused, Err(Error::Unauthenticated(_))), "{refused:?}");
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_signs_in_to_the_pages_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    rig.user("ada", "repo").await;
    let basic = "Basic YWRhOmFkYSdzIHBhc3N3b3Jk"; // ada:ada's password
    let refused = rig.site.authenticate(basic).await;
    assert!(matches!(&refused, Err(Error::Unauthenticated(text)) if text.contains("token")), "{refused:?}");
    let from = Device::default();
    for (name, password) in [("ada", "wrong"), ("nobody", "ada's password")] {
        let refused = rig.site.sign_in(name, password, &from).await.unwrap_err();
        assert_eq!(refused.to_string(), "the name or the password is wrong");
    }
    let Ok(SignInStep::Done(secret)) = rig.site.sign_in("ada", "ada's password", &from).await else { panic!() };
    let ada = rig.site.session(&secret.reveal()).await.unwrap();
    assert_eq!((ada.name(), ada.session().unwrap().how), ("ada", SignIn::Password));
    // Who has just signed in has proved it; a token never has.
    rig.site.proved(&ada).unwrap();
    let token = rig.site.authenticate(&bearer(&rig.user("bob", "repo,user").await)).await.unwrap();
    assert!(matches!(rig.site.proved(&token), Err(Error::ReauthRequired)));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_may_not_see_does_not_exist() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let site = &rig.site;
    let mut who = Vec::new();
    for (name, scopes) in [("ada", "repo,access"), ("bob", "repo"), ("eve", "repo")] {
        who.push(site.authenticate(&bearer(&rig.user(name, scopes).await)).await.unwrap());
    }
    let narrow = site.authenticate(&bearer(&rig.token("ada", "user:read").await)).await.unwrap();
    let [ada, bob, eve] = &who[..] else { unreachable!() };
    let path: RepoPath = "ada/secret".parse().unwrap();
    site.repo_create(Some(ada), NewRepo::new(path.clone())).await.unwrap();
    site.collaborator_put(Some(ada), &path, "bob".parse().unwrap(), Access::Read).await.unwrap();

    let absent = site.authorize::<Read>(Some(eve), &"ada/absent".parse().unwrap()).await.unwrap_err().to_string();
    for who in [Some(eve), Some(&narrow), None] {
        let text = site.authorize::<Read>(who, &path).await.unwrap_err().to_string();
        assert_eq!(text, absent.replace("absent", "secret"));
        assert!(matches!(site.authorize::<Write>(who, &path).await, Err(Error::NotFound(_))));
        assert!(site.repo_list(who, None, None, 0, 10).await.unwrap().is_empty());
    }
    site.authorize::<Read>(Some(bob), &path).await.unwrap();
    assert!(matches!(site.authorize::<Write>(Some(bob), &path).await, Err(Error::Forbidden(_))));
    site.collaborator_put(Some(ada), &path, "bob".parse().unwrap(), Access::Write).await.unwrap();
    site.authorize::<Write>(Some(bob), &path).await.unwrap();
    assert!(matches!(site.authorize::<Administer>(Some(bob), &path).await, Err(Error::Forbidden(_))));
    for (access, maintains) in [(Access::Triage, false), (Access::Maintain, true)] {
        site.collaborator_put(Some(ada), &path, "bob".parse().unwrap(), access).await.unwrap();
        let words = RepoChange { description: Some(access.to_string()), ..RepoChange::default() };
        assert_eq!(site.repo_change(Some(bob), &path, words).await.is_ok(), maintains);
        let open = RepoChange {
            visibility: Some(Visibility::Public),
            description: Some("no".into()),
            ..RepoChange::default()
        };
        assert!(matches!(site.repo_change(Some(bob), &path, open).await, Err(Error::Forbidden(_))));
    }
    assert_eq!(site.repo_fetch(Some(bob), &path).await.unwrap().description.as_deref(), Some("maintain"));
    let internal = RepoChange { visibility: Some(Visibility::Internal), ..RepoChange::default() };
    site.repo_change(Some(ada), &path, internal).await.unwrap();
    assert!(matches!(site.authorize::<Read>(None, &path).await, Err(Error::NotFound(_))));
    assert!(
        matches!(site.authorize::<Read>(Some(&narrow), &path).await, Err(Error::NotFound(_))),
        "repo:read is missing"
    );
    site.authorize::<Read>(Some(eve), &path).await.unwrap();
    assert!(matches!(site.authorize::<Write>(Some(eve), &path).await, Err(Error::Forbidden(_))));
    let seen = async |who| site.repo_list(who, None, None, 0, 10).await.unwrap().len();
    assert_eq!((seen(None).await, seen(Some(&narrow)).await, seen(Some(eve)).await), (0, 0, 1));
    let private = RepoChange { visibility: Some(Visibility::Private), ..RepoChange::default() };
    site.repo_change(Some(ada), &path, private).await.unwrap();
    site.collaborator_remove(Some(ada), &path, "bob".parse().unwrap()).await.unwrap();
    assert!(matches!(site.authorize::<Read>(Some(bob), &path).await, Err(Error::NotFound(_))));

    let change = RepoChange {
        visibility: Some(Visibility::Public),
        name: Some("Open".parse().unwrap()),
        branch: None,
        ..RepoChange::default()
    };
    site.repo_change(Some(ada), &path, change).await.unwrap();
    let open: RepoPath = "ADA/open".parse().unwrap();
    assert_eq!(site.repo_fetch(None, &open).await.unwrap().path, "ada/Open");
    assert!(matches!(site.authorize::<Write>(None, &open).await, Err(Error::Unauthenticated(_))));
    assert!(matches!(site.authorize::<Write>(Some(eve), &open).await, Err(Error::Forbidden(_))));
    assert_eq!(site.repo_list(None, None, Some("PE"), 0, 10).await.unwrap().len(), 1);
    assert!(site.repo_list(None, None, Some("%"), 0, 10).await.unwrap().is_empty(), "no wildcards");
    let again = site.repo_create(Some(ada), NewRepo::new("ada/OPEN".parse().unwrap())).await;
    assert!(matches!(again, Err(Error::Conflict(_))), "in any case of letters");
    let elsewhere = site.repo_create(Some(eve), NewRepo::new("ada/mine".parse().unwrap())).await;
    assert!(matches!(elsewhere, Err(Error::Forbidden(_))));
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_from_elsewhere_is_told_and_an_idle_session_ends() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let site = dir.path().join("site");
    let rig = SiteRig::open(config(&site, &vaults)).await;
    rig.user("ada", "repo").await;
    let mut secret = String::new();
    for (agent, address) in [
        ("Firefox", "192.0.2.1"),
        ("Firefox", "192.0.2.77"),
        ("Firefox", "198.51.100.1"),
        ("curl", "192.0.2.1"),
        ("Firefox", "198.51.100.1"),
    ] {
        let from = Device { agent: agent.into(), address: Some(address.into()), known: None };
        let Ok(SignInStep::Done(new)) = rig.site.sign_in("ada", "ada's password", &from).await else { panic!() };
        secret = new.reveal();
    }
    let ada = rig.site.session(&secret).await.unwrap();
    let mut listed = rig.site.session_list(&ada).await.unwrap();
    listed.reverse();
    assert_eq!(listed.iter().map(|session| session.new_place).collect::<Vec<_>>(), [false, false, true, true, false]);
    rig.site.sessions_end_others(&ada).await.unwrap();
    assert_eq!(rig.site.session_list(&ada).await.unwrap().len(), 1);
    rig.stop().await;

    let ages_ago = format!("{} 1000000 192.0.2.1\n", ada.credential().unwrap());
    std::fs::write(site.join("last-use"), ages_ago).unwrap();
    let rig = SiteRig::open(config(&site, &vaults)).await;
    let refused = rig.site.session(&secret).await;
    assert!(matches!(&refused, Err(Error::Unauthenticated(text)) if text.contains("12 hours")), "{refused:?}");
    rig.site.session(&secret).await.unwrap_err();
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_that_everybody_tries_first_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    for bad in ["password1", "12345678", "alice2026"] {
        let mut new = crate::rig::new_user("alice");
        new.password = Some(bad.parse().unwrap());
        let refused = rig.site.user_create(None, new).await;
        assert!(matches!(&refused, Err(Error::Invalid(text)) if text.contains("guessed")), "{bad}: {refused:?}");
    }
    rig.stop().await;
}
