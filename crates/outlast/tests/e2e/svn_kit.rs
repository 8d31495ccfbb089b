//! A second client that shares no code with Subversion's own: SVNKit, which speaks WebDAV and keeps working copies itself.

use crate::common::World;
use crate::svn::{Svn, admin, create, on_disk};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What Debian's package needs, whose own script looks for another Java.
const JARS: [&str; 10] = [
    "svnkit",
    "sqljet",
    "sequence-library",
    "antlr3-runtime",
    "lz4-java",
    "jna",
    "trilead-ssh2",
    "jcl-over-slf4j",
    "slf4j-api",
    "slf4j-nop",
];

struct Kit<'a> {
    world: &'a World,
    classes: String,
}

impl<'a> Kit<'a> {
    fn new(world: &'a World) -> Self {
        let jars = JARS.map(|name| format!("/usr/share/java/{name}.jar")).join(":");
        let classes = format!("/usr/share/svnkit/svnkit-cli.jar:{jars}");
        Self { world, classes }
    }

    fn ok(&self, dir: &Path, arguments: &[&str]) -> String {
        let mut command = Command::new("java");
        command.args(["-cp", &self.classes, "org.tmatesoft.svn.cli.SVN"]).args(arguments);
        command.args(["--non-interactive", "--no-auth-cache", "--username", "ann", "--password", &self.world.token]);
        command.arg("--config-dir").arg(self.world.path("svnkit")).current_dir(dir);
        let output = command.output().unwrap();
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{arguments:?}: {}{}", said(&output.stdout), said(&output.stderr));
        said(&output.stdout)
    }
}

#[test]
fn another_client_checks_out_commits_branches_and_merges() {
    let world = World::new();
    let url = create(&world, "project");
    let (svn, kit) = (Svn::of(&world), Kit::new(&world));
    let at = |path: &str| format!("{url}/{path}");
    let (trunk, branch) = (at("trunk"), at("branches/b"));
    kit.ok(world.dir.path(), &["mkdir", "-q", "-m", "layout", &trunk, &at("branches")]);
    let wc = world.path("wc-kit");
    kit.ok(world.dir.path(), &["checkout", "-q", &trunk, wc.to_str().unwrap()]);
    let lines = |seventh: &str| {
        (1..200).map(|n| if n == 7 { format!("{seventh}\n") } else { format!("line {n}\n") }).collect::<String>()
    };
    fs::write(wc.join("file"), lines("line 7")).unwrap();
    kit.ok(&wc, &["add", "-q", "file"]);
    kit.ok(&wc, &["propset", "-q", "note", "of SVNKit", "file"]);
    kit.ok(&wc, &["commit", "-q", "-m", "first"]);
    kit.ok(&wc, &["copy", "-q", "-m", "a branch", &trunk, &branch]);
    kit.ok(&wc, &["switch", "-q", &branch]);
    fs::write(wc.join("file"), lines("seven")).unwrap();
    kit.ok(&wc, &["commit", "-q", "-m", "on the branch"]);
    kit.ok(&wc, &["switch", "-q", &trunk]);
    kit.ok(&wc, &["update", "-q"]);
    kit.ok(&wc, &["merge", "-q", &branch]);
    kit.ok(&wc, &["commit", "-q", "-m", "merged"]);

    // Subversion's own client sees the same, and its commit comes to this one.
    let other = world.path("wc-svn");
    svn.ok(world.dir.path(), &["checkout", "-q", &trunk, other.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(other.join("file")).unwrap(), lines("seven"));
    assert!(svn.ok(&other, &["propget", "svn:mergeinfo", "."]).contains("/branches/b:"));
    assert!(svn.ok(&other, &["log", "-q", &url]).contains("r5 | ann"));
    fs::write(other.join("file"), lines("7")).unwrap();
    svn.ok(&other, &["commit", "-q", "-m", "by svn"]);
    kit.ok(&wc, &["update", "-q"]);
    assert_eq!(fs::read_to_string(wc.join("file")).unwrap(), lines("7"));
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
}
