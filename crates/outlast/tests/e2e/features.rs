//! Git's smart HTTP protocol, as the real `git` uses it.

use crate::common::{Git, World, push, wait_until};
use rustix::process::{Pid, Signal, kill_process_group};
use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

fn clone(world: &World, url: &str, name: &str, more: &[&str]) -> Git {
    let git = Git::at(&world.path(name));
    let arguments = ["clone", "-q"].iter().chain(more).copied().chain([url, git.dir.to_str().unwrap()]);
    git.run(arguments).success();
    git
}

#[test]
fn every_protocol_version_clones_fetches_and_pushes() {
    let world = World::new();
    let one = world.repository("one");
    one.generate(300);
    one.run(["reset", "-q", "--hard", "main"]).success();
    one.run(["tag", "-a", "-m", "annotated", "v1.0"]).success();
    world.push(&one, &["main", "--tags"]);
    let url = world.url("ann/one");
    let refs = one.refs_of(&url);
    for version in [0, 1, 2] {
        let git = Git::at(&world.path(&format!("v{version}"))).speaking(version);
        git.run([OsStr::new("clone"), OsStr::new("-q"), OsStr::new(&url), git.dir.as_os_str()]).success();
        git.fsck();
        assert_eq!(git.refs_of(&url).lines().count(), refs.lines().count(), "version {version}");
        let tip = git.commit("by", &format!("version {version}\n"));
        let pushed = git.run(["push", "origin", "HEAD"]);
        assert!(pushed.ok && pushed.stderr.contains("outlast: held by"), "version {version}: {}", pushed.stderr);
        one.run(["fetch", "-q", "origin"]).success();
        one.run(["cat-file", "-e", &tip]).success();
        one.run(["reset", "-q", "--hard", &tip]).success();
    }
    assert!(refs.contains("refs/tags/v1.0^{}"), "{refs}");
}

#[test]
fn shallow_deepened_and_partial_clones() {
    let world = World::new();
    let one = world.repository("one");
    one.generate(100);
    world.push(&one, &["main:refs/heads/main", "--force"]);
    let url = world.url("ann/one");
    for version in [0, 2] {
        let shallow = Git::at(&world.path(&format!("shallow{version}"))).speaking(version);
        shallow.run(["clone", "-q", "--depth", "3", &url, shallow.dir.to_str().unwrap()]).success();
        let count = |git: &Git| git.run(["rev-list", "--count", "HEAD"]).success();
        assert_eq!(count(&shallow), "3");
        shallow.run(["fetch", "-q", "--deepen", "4"]).success();
        assert_eq!(count(&shallow), "7");
        shallow.run(["fetch", "-q", "--unshallow"]).success();
        assert_eq!(count(&shallow), "100");
        shallow.fsck();
    }
    let since = clone(&world, &url, "since", &["--shallow-since", "@1700000090"]);
    assert!(since.run(["rev-list", "--count", "HEAD"]).success().parse::<u32>().unwrap() < 20);
    // A shallow pusher.
    let pusher = clone(&world, &url, "shallow-pusher", &["--depth", "1"]);
    pusher.commit("shallow", "pushed from a shallow clone\n");
    assert!(pusher.run(["push", "-q", "origin", "HEAD"]).ok);
    let whole = clone(&world, &url, "whole", &[]);
    whole.fsck();
    // A clone without blobs fetches what it needs when it checks out.
    let partial = clone(&world, &url, "partial", &["--filter=blob:none", "--no-checkout"]);
    let missing =
        |git: &Git| git.run(["rev-list", "--objects", "--all", "--missing=print"]).success().matches('?').count();
    let before = missing(&partial);
    assert!(before > 50, "the filter was ignored: {before}");
    partial.run(["checkout", "-q", "HEAD"]).success();
    assert!(missing(&partial) < before);
    let trees = clone(&world, &url, "treeless", &["--filter=tree:0", "--no-checkout"]);
    trees.run(["log", "--oneline"]).success();
}

