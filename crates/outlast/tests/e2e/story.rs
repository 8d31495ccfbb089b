//! The story: push, hold, burn, recover.

use crate::common::{Git, Site, World, cli, held, push};
use std::fs;
use std::path::{Path, PathBuf};

/// Four objects each: 52,000 objects.
const COMMITS: u32 = 13_000;

/// The project's own history when there is one to be had (not in a tarball, not in a shallow clone), else a generated one.
fn own_history(world: &World) -> Git {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let dir = world.path("own-history.git");
    let cloned =
        Git::at(&dir).run(["clone", "-q", "--mirror", "--no-local", root.to_str().unwrap(), dir.to_str().unwrap()]);
    if cloned.ok && !dir.join("shallow").exists() && Git::at(&dir).run(["rev-parse", "-q", "--verify", "HEAD"]).ok {
        return Git::at(&dir);
    }
    fs::remove_dir_all(&dir).ok();
    let git = Git::init(&world.path("own-history"), "sha1");
    git.generate(200);
    git
}

/// The refs and objects of a repository as a stranger to the server sees them.
struct Seen {
    refs: String,
    objects: Vec<String>,
}

impl Seen {
    fn of(url: &str, dir: &Path) -> Self {
        let git = Git::mirror(url, dir);
        git.fsck();
        Self { refs: git.refs_of(url), objects: git.objects() }
    }
}

fn assert_same(before: &Seen, after: &Seen, what: &str) {
    assert_eq!(before.refs, after.refs, "{what}: refs differ");
    assert!(before.objects == after.objects, "{what}: {} objects, {} after", before.objects.len(), after.objects.len());
}

#[test]
fn push_hold_burn_recover() {
    let mut world = World::new();
    let big = Git::init(&world.path("big"), "sha1");
    big.generate(COMMITS);
    let own = own_history(&world);
    for name in ["ann/big", "ann/own"] {
        world.site.cli(&["repo", "create", name]).success();
    }
    let mut entry = 0;
    for (git, name) in [(&big, "ann/big"), (&own, "ann/own")] {
        let output = git.run(["push", &world.url(name), "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
        assert!(output.ok, "{}", output.stderr);
        let held = held(&output.stderr).unwrap_or_else(|| panic!("{}", output.stderr));
        assert!(held.vaults.len() >= 2, "{held:?}");
        assert!(held.text.contains(&format!("{name}/-/receipts/{}", held.entry)), "no receipt's address in {held:?}");
        entry = held.entry;
    }
    let receipt = world.receipt(entry, "receipt.txt");
    cli(["verify", receipt.to_str().unwrap()]).success();
    let before = [
        Seen::of(&world.url("ann/big"), &world.path("before-big")),
        Seen::of(&world.url("ann/own"), &world.path("before-own")),
    ];
    assert!(before[0].objects.len() >= 50_000, "{}", before[0].objects.len());

    // The intruder: the whole site, and the vault that he got hold of.
    let key = world.take_recovery_key();
    world.site.kill();
    fs::remove_dir_all(&world.site.data).unwrap();
    world.vault("eu").kill();
    fs::remove_dir_all(&world.vault("eu").dir).unwrap();

    let to = world.path("recovered");
    let said = world.recover(&["us", "asia"], &key, &to, &["--keep-credentials", "--full"]).success();
    assert!(said.contains("us") && said.contains("asia"), "it should name the vaults: {said}");
    world.site = Site::start(&to, &[]);

    let after = [
        Seen::of(&world.url("ann/big"), &world.path("after-big")),
        Seen::of(&world.url("ann/own"), &world.path("after-own")),
    ];
    assert_same(&before[0], &after[0], "generated repository");
    assert_same(&before[1], &after[1], "own history");
    for repository in world.site.repositories() {
        Git::at(&repository).fsck();
    }
    cli(["verify", receipt.to_str().unwrap()]).success();
    let doctor = world.site.cli(&["doctor", "--json"]);
    let doctor: serde_json::Value = serde_json::from_str(&doctor.stdout).unwrap();
    let red = doctor["findings"].as_array().unwrap().iter().filter(|finding| finding["colour"] == "red");
    let red: Vec<_> = red.map(|finding| finding["id"].as_str().unwrap()).collect();
    // All of this test runs on one machine, and the doctor sees it.
    assert_eq!(red, ["vaults-apart", "vaults-elsewhere"], "{doctor}");
    assert!(doctor["policy"].as_str().unwrap().contains("quorum"), "{doctor}");

    // Life goes on: two of three vaults are a quorum.
    let clone = Git::at(&world.path("on"));
    clone.run(["clone", "-q", &world.url("ann/big"), clone.dir.to_str().unwrap()]).success();
    clone.commit("after", "the fire\n");
    let on = world.push(&clone, &["HEAD"]);
    assert!(on.entry > entry, "{on:?}");
}

#[test]
fn repositories_fill_on_first_touch() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let tip = one.commit("two", "second push\n");
    world.push(&one, &["HEAD"]);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &["--keep-credentials"]).success();
    world.site = Site::start(&to, &[]);
    let clone = Git::at(&world.path("clone"));
    clone.run(["clone", "-q", &world.url("ann/one"), clone.dir.to_str().unwrap()]).success();
    assert_eq!(clone.run(["rev-parse", "HEAD"]).success(), tip);
    clone.fsck();
}

