//! Whose word makes an entry held is for officers to change, one order at a time.

use crate::common::{Site, Vault, World, push, request, wait_until};
use crate::guarded::{guarded, order_of, sign, signature, state};

/// The names of those whose signatures count, as everybody reads it.
fn policy(world: &World, of: &str) -> Vec<String> {
    let text = request(&world.site.address, "GET", &format!("/log/policy{of}"), &[], b"").unwrap().text();
    let names = text.lines().filter_map(|line| line.strip_prefix("witness ")?.split(' ').next());
    names.map(str::to_owned).collect()
}

fn carry_out(world: &World, asked: &[&str]) -> String {
    let order = order_of(&world.site.cli(&[&["order", "ask"], asked].concat()).success());
    sign(world, &order, "olga");
    sign(world, &order, "omar");
    wait_until("the order is carried out", 30, || state(world, &order) == "executed");
    order
}

#[test]
fn a_vault_is_enrolled_and_another_retired_by_officers_alone() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["main"]);
    let old = world.receipt(4, "old-receipt");
    let unknown = world.site.cli(&["order", "ask", "vault-enrol", "fourth"]);
    assert!(unknown.stderr.contains("--vault"), "{}", unknown.stderr);

    // Whoever starts the site with another vault has not enrolled it.
    let fourth = Vault::start(&world.path("fourth"), "fourth");
    world.site.stop();
    let reading = std::fs::read_to_string(world.vault("us").recover_url()).unwrap().trim().to_owned();
    world.site.start_with(&[fourth.site_url(), reading]);
    wait_until("a quorum answers", 20, || world.site.get("/healthz").status == 200);
    let told = std::fs::read_to_string(world.site.log()).unwrap();
    assert!(told.contains("outlast order ask vault-enrol fourth"), "{told}");
    let three = ["asia", "eu", "us"];
    assert_eq!(policy(&world, ""), three);
    git.commit("two", "held by the three\n");
    let held = world.push(&git, &["main"]);
    assert!(!held.vaults.contains(&"fourth".to_owned()), "{held:?}");

    let order = carry_out(&world, &["vault-enrol", "fourth"]);
    wait_until("four count", 30, || policy(&world, "").len() == 4);
    assert_eq!(policy(&world, &format!("?entry={order}")), three, "those that counted when it was filed");
    world.vaults.push(fourth);
    world.await_caught_up("fourth");

    // Three of four: with two away nothing is acknowledged.
    world.vault("eu").stop();
    git.commit("three", "one away\n");
    world.push(&git, &["main"]);
    world.vault("us").stop();
    git.commit("four", "two away\n");
    let refused = push(&git, &["main"]);
    assert!(!refused.ok);
    for name in ["eu", "us"] {
        world.vault(name).resume(crate::common::VaultStart::Plain);
    }
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    world.await_seen(&git, &refused);
    git.commit("five", "all are back\n");
    world.push(&git, &["main"]);

    // One leaves, and it may even be gone.
    world.vault("eu").kill();
    carry_out(&world, &["vault-retire", "eu"]);
    wait_until("three count", 30, || policy(&world, "") == ["asia", "fourth", "us"]);
    git.commit("six", "without the one that left\n");
    let entry = world.push(&git, &["main"]).entry;
    let shipped_to = || {
        let found = world.site.found("vault");
        let mut names: Vec<_> = found.iter().filter_map(|one| one["check"].as_str()?.split(' ').nth(1)).collect();
        names.sort_unstable();
        names.join(" ")
    };
    wait_until("nobody ships to it", 20, || shipped_to() == "asia fourth us");
    crate::common::cli(["verify", old.to_str().unwrap()]).success();
    crate::common::cli(["verify", world.receipt(4, "same").to_str().unwrap()]).success();
    crate::common::cli(["verify", world.receipt(entry, "new").to_str().unwrap()]).success();

    // What is recovered from those that count has all of it, and knows who counts.
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["fourth"], &key, &to, &["--keep-credentials", "--full"]).success();
    world.site = Site::start(&to, &[world.vault("us").site_url(), world.vault("asia").site_url()]);
    assert_eq!(policy(&world, ""), ["asia", "fourth", "us"]);
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    let tip = git.run(["rev-parse", "main"]).success();
    let url = world.url("ann/code");
    assert!(git.refs_of(&url).contains(tip.trim()));
    git.run(["remote", "set-url", "origin", &url]).success();
    git.commit("seven", "and it goes on\n");
    world.push(&git, &["main"]);
}