#[test]
fn deletes_forces_tags_and_atomic_pushes() {
    let world = World::new();
    let one = world.repository("one");
    one.commit("a", "1\n");
    world.push(&one, &["HEAD:refs/heads/main", "HEAD:refs/heads/other", "HEAD:refs/tags/light"]);
    let url = world.url("ann/one");
    let has = |name: &str, oid: &str| one.refs_of(&url).contains(&format!("{oid}\t{name}"));
    one.run(["commit", "-q", "--amend", "-m", "rewritten"]).success();
    let rewritten = one.run(["rev-parse", "HEAD"]).success();
    assert!(!push(&one, &["HEAD:refs/heads/main"]).ok, "git itself refuses what is no fast-forward");
    world.push(&one, &["+HEAD:refs/heads/main"]);
    assert!(has("refs/heads/main", &rewritten));
    world.push(&one, &[":refs/heads/other", ":refs/tags/light"]);
    assert!(!one.refs_of(&url).contains("refs/heads/other") && !one.refs_of(&url).contains("light"));
    // A name that was a ref becomes a directory of refs, and back.
    world.push(&one, &["HEAD:refs/heads/x"]);
    world.push(&one, &[":refs/heads/x", "HEAD:refs/heads/x/y"]);
    assert!(has("refs/heads/x/y", &rewritten));
    // Atomic: one ref that can't be made keeps the others where they are.
    let stale = push(&one, &["--atomic", "HEAD:refs/heads/new", "HEAD:refs/heads/x"]);
    assert!(!stale.ok, "{}", stale.stderr);
    assert!(!one.refs_of(&url).contains("refs/heads/new"));
    one.run(["tag", "-a", "-m", "signed off", "v2"]).success();
    world.push(&one, &["v2"]);
    assert!(one.refs_of(&url).contains("refs/tags/v2^{}"));
}

