//! A site rolled back to an old copy of its disk, and two sites from one backup.

use crate::common::{Site, World, push, wait_until};
use crate::trouble::copy_dir;
use std::fs;

#[test]
fn a_site_on_an_old_copy_of_its_disk_is_found_out() {
    let mut world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    world.site.stop();
    let old = world.path("old-copy");
    copy_dir(&world.site.data, &old);
    world.site.resume();
    one.commit("a", "the old copy knows nothing of this\n");
    world.push(&one, &["HEAD"]);
    world.site.stop();

    fs::remove_dir_all(&world.site.data).unwrap();
    copy_dir(&old, &world.site.data);
    world.site.resume();
    one.run(["commit", "-q", "--amend", "-m", "another history"]).success();
    let refused = push(&one, &["--force", "HEAD"]).failure();
    assert!(refused.contains("vault") || refused.contains("older") || refused.contains("roll"), "{refused}");
    wait_until("healthz says why", 20, || world.site.get("/healthz").status == 503);
    let health = world.site.get("/healthz").text();
    assert!(health.contains("older") || health.contains("roll") || health.contains("ahead"), "{health}");
    // It reads on, and recovery brings back what the old disk lacked.
    one.refs_of(&world.url("ann/one"));
    let doctor = world.site.cli(&["doctor"]);
    assert!(!doctor.ok, "doctor sees nothing: {doctor:?}");
}

#[test]
fn of_two_sites_from_one_backup_only_the_newest_epoch_goes_on() {
    let world = World::new();
    let one = world.repository("one");
    world.push(&one, &["HEAD"]);
    // The intruder's copy goes on running while the owner recovers.
    let key = world.take_recovery_key();
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &["--keep-credentials"]).success();
    let recovered = Site::start(&to, &[]);
    one.commit("a", "on the recovered site\n");
    let output = one.run(["push", &recovered.url("ann/one", Some(("ann", &world.token))), "HEAD"]);
    assert!(output.ok, "{}", output.stderr);
    // The old site is locked out of every vault, and says so.
    one.run(["commit", "-q", "--amend", "-m", "on the old site"]).success();
    push(&one, &["--force", "HEAD"]).failure();
    wait_until("the old site knows", 20, || world.site.get("/healthz").status == 503);
}
