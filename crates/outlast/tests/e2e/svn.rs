//! Subversion, with its own client: the story, refusals, crashes, and what must not be possible.

use crate::common::{Answer, Browser, Site, Ssh, VaultStart, World, request, wait_until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The stock client, as Ann.
#[derive(Clone)]
pub(crate) struct Svn {
    name: String,
    token: String,
    config: PathBuf,
    ssh: String,
}

pub(crate) struct Said {
    pub(crate) ok: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    fn success(self) -> String {
        assert!(self.ok, "{}{}", self.out, self.err);
        self.out
    }

    pub(crate) fn failure(self) -> String {
        assert!(!self.ok, "{}", self.out);
        self.err
    }
}

impl Svn {
    pub(crate) fn of(world: &World) -> Self {
        Self {
            name: "ann".to_owned(),
            token: world.token.clone(),
            config: world.path("svn-config"),
            ssh: String::new(),
        }
    }

    /// As somebody else.
    pub(crate) fn named(&self, name: &str, token: &str) -> Self {
        Self { name: name.to_owned(), token: token.to_owned(), ..self.clone() }
    }

    /// Reaching SSH addresses with this key.
    pub(crate) fn over(&self, ssh: &Ssh) -> Self {
        Self { ssh: ssh.for_svn(), ..self.clone() }
    }

    pub(crate) fn run<A: AsRef<std::ffi::OsStr>>(&self, dir: &Path, arguments: impl IntoIterator<Item = A>) -> Said {
        let output = Command::new("svn")
            .args(["--non-interactive", "--no-auth-cache", "--username", &self.name, "--password", &self.token])
            .arg("--config-dir")
            .arg(&self.config)
            .args(arguments)
            .current_dir(dir)
            .env("LC_ALL", "C.UTF-8")
            .env("SVN_SSH", &self.ssh)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Said { ok: output.status.success(), out: text(&output.stdout), err: text(&output.stderr) }
    }

    /// `run` that must succeed.
    pub(crate) fn ok(&self, dir: &Path, arguments: &[&str]) -> String {
        self.run(dir, arguments).success()
    }
}

pub(crate) fn admin(arguments: &[&str]) -> Vec<u8> {
    let output = Command::new("svnadmin").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn create(world: &World, name: &str) -> String {
    world.site.cli(&["repo", "create", &format!("ann/{name}"), "--svn"]).success();
    format!("http://{}/ann/{name}.svn", world.site.address)
}

/// The only repository of Subversion of a site, as stock tools open it.
pub(crate) fn on_disk(data: &Path) -> PathBuf {
    let mut found = fs::read_dir(data.join("svn")).unwrap().flatten().map(|entry| entry.path().join("repo"));
    found.find(|path| path.join("db/current").is_file()).unwrap()
}

pub(crate) fn youngest(data: &Path) -> u64 {
    fs::read_to_string(on_disk(data).join("db/current")).unwrap().trim().parse().unwrap()
}

/// A history with directories, edits, renames, properties, binaries, a branch for each ten revisions, and merges.
pub(crate) fn work(svn: &Svn, wc: &Path, url: &str, commits: u32) {
    for n in 0..commits {
        let (dir, file) = (wc.join(format!("dir{}", n % 7)), format!("dir{}/file{}", n % 7, n % 23));
        if !dir.is_dir() {
            fs::create_dir(&dir).unwrap();
            svn.ok(wc, &["add", "-q", dir.to_str().unwrap()]);
        }
        let is_new = !wc.join(&file).exists();
        let text: String =
            (0..200).map(|line| format!("line {line} of {}\n", if line % 50 == n % 50 { n } else { 0 })).collect();
        fs::write(wc.join(&file), text).unwrap();
        if is_new {
            svn.ok(wc, &["add", "-q", &file]);
        }
        match n % 10 {
            3 => drop(svn.ok(wc, &["propset", "-q", "note", &format!("revision of {n}"), &file])),
            5 => fs::write(
                wc.join("noise"),
                (0..50_000_u32).map(|i| (i.wrapping_mul(n + 77) >> 7) as u8).collect::<Vec<_>>(),
            )
            .unwrap(),
            _ => {}
        }
        if n % 10 == 5 {
            svn.ok(wc, &["add", "-q", "--force", "noise"]);
        }
        svn.ok(wc, &["commit", "-q", "-m", &format!("change {n}")]);
        if n % 10 == 9 {
            let branch = format!("{url}/branches/b{n}");
            svn.ok(wc, &["copy", "-q", "-m", "a branch", &format!("{url}/trunk"), &branch]);
            svn.ok(wc, &["switch", "-q", &branch]);
            fs::write(wc.join(format!("on-branch-{n}")), "new\n").unwrap();
            svn.ok(wc, &["add", "-q", &format!("on-branch-{n}")]);
            svn.ok(wc, &["commit", "-q", "-m", "on the branch"]);
            svn.ok(wc, &["switch", "-q", &format!("{url}/trunk")]);
            svn.ok(wc, &["update", "-q"]);
            svn.ok(wc, &["merge", "-q", &branch]);
            svn.ok(wc, &["commit", "-q", "-m", "merged"]);
            svn.ok(wc, &["update", "-q"]);
        }
    }
}

pub(crate) fn layout(svn: &Svn, world: &World, url: &str) -> PathBuf {
    let place = |name: &str| format!("{url}/{name}");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "layout", &place("trunk"), &place("branches"), &place("tags")]);
    let wc = world.path("wc");
    svn.ok(world.dir.path(), &["checkout", "-q", &place("trunk"), wc.to_str().unwrap()]);
    wc
}

