//! Signatures of commits, made by the real `gpg` and `ssh-keygen` through the real git.

use crate::common::{Browser, Git, World, ssh_keygen};
use std::process::Command;

/// `gpg` with a home of its own.
struct Gpg(std::path::PathBuf);

impl Gpg {
    fn new(world: &World, name: &str) -> Self {
        // The agent's socket has a short name's room.
        let home = world.path(name);
        std::fs::create_dir(&home).unwrap();
        std::fs::set_permissions(&home, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        Self(home)
    }

    fn run(&self, args: &[&str]) -> String {
        let output = Command::new("gpg").arg("--homedir").arg(&self.0).args(["--batch", "--quiet"]).args(args).output();
        let output = output.expect("gpg, which scripts/deps.sh brings");
        assert!(output.status.success(), "gpg {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Makes a key with a subkey that signs; gives its public half.
    fn key(&self, who: &str) -> String {
        self.run(&["--passphrase", "", "--quick-generate-key", who, "ed25519", "sign", "never"]);
        let listed = self.run(&["--with-colons", "--list-keys"]);
        let fingerprint =
            listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
        self.run(&["--passphrase", "", "--quick-add-key", &fingerprint, "rsa2048", "sign", "never"]);
        self.run(&["--armor", "--export"])
    }

    /// A commit of this person, signed.
    fn commit(&self, git: &Git, email: &str, name: &str) -> String {
        let wrapper = self.0.join("wrapper.sh");
        std::fs::write(&wrapper, format!("#!/bin/sh\nexec gpg --homedir '{}' --batch \"$@\"\n", self.0.display()))
            .unwrap();
        std::fs::set_permissions(&wrapper, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let program = format!("gpg.program={}", wrapper.display());
        std::fs::write(git.dir.join(name), name).unwrap();
        git.run(["add", name]).success();
        let words = ["-c", &program, "-c", "user.signingKey=ann@example.org", "commit", "-q", "-S", "-m", name];
        let done = git.command(words).env("GIT_COMMITTER_EMAIL", email).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        git.run(["rev-parse", "HEAD"]).success()
    }
}

impl Drop for Gpg {
    fn drop(&mut self) {
        // The agent would stay otherwise.
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.0).args(["--kill", "all"]).output();
    }
}

fn api(world: &World, method: &str, below: &str, body: &str) -> (u16, String) {
    let token = format!("Bearer {}", world.token);
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    let answer = crate::common::request(
        &world.site.address,
        method,
        &format!("/api/v1/user/{below}"),
        &headers,
        body.as_bytes(),
    );
    let answer = answer.unwrap();
    (answer.status, answer.text())
}

#[test]
fn signatures_are_verified_with_the_keys_that_accounts_have_added() {
    let world = World::new();
    world.site.cli(&["settings", "set", "repositories.visibility", "public"]).success();
    let git = world.repository("signed");
    let gpg = Gpg::new(&world, "g");
    let public = gpg.key("Ann <ann@example.org>");
    let commits = [gpg.commit(&git, "ann@example.org", "own"), gpg.commit(&git, "bob@example.org", "another")];
    // What was signed, changed afterwards: the same signature over another message.
    let raw = git.run(["cat-file", "commit", &commits[0]]).success();
    let forged = git
        .run_with(["hash-object", "-t", "commit", "-w", "--stdin"], format!("{raw} and more\n").as_bytes())
        .success();
    git.run(["update-ref", "refs/heads/forged", &forged]).success();
    // One signed with an SSH key.
    ssh_keygen(&world.path("ssh-key"), &[]);
    std::fs::write(git.dir.join("ssh"), "ssh").unwrap();
    git.run(["add", "ssh"]).success();
    let signing = format!("user.signingKey={}", world.path("ssh-key.pub").display());
    git.run([
        "-c",
        "gpg.format=ssh",
        "-c",
        &signing,
        "-c",
        "user.email=ann@example.org",
        "commit",
        "-q",
        "-S",
        "-m",
        "ssh",
    ])
    .success();
    let by_ssh = git.run(["rev-parse", "HEAD"]).success();
    world.push(&git, &["main", "forged"]);
    let page = |id: &str| Browser::new(&world.site).get(&format!("/ann/signed/-/commit/{id}")).text();
    let says = |id: &str, words: &str| {
        let text = page(id);
        assert!(text.contains(words), "{words} is not on\n{text}");
    };

    says(&commits[0], "which no account here has added");
    says(&by_ssh, "which no account here has added");
    let (status, text) = api(&world, "POST", "gpg_keys", r#"{"armored_public_key":"ssh-ed25519 AAAA"}"#);
    assert!(status == 422 && text.contains("gpg --armor --export"), "{status} {text}");
    let body = serde_json::json!({ "armored_public_key": public }).to_string();
    let (status, text) = api(&world, "POST", "gpg_keys", &body);
    assert_eq!(status, 201, "{text}");
    let added: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (added["name"].as_str(), added["subkeys"].as_array().map(Vec::len)),
        (Some("Ann <ann@example.org>"), Some(1))
    );
    assert_eq!(api(&world, "POST", "gpg_keys", &body).0, 409);
    world.site.cli(&["key", "add", "ann", world.path("ssh-key.pub").to_str().unwrap()]).success();

    says(&commits[0], "Signed with a key of ann, whose mail address the commit names.");
    says(&commits[1], "Signed with a key of ann, but the commit names somebody else.");
    says(&forged, "The signature does not fit the commit.");
    says(&by_ssh, "Signed with a key of ann, whose mail address the commit names.");

    let (status, _) = api(&world, "DELETE", &format!("gpg_keys/{}", added["id"]), "");
    assert_eq!(status, 204);
    says(&commits[0], "which no account here has added");
}