#[test]
fn two_pushers_to_one_ref_one_wins() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD:refs/heads/main"]);
    let url = world.url("ann/one");
    let clones: Vec<_> = (0..4).map(|n| clone(&world, &url, &format!("c{n}"), &[])).collect();
    let won: Vec<bool> = std::thread::scope(|scope| {
        let threads: Vec<_> = clones
            .iter()
            .enumerate()
            .map(|(n, git)| {
                scope.spawn(move || {
                    git.commit("who", &format!("{n}\n"));
                    git.run(["push", "-q", "origin", "HEAD"]).ok
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(won.iter().filter(|&&won| won).count(), 1, "{won:?}");
    let winner = won.iter().position(|&won| won).unwrap();
    let tip = clones[winner].run(["rev-parse", "HEAD"]).success();
    assert!(one.refs_of(&url).contains(&tip));
}

#[test]
fn sha256_repositories_work_the_same() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/long", "--object-format", "sha256"]).success();
    let git = Git::init(&world.path("long"), "sha256");
    git.generate(40);
    let url = world.url("ann/long");
    assert!(git.run(["push", &url, "main"]).ok);
    let copy = clone(&world, &url, "long-copy", &[]);
    assert_eq!(copy.run(["rev-parse", "HEAD"]).success().len(), 64);
    copy.fsck();
    copy.commit("more", "of it\n");
    assert!(copy.run(["push", "-q", "origin", "HEAD"]).ok);
    // A repository of the other format is refused, and named.
    let sha1 = Git::init(&world.path("short"), "sha1");
    sha1.commit("a", "x\n");
    assert!(!sha1.run(["push", &url, "HEAD"]).ok);
}

#[test]
fn an_empty_repository_is_cloned_and_filled() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/empty"]).success();
    for version in [0, 1, 2] {
        let git = Git::at(&world.path(&format!("empty{version}"))).speaking(version);
        git.run(["clone", "-q", &world.url("ann/empty"), git.dir.to_str().unwrap()]).success();
        if version == 2 {
            assert_eq!(git.run(["symbolic-ref", "HEAD"]).success(), "refs/heads/main");
            git.commit("a", "first\n");
            assert!(git.run(["push", "-q", "origin", "HEAD"]).ok);
        }
    }
}

#[test]
fn push_to_create_and_push_options() {
    let world = World::new();
    let git = Git::init(&world.path("new"), "sha1");
    git.commit("a", "x\n");
    git.run(["remote", "add", "origin", &world.url("ann/brand-new")]).success();
    world.push(&git, &["HEAD"]);
    assert!(git.refs_of(&world.url("ann/brand-new")).contains("refs/heads/main"));
    // Another's namespace is not one's own to create in.
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    git.run(["push", &world.url("bob/brand-new"), "HEAD"]).failure();
    git.commit("a", "with options\n");
    world.push(&git, &["-o", "ci.skip", "-o", "topic=x", "HEAD"]);
}

#[test]
fn large_requests_are_gzipped_and_chunked_as_git_does() {
    let world = World::new();
    let one = world.repository("one");
    one.generate(3000);
    // Above http.postBuffer the push is chunked; the many haves of the fetch are gzipped.
    let pushed = one.run(["-c", "http.postBuffer=65536", "push", &world.url("ann/one"), "+main:refs/heads/main"]);
    assert!(pushed.ok, "{}", pushed.stderr);
    let other = Git::init(&world.path("other"), "sha1");
    other.generate(2500);
    other.commit("own", "other history\n");
    for version in [0, 2] {
        let other = other.clone().speaking(version);
        other.run(["fetch", "-q", &world.url("ann/one"), "main"]).success();
    }
    other.fsck();
}

#[test]
fn an_interrupted_push_or_clone_leaves_nothing_behind() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD:refs/heads/main"]);
    let before = one.refs_of(&world.url("ann/one"));
    let mut random = crate::common::Random(11);
    let noise: Vec<u8> = (0..30_000_000).map(|_| random.below(256) as u8).collect();
    std::fs::write(one.dir.join("noise"), &noise).unwrap();
    one.run(["add", "noise"]).success();
    one.run(["commit", "-q", "-m", "noise"]).success();
    for wait in [50, 150, 300, 600] {
        let mut command = one.command(["push", "-q", "origin", "HEAD:refs/heads/noise"]);
        cut_short(&mut command, wait);
    }
    wait_until("quarantines are gone", 20, || {
        let left = |repository: &PathBuf| std::fs::read_dir(repository.join("quarantine")).unwrap().count();
        world.site.repositories().iter().all(|repository| left(repository) == 0)
    });
    let refs = one.refs_of(&world.url("ann/one"));
    assert!(refs == before || refs.contains("refs/heads/noise"), "{refs}");
    assert!(push(&one, &["HEAD:refs/heads/noise"]).ok);
    for wait in [20, 60, 120] {
        let git = Git::at(&world.path(&format!("cut{wait}")));
        let url = world.url("ann/one");
        let mut command = git.command(["clone", "-q", &url, git.dir.to_str().unwrap()]);
        cut_short(&mut command, wait);
    }
    let whole = clone(&world, &world.url("ann/one"), "whole", &[]);
    whole.fsck();
    let pid = world.process().pid();
    wait_until("no git child is left", 20, || children(pid).iter().all(|name| !name.contains("git")));
}

/// Runs a command and kills it after `wait` milliseconds, with its helpers: one of them holds the connection.
fn cut_short(command: &mut std::process::Command, wait: u64) {
    command.stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut child = command.spawn().unwrap();
    std::thread::sleep(Duration::from_millis(wait));
    let group = Pid::from_child(&child);
    kill_process_group(group, Signal::KILL).ok();
    child.wait().unwrap();
}

/// The names of a process's children.
fn children(pid: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let stats = entries.filter_map(|entry| std::fs::read_to_string(entry.path().join("stat")).ok());
    stats
        .filter_map(|stat| {
            let (head, tail) = stat.rsplit_once(") ")?;
            (tail.split(' ').nth(1)? == pid.to_string()).then(|| head.to_owned())
        })
        .collect()
}

#[test]
fn repeated_clones_come_from_the_cache() {
    let world = World::new();
    let one = world.repository("one");
    one.generate(500);
    world.push(&one, &["+main:refs/heads/main"]);
    let url = world.url("ann/one");
    std::thread::scope(|scope| {
        for n in 0..4 {
            let (world, url) = (&world, &url);
            scope.spawn(move || clone(world, url, &format!("at-once-{n}"), &["--bare"]).fsck());
        }
    });
    let misses = world.metric("outlast_pack_cache_misses", "").unwrap_or_default();
    for n in 0..3 {
        clone(&world, &url, &format!("again-{n}"), &["--bare"]).fsck();
    }
    assert_eq!(
        world.metric("outlast_pack_cache_misses", "").unwrap_or_default(),
        misses,
        "the same clone was computed again"
    );
    assert!(world.metric("outlast_pack_cache_hits", "").unwrap_or_default() >= 3.0);
    // A push makes what was cached old.
    one.run(["reset", "-q", "--hard", "main"]).success();
    let tip = one.commit("new", "after the cache was filled\n");
    world.push(&one, &["HEAD:refs/heads/main"]);
    let fresh = clone(&world, &url, "fresh", &[]);
    assert_eq!(fresh.run(["rev-parse", "HEAD"]).success(), tip);
}
