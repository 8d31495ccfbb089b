//! Guarded acts through the command line, with officers' keys on machines of their own.

use crate::common::{Answer, Browser, Git, World, cli, cli_with, request, wait_until};
use serde_json::Value;

const OFFICERS: [&str; 3] = ["olga", "omar", "otto"];

/// A site whose guard is in force: two of three officers sign, and an order waits a second.
pub(crate) fn guarded() -> World {
    found(World::new(), &["--delay", "1s"])
}

/// Founds the guard of a site: three officers, two of whom sign.
pub(crate) fn found(world: World, delay: &[&str]) -> World {
    let found: Vec<String> = OFFICERS
        .iter()
        .map(|name| {
            world.site.cli(&["user", "create", name, "--email", &format!("{name}@example.org")]).success();
            let key = cli(["officer", "key", "--out", world.path(name).to_str().unwrap()]).success();
            format!("{name}={}", key.trim())
        })
        .collect();
    let found: Vec<&str> = found.iter().map(String::as_str).collect();
    let alone = world.site.cli(&["officer", "found", "--needed", "2", found[0], found[1]]);
    assert!(alone.stderr.contains("at least 3 are named"), "{}", alone.stderr);
    world.site.cli(&[&["officer", "found", "--needed", "2"], delay, &found[..]].concat()).success();
    let again = world.site.cli(&[&["officer", "found", "--needed", "2"], &found[..]].concat());
    assert!(again.stderr.contains("needs an order"), "{}", again.stderr);
    world
}

/// What an officer's own machine prints for this order.
pub(crate) fn signature(world: &World, order: &str, verb: &str, officer: &str) -> String {
    let file = world.path(&format!("order-{order}"));
    world.site.cli(&["order", "show", order, "--out", file.to_str().unwrap()]).success();
    let key = world.path(officer);
    let arguments = ["officer", verb, file.to_str().unwrap(), "--key", key.to_str().unwrap()];
    let word = if verb == "sign" { "sign\n" } else { "veto\n" };
    let said = cli_with(arguments, word);
    assert!(said.stderr.contains("An order for the site outlast/"), "{}", said.stderr);
    said.success().trim().to_owned()
}

pub(crate) fn sign(world: &World, order: &str, officer: &str) {
    let line = signature(world, order, "sign", officer);
    world.site.cli(&["order", "sign", order, &line]).success();
}

pub(crate) fn order_of(text: &str) -> String {
    let (_, rest) = text.split_once("order ").unwrap_or_else(|| panic!("no order in {text}"));
    rest.chars().take_while(char::is_ascii_digit).collect()
}

pub(crate) fn state(world: &World, order: &str) -> String {
    let shown = world.site.cli(&["order", "show", order, "--json"]).success();
    serde_json::from_str::<Value>(&shown).unwrap()["state"].as_str().unwrap().to_owned()
}

#[test]
fn a_repository_is_deleted_by_two_officers_and_comes_back_whole() {
    let world = guarded();
    let git = world.repository("code");
    world.push(&git, &["main"]);
    let url = world.url("ann/code");
    let refs = git.refs_of(&url);

    let order = order_of(&world.site.cli(&["repo", "delete", "ann/code"]).success());
    sign(&world, &order, "olga");
    std::thread::sleep(std::time::Duration::from_millis(2500));
    assert_eq!(state(&world, &order), "pending", "one of two, and its delay is over");
    assert_eq!(git.refs_of(&url), refs);
    let again = world.site.cli(&["order", "sign", &order, &signature(&world, &order, "sign", "olga")]);
    assert!(!again.ok && again.stderr.contains("counts once"), "{}", again.stderr);
    sign(&world, &order, "omar");
    wait_until("the order is carried out", 30, || state(&world, &order) == "executed");
    assert!(!git.run(["ls-remote", &url]).ok);
    let page = request(&world.site.address, "GET", "/ann/code", &[], b"").unwrap();
    assert_eq!(page.status, 404);

    let listed: Value = serde_json::from_str(&world.site.cli(&["trash", "list", "--json"]).success()).unwrap();
    assert_eq!(listed[0]["full_name"], "ann/code");
    world.site.cli(&["trash", "restore", &listed[0]["id"].to_string()]).success();
    assert_eq!(git.refs_of(&url), refs, "it is back, with every ref");
    let copy = Git::at(&world.path("copy"));
    copy.run(["clone", "-q", &url, copy.dir.to_str().unwrap()]).success();
    copy.fsck();
    git.commit("more", "it takes pushes again\n");
    world.push(&git, &["main"]);
}

