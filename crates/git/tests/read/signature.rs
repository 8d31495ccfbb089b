//! Signatures that the real `git`, `ssh-keygen` and `gpg` make.

use crate::fixture::{FORMATS, Fixture};
use code::{RevisionId, Signature, Source};
use std::path::Path;
use std::process::Command;

fn run(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn signed_commit(fixture: &Fixture, config: &[&str]) -> RevisionId {
    let tree = fixture.git_with(&["mktree"], b"");
    let mut args = vec!["-c", "user.name=S", "-c", "user.email=s@example.org"];
    config.iter().for_each(|setting| args.extend(["-c", setting]));
    args.extend(["commit-tree", "-S", "-m", "Signed\n\nbody", &tree]);
    RevisionId(fixture.git(&args))
}

/// Makes a key with `ssh-keygen`; gives its place and fingerprint.
fn ssh_key(dir: &Path, kind: &str) -> Option<(String, String)> {
    let key = dir.join(kind).to_str()?.to_owned();
    run("ssh-keygen", &["-q", "-t", kind, "-N", "", "-f", &key])?;
    let listed = run("ssh-keygen", &["-l", "-f", &key])?;
    Some((key, listed.split(' ').nth(1)?.to_owned()))
}

#[test]
fn an_ssh_signature_names_its_key_and_is_verified() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        let keys = tempfile::tempdir().unwrap();
        let Some((key, fingerprint)) = ssh_key(keys.path(), "ed25519") else {
            eprintln!("there is no ssh-keygen here");
            return;
        };
        let id = signed_commit(&fixture, &["gpg.format=ssh", &format!("user.signingKey={key}")]);
        let signature = fixture.source().resolve(&id.0).unwrap().signature;
        assert_eq!(signature, Some(Signature::Ssh { fingerprint: fingerprint.clone(), valid: true }));

        let changed = fixture.git(&["cat-file", "commit", &id.0]).replace("body", "else") + "\n";
        let id = fixture.commit_object(changed.as_bytes());
        let signature = fixture.source().resolve(&id.0).unwrap().signature;
        assert_eq!(signature, Some(Signature::Ssh { fingerprint, valid: false }));
    }
}

#[test]
fn ssh_signatures_of_other_kinds_of_keys_are_verified_too() {
    for kind in ["ecdsa", "rsa"] {
        let fixture = Fixture::new(git::ObjectFormat::Sha1);
        let keys = tempfile::tempdir().unwrap();
        let Some((key, fingerprint)) = ssh_key(keys.path(), kind) else { return };
        let id = signed_commit(&fixture, &["gpg.format=ssh", &format!("user.signingKey={key}")]);
        let signature = fixture.source().resolve(&id.0).unwrap().signature;
        assert_eq!(signature, Some(Signature::Ssh { fingerprint: fingerprint.clone(), valid: true }), "{kind}");
        let changed = fixture.git(&["cat-file", "commit", &id.0]) + "more\n";
        let id = fixture.commit_object(changed.as_bytes());
        let signature = fixture.source().resolve(&id.0).unwrap().signature;
        assert_eq!(signature, Some(Signature::Ssh { fingerprint, valid: false }), "{kind}");
    }
}

#[test]
fn an_openpgp_signature_names_its_key() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path().to_str().unwrap();
    let gpg = |args: &[&str]| run("gpg", &[&["--homedir", home, "--batch", "--quiet"], args].concat());
    let made = gpg(&["--passphrase", "", "--quick-generate-key", "s@example.org", "ed25519", "sign", "never"]);
    let Some(listed) = made.and_then(|_| gpg(&["--with-colons", "--list-keys"])) else {
        eprintln!("gpg makes no keys here");
        return;
    };
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:")).unwrap().trim_matches(':').to_owned();
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let program = fixture.path().join("gpg.sh");
    std::fs::write(&program, format!("#!/bin/sh\nexec gpg --homedir {home} --batch \"$@\"\n")).unwrap();
    run("chmod", &["+x", program.to_str().unwrap()]).unwrap();
    let id = signed_commit(&fixture, &[&format!("gpg.program={}", program.display()), "user.signingKey=s@example.org"]);
    let signature = fixture.source().resolve(&id.0).unwrap().signature;
    assert_eq!(signature, Some(Signature::OpenPgp(Some(fingerprint))));
    let _ = run("gpgconf", &["--homedir", home, "--kill", "all"]);
}
