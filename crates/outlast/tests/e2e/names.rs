//! Branches and tags made and deleted on pages and in the API, as the real git sees them afterwards.

use crate::common::{Answer, Browser, Git, World, encoded, request};

const PASSWORD: &str = "a password of some length";

/// What `git ls-remote` says of a ref.
fn remote(world: &World, name: &str) -> Option<String> {
    let git = Git::at(&world.path("work-code"));
    let said = git.run(["ls-remote", "origin"]).success();
    let line = said.lines().find(|line| line.split_once('\t').is_some_and(|(_, found)| found == name));
    line.and_then(|line| line.split_once('\t')).map(|(id, _)| id.to_owned())
}

fn api(world: &World, method: &str, below: &str, body: &str) -> Answer {
    let token = format!("Bearer {}", world.token);
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    let address = format!("/api/v1/repos/ann/code/{below}");
    request(&world.site.address, method, &address, &headers, body.as_bytes()).unwrap()
}

#[test]
fn a_page_makes_and_deletes_branches_and_tags_as_a_push_does() {
    let world = World::new();
    let git = world.repository("code");
    let first = git.run(["rev-parse", "HEAD"]).success().trim().to_owned();
    let second = git.commit("more", "more\n");
    world.push(&git, &["main"]);
    world.site.cli_with(&["user", "create", "wil", "--email", "w@example.org", "--password-stdin"], PASSWORD).success();
    assert_eq!(api(&world, "PUT", "collaborators/wil", r#"{"permission":"write"}"#).status, 204);
    let wil = Browser::sign_in(&world.site, "wil", PASSWORD);
    let post = |page: &str, body: &str| wil.post(&format!("/ann/code/-/{page}"), body);
    let to = |answer: &Answer| answer.header("location").unwrap_or_else(|| panic!("{}", answer.text())).to_owned();

    // A branch from a commit that is named by a part of its id.
    let made = post("branches/new", &format!("name=fix%2Fone&from={}", &first[..9]));
    assert_eq!(remote(&world, "refs/heads/fix/one").as_deref(), Some(first.as_str()));
    let list = wil.get(&to(&made)).text();
    assert!(list.contains("fix/one is made.") && list.contains("/-/receipts/"), "{list}");
    for (body, words) in [
        ("name=fix%2Fone&from=main", "there is a branch fix/one already"),
        ("name=a..b&from=main", "that is not the name of a branch"),
        ("name=good&from=nowhere", "there is no"),
        ("name=good&from=--upload-pack%3Dx", "there is no"),
    ] {
        let refused = post("branches/new", body);
        assert!((400..500).contains(&refused.status) && refused.text().contains(words), "{body}: {}", refused.text());
    }

    // Tags: with a message and without.
    post("tags/new", "name=v1&from=main&message=The+first%0D%0A%0D%0AWith+words.");
    post("tags/new", "name=light&from=fix%2Fone");
    git.run(["fetch", "-q", "--tags", "origin"]).success();
    assert_eq!(git.run(["cat-file", "-t", "v1"]).success().trim(), "tag");
    assert_eq!(git.run(["rev-parse", "v1^{commit}"]).success().trim(), second);
    let text = git.run(["cat-file", "tag", "v1"]).success();
    assert!(text.contains("tagger wil <w@example.org>") && text.ends_with("The first\n\nWith words."), "{text}");
    assert_eq!(git.run(["rev-parse", "light"]).success().trim(), first);
    git.run(["fsck", "--strict"]).success();

    // What moved since it was looked at stays; what is protected stays; the default branch stays.
    let asked = wil.get("/ann/code/-/branches/delete/fix/one").text();
    assert!(asked.contains(&first), "{asked}");
    world.push(&git, &["main:fix/one"]);
    let stale = post("branches/delete/fix/one", &format!("seen={first}"));
    assert!(stale.status == 409 && stale.text().contains("has moved on"), "{}", stale.text());
    let default = post("branches/delete/main", &format!("seen={second}"));
    assert!(default.status == 422 && default.text().contains("that is the default branch"), "{}", default.text());
    assert_eq!(api(&world, "POST", "branch_protections", r#"{"rule_name":"fix/*"}"#).status, 201);
    let kept = post("branches/delete/fix/one", &format!("seen={second}"));
    assert!((400..500).contains(&kept.status) && kept.text().contains("rule fix/*"), "{}", kept.text());
    assert!(remote(&world, "refs/heads/fix/one").is_some());
    let refused = post("branches/new", "name=fix%2Ftwo&from=main");
    assert!((400..500).contains(&refused.status) && refused.text().contains("rule fix/*"), "{}", refused.text());
    let tag = git.run(["rev-parse", "v1"]).success();
    let gone = post("tags/delete/v1", &format!("seen={}", encoded(tag.trim())));
    assert!(wil.get(&to(&gone)).text().contains("v1 is deleted."));
    assert_eq!(remote(&world, "refs/tags/v1"), None);

    // The same in Gitea's shapes.
    let made = api(&world, "POST", "branches", r#"{"new_branch_name":"by/api","old_ref_name":"light"}"#);
    let shape: serde_json::Value = serde_json::from_str(&made.text()).unwrap();
    assert_eq!((made.status, shape["commit"]["id"].as_str()), (201, Some(first.as_str())), "{shape}");
    assert_eq!(api(&world, "POST", "branches", r#"{"new_branch_name":"by/api"}"#).status, 409);
    let one: serde_json::Value = serde_json::from_str(&api(&world, "GET", "branches/by/api", "").text()).unwrap();
    assert_eq!((one["name"].as_str(), one["protected"].as_bool()), (Some("by/api"), Some(false)), "{one}");
    let made = api(&world, "POST", "tags", r#"{"tag_name":"v2","message":"Second","target":"main"}"#);
    assert_eq!(made.status, 201, "{}", made.text());
    assert_eq!(api(&world, "DELETE", "tags/v2", "").status, 204);
    assert_eq!(api(&world, "DELETE", "tags/v2", "").status, 404);
    assert_eq!(api(&world, "DELETE", "branches/by/api", "").status, 204);
    assert_eq!(api(&world, "DELETE", "branches/main", "").status, 403);
    assert_eq!(remote(&world, "refs/heads/by/api"), None);
}
