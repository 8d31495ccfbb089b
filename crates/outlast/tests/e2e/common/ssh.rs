//! The real OpenSSH client, with keys of the test's own.

use std::path::Path;
use std::process::Command;

/// Makes a key in `file`, and gives its public half. `more` are arguments of `ssh-keygen`; Ed25519 without any.
pub(crate) fn ssh_keygen(file: &Path, more: &[&str]) -> String {
    let kind: &[&str] = if more.is_empty() { &["-t", "ed25519"] } else { more };
    let mut command = Command::new("ssh-keygen");
    let made = command.args(["-q", "-N", "", "-C", "test"]).args(kind).arg("-f").arg(file).status().unwrap();
    assert!(made.success(), "ssh-keygen {kind:?}");
    std::fs::read_to_string(file.with_extension("pub")).unwrap().trim().to_owned()
}
