//! A vault is opened with stock tools alone, as the file in it says: in twenty years there may be nobody to ask.

use crate::common::{Git, Random, World, provided, seed};
use std::path::Path;
use std::process::Command;

#[test]
fn a_vault_opens_by_hand_as_its_format_file_says() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let mut world = World::new();
    let git = world.repository("one");
    world.push(&git, &["main"]);
    git.commit("more", "the second push is a thin pack\n");
    world.push(&git, &["main", "main:refs/heads/twin"]);
    world.push(&git, &[":refs/heads/twin"]);
    // Many refs: an event that is too large for its entry. Much text: blobs of their own.
    let refspecs: Vec<String> = (0..700).map(|n| format!("main:refs/tags/a-tag-with-a-long-name-{n:05}")).collect();
    world.push(&git, &refspecs.iter().map(String::as_str).collect::<Vec<_>>());
    let large = world.repository("large");
    let mut random = Random(seed());
    large.commit("noise", &(0..100_000).map(|_| format!("{:016x}", random.below(u64::MAX))).collect::<String>());
    world.push(&large, &["main"]);
    let repositories = [("one", &git), ("large", &large)];
    let expected = repositories.map(|(name, git)| {
        let listed = git.refs_of(&world.url(&format!("ann/{name}")));
        listed.lines().filter(|line| !line.ends_with("HEAD")).map(|line| format!("{line}\n")).collect::<String>()
    });
    let key = world.take_recovery_key();
    for name in ["eu", "us", "asia"] {
        world.await_caught_up(name);
    }
    world.site.kill();
    world.vault("us").kill();

    let out = world.path("by-hand");
    std::fs::create_dir(&out).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/open_vault.py");
    let store = world.vault("us").dir.join("store");
    let output = Command::new(python).arg(script).arg(store).arg(key).arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    for (name, expected) in ["one", "large"].into_iter().zip(expected) {
        let line = said.lines().find(|line| line.ends_with(&format!(" {name}"))).unwrap();
        let number = line.split(' ').nth(1).unwrap();
        let opened = Git::at(&out.join(format!("{number}.git")));
        let refs = opened.run(["for-each-ref", "--format=%(objectname)%09%(refname)"]).success();
        assert_eq!(refs.trim(), expected.trim(), "{name}");
        opened.fsck();
    }
}
