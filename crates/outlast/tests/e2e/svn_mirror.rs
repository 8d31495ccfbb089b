//! Subversion's own `svnsync`, out of a site and into one.

use crate::common::{World, request};
use crate::svn::{Svn, admin, create, layout, on_disk, work};
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

fn svnsync(world: &World, arguments: &[&str]) {
    let mut command = Command::new("svnsync");
    command.args(arguments).args(["--non-interactive", "--no-auth-cache", "--config-dir"]).arg(world.path("svnsync"));
    for side in ["source", "sync"] {
        command.args([&format!("--{side}-username"), "ann", &format!("--{side}-password"), world.token.as_str()]);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What a dump says, without the UUID, which a mirror has of its own.
fn dump(repository: &Path) -> Vec<u8> {
    let dump = admin(&["dump", "-q", "-r", "1:HEAD", repository.to_str().unwrap()]);
    let at = dump.windows(6).position(|window| window == b"UUID: ").unwrap();
    let end = at + dump[at..].iter().position(|byte| *byte == b'\n').unwrap();
    [&dump[..at], &dump[end..]].concat()
}

#[test]
fn svnsync_mirrors_a_repository_out_and_another_in() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 12);
    let original = dump(&on_disk(&world.site.data));

    let mirror = world.path("mirror");
    admin(&["create", mirror.to_str().unwrap()]);
    let hook = mirror.join("hooks/pre-revprop-change");
    fs::write(&hook, "#!/bin/sh\n").unwrap();
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755)).unwrap();
    let to = format!("file://{}", mirror.display());
    svnsync(&world, &["init", &to, &url]);
    svnsync(&world, &["sync", &to]);
    assert!(dump(&mirror) == original, "the mirror differs");
    fs::write(wc.join("more"), "more\n").unwrap();
    svn.ok(&wc, &["add", "-q", "more"]);
    svn.ok(&wc, &["commit", "-q", "-m", "one more"]);
    svnsync(&world, &["sync", &to]);
    let newer = dump(&on_disk(&world.site.data));
    assert!(newer != original && dump(&mirror) == newer, "the mirror does not follow");

    // Into a repository whose administrator lets revisions have other authors and dates.
    let there = create(&world, "taken");
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let rules = br#"{"commits":{"author_changes":true}}"#;
    let path = "/api/v1/outlast/repos/ann/taken/svn_rules";
    assert_eq!(request(&world.site.address, "PUT", path, &headers, rules).unwrap().status, 200);
    svnsync(&world, &["init", &there, &to]);
    svnsync(&world, &["sync", &there]);
    let log = |url: &str| svn.ok(world.dir.path(), &["log", "-v", url]);
    assert_eq!(log(&there), log(&to));
}