#[test]
fn commit_hold_burn_recover() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 60);
    svn.ok(&wc, &["lock", "-q", "-m", "mine", "dir1/file1", "dir2/file2"]);
    svn.ok(&wc, &["unlock", "-q", "dir2/file2"]);
    svn.ok(&wc, &["propset", "-q", "--revprop", "-r", "3", "svn:log", "a better message"]);
    let locked = svn.ok(&wc, &["info", &format!("{url}/trunk/dir1/file1")]);
    assert!(locked.contains("Lock Token"), "{locked}");
    let newest = youngest(&world.site.data);
    let before = admin(&["dump", "-q", on_disk(&world.site.data).to_str().unwrap()]);

    let key = world.take_recovery_key();
    world.site.kill();
    fs::remove_dir_all(&world.site.data).unwrap();
    world.vault("eu").kill();
    fs::remove_dir_all(&world.vault("eu").dir).unwrap();
    let to = world.path("recovered");
    let said = world.recover(&["us", "asia"], &key, &to, &["--keep-credentials", "--full"]).success();
    assert!(said.contains("svnadmin verify") && !said.contains("problem"), "{said}");
    let address = world.site.address.clone();
    world.site = Site::start(&to, &[]);

    assert_eq!(youngest(&to), newest);
    admin(&["verify", "-q", on_disk(&to).to_str().unwrap()]);
    let after = admin(&["dump", "-q", on_disk(&to).to_str().unwrap()]);
    assert!(before == after, "the dumps differ: {} bytes, {} after", before.len(), after.len());
    let url = format!("http://{}/ann/project.svn", world.site.address);
    if address != world.site.address {
        svn.ok(&wc, &["relocate", &format!("http://{address}/ann/project.svn"), &url]);
    }
    let locked_after = svn.ok(&wc, &["info", &format!("{url}/trunk/dir1/file1")]);
    let token = |info: &str| info.lines().find(|line| line.starts_with("Lock Token")).map(str::to_owned);
    assert_eq!(token(&locked), token(&locked_after));
    assert!(svn.ok(&wc, &["log", "-r", "3", &url]).contains("a better message"));

    // A working copy from before goes on.
    fs::write(wc.join("dir1/file1"), "after the fire\n").unwrap();
    svn.ok(&wc, &["commit", "-q", "-m", "after the fire"]);
    assert_eq!(youngest(&to), newest + 1);
    admin(&["verify", "-q", on_disk(&to).to_str().unwrap()]);
    let doctor: serde_json::Value = serde_json::from_str(&world.site.cli(&["doctor", "--json"]).stdout).unwrap();
    let red = doctor["findings"].as_array().unwrap().iter().filter(|finding| finding["colour"] == "red");
    let red: Vec<_> = red.map(|finding| finding["id"].as_str().unwrap()).collect();
    // All of this test runs on one machine, and the doctor sees it.
    assert_eq!(red, ["vaults-apart", "vaults-elsewhere"], "{doctor}");
}

