//! Other people's Git clients clone, push, and find what they pushed.

use crate::common::{Git, World, provided};
use std::path::Path;
use std::process::{Command, Stdio};

/// A world with `ann/one` filled; the clone of a client is checked against it.
fn filled() -> (World, Git) {
    let world = World::new();
    let one = world.repository("one");
    one.generate(60);
    one.run(["reset", "-q", "--hard", "main"]).success();
    world.push(&one, &["HEAD:refs/heads/main"]);
    (world, one)
}

/// Runs a client, which prints the id of the commit that it pushed; the real `git` then finds that commit.
fn pushes(world: &World, one: &Git, command: &mut Command) {
    let output = command.stdin(Stdio::null()).env("HOME", world.dir.path()).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let made = String::from_utf8(output.stdout).unwrap().trim().to_owned();
    one.run(["fetch", "-q", "origin", "main"]).success();
    assert_eq!(one.run(["rev-parse", "FETCH_HEAD"]).success(), made);
    one.fsck();
}

fn clients() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients")
}

#[test]
fn dulwich() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let (world, one) = filled();
    let url = world.url("ann/one");
    let place = world.path("dulwich");
    std::fs::create_dir(&place).unwrap();
    pushes(&world, &one, Command::new(python).arg(clients().join("dulwich_client.py")).arg(url).arg(place));
}

#[test]
fn libgit2() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let (world, one) = filled();
    let url = world.site.url("ann/one", None);
    let place = world.path("libgit2");
    let script = clients().join("pygit2_client.py");
    pushes(&world, &one, Command::new(python).arg(script).args([&url, "ann", &world.token]).arg(place));
}

#[test]
fn isomorphic_git() {
    let Some(node) = provided("OUTLAST_TEST_NODE_CLIENTS") else { return };
    let (world, one) = filled();
    let url = world.site.url("ann/one", None);
    let place = world.path("isomorphic");
    let script = node.join("isomorphic_git_client.mjs");
    pushes(&world, &one, Command::new("node").arg(script).args([&url, "ann", &world.token]).arg(place));
}

/// What the script exits with where JGit is not installed.
const NO_JGIT: i32 = 77;

#[test]
fn jgit() {
    let script = clients().join("jgit_client.sh");
    if Command::new(&script).arg("--installed").status().unwrap().code() == Some(NO_JGIT) {
        assert!(std::env::var_os("OUTLAST_TEST_ALL").is_none(), "JGit is missing: run scripts/deps.sh");
        return;
    }
    let (world, one) = filled();
    let url = world.site.url("ann/one", None);
    let place = world.path("jgit");
    std::fs::create_dir(&place).unwrap();
    pushes(&world, &one, Command::new(script).args([&url, "ann", &world.token]).arg(place));
}
