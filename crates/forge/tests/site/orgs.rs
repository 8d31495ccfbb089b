//! Organisations and teams: what belonging gives, and that it ends.

use crate::accounts::bearer;
use crate::rig::{SiteRig, config, vaults};
use forge::access::{Administer, Know, Own, Read, See, Write};
use forge::event::org::OrgRole;
use forge::event::repo::{Access, Visibility};
use forge::org::command::OrgChange;
use forge::org::team::TeamSpec;
use forge::site::{NewOrg, NewRepo};
use forge::{Error, OwnerPath, Principal, RepoPath, Site, UserName};

fn new(path: &str, visibility: Visibility) -> NewOrg {
    NewOrg { path: path.parse().unwrap(), full_name: String::new(), description: String::new(), visibility }
}

fn user(name: &str) -> UserName {
    name.parse().unwrap()
}

fn path(text: &str) -> OwnerPath {
    text.parse().unwrap()
}

fn repo(text: &str) -> RepoPath {
    text.parse().unwrap()
}

fn team(name: &str, access: Access, all_repos: bool) -> TeamSpec {
    TeamSpec { name: name.into(), description: String::new(), access, all_repos, create_repos: false }
}

async fn people(rig: &SiteRig, names: &[&str]) -> Vec<Principal> {
    let mut who = Vec::new();
    for name in names {
        who.push(rig.site.authenticate(&bearer(&rig.user(name, "repo,org,access,user").await)).await.unwrap());
    }
    who
}

async fn own(site: &Site, who: &Principal, org: &str) -> forge::access::OrgProof<Own> {
    site.org_authorize::<Own>(Some(who), &path(org)).await.unwrap()
}