#[test]
fn a_repository_is_filled_on_first_touch_and_shown_as_it_was() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 4);
    let entry = world.site.get("/healthz").status;
    assert_eq!(entry, 200);
    let middle = jiff_now();
    std::thread::sleep(std::time::Duration::from_millis(20));
    work(&svn, &wc, &url, 3);
    let newest = youngest(&world.site.data);
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let key = world.take_recovery_key();
    world.site.kill();
    let (to, past) = (world.path("recovered"), world.path("past"));
    world.recover(&["eu"], &key, &past, &["--at", &middle, "--keep-credentials"]).success();
    world.recover(&["eu", "us", "asia"], &key, &to, &["--keep-credentials"]).success();

    let view = Site::start(&past, &[]);
    let then = format!("http://{}/ann/project.svn", view.address);
    let info = svn.ok(world.dir.path(), &["info", &then]);
    assert!(info.contains("Revision: 5"), "{info}");
    let refused = svn.run(world.dir.path(), ["mkdir", "-m", "x", &format!("{then}/new")]);
    assert!(!refused.ok && refused.err.contains("view of the past"), "{}", refused.err);
    drop(view);

    world.site = Site::start(&to, &[]);
    let now = format!("http://{}/ann/project.svn", world.site.address);
    let info = svn.ok(world.dir.path(), &["info", &now]);
    assert!(info.contains(&format!("Revision: {newest}")), "{info}");
    svn.ok(world.dir.path(), &["export", "-q", &format!("{now}/trunk"), world.path("export").to_str().unwrap()]);
}

pub(crate) fn jiff_now() -> String {
    let output = Command::new("date").args(["-u", "+%Y-%m-%dT%H:%M:%S.%NZ"]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn without_a_quorum_a_commit_fails_and_nothing_shows() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("a"), "a\n").unwrap();
    svn.ok(&wc, &["add", "-q", "a"]);
    for vault in ["eu", "us"] {
        world.vault(vault).kill();
    }
    wait_until("the site sees that there is no quorum", 20, || world.site.get("/healthz").status != 200);
    let refused = svn.run(&wc, ["commit", "-m", "must not be"]);
    assert!(!refused.ok, "{}", refused.out);
    assert!(refused.err.contains("too few vaults") && refused.err.contains("outlast"), "{}", refused.err);
    let lock = svn.run(&wc, ["lock", &format!("{url}/trunk/a")]);
    assert!(!lock.ok);
    assert_eq!(youngest(&world.site.data), 1, "it can be seen");
    assert!(!svn.ok(&wc, &["log", &url]).contains("must not be"));
    for vault in ["eu", "us"] {
        world.vault(vault).resume(VaultStart::Plain);
    }
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    svn.ok(&wc, &["commit", "-m", "now it may"]);
    assert_eq!(youngest(&world.site.data), 2);
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
}

#[test]
fn what_came_past_the_gate_is_captured_when_it_is_opened() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    layout(&svn, &world, &url);
    world.site.stop();
    let disk = on_disk(&world.site.data);
    let place = format!("file://{}/past", disk.display());
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "by the operator", &place]);
    world.site.resume();
    wait_until("a quorum answers", 30, || world.site.get("/healthz").status == 200);
    assert!(svn.ok(world.dir.path(), &["log", &url]).contains("by the operator"));
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "goes on", &format!("{url}/more")]);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["eu", "us", "asia"], &key, &to, &["--full"]).success();
    assert_eq!(youngest(&to), 3);
}

/// One raw request to the repository, as Ann or as nobody.
fn raw(world: &World, method: &str, path: &str, token: Option<&str>, headers: &[(&str, &str)], body: &str) -> Answer {
    let login = token.map(|token| format!("Bearer {token}"));
    let mut all: Vec<(&str, &str)> = headers.to_vec();
    if let Some(login) = &login {
        all.push(("Authorization", login));
    }
    request(&world.site.address, method, path, &all, body.as_bytes()).unwrap()
}

