//! Drills with the real binary: the site's own, one without keys, and the officers'.

use crate::common::{World, cli, wait_until};

#[test]
fn a_site_drills_its_vaults_and_says_what_came_of_it() {
    let world = World::new();
    let git = world.repository("hello");
    world.push(&git, &["HEAD:refs/heads/main"]);
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let refused = world.site.cli(&["drill"]).failure();
    assert!(refused.contains("recover.url") && refused.contains("--drill-vault"), "{refused}");
    let vaults: Vec<_> = world.vaults.iter().map(|vault| vault.recover_url()).collect();
    let said = world.site.cli(&["drill", "--vault", &vaults[0], "--vault", &vaults[1]]).success();
    assert!(said.contains("all there") && said.contains("eu, us") && said.contains("1 repositories"), "{said}");
    let blind = cli(["drill", "--blind", "--vault", &vaults[2]]).success();
    assert!(blind.contains("blind drill") && blind.contains("all there"), "{blind}");

    let (key, note) = (world.take_recovery_key(), world.path("officer-drill.txt"));
    let (key, note) = (key.to_str().unwrap(), note.to_str().unwrap());
    cli(["drill", "--officer", "--vault", &vaults[0], "--vault", &vaults[1], "--key", key, "--out", note]).success();
    let recorded = world.site.cli(&["drill", "--record", note]).success();
    assert!(recorded.contains("officer drill"), "{recorded}");
    assert!(world.site.cli(&["drill", "--record", note]).failure().contains("written already"));

    let page = world.site.get("/-/drills").text();
    assert!(page.contains("last one good") && page.contains("officer") && !page.contains("outlast/drill/v1"), "{page}");
    assert!(world.site.get("/-/safety").text().contains("/-/drills"));
    let listed: serde_json::Value = serde_json::from_str(&world.site.get("/api/v1/outlast/drills").text()).unwrap();
    let kinds: Vec<_> = listed["drills"].as_array().unwrap().iter().map(|d| d["kind"].as_str().unwrap()).collect();
    assert_eq!((kinds, listed["alarm"].as_bool()), (vec!["officer", "full"], Some(false)));
    assert_eq!(world.metric("outlast_drill_alarm", ""), Some(0.0));
    assert!(world.metric("outlast_drill_started_timestamp_seconds", "full").unwrap() > 1.7e9);
}

#[test]
fn a_drill_that_finds_something_fails_and_wakes_somebody() {
    let mut world = World::new();
    let git = world.repository("hello");
    world.push(&git, &["HEAD:refs/heads/main"]);
    world.await_caught_up("eu");
    let repo = world.site.repositories().remove(0);
    std::fs::write(repo.join("refs/heads/forged"), git.run(["rev-parse", "HEAD"]).stdout).unwrap();
    let vault = world.vaults[0].recover_url();
    let said = world.site.cli(&["drill", "--vault", &vault]);
    assert!(!said.ok && said.stdout.contains("DIFFERENCES") && said.stdout.contains("refs/heads/forged"), "{said:?}");
    assert_eq!(world.metric("outlast_drill_alarm", ""), Some(1.0));
    assert!(world.site.get("/-/drills").text().contains("alarm"));
    assert!(!world.site.get("/-/drills").text().contains("forged"), "what differs is for who runs the site");
    world.site.stop();
    world.site.resume();
    wait_until("it serves again", 20, || world.site.get("/healthz").status == 200);
    assert_eq!(world.metric("outlast_drill_alarm", ""), Some(1.0), "it is in the journal");
}