#[test]
fn after_a_recovery_old_tokens_are_gone_unless_kept() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    let said = world.recover(&["eu", "us", "asia"], &key, &to, &[]).success();
    assert!(said.contains("revoked"), "it should say that credentials are revoked: {said}");
    world.site = Site::start(&to, &[]);
    assert!(!one.run(["ls-remote", &world.url("ann/one")]).ok, "a token that the intruder has still works");
    world.token =
        world.site.cli(&["token", "create", "ann", "--scope", "repo:read,repo:write"]).success().trim().to_owned();
    one.run(["ls-remote", &world.url("ann/one")]).success();
}

#[test]
fn from_one_vault_alone_a_verified_prefix_and_its_lag() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let seen = one.run(["rev-parse", "HEAD"]).success();
    // From here on asia is behind.
    world.vault("asia").kill();
    one.commit("later", "asia never sees this\n");
    world.push(&one, &["HEAD"]);
    let key = world.take_recovery_key();
    world.site.kill();
    world.vault("asia").resume(crate::common::VaultStart::Plain);

    let to = world.path("recovered");
    let said = world.recover(&["asia"], &key, &to, &["--keep-credentials", "--full"]);
    assert!(said.ok, "{said:?}");
    let text = format!("{}{}", said.stdout, said.stderr);
    assert!(
        text.contains("asia") && text.to_lowercase().contains("may"),
        "one vault alone must warn of what may be missing: {text}"
    );
    // What asia has is whole, and ends where asia ended. It is no quorum, so it takes no writes.
    let mut site = Site::start(&to, &[]);
    let refs = one.refs_of(&site.url("ann/one", Some(("ann", &world.token))));
    assert!(refs.contains(&seen), "{refs}");
    let answer = one.run(["push", &site.url("ann/one", Some(("ann", &world.token))), "HEAD"]);
    assert!(!answer.ok, "one vault of three took a write:\n{}", answer.stderr);
    site.kill();
}

#[test]
fn recovery_stops_at_an_entry() {
    let mut world = World::new();
    let one = world.repository("one");
    let first = world.push(&one, &["HEAD"]);
    let seen = one.run(["rev-parse", "HEAD"]).success();
    one.commit("bad", "what should not have been pushed\n");
    world.push(&one, &["HEAD"]);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("past");
    world.recover(&["eu", "us"], &key, &to, &["--keep-credentials", "--at", &first.entry.to_string()]).success();
    let site = Site::start(&to, &[]);
    let url = site.url("ann/one", Some(("ann", &world.token)));
    assert!(one.refs_of(&url).contains(&seen));
    assert!(!one.run(["push", &url, "HEAD"]).ok, "a view of the past took a push");
}

#[test]
fn recover_says_what_is_wrong_with_what_it_was_given() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = |name: &str| -> PathBuf { world.path(name) };

    let other = world.path("other-key.txt");
    fs::write(&other, fs::read_to_string(&key).unwrap().replace("AGE-SECRET-KEY-1", "AGE-SECRET-KEY-2")).unwrap();
    assert!(world.recover(&["eu"], &other, &to("a"), &[]).failure().contains("key"));
    let full = to("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("something"), "of mine").unwrap();
    assert!(world.recover(&["eu"], &key, &full, &[]).failure().contains("empty"));
    assert_eq!(fs::read_to_string(full.join("something")).unwrap(), "of mine");
    // A site's own connection text holds no credential that may read.
    let said = cli([
        "recover",
        "--vault",
        &world.vaults[0].site_url(),
        "--key",
        key.to_str().unwrap(),
        "--to",
        to("b").to_str().unwrap(),
    ]);
    assert!(said.failure().contains("recover.url"));
    drop(push(&one, &["HEAD"]));
}
