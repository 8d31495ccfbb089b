//! Subversion over SSH, with the real clients of both.

use crate::common::{Browser, Ssh, VaultStart, World, encoded, wait_until};
use crate::svn::{Svn, admin, create, layout, on_disk, work, youngest};
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::Stdio;

/// A site, Ann's repository `ann/project`, her client with a key, and the repository's address.
pub(crate) fn over_ssh() -> (World, Svn, Ssh, String) {
    let world = World::new();
    create(&world, "project");
    let ssh = Ssh::new(&world, "ann", &[]);
    ssh.add_to(&world, "ann");
    let (svn, url) = (Svn::of(&world).over(&ssh), ssh.svn_url("ann/project"));
    (world, svn, ssh, url)
}

/// Sessions that have something on the disk.
fn sessions(data: &Path) -> usize {
    let tunnels = on_disk(data).parent().unwrap().join("tunnels");
    fs::read_dir(tunnels).map_or(0, Iterator::count)
}

#[test]
fn work_over_ssh_is_held_and_seen_over_http() {
    let (mut world, svn, ssh, url) = over_ssh();
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 11);
    svn.ok(&wc, &["lock", "-q", "-m", "mine", "dir1/file1", "dir2/file2"]);
    svn.ok(&wc, &["unlock", "-q", "dir2/file2"]);
    svn.ok(&wc, &["propset", "-q", "--revprop", "-r", "3", "svn:log", "a better message"]);
    assert!(svn.ok(&wc, &["blame", "dir1/file1"]).contains("ann"));

    // The author is the key's account, whatever the client says of itself.
    let as_eve = url.replace("git@", "eve@");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "claimed", "--username", "eve", &format!("{as_eve}/claimed")]);
    let log = svn.ok(world.dir.path(), &["log", "-q", &url]);
    assert!(!log.contains("eve"), "{log}");

    // Over HTTP it is the same repository.
    let http = format!("http://{}/ann/project.svn", world.site.address);
    let locked = svn.ok(&wc, &["info", &format!("{http}/trunk/dir1/file1")]);
    assert!(locked.contains("Lock Token"), "{locked}");
    assert_eq!(svn.ok(&wc, &["log", "-v", &http]), svn.ok(&wc, &["log", "-v", &url]));
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "by http", &format!("{http}/by-http")]);
    svn.ok(&wc, &["relocate", &url, &http]);
    svn.ok(&wc, &["update", "-q"]);
    assert!(svn.ok(&wc, &["log", "-r", "HEAD", &url]).contains("by http"));
    wait_until("no session is left", 20, || sessions(&world.site.data) == 0);

    let (newest, before) =
        (youngest(&world.site.data), admin(&["dump", "-q", on_disk(&world.site.data).to_str().unwrap()]));
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--full", "--keep-credentials"]).success();
    assert_eq!(youngest(&to), newest);
    assert!(before == admin(&["dump", "-q", on_disk(&to).to_str().unwrap()]));
    world.site.data = to;
    world.site.resume();
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    let url = ssh.at(&world).svn_url("ann/project");
    svn.over(&ssh.at(&world)).ok(world.dir.path(), &["mkdir", "-q", "-m", "goes on", &format!("{url}/goes-on")]);
}