async fn reads(site: &Site, who: &Principal, at: &str) -> bool {
    match site.authorize::<Read>(Some(who), &repo(at)).await {
        Ok(_) => true,
        Err(Error::NotFound(_)) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_organisation_gives_it_gives_below_too_and_takes_again() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let site = &rig.site;
    let who = people(&rig, &["ada", "bob", "eve"]).await;
    let [ada, bob, eve] = &who[..] else { unreachable!() };

    site.org_create(Some(ada), user("ada"), new("guild", Visibility::Private)).await.unwrap();
    assert!(matches!(
        site.org_create(Some(eve), user("eve"), new("guild/sub", Visibility::Public)).await,
        Err(Error::NotFound(_))
    ));
    site.org_create(Some(ada), user("ada"), new("guild/sub", Visibility::Private)).await.unwrap();
    for at in ["guild/tools", "guild/sub/deep", "guild/other"] {
        site.repo_create(Some(ada), NewRepo::new(repo(at))).await.unwrap();
    }
    let taken = site.repo_create(Some(ada), NewRepo::new(repo("guild/SUB"))).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "an address means one thing: {taken:?}");
    let taken = site.org_create(Some(ada), user("ada"), new("guild/tools", Visibility::Private)).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");
    let taken = site.org_create(Some(eve), user("eve"), new("Ada", Visibility::Private)).await;
    assert!(matches!(taken, Err(Error::Conflict(_))), "{taken:?}");

    // Who is not in it finds nothing, in the words of what is not there.
    let absent = site.org_authorize::<See>(Some(bob), &path("nosuch")).await.unwrap_err().to_string();
    let hidden = site.org_authorize::<See>(Some(bob), &path("guild")).await.unwrap_err().to_string();
    assert_eq!(absent.replace("nosuch", "guild"), hidden);
    assert!(matches!(site.repo_list(Some(bob), Some(&path("guild")), None, 0, 10).await, Err(Error::NotFound(_))));

    // A member by that alone reads nothing; a team with one repository reads that.
    site.org_member_put(own(site, ada, "guild").await, user("bob"), OrgRole::Member).await.unwrap();
    assert!(!reads(site, bob, "guild/tools").await);
    let some = site.team_create(own(site, ada, "guild").await, team("some", Access::Read, false)).await.unwrap();
    site.team_member_add(own(site, ada, "guild").await, some.id, user("bob")).await.unwrap();
    site.team_repo_add(own(site, ada, "guild").await, some.id, repo("guild/sub/deep")).await.unwrap();
    assert!(reads(site, bob, "guild/sub/deep").await && !reads(site, bob, "guild/tools").await);
    let listed = site.repo_list(Some(bob), None, None, 0, 10).await.unwrap();
    assert_eq!(listed.iter().map(|repo| repo.path.as_str()).collect::<Vec<_>>(), ["guild/sub/deep"]);
    assert!(matches!(site.authorize::<Write>(Some(bob), &repo("guild/sub/deep")).await, Err(Error::Forbidden(_))));
    assert!(matches!(
        site.team_repo_add(own(site, ada, "guild/sub").await, some.id, repo("guild/tools")).await,
        Err(Error::NotFound(_))
    ));

    // A team with all of them writes in all, also below; and who joins a team is in the organisation.
    let all = site.team_create(own(site, ada, "guild").await, team("all", Access::Write, true)).await.unwrap();
    site.team_member_add(own(site, ada, "guild").await, all.id, user("eve")).await.unwrap();
    for at in ["guild/tools", "guild/sub/deep", "guild/other"] {
        site.authorize::<Write>(Some(eve), &repo(at)).await.unwrap();
        assert!(matches!(site.authorize::<Administer>(Some(eve), &repo(at)).await, Err(Error::Forbidden(_))));
    }
    assert_eq!(site.repo_list(Some(eve), None, None, 0, 10).await.unwrap().len(), 3);
    assert_eq!(site.org_list(Some(eve), None, 0, 10).await.unwrap().len(), 1);
    site.org_authorize::<Know>(Some(eve), &path("guild/sub")).await.unwrap();
    let refused = site.repo_create(Some(eve), NewRepo::new(repo("guild/hers"))).await;
    assert!(matches!(refused, Err(Error::Forbidden(_))), "{refused:?}");

    // What every member may do.
    let change = OrgChange { base: Some(Some(Access::Triage)), members_create: Some(true), ..OrgChange::default() };
    site.org_change(own(site, ada, "guild").await, change).await.unwrap();
    assert!(reads(site, bob, "guild/other").await);
    site.repo_create(Some(eve), NewRepo::new(repo("guild/sub/hers"))).await.unwrap();

    // It ends.
    site.team_member_remove(own(site, ada, "guild").await, all.id, user("eve")).await.unwrap();
    assert!(matches!(site.authorize::<Write>(Some(eve), &repo("guild/tools")).await, Err(Error::Forbidden(_))));
    site.org_member_remove(eve, &path("guild"), user("eve")).await.unwrap();
    site.org_member_remove(ada, &path("guild"), user("bob")).await.unwrap();
    for (who, at) in [(eve, "guild/tools"), (eve, "guild/sub/hers"), (bob, "guild/sub/deep")] {
        assert!(!reads(site, who, at).await, "{at}");
    }
    rig.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_keeps_an_owner() {
    let dir = tempfile::tempdir().unwrap();
    let vaults = vaults(dir.path()).await;
    let rig = SiteRig::open(config(&dir.path().join("site"), &vaults)).await;
    let site = &rig.site;
    let who = people(&rig, &["ada", "bob"]).await;
    let [ada, bob] = &who[..] else { unreachable!() };
    site.org_create(Some(ada), user("ada"), new("guild", Visibility::Public)).await.unwrap();
    let alone = site.org_member_remove(ada, &path("guild"), user("ada")).await;
    assert!(matches!(alone, Err(Error::Invalid(_))), "{alone:?}");
    let lowered = site.org_member_put(own(site, ada, "guild").await, user("ada"), OrgRole::Member).await;
    assert!(matches!(lowered, Err(Error::Invalid(_))), "{lowered:?}");
    site.org_member_put(own(site, ada, "guild").await, user("bob"), OrgRole::Owner).await.unwrap();
    site.org_member_remove(ada, &path("guild"), user("ada")).await.unwrap();
    assert!(matches!(site.org_authorize::<Own>(Some(ada), &path("guild")).await, Err(Error::Forbidden(_))));
    own(site, bob, "guild").await;
    // Who belongs to it shows it only when they say so.
    let seen = site.org_authorize::<See>(None, &path("guild")).await.unwrap();
    assert!(site.org_members(&seen, 0, 10).await.unwrap().is_empty());
    site.org_member_show(bob, &path("guild"), true).await.unwrap();
    assert_eq!(site.org_members(&seen, 0, 10).await.unwrap()[0].name, "bob");
    rig.stop().await;
}