#[test]
fn copies_that_one_person_could_destroy_never_count_as_a_quorum() {
    let world = guarded();
    let moved = world.site.cli(&["order", "ask", "vault-domain", "eu", "--to", "us"]);
    let order = order_of(&moved.success());
    let second = world.site.cli(&["order", "ask", "vault-retire", "asia"]);
    assert!(!second.ok && second.stderr.contains("one such order at a time"), "{}", second.stderr);
    sign(&world, &order, "olga");
    sign(&world, &order, "otto");
    wait_until("it is carried out", 30, || state(&world, &order) == "executed");
    wait_until("two domains count", 30, || {
        let text = request(&world.site.address, "GET", "/log/policy", &[], b"").unwrap().text();
        text.contains("domain-us 2 eu us")
    });
    let left = world.site.cli(&["order", "ask", "vault-retire", "asia"]);
    assert!(left.stderr.contains("1 would be left"), "{}", left.stderr);
}

/// The change needs a vault that those before did not: it dies before it holds the change, and one officer lets those before go on.
#[test]
fn a_vault_that_dies_while_the_vaults_change_stops_writing_until_an_officer_takes_the_change_back() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["main"]);
    let order = order_of(&world.site.cli(&["order", "ask", "vault-domain", "eu", "--to", "us"]).success());
    // Two of three hold what is written; of the two domains that are to be, both must.
    world.vault("asia").kill();
    sign(&world, &order, "olga");
    sign(&world, &order, "omar");
    wait_until("it is carried out", 30, || state(&world, &order) == "executed");
    let stopped = || {
        let doctor = world.site.cli(&["doctor"]).stdout;
        doctor.contains("is not held by both quorums yet") && doctor.contains(&format!("outlast order veto {order}"))
    };
    wait_until("the doctor says what to do", 30, stopped);
    git.commit("two", "waits\n");
    let refused = push(&git, &["main"]);
    assert!(!refused.ok, "those to be do not hold it");
    let again = world.site.cli(&["order", "ask", "vault-retire", "asia"]);
    assert!(!again.ok, "no other order gets through: {}", again.stdout);
    let otto = signature(&world, &order, "veto", "otto");
    world.site.cli(&["order", "veto", &order, &otto, "--reason", "asia is gone"]).success();
    assert_eq!(state(&world, &order), "vetoed");
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    world.await_seen(&git, &refused);
    git.commit("three", "held by those before\n");
    let held = world.push(&git, &["main"]);
    assert!(!held.vaults.contains(&"asia".to_owned()), "{held:?}");
    crate::common::cli(["verify", world.receipt(held.entry, "after").to_str().unwrap()]).success();
    let text = request(&world.site.address, "GET", "/log/policy", &[], b"").unwrap().text();
    assert!(!text.contains("domain-us 2"), "{text}");

    // It comes back, catches up, and the change can be ordered again; what is recovered knows who counts.
    world.vault("asia").resume(crate::common::VaultStart::Plain);
    world.await_caught_up("asia");
    carry_out(&world, &["vault-domain", "eu", "--to", "us"]);
    wait_until("two domains count", 30, || {
        let text = request(&world.site.address, "GET", "/log/policy", &[], b"").unwrap().text();
        text.contains("domain-us 2 eu us")
    });
    let late = signature(&world, &order, "veto", "omar");
    assert!(world.site.cli(&["order", "veto", &order, &late]).stderr.contains("vetoed already"));
    let key = world.take_recovery_key();
    let tip = git.run(["rev-parse", "main"]).success();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["eu", "us"], &key, &to, &["--keep-credentials", "--full"]).success();
    world.site = Site::start(&to, &[]);
    assert!(git.refs_of(&world.url("ann/code")).contains(tip.trim()));
}
