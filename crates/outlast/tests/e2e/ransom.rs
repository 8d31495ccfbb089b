//! The ransom of May 2019: a stolen token deletes and rewrites every branch it can. It freezes itself, and all comes back.

use crate::common::{World, push, request};
use crate::guarded::{guarded, order_of, signature};
use std::path::Path;

/// A repository with 8 branches of two commits each.
fn branches(world: &World) -> (crate::common::Git, Vec<String>) {
    let git = world.repository("code");
    let names: Vec<String> = (0..8).map(|n| format!("topic-{n}")).collect();
    for name in &names {
        git.run(["switch", "-q", "-c", name, "main"]).success();
        git.commit(name, "work\n");
    }
    git.run(["switch", "-q", "main"]).success();
    let all: Vec<&str> = ["main"].into_iter().chain(names.iter().map(String::as_str)).collect();
    world.push(&git, &all);
    (git, names)
}

#[test]
fn a_stolen_token_freezes_itself_and_what_it_did_is_put_back() {
    let world = guarded();
    let (git, names) = branches(&world);
    let url = world.url("ann/code");
    let before = git.refs_of(&url);
    std::thread::sleep(std::time::Duration::from_millis(1100));
    world.site.cli(&["user", "create", "later", "--email", "l@example.org"]).success();
    let audit = world.site.cli(&["audit", "--json", "--kind", "UserCreated", "--from", "10"]).success();
    let last: serde_json::Value = serde_json::from_str(audit.trim().lines().last().unwrap()).unwrap();
    let since = last["time"].as_str().unwrap().to_owned();

    // One branch after the other is deleted, and one is rewritten.
    git.run(["switch", "-q", "topic-7"]).success();
    git.run(["commit", "-q", "--amend", "-m", "pay"]).success();
    assert!(push(&git, &["--force", "topic-7"]).ok);
    let mut deleted = 0;
    for name in &names[..7] {
        let answer = push(&git, &[&format!(":{name}")]);
        if !answer.ok {
            assert!(answer.stderr.contains("your account is frozen"), "{}", answer.stderr);
            break;
        }
        deleted += 1;
    }
    assert_eq!(deleted, 5, "the sixth was not done");
    let header = format!("Bearer {}", world.token);
    let who = request(&world.site.address, "GET", "/api/v1/user", &[("Authorization", &header)], b"").unwrap();
    assert_eq!(who.status, 401, "frozen on the other doors too");
    assert!(!git.run(["ls-remote", &url]).ok);

    let looked = world.site.cli(&["restore", "--actor", "ann", "--since", &since, "--dry-run"]).success();
    assert!(looked.contains("6 would be put back"), "{looked}");
    let said = world.site.cli(&["restore", "--actor", "ann", "--since", &since]).success();
    assert!(said.contains("6 put back"), "{said}");
    let again = world.site.cli(&["restore", "--actor", "ann", "--since", &since]).success();
    assert!(again.contains("0 put back"), "{again}");

    let olga = world.site.cli(&["token", "create", "olga", "--scope", "admin"]).success();
    let header = format!("Bearer {}", olga.trim());
    let headers = [("Authorization", header.as_str())];
    let unfrozen = request(&world.site.address, "POST", "/api/v1/outlast/frozen/ann/unfreeze", &headers, b"").unwrap();
    assert_eq!(unfrozen.status, 200, "{}", unfrozen.text());
    assert_eq!(git.refs_of(&url), before, "every ref is where it was");
    let copy = crate::common::Git::at(&world.path("copy"));
    copy.run(["clone", "-q", "--mirror", &url, copy.dir.to_str().unwrap()]).success();
    copy.fsck();

    // What he asked for through the front door waits for officers, and is stopped by one.
    let order = order_of(&world.site.cli(&["repo", "delete", "ann/code"]).success());
    let veto = signature(&world, &order, "veto", "otto");
    world.site.cli(&["order", "veto", &order, &veto]).success();
    assert_eq!(git.refs_of(&url), before);
}

/// What a recovery says of the site: all but its epoch, its credentials and how long it took.
fn said_of_the_site(said: &str) -> Vec<&str> {
    let other = ["epoch ", "all access tokens", "whoever has the lost site", "a dry run", "done in"];
    said.lines().filter(|line| !other.iter().any(|start| line.starts_with(start))).collect()
}

#[test]
fn a_dry_run_of_a_recovery_without_some_acts_counts_what_the_real_one_then_counts() {
    let mut world = World::new();
    let (git, names) = branches(&world);
    world.repository("other");
    let good = git.run(["rev-parse", "main"]).success();
    // The thief rewrites one, deletes others, and then the repositories whole.
    git.run(["switch", "-q", "topic-7"]).success();
    git.run(["commit", "-q", "--amend", "-m", "pay"]).success();
    let stolen = world.push(&git, &["--force", "topic-7", &format!(":{}", names[0]), &format!(":{}", names[1])]).entry;
    for name in ["code", "other"] {
        let header = format!("Bearer {}", world.token);
        let path = format!("/api/v1/repos/ann/{name}");
        let answer = request(&world.site.address, "DELETE", &path, &[("Authorization", &header)], b"").unwrap();
        assert!(answer.status < 300, "{}: {}", answer.status, answer.text());
    }
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let key = world.take_recovery_key();
    world.site.kill();

    let recover = |world: &World, to: &Path, more: &[&str]| {
        let without = format!("entries={stolen}..999999");
        let options = [&["--keep-credentials", "--without", without.as_str()], more].concat();
        world.recover(&["eu", "us", "asia"], &key, to, &options).success()
    };
    let to = world.path("again");
    let looked = recover(&world, &to, &["--dry-run"]);
    assert!(looked.contains("no vault heard of it") && !looked.contains("epoch"), "{looked}");
    assert!(!to.exists(), "a dry run leaves nothing");
    assert!(looked.contains("repositories: 2\n"), "both are back from the trash: {looked}");
    let done = recover(&world, &to, &["--full"]);
    let (looked, done) = (said_of_the_site(&looked), said_of_the_site(&done));
    let filled: Vec<_> = done.iter().filter(|line| !looked.contains(line)).collect();
    assert!(matches!(&filled[..], [line] if line.starts_with("2 repositories filled and checked")), "{filled:?}");
    assert!(looked.iter().all(|line| done.contains(line)), "{looked:?} {done:?}");

    world.site = crate::common::Site::start(&to, &[]);
    let refs = git.refs_of(&world.url("ann/code"));
    assert!(refs.contains(&good) && names.iter().all(|name| refs.contains(name.as_str())), "{refs}");
}