#[test]
fn only_who_may_and_only_where_they_may() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    create(&world, "other");
    layout(&svn, &world, &url);
    world.site.cli(&["user", "create", "eve", "--email", "eve@example.org"]).success();
    let eve = world.site.cli(&["token", "create", "eve", "--scope", "repo:write"]).success().trim().to_owned();
    let read_only = world.site.cli(&["token", "create", "ann", "--scope", "repo:read"]).success().trim().to_owned();
    let ann = world.token.as_str();

    let status = |method: &str, path: &str, token: Option<&str>| raw(&world, method, path, token, &[], "").status;
    assert_eq!(status("GET", "/ann/project.svn/trunk/", None), 401, "private");
    assert_eq!(status("GET", "/ann/project.svn/trunk/", Some(&eve)), 404, "not hers to see");
    assert_eq!(status("GET", "/ann/nothing.svn/trunk/", Some(&eve)), 404, "and the same for what is not there");
    assert_eq!(status("GET", "/ann/project.svn/trunk/", Some(&read_only)), 200);
    assert_eq!(status("MKCOL", "/ann/project.svn/x", Some(&read_only)), 403, "its token only reads");
    for escape in [
        "/ann/project.svn/../other.svn/",
        "/ann/project.svn/%2e%2e/other.svn/",
        "/ann/project.svn/x/..%2f..%2fother.svn/",
    ] {
        assert_eq!(status("GET", escape, Some(ann)), 400, "{escape}");
    }
    let elsewhere = [("Destination", "http://localhost/ann/other.svn/stolen"), ("Overwrite", "T")];
    assert_eq!(raw(&world, "COPY", "/ann/project.svn/!svn/rvr/1/trunk", Some(ann), &elsewhere, "").status, 400);

    // Nothing tells what the server behind is told.
    let traced = raw(&world, "TRACE", "/ann/project.svn/", Some(ann), &[], "");
    assert!(traced.status == 405 && !traced.text().contains("x-outlast-gate"), "{}", traced.text());

    // A page that a browser shows is in a box of its own.
    let shown = raw(&world, "GET", "/ann/project.svn/trunk/", Some(ann), &[], "");
    assert!(shown.header("content-security-policy").is_some_and(|policy| policy.contains("sandbox")));

    // What would cost the server much is refused.
    let bomb = "<?xml version=\"1.0\"?><!DOCTYPE b [<!ENTITY a \"aaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;\">]><x>&b;</x>";
    assert_eq!(
        raw(&world, "REPORT", "/ann/project.svn/!svn/me", Some(ann), &[("Content-Type", "text/xml")], bomb).status,
        400
    );
    assert_eq!(raw(&world, "PROPFIND", "/ann/project.svn/", Some(ann), &[("Depth", "infinity")], "").status, 403);

    // The author is the account, whatever the client says.
    let claimed =
        ["mkdir", "-m", "x", "--with-revprop", "svn:author=eve", &format!("{url}/claimed")].map(str::to_owned);
    assert!(!svn.run(world.dir.path(), &claimed).out.contains("eve"));
    let log = svn.ok(world.dir.path(), &["log", "-q", &url]);
    assert!(!log.contains("eve"), "{log}");
    // Its pages say how to check it out; by Git's door it is read, and not written.
    let page = raw(&world, "GET", "/ann/project", Some(ann), &[], "");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("/ann/project.svn/trunk<") && page.text().contains("layout"), "{}", page.text());
    assert_eq!(status("GET", "/ann/project.git/info/refs?service=git-upload-pack", Some(ann)), 200);
    // 200, because Git shows its user the words of nothing else.
    let pushed = raw(&world, "GET", "/ann/project.git/info/refs?service=git-receive-pack", Some(ann), &[], "").text();
    assert!(pushed.contains("ERR ") && pushed.contains("only for reading") && !pushed.contains("refs/"), "{pushed}");
}

