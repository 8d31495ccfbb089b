//! Lockdown: whatever an intruder made is refused on every door, and those he had nothing to do with go on.

use crate::common::{Answer, Browser, VaultStart, World, encoded, push, request, wait_until};
use crate::guarded::{guarded, order_of, signature};
use serde_json::Value;

fn asks(world: &World, token: &str, method: &str, path: &str, body: &str) -> Answer {
    let header = format!("Bearer {token}");
    let headers = [("Authorization", header.as_str()), ("Content-Type", "application/json")];
    request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap()
}

fn token(world: &World, user: &str, scope: &str) -> String {
    world.site.cli(&["token", "create", user, "--scope", scope]).success().trim().to_owned()
}

/// The time of the newest entry, as the audit log has it.
pub(crate) fn now(world: &World) -> String {
    let said = world.site.cli(&["audit", "--json"]).success();
    let line: Value = serde_json::from_str(said.trim().lines().last().unwrap()).unwrap();
    line["time"].as_str().unwrap().to_owned()
}

#[test]
fn a_lockdown_ends_what_was_made_or_used_and_all_that_it_made() {
    let mut world = guarded();
    let git = world.repository("code");
    world.push(&git, &["main"]);
    let of_mia = "the long password of mia";
    let mia = ["user", "create", "mia", "--email", "mia@example.org", "--password-stdin"];
    world.site.cli_with(&mia, of_mia).success();
    let (mia, olga) = (token(&world, "mia", "repo:read,user:read"), token(&world, "olga", "repo:read,user:read,admin"));

    // From here on somebody has Ann's token, and the machine's command line.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    let (password, x) = ("the long password of x", ["user", "create", "x", "--email", "x@example.org"]);
    world.site.cli_with(&[&x[..], &["--password-stdin"]].concat(), password).success();
    let since = now(&world);
    let spare = token(&world, "x", "repo:read,user:read");
    git.commit("ransom", "pay me\n");
    world.push(&git, &["main"]);
    let public = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4 x";
    let key = Browser::sign_in(&world.site, "x", password)
        .post("/-/settings/keys", &format!("name=spare&days=30&key={}", encoded(public)));
    assert_eq!(key.status, 200, "{}", key.text());

    for vault in &mut world.vaults {
        vault.kill();
    }
    let looked = world.site.cli(&["lockdown", "--since", &since, "--dry-run"]).success();
    assert!(looked.contains("account") && looked.contains(" of x"), "{looked}");
    assert_eq!(asks(&world, &spare, "GET", "/api/v1/user", "").status, 200, "a look ends nothing");
    let said = world.site.cli(&["lockdown", "--since", &since]).success();
    assert!(said.contains("LOCKED DOWN"), "{said}");
    assert!(said.contains("SSH key") && said.contains("of ann") && said.contains("made by"), "{said}");

    for (who, token) in [("ann's, which was used", &world.token), ("the spare one", &spare)] {
        assert_eq!(asks(&world, token, "GET", "/api/v1/user", "").status, 401, "{who}");
        let url = world.site.url("ann/code", Some(("x", token)));
        assert!(!git.run(["ls-remote", &url]).ok, "{who}");
    }
    assert_eq!(asks(&world, &mia, "GET", "/api/v1/user", "").status, 200, "hers had nothing to do with it");
    assert_eq!(asks(&world, &olga, "GET", "/api/v1/outlast/officers", "").status, 200, "nor has the officer's");

    for vault in &mut world.vaults {
        vault.resume(VaultStart::Plain);
    }
    world.await_caught_up("eu");
    let refused = world.site.cli(&["repo", "create", "ann/more"]);
    assert!(!refused.ok && refused.stderr.contains("locked down"), "{}", refused.stderr);
    let page = world.site.get("/").text();
    assert!(page.contains("locked down"), "every page says so");
    // Whoever knows a password signs in, and makes himself no way in that would stay.
    let (_, added) = Browser::sign_in(&world.site, "mia", of_mia).offer_passkey();
    assert!(added.status != 200 && added.text().contains("locked down"), "{}", added.text());
    let seized = world.site.cli(&["unfreeze", "x"]);
    assert!(!seized.ok, "the machine alone lets nobody go on");

    let filed = world.site.cli(&["lockdown", "--lift"]).success();
    let order = order_of(&filed);
    for officer in ["olga", "omar"] {
        let line = signature(&world, &order, "sign", officer);
        world.site.cli(&["order", "sign", &order, &line]).success();
    }
    wait_until("it is lifted", 30, || world.site.cli(&["repo", "create", "ann/later"]).ok);
    assert!(!push(&git, &["main"]).ok, "what was ended stays ended");
    Browser::sign_in(&world.site, "mia", of_mia).add_passkey();
    let lines = world.site.cli(&["audit", "--json", "--kind", "LockdownStarted"]).success();
    assert!(lines.contains("credentials ended"), "{lines}");
    let narrow = token(&world, "olga", "repo:read,user:read");
    let refused = asks(&world, &narrow, "POST", "/api/v1/outlast/frozen/x/unfreeze", "");
    assert_eq!(refused.status, 404, "a token for reading is no officer's: {}", refused.text());
    let unfrozen = asks(&world, &olga, "POST", "/api/v1/outlast/frozen/x/unfreeze", "");
    assert_eq!(unfrozen.status, 200, "{}", unfrozen.text());
}
