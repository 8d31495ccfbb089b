//! Second factors, made by other people's libraries.

use crate::common::{World, provided};
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