#[test]
fn the_command_line_is_a_door_like_the_others() {
    let world = guarded();
    let made = world.site.cli(&["user", "create", "mallory", "--email", "m@example.org", "--officer", "--operator"]);
    let order = order_of(&made.success());
    let token = world.site.cli(&["token", "create", "mallory", "--scope", "admin"]).success();
    let header = format!("Bearer {}", token.trim());
    let asks = |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
        request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap().status
    };
    assert_eq!(asks("GET", "/api/v1/outlast/officers", ""), 404, "no operator yet");
    for officer in OFFICERS {
        let dismissed = world.site.cli(&["officer", "dismiss", officer]);
        assert!(dismissed.stderr.contains("one more than that"), "{}", dismissed.stderr);
    }
    let weaker = order_of(&world.site.cli(&["officer", "rule", "--needed", "2", "--delay", "0s"]).success());
    let own = cli(["officer", "key", "--out", world.path("own").to_str().unwrap()]).success();
    let key = order_of(&world.site.cli(&["officer", "enrol", "olga", own.trim()]).success());
    for order in [&order, &weaker, &key] {
        assert_eq!(state(&world, order), "pending");
        // His own key signs nothing: it is not enrolled.
        let line = signature(&world, order, "sign", "own");
        assert!(world.site.cli(&["order", "sign", order, &line]).stderr.contains("no officer's key"));
        let veto = signature(&world, order, "veto", "otto");
        world.site.cli(&["order", "veto", order, &veto, "--reason", "who is mallory?"]).success();
        assert_eq!(state(&world, order), "vetoed");
    }
    assert_eq!(asks("GET", "/api/v1/outlast/officers", ""), 404);
    let doctor = world.site.cli(&["doctor"]);
    assert!(doctor.stdout.contains("orders wait less than a day"), "{}", doctor.stdout);
}

fn asks(world: &World, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap()
}

fn ordered(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{}", answer.text());
    serde_json::from_str::<Value>(&answer.text()).unwrap()["order"].to_string()
}

fn carried_out(world: &World, order: &str) {
    sign(world, order, "olga");
    sign(world, order, "omar");
    wait_until("the order is carried out", 30, || state(world, order) == "executed");
}

