//! Second factors, made by other people's libraries.

use crate::common::{Browser, World, provided};
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
