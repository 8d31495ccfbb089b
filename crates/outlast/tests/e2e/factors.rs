//! Second factors, made by other people's libraries.

use crate::common::{Browser, World, provided, request};
use std::path::Path;
use std::process::Command;

#[test]
fn keys_of_fido2_and_codes_of_pyotp_sign_in() {
    let Some(python) = provided("OUTLAST_TEST_PYTHON") else { return };
    let world = World::new();
    let password = "the long password of kim";
    world
        .site
        .cli_with(&["user", "create", "kim", "--email", "kim@example.org", "--password-stdin"], password)
        .success();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/factors_client.py");
    let output = Command::new(python).arg(script).args([&world.site.address, "kim", password]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.trim() == "ok", "{said}{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn whose_account_it_is_sees_the_sign_ins_that_failed() {
    let world = World::new();
    let password = "a long password of zoe";
    for name in ["zoe", "zac"] {
        let make = ["user", "create", name, "--email", &format!("{name}@example.org"), "--password-stdin"];
        world.site.cli_with(&make, password).success();
    }
    for _ in 0..3 {
        let wrong = Browser::new(&world.site).post("/-/sign-in", "name=Zoe&password=something+else+that+is+long");
        assert_eq!(wrong.status, 422);
    }
    let sees = |name: &str| Browser::sign_in(&world.site, name, password).get("/-/settings/sessions").text();
    let (zoe, zac) = (sees("zoe"), sees("zac"));
    assert!(zoe.contains("3 sign-ins to your account failed") && zoe.contains("from 127.0.0.1"), "{zoe}");
    assert!(!zac.contains("to your account failed"), "{zac}");
}

#[test]
fn what_an_operator_makes_when_signed_in_sleeps_until_an_officer_wakes_it() {
    let world = World::new();
    let signed_in = |name: &str, role: &str| {
        let (email, password) = (format!("{name}@example.org"), format!("a long password of {name}"));
        let make = ["user", "create", name, "--email", &email, "--password-stdin", role];
        world.site.cli_with(&make, &password).success();
        let mut passkey = Browser::sign_in(&world.site, name, &password).add_passkey();
        Browser::sign_in_with(&world.site, &mut passkey)
    };
    let (opal, olga) = (signed_in("opal", "--operator"), signed_in("olga", "--officer"));
    let opens = |token: &str| {
        let bearer = format!("Bearer {token}");
        request(&world.site.address, "GET", "/api/v1/user", &[("Authorization", &bearer)], b"").unwrap().status
    };
    let made = opal.post("/-/settings/tokens", "name=laptop&days=1&rights=read").text();
    let (_, token) = made.split_once("olp_").unwrap_or_else(|| panic!("{made}"));
    let token: String = token.chars().take_while(char::is_ascii_alphanumeric).collect();
    let token = format!("olp_{token}");
    assert!(made.contains("asleep until") && opens(&token) == 401, "{made}");
    let at_the_machine = world.site.cli(&["token", "create", "opal", "--scope", "user:read"]).success();
    assert_eq!(opens(at_the_machine.trim()), 200, "the machine's own word is believed at once");

    let listed = world.site.cli(&["credentials", "--user", "opal", "--json"]).success();
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let asleep = |row: &&serde_json::Value| row["kind"] == "token" && !row["asleep_until"].is_null();
    let id = listed.as_array().unwrap().iter().find(asleep).unwrap()["id"].to_string();
    assert_eq!(opal.post("/-/credentials/wake", &format!("id={id}")).status, 403, "not one's own");
    assert_eq!(olga.post("/-/credentials/wake", &format!("id={id}")).status, 200);
    assert_eq!(opens(&token), 200);
}