#[test]
fn what_protects_a_branch_is_loosened_by_officers_and_tightened_by_its_administrator() {
    let world = guarded();
    let git = world.repository("code");
    git.commit("two", "two\n");
    world.push(&git, &["main", "main:release/1"]);
    let rules = "/api/v1/repos/ann/code/branch_protections";
    let asks = |method: &str, path: &str, body: &str| asks(&world, &world.token, method, path, body);
    for pattern in ["main", "release/*"] {
        let body = format!(r#"{{"rule_name":"{pattern}","push":{{"role":"write"}}}}"#);
        assert_eq!(asks("POST", rules, &body).status, 201);
    }
    // As old as an order's delay: no longer a mistake of just now.
    std::thread::sleep(std::time::Duration::from_millis(1200));
    let rewrite = |branch: &str| git.run(["push", "--force", "origin", &format!("main~1:{branch}")]);

    let main = format!("{rules}/main");
    let gone = ordered(&asks("DELETE", &main, ""));
    assert!(asks("DELETE", &main, "").text().contains("asks for this already"));
    let wider = ordered(&asks("PATCH", &main, r#"{"force":{"role":"admin"}}"#));
    let around = ordered(&asks("POST", rules, r#"{"rule_name":"release/1","force":{"people":["ann"]}}"#));
    assert_eq!(
        asks("PATCH", &main, r#"{"push":{"role":"maintain"}}"#).status,
        200,
        "who pushes is the administrator's"
    );
    let elsewhere = r#"{"rule_name":"topic/1","force":{"people":["ann"]}}"#;
    assert_eq!(asks("POST", rules, elsewhere).status, 201, "nothing protected that before");
    for branch in ["main", "release/1"] {
        assert!(rewrite(branch).stderr.contains("protected"), "{branch} is still protected");
    }
    let shown = world.site.cli(&["order", "show", &wider]).success();
    assert!(shown.contains("more may rewrite") && shown.contains("rewritten by admin and above"), "{shown}");

    let veto = signature(&world, &gone, "veto", "otto");
    world.site.cli(&["order", "veto", &gone, &veto]).success();
    carried_out(&world, &around);
    assert!(rewrite("release/1").ok && !rewrite("main").ok);
    // It was asked for the rule as it was: who pushes would be everybody who writes again.
    ["olga", "omar"].iter().for_each(|officer| sign(&world, &wider, officer));
    wait_until("the order ends", 30, || state(&world, &wider) == "expired");
    assert!(!rewrite("main").ok);
    carried_out(&world, &ordered(&asks("PATCH", &main, r#"{"force":{"role":"admin"}}"#)));
    assert!(rewrite("main").ok);
    let listed = asks("GET", rules, "").text();
    assert_eq!(serde_json::from_str::<Value>(&listed).unwrap().as_array().unwrap().len(), 4, "{listed}");
}

#[test]
fn officers_let_go_of_a_second_factor_that_an_organisation_requires() {
    let world = guarded();
    let password = "a long password for tests";
    let make = ["user", "create", "ida", "--email", "ida@example.org", "--password-stdin"];
    world.site.cli_with(&make, password).success();
    world.site.cli(&["org", "create", "band", "--owner", "ida"]).success();
    let mut ida = Browser::sign_in(&world.site, "ida", password);
    ida.add_passkey();
    let set = |ida: &mut Browser, required: &str| ida.post("/band/-/settings/factors", &format!("required={required}"));
    assert!(set(&mut ida, "true").text().contains("needs a second factor from now on"));
    let lifted = set(&mut ida, "false");
    let to = lifted.header("location").unwrap().to_owned();
    assert!(lifted.status == 303 && to.starts_with("/-/orders/"), "{to}");
    let order = to.rsplit('/').next().unwrap();
    assert!(ida.get(&to).text().contains("the organisation band"), "who asked sees it");
    let again = world.site.cli(&["order", "ask", "organisation-factors-optional", "band"]);
    assert!(again.stderr.contains("asks for this already"), "{}", again.stderr);
    let required = |ida: &Browser| ida.get("/band/-/settings").text().contains("name=\"required\" value=\"false\"");
    assert!(required(&ida), "it is still required");
    carried_out(&world, order);
    assert!(!required(&ida));
    let other = world.site.cli(&["order", "ask", "organisation-factors-optional", "band"]);
    assert!(other.stderr.contains("requires no second factor"), "{}", other.stderr);
}

#[test]
fn officers_see_their_desk_and_the_alarms_and_not_the_log() {
    let world = guarded();
    let token = |name: &str| world.site.cli(&["token", "create", name, "--scope", "admin"]).success().trim().to_owned();
    let (olga, pia) = (token("olga"), {
        world.site.cli(&["user", "create", "pia", "--email", "pia@example.org"]).success();
        world.site.cli(&["user", "grant", "pia", "auditor"]).success();
        token("pia")
    });
    let status = |token: &str, what: &str| asks(&world, token, "GET", &format!("/api/v1/outlast/{what}"), "").status;
    for (what, officer, auditor) in
        [("audit", 404, 200), ("orders", 200, 200), ("officers", 200, 404), ("alarms", 200, 200)]
    {
        assert_eq!((status(&olga, what), status(&pia, what)), (officer, auditor), "{what}");
    }
    assert!(
        world.site.cli(&["audit", "--kind", "OfficerRuleSet"]).success().contains("OfficerRuleSet"),
        "at the machine"
    );
    world.site.cli(&["user", "grant", "olga", "auditor"]).success();
    assert_eq!(status(&olga, "audit"), 200, "who is both is both");
}