/// What clients from 1.8 on may ask for in another way than this machine's does by itself.
#[test]
fn other_clients_ways_of_asking_are_served() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let first = layout(&svn, &world, &url);
    work(&svn, &first, &url, 12);
    let plain = world.path("plain");
    svn.ok(world.dir.path(), &["export", "-q", &format!("{url}/trunk"), plain.to_str().unwrap()]);
    // Everything in one report, as clients ask it whose configuration says so; or each file for itself.
    for (n, bulk) in ["yes", "no"].iter().enumerate() {
        for chunked in ["yes", "no"] {
            let option = |name: &str, value: &str| format!("--config-option=servers:global:{name}={value}");
            let options = [
                option("http-bulk-updates", bulk),
                option("http-chunked-requests", chunked),
                option("http-compression", chunked),
                option("http-max-connections", if n == 0 { "2" } else { "8" }),
            ];
            let ok = |dir: &Path, arguments: &[&str]| {
                let all = options.iter().map(String::as_str).chain(arguments.iter().copied());
                svn.run(dir, all).success()
            };
            let wc = world.path(&format!("wc-{bulk}-{chunked}"));
            ok(world.dir.path(), &["checkout", "-q", "-r", "8", &format!("{url}/trunk"), wc.to_str().unwrap()]);
            ok(&wc, &["update", "-q"]);
            let file = format!("by-{bulk}-{chunked}");
            fs::write(wc.join(&file), file.repeat(30_000)).unwrap();
            ok(&wc, &["add", "-q", &file]);
            ok(&wc, &["commit", "-q", "-m", "added"]);
            fs::write(wc.join(&file), file.repeat(30_001)).unwrap();
            ok(&wc, &["commit", "-q", "-m", "changed"]);
            assert_eq!(ok(&wc, &["cat", &format!("{url}/trunk/{file}")]), file.repeat(30_001));
            assert_eq!(ok(&wc, &["log", "-v", &url]), svn.ok(&wc, &["log", "-v", &url]));
            let differ =
                Command::new("diff").args(["-r", "-x", ".svn", "-x", "by-*"]).arg(&plain).arg(&wc).output().unwrap();
            assert!(differ.status.success(), "{}", String::from_utf8_lossy(&differ.stdout));
        }
    }
}

#[test]
fn where_subversion_is_not_installed_that_is_said_and_git_goes_on() {
    let mut world = World::new();
    let url = create(&world, "project");
    let svn = Svn::of(&world);
    layout(&svn, &world, &url);
    let (ssh, git) = (Ssh::new(&world, "ann", &[]), world.repository("code"));
    ssh.add_to(&world, "ann");
    let password = "a long enough phrase for these two";
    world.site.cli_with(&["user", "create", "bob", "--email", "b@example.org", "--password-stdin"], password).success();
    for program in ["/usr/sbin/apache2", "/usr/bin/svnserve", "/usr/lib/apache2/modules/mod_dav_svn.so"] {
        world.site.stop();
        world.site.lacks = Some(program);
        world.site.resume();
        let words = "Subversion is not installed on this server";
        let refused = [
            svn.run(world.dir.path(), ["info", &url]),
            svn.over(&ssh).run(world.dir.path(), ["info", &ssh.svn_url("ann/project")]),
        ];
        for said in refused {
            let said = said.failure();
            assert!(said.contains(words) && said.contains("Git works without it"), "{program}: {said}");
        }
        let made = world.site.cli(&["repo", "create", &format!("ann/x-{}", program.len()), "--svn"]).failure();
        assert!(made.contains(words), "{program}: {made}");
        let bob = Browser::sign_in(&world.site, "bob", password);
        assert!(bob.get("/-/new").text().contains(words), "{program}");
        git.commit(&format!("with-{}", program.len()), program);
        world.push(&git, &["main"]);
        // Pages read for themselves.
        let page = raw(&world, "GET", "/ann/project/-/log/HEAD", Some(&world.token), &[], "");
        assert!(page.status == 200 && page.text().contains("layout"), "{program}: {}", page.status);
    }
    world.site.stop();
    world.site.lacks = None;
    world.site.resume();
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "it is back", &format!("{url}/back")]);
}