#[test]
fn one_sees_and_does_what_one_may() {
    let (world, svn, ann, url) = over_ssh();
    let wc = layout(&svn, &world, &url);
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bob = Ssh::new(&world, "bob", &[]);
    bob.add_to(&world, "bob");
    let (bobs, dir) = (svn.over(&bob), world.dir.path());
    let absent = bobs.run(dir, ["info", &ann.svn_url("ann/nothing")]).failure();
    assert!(absent.contains("ann/nothing does not exist, or you may not see it"), "{absent}");
    assert_eq!(absent.replace("nothing", "project"), bobs.run(dir, ["info", &url]).failure());
    let git = world.repository("of-git");
    drop(git);
    assert!(svn.run(dir, ["info", &ann.svn_url("ann/of-git")]).failure().contains("is a repository of Git"));
    assert!(svn.run(dir, ["info", &url.replace("project.svn", "project")]).failure().contains("OWNER/NAME.svn"));

    // With a role that reads.
    ann.api(&world, "PUT", "/api/v1/repos/ann/project/collaborators/bob", r#"{"permission":"read"}"#);
    bobs.ok(dir, &["checkout", "-q", &url, world.path("bobs").to_str().unwrap()]);
    let refused = bobs.run(dir, ["mkdir", "-m", "x", &format!("{url}/no")]).failure();
    assert!(refused.contains("you may not push to ann/project"), "{refused}");
    let locked = bobs.run(dir, ["lock", &format!("{url}/trunk")]);
    assert!(!locked.ok);
    assert_eq!(youngest(&world.site.data), 1);

    // Deploy keys do what they are for, and nothing elsewhere.
    create(&world, "other");
    let password = "correct horse battery staple";
    let dora = ["user", "create", "dora", "--email", "dora@example.org", "--password-stdin"];
    world.site.cli_with(&dora, password).success();
    let admin = r#"{"permission":"admin"}"#;
    assert_eq!(ann.api(&world, "PUT", "/api/v1/repos/ann/project/collaborators/dora", admin).status, 204);
    let pages = Browser::sign_in(&world.site, "dora", password);
    for (name, read_only) in [("reads", true), ("writes", false)] {
        let key = Ssh::new(&world, name, &[]);
        let writes = if read_only { "" } else { "&writes=on" };
        let body = format!("name={name}&days=30&key={}{writes}", encoded(&key.public));
        let answer = pages.post("/ann/project/-/settings/keys", &body);
        assert_eq!(answer.status, 200, "{}", answer.text());
        let deploy = svn.over(&key);
        deploy.ok(dir, &["ls", &url]);
        let made = deploy.run(dir, ["mkdir", "-m", "x", &format!("{url}/{name}")]);
        assert_eq!(made.ok, !read_only, "{}", made.err);
        assert!(!deploy.run(dir, ["ls", &ann.svn_url("ann/other")]).ok);
    }
    svn.ok(&wc, &["update", "-q"]);
}

/// A client that has said where it wants to go, and then says nothing.
fn open_session(ssh: &Ssh, url: &str) -> std::process::Child {
    let mut command = ssh.command(&["-T"]);
    let command = command.arg("svnserve -t").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut running = command.spawn().unwrap();
    let words = format!("( 2 ( edit-pipeline ) {}:{url} ) ( EXTERNAL ( 0: ) ) ( get-latest-rev ( ) ) ", url.len());
    running.stdin.as_mut().unwrap().write_all(words.as_bytes()).unwrap();
    let (mut said, mut piece) = (String::new(), [0; 512]);
    while !said.contains("( ( 1 ) )") && !said.contains("( success ( 1 ) )") {
        let n = running.stdout.as_mut().unwrap().read(&mut piece).unwrap();
        assert_ne!(n, 0, "{said}");
        said.push_str(&String::from_utf8_lossy(&piece[..n]));
    }
    running
}

#[test]
fn a_revocation_ends_the_session() {
    let (world, svn, ann, url) = over_ssh();
    layout(&svn, &world, &url);
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let bob = Ssh::new(&world, "bob", &[]);
    bob.add_to(&world, "bob");
    let role = |word: &str| {
        let body = format!("{{\"permission\":\"{word}\"}}");
        ann.api(&world, "PUT", "/api/v1/repos/ann/project/collaborators/bob", &body)
    };
    role("write");
    let mut by_role = open_session(&bob, &url);
    role("read");
    wait_until("the session of another role ends", 30, || by_role.try_wait().unwrap().is_some());
    let mut by_key = open_session(&bob, &url);
    let id = world.site.cli(&["key", "list", "bob"]).success();
    world.site.cli(&["key", "remove", id.split(' ').next().unwrap()]).success();
    wait_until("the session of a removed key ends", 30, || by_key.try_wait().unwrap().is_some());
    wait_until("no session is left", 20, || sessions(&world.site.data) == 0);
    // Who just goes leaves nothing behind.
    let mut gone = open_session(&ann, &url);
    gone.kill().unwrap();
    gone.wait().unwrap();
    wait_until("no session is left", 20, || sessions(&world.site.data) == 0);
}

#[test]
fn without_a_quorum_nothing_shows_and_the_client_is_told() {
    let (mut world, svn, _, url) = over_ssh();
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("a"), "a\n").unwrap();
    svn.ok(&wc, &["add", "-q", "a"]);
    for vault in ["eu", "us"] {
        world.vault(vault).kill();
    }
    wait_until("the site sees that there is no quorum", 20, || world.site.get("/healthz").status != 200);
    let refused = svn.run(&wc, ["commit", "-m", "must not be"]).failure();
    assert!(refused.contains("outlast: ") && refused.contains("too few vaults"), "{refused}");
    assert_eq!(youngest(&world.site.data), 1, "it can be seen");
    for vault in ["eu", "us"] {
        world.vault(vault).resume(VaultStart::Plain);
    }
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    svn.ok(&wc, &["commit", "-m", "now it may"]);
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
}

/// The first words of clients of 1.8 and of SVNKit, and those of today's with all that it can.
#[test]
fn what_each_client_says_of_itself_is_understood() {
    let (world, svn, ann, url) = over_ssh();
    layout(&svn, &world, &url);
    let older = "edit-pipeline svndiff1 absent-entries depth mergeinfo log-revprops";
    let kit = "edit-pipeline svndiff1 absent-entries commit-revprops depth log-revprops atomic-revprops partial-replay";
    let newer = "edit-pipeline svndiff1 accepts-svndiff2 absent-entries depth mergeinfo log-revprops";
    for (abilities, rest) in [
        (older, "21:SVN/1.8.19 (x86_64-w) ( ) "),
        (kit, "13:SVNKit 1.10.3 ( ) "),
        (newer, "10:SVN/1.14.2 ( ) "),
        (older, ""),
    ] {
        let words =
            format!("( 2 ( {abilities} ) {}:{url} {rest}) ( EXTERNAL ( 0: ) ) ( get-latest-rev ( ) ) ", url.len());
        let (out, said) = ann.talk("svnserve -t", &words);
        assert!(out.contains("( success ( 1 ) )"), "{rest}: {out} {said}");
    }
}

#[test]
fn what_is_no_client_is_shown_out() {
    let (world, svn, ann, url) = over_ssh();
    layout(&svn, &world, &url);
    let (out, _) = ann.talk("svnserve -t", "GET / HTTP/1.1\r\n\r\n");
    assert!(out.starts_with("( success ( 2 2 ") && !out.contains("failure"), "{out}");
    let long = format!("( 2 ( {} ", "x ".repeat(20_000));
    let (out, _) = ann.talk("svnserve -t", &long);
    assert!(!out.contains("failure"), "{out}");
    for escape in ["/../other.svn", "/../../etc.svn", "//ann/project.svn", "/ann/project.svn/../../../1/repo"] {
        let url = format!("svn+ssh://h{escape}");
        let words = format!("( 2 ( edit-pipeline ) {}:{url} ) ( EXTERNAL ( 0: ) ) ( get-latest-rev ( ) ) ", url.len());
        let (out, _) = ann.talk("svnserve -t", &words);
        assert!(!out.contains("( success ( 1 ) )"), "{escape}: {out}");
    }
    wait_until("no session is left", 20, || sessions(&world.site.data) == 0);
}
