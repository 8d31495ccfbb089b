//! The fall of Code Spaces, re-enacted: an operator's login in the wrong hands, spare logins, deletions, the owners locked out, the main
//! site and the vault beside it destroyed. Steps as in the threat model; `make drill-codespaces` prints them.
//!
//! The delays of orders are a second here; that nothing happens in 71 h 59 min of them is tested with a clock that is moved on
//! (`crates/forge/tests/generic/orders.rs`).

use crate::common::{Answer, Git, Site, World, push, request, wait_until};
use crate::guarded::{guarded, order_of, signature};
use serde_json::Value;

/// Says what was done and what held, for whoever reads the drill.
fn held(step: &str, what: &str) {
    println!("{step:<4} held   {what}");
}

fn asks(site: &Site, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let header = format!("Bearer {token}");
    let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
    request(&site.address, method, path, &headers, body.as_bytes()).unwrap()
}

fn token(world: &World, user: &str, scope: &str) -> String {
    world.site.cli(&["token", "create", user, "--scope", scope]).success().trim().to_owned()
}

fn order_in(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    serde_json::from_str::<Value>(&answer.text()).unwrap()["order"].to_string()
}

#[test]
fn code_spaces_does_not_fall() {
    let mut world = guarded();
    world.site.cli(&["user", "create", "pat", "--email", "pat@example.org"]).success();
    let order =
        order_of(&world.site.cli(&["user", "create", "opal", "--email", "o@example.org", "--operator"]).success());
    for officer in ["olga", "omar"] {
        let line = signature(&world, &order, "sign", officer);
        world.site.cli(&["order", "sign", &order, &line]).success();
    }
    let operator = token(&world, "opal", "repo:read,repo:write,repo:create,user:read,user:write,admin");
    wait_until("opal runs the site", 30, || {
        asks(&world.site, &operator, "GET", "/api/v1/outlast/officers", "").status == 200
    });
    let repositories: Vec<Git> = (0..6).map(|n| world.repository(&format!("code{n}"))).collect();
    let urls: Vec<String> = (0..6).map(|n| world.url(&format!("ann/code{n}"))).collect();
    repositories.iter().for_each(|git| drop(world.push(git, &["main", "main:refs/heads/next", "main:refs/tags/v1"])));
    let before: Vec<String> = repositories.iter().zip(&urls).map(|(git, url)| git.refs_of(url)).collect();
    let untouched = token(&world, "pat", "repo:read,user:read");
    std::thread::sleep(std::time::Duration::from_millis(1100));
    println!("\nThe operator Opal's token is in the wrong hands.");

    // D4: spare logins.
    world.site.cli(&["user", "create", "x", "--email", "x@example.org"]).success();
    let lines = world.site.cli(&["audit", "--json", "--kind", "UserCreated"]).success();
    let last: Value = serde_json::from_str(lines.trim().lines().last().unwrap()).unwrap();
    let since = last["time"].as_str().unwrap().to_owned();
    let spare = token(&world, "x", "repo:read,user:read,user:write");
    let promoted =
        asks(&world.site, &operator, "POST", "/api/v1/outlast/officers/x/roles", r#"{"officer":true,"operator":true}"#);
    let promotion = order_in(&promoted);
    let own = crate::common::cli(["officer", "key", "--out", world.path("own").to_str().unwrap()]).success();
    let body = format!(r#"{{"key":"{}"}}"#, own.trim());
    let enrolled = order_in(&asks(&world.site, &operator, "POST", "/api/v1/outlast/officers/olga/keys", &body));
    assert_eq!(asks(&world.site, &spare, "GET", "/api/v1/outlast/officers", "").status, 404);
    held("D4", "a spare operator and a spare officer's key are orders that nobody has signed");

    // D7: he deletes, with the owner's token, which he found too.
    for n in 0..6 {
        let answer = asks(&world.site, &world.token, "DELETE", &format!("/api/v1/repos/ann/code{n}"), "");
        order_in(&answer);
    }
    assert_eq!(repositories.iter().zip(&urls).map(|(git, url)| git.refs_of(url)).collect::<Vec<_>>(), before);
    held("D7", "six deletions are six orders; every ref is there");
    let blown = repositories.iter().map(|git| push(git, &[":next"])).position(|answer| !answer.ok);
    assert_eq!(blown, Some(5), "the fuse blows at the sixth");
    assert_eq!(asks(&world.site, &world.token, "GET", "/api/v1/user", "").status, 401);
    held("D7", "five branches are deleted, the sixth blows the fuse: Ann's account is frozen");

    // D8: he locks the owners out.
    for officer in ["olga", "omar", "otto"] {
        let path = format!("/api/v1/outlast/officers/{officer}/roles");
        let answer = asks(&world.site, &operator, "POST", &path, r#"{"officer":false}"#);
        assert_eq!(answer.status, 422, "{}", answer.text());
    }
    let weaker = order_in(&asks(
        &world.site,
        &operator,
        "POST",
        "/api/v1/outlast/officers/rule",
        r#"{"needed":2,"delay_seconds":0}"#,
    ));
    let locked = asks(&world.site, &operator, "POST", "/api/v1/outlast/lockdown", "{}");
    assert_eq!(locked.status, 403, "an operator locks nobody out: {}", locked.text());
    for order in [&promotion, &enrolled, &weaker] {
        let own = signature(&world, order, "sign", "own");
        assert!(!world.site.cli(&["order", "sign", order, &own]).ok, "his own key is nobody's");
        let veto = signature(&world, order, "veto", "otto");
        world.site.cli(&["order", "veto", order, &veto, "--reason", "this was not us"]).success();
    }
    held("D8", "no officer can be dismissed below M + 1, no rule weakened; one officer vetoes all of it");

    // D9: lockdown, with no vault reachable.
    world.vaults.iter_mut().for_each(crate::common::Vault::kill);
    let said = world.site.cli(&["lockdown", "--since", &since]).success();
    assert!(said.contains(" of x") && said.contains("of opal"), "{said}");
    for (whose, token) in [("the operator's", &operator), ("the spare one", &spare), ("Ann's", &world.token)] {
        assert_eq!(asks(&world.site, token, "GET", "/api/v1/user", "").status, 401, "{whose}");
    }
    assert_eq!(asks(&world.site, &untouched, "GET", "/api/v1/user", "").status, 200);
    held("D9", "one lockdown, no vault reachable: his tokens and what they made are refused, Pat's is not");
    world.vaults.iter_mut().for_each(|vault| vault.resume(crate::common::VaultStart::Plain));
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let restored = world.site.cli(&["restore", "--actor", "ann", "--since", &since]).success();
    assert!(restored.contains("5 put back"), "{restored}");
    held("D9", "one command puts the five branches back");

    // D10: root on the host, and on the vault beside it.
    world.await_caught_up("us");
    world.await_caught_up("asia");
    let key = world.take_recovery_key();
    world.site.kill();
    std::fs::remove_dir_all(&world.site.data).unwrap();
    world.vault("eu").kill();
    std::fs::remove_dir_all(world.path("eu")).unwrap();
    held("D10", "the site, its database and the vault eu are gone; us and asia are another's");

    // D12: it rises.
    let to = world.path("risen");
    world.recover(&["us", "asia"], &key, &to, &["--full"]).success();
    let mut risen = Site::start(&to, &[]);
    wait_until("it answers", 60, || risen.get("/healthz").status == 200 || risen.get("/").status == 200);
    let whole = world.vaults.iter().find(|vault| vault.name == "us").unwrap().verify(Some(&key));
    assert!(whole.stdout.contains("everything is as it was signed"), "{}", whole.stdout);
    for token in [&operator, &spare, &world.token] {
        assert_eq!(asks(&risen, token, "GET", "/api/v1/user", "").status, 401);
    }
    held("D12", "recovered from two vaults; the intruder's credentials are still refused");
    // His six orders to delete are refused to the end, and it goes on.
    let frozen = risen.cli(&["lockdown", "--lift"]).success();
    let lift = order_of(&frozen);
    world.site.data = to.clone();
    for officer in ["olga", "omar"] {
        let line = signature(&world, &lift, "sign", officer);
        risen.cli(&["order", "sign", &lift, &line]).success();
    }
    wait_until("the lockdown is lifted", 30, || {
        risen.get("/").text().contains("Outlast") && risen.cli(&["repo", "create", "pat/new"]).ok
    });
    let officer = risen.cli(&["token", "create", "olga", "--scope", "admin"]).success();
    let answer = asks(&risen, officer.trim(), "POST", "/api/v1/outlast/frozen/ann/unfreeze", "");
    assert_eq!(answer.status, 200, "{}", answer.text());
    let ann = risen.cli(&["token", "create", "ann", "--scope", "repo:read,repo:write"]).success();
    for (n, refs) in before.iter().enumerate() {
        let url = risen.url(&format!("ann/code{n}"), Some(("ann", ann.trim())));
        assert_eq!(&repositories[n].refs_of(&url), refs, "code{n}");
        let copy = Git::at(&world.path(&format!("copy{n}")));
        copy.run(["clone", "-q", "--mirror", &url, copy.dir.to_str().unwrap()]).success();
        copy.fsck();
    }
    held("D12", "all six repositories have every ref and object they had");
    risen.stop();
    println!("\nIt did not fall.");
}
