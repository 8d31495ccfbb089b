//! A vault that is lost is replaced by an empty one, which is given everything from the start.

use crate::common::{Random, Site, Vault, World, cli, seed};
use std::fs;

#[test]
fn a_lost_vault_is_replaced_by_an_empty_one_of_the_same_name() {
    let mut world = World::new();
    let git = world.repository("kept");
    // Too large to travel within a batch: the new vault must be given it from another one.
    let mut random = Random(seed());
    git.commit("large", &(0..100_000).map(|_| format!("{:016x}", random.below(u64::MAX))).collect::<String>());
    world.push(&git, &["main"]);

    // Its disk is gone, and another machine takes its place.
    world.vault("eu").kill();
    fs::remove_dir_all(&world.vault("eu").dir).unwrap();
    let new = Vault::start(&world.path("eu-new"), "eu");
    let reading = fs::read_to_string(world.vault("us").recover_url()).unwrap().trim().to_owned();
    let urls = [new.site_url(), reading];
    *world.vault("eu") = new;

    // By mistake this must not happen: the site says what to do.
    world.site.stop();
    let refused =
        cli(["serve", "--listen", "127.0.0.1:0", "--data", world.site.data.to_str().unwrap(), "--vault", &urls[0]]);
    assert!(!refused.ok && refused.stderr.contains("eu.url"), "{}", refused.stderr);

    fs::remove_file(world.site.data.join("vaults/eu.url")).unwrap();
    world.site.start_with(&urls);
    world.await_caught_up("eu");
    git.commit("after", "and goes on\n");
    world.push(&git, &["main"]);
    world.await_caught_up("eu");
    let key = world.take_recovery_key();
    world.vault("eu").verify(Some(&key)).success();

    // The new one alone brings everything back.
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["eu"], &key, &to, &["--keep-credentials", "--full"]).success();
    let site = Site::start(&to, &[]);
    let url = site.url("ann/kept", Some(("ann", &world.token)));
    let tip = git.run(["rev-parse", "main"]).success();
    assert!(git.refs_of(&url).contains(&format!("{}\trefs/heads/main", tip.trim())), "{}", git.refs_of(&url));
}
