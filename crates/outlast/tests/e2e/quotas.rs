//! Quotas, as the real git meets them.

use crate::common::World;

#[test]
fn a_push_over_quota_is_refused_and_nothing_of_it_is_kept() {
    let world = World::new();
    let git = world.repository("small");
    world.push(&git, &["main"]);
    world.site.cli(&["quota", "ann/small", "--repository", "--bytes", "20000"]).success();
    let before = world.site.entries();
    // Chance does not compress.
    let mut state = 1_u64;
    let noise: String = (0..40_000)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            char::from(b'!' + u8::try_from(state >> 58).unwrap())
        })
        .collect();
    git.commit("noise", &noise);
    let said = git.run(["push", "origin", "main"]).failure();
    assert!(said.contains("over quota: this repository uses") && said.contains("of 20000 bytes"), "{said}");
    assert!(!world.site.grew(before), "a push that was refused is in the journal");
    // Small things fit, and what takes away always does.
    git.run(["reset", "-q", "--hard", "HEAD~1"]).success();
    git.commit("a", "small\n");
    world.push(&git, &["main", "main:side"]);
    world.site.cli(&["quota", "ann", "--bytes", "1", "--repositories", "1"]).success();
    git.commit("b", "small\n");
    let said = git.run(["push", "origin", "main"]).failure();
    assert!(said.contains("over quota: its owner uses"), "{said}");
    assert!(git.run(["push", "origin", "--delete", "side"]).ok);
    // Nor are there more repositories, by any door.
    let said = world.site.cli(&["repo", "create", "ann/second"]).failure();
    assert!(said.contains("over quota: the owner has 1 of 1 repositories"), "{said}");
    let said = git.run(["push", &world.url("ann/third"), "main"]).failure();
    assert!(said.contains("507") || said.contains("over quota"), "{said}");
    // The defaults again.
    world.site.cli(&["quota", "ann"]).success();
    world.push(&git, &["main"]);
    let said = world.site.cli(&["quota", "nobody", "--bytes", "1"]).failure();
    assert!(said.contains("nobody does not exist"), "{said}");
}
