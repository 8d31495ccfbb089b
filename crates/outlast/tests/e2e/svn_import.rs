//! Dumps of Subversion on their way in: whole, or not at all.

use crate::common::{Browser, Random, Site, Strace, World, cli, request, wait_until};
use crate::svn::{Svn, admin, create, layout, on_disk, work, youngest};
use rustix::process::Signal;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const PASSWORD: &str = "a long enough phrase for these two";

/// A repository of Ann's with branches, merges, properties and binaries, as `svnadmin dump` writes it, and where it was.
fn dumped(world: &World) -> (Vec<u8>, String, PathBuf) {
    let svn = Svn::of(world);
    let url = create(world, "project");
    let wc = layout(&svn, world, &url);
    work(&svn, &wc, &url, 12);
    svn.ok(&wc, &["propset", "-q", "--revprop", "-r", "3", "svn:log", "a better message"]);
    (admin(&["dump", "-q", on_disk(&world.site.data).to_str().unwrap()]), url, wc)
}

fn journal(site: &Site) -> usize {
    site.events(0).len()
}

/// The repositories of Subversion that a site has on the disk, and what is being made there.
fn there(data: &Path) -> Vec<String> {
    let names = fs::read_dir(data.join("svn")).unwrap().flatten().map(|entry| entry.file_name());
    let mut names: Vec<_> = names.map(|name| name.to_string_lossy().into_owned()).collect();
    names.retain(|name| name.parse::<u64>().is_ok() || name.starts_with("load-"));
    names
}

/// The dump of the repository that a page opens.
fn dump_of(site: &Site, svn: &Svn, before: &[String], url: &str, dir: &Path) -> Vec<u8> {
    svn.ok(dir, &["info", url]);
    let new = there(&site.data).into_iter().find(|name| !before.contains(name)).unwrap();
    let place = site.data.join("svn").join(new).join("repo");
    admin(&["verify", "-q", place.to_str().unwrap()]);
    admin(&["dump", "-q", place.to_str().unwrap()])
}

#[test]
fn a_dump_comes_in_as_it_was_and_working_copies_go_on() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let (before, from, wc) = dumped(&world);
    let (newest, had) = (youngest(&world.site.data), there(&world.site.data));
    let file = world.path("project.dump");
    fs::write(&file, &before).unwrap();
    let file = file.to_str().unwrap();
    let said = world.site.cli(&["import", "--svn-dump", file, "--to", "ann/again", "--visibility", "public"]).success();
    assert!(said.contains(&format!("ann/again: held up to revision {newest}")), "{said}");
    let url = format!("http://{}/ann/again.svn", world.site.address);
    assert!(before == dump_of(&world.site, &svn, &had, &url, world.dir.path()), "the dumps differ");
    assert_eq!(world.site.get("/ann/again/-/commit/r3").status, 200);
    assert!(world.site.get("/ann/again/-/activity").text().contains(&format!("took revisions 1 to {newest} into")));
    let twice = world.site.cli(&["import", "--svn-dump", file, "--to", "ann/again"]).failure();
    assert!(twice.contains("is there already"), "{twice}");

    svn.ok(&wc, &["relocate", &from, &url]);
    fs::write(wc.join("dir1/file1"), "it moved\n").unwrap();
    svn.ok(&wc, &["commit", "-q", "-m", "it moved"]);
    let after = svn.ok(world.dir.path(), &["log", "-q", "-l", "1", &url]);
    assert!(after.contains(&format!("r{} | ann", newest + 1)), "{after}");

    // An export has it, and another site takes it in.
    let out = world.path("export");
    world.site.cli(&["export", "ann/again", "--to", out.to_str().unwrap()]).success();
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--keep-credentials"]).success();
    world.site = Site::start(&to, &[]);
    let url = format!("http://{}/ann/again.svn", world.site.address);
    assert!(svn.ok(world.dir.path(), &["log", "-q", &url]).contains(&format!("r{} | ann", newest + 1)));
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let renamed = request(&world.site.address, "PATCH", "/api/v1/repos/ann/again", &headers, br#"{"name":"older"}"#);
    assert_eq!(renamed.unwrap().status, 200);
    let imported = world.site.cli(&["import", out.to_str().unwrap()]).success();
    assert!(imported.contains("repository ann/again") && !imported.contains("warning"), "{imported}");
    assert!(world.site.cli(&["import", out.to_str().unwrap()]).success().contains("there already"));
    let text = svn.ok(world.dir.path(), &["cat", &format!("{url}/trunk/dir1/file1")]);
    assert_eq!(text, "it moved\n");
}

/// More revisions than one entry has room for.
#[test]
fn thousands_of_revisions_come_in_at_once() {
    const REVISIONS: usize = 2_000;
    let world = World::new();
    let svn = Svn::of(&world);
    let mut dump = b"SVN-fs-dump-format-version: 2\n\n".to_vec();
    for rev in 1..=REVISIONS {
        let head = "Prop-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n";
        let (action, text) = (if rev == 1 { "add" } else { "change" }, format!("{rev:08}"));
        let node = format!("Node-path: file\nNode-kind: file\nNode-action: {action}\n");
        let sizes = "Text-content-length: 8\nContent-length: 8\n\n";
        dump.extend(format!("Revision-number: {rev}\n{head}{node}{sizes}{text}\n\n").into_bytes());
    }
    let file = world.path("many.dump");
    fs::write(&file, dump).unwrap();
    world.site.cli(&["import", "--svn-dump", file.to_str().unwrap(), "--to", "ann/much"]).success();
    let url = format!("http://{}/ann/much.svn", world.site.address);
    for rev in [1, REVISIONS / 2, REVISIONS] {
        let text = svn.ok(world.dir.path(), &["cat", &format!("{url}/file@{rev}")]);
        assert_eq!(text, format!("{rev:08}"));
    }
    admin(&["verify", "-q", on_disk(&world.site.data).to_str().unwrap()]);
}

#[test]
fn a_bad_or_lying_dump_leaves_nothing() {
    let world = World::new();
    let (good, ..) = dumped(&world);
    let text = String::from_utf8_lossy(&good).into_owned();
    let sum = text.split("Text-content-md5: ").nth(1).unwrap()[..32].to_owned();
    let lying = replace(&good, sum.as_bytes(), b"11111111111111111111111111111111");
    let had = (there(&world.site.data), journal(&world.site));
    let file = world.path("bad.dump");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("nothing", Vec::new(), "does not take this dump"),
        ("no dump", b"#!/bin/sh\nrm -rf /\n".to_vec(), "does not take this dump"),
        ("cut short", good[..good.len() / 2].to_vec(), "does not take this dump"),
        ("another sum than it says", lying, "hecksum mismatch"),
        ("a copy of what is not there", copy_of_nothing(), "does not take this dump"),
        ("steps upwards", replace(&good, b"Node-path: trunk\n", b"Node-path: ../x\n"), "does not take this dump"),
    ];
    for (what, dump, why) in cases {
        fs::write(&file, dump).unwrap();
        let said = world.site.cli(&["import", "--svn-dump", file.to_str().unwrap(), "--to", "ann/bad"]).failure();
        assert!(said.contains(why) && said.contains("nothing of it is left"), "{what}: {said}");
        assert_eq!((there(&world.site.data), journal(&world.site)), had, "{what}");
    }
    fs::write(&file, &good).unwrap();
    world.site.cli(&["quota", "ann", "--bytes", "30000"]).success();
    let said = world.site.cli(&["import", "--svn-dump", file.to_str().unwrap(), "--to", "ann/bad"]).failure();
    assert!(said.contains("over quota"), "{said}");
    assert_eq!(there(&world.site.data), had.0);
    world.site.cli(&["quota", "ann", "--bytes", "30000000"]).success();
    world.site.cli(&["import", "--svn-dump", file.to_str().unwrap(), "--to", "ann/bad"]).success();
}

fn replace(bytes: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let at = bytes.windows(old.len()).position(|window| window == old).unwrap();
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

fn copy_of_nothing() -> Vec<u8> {
    b"SVN-fs-dump-format-version: 2\n\nRevision-number: 1\nProp-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n\
        Node-path: a\nNode-kind: file\nNode-action: add\nNode-copyfrom-rev: 0\nNode-copyfrom-path: nowhere\n\n\n"
        .to_vec()
}

fn form(dump: &[u8], end: &str) -> Vec<u8> {
    let part = |name: &str, value: &str| {
        format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n").into_bytes()
    };
    let head = b"--edge\r\nContent-Disposition: form-data; name=\"dump\"; filename=\"project.dump\"\r\n\r\n";
    [&part("name", "uploaded")[..], &part("visibility", "public"), head, dump, end.as_bytes()].concat()
}

#[test]
fn a_dump_is_uploaded_on_a_page() {
    let world = World::new();
    let (dump, ..) = dumped(&world);
    let newest = youngest(&world.site.data);
    world.site.cli_with(&["user", "create", "bob", "--email", "b@example.org", "--password-stdin"], PASSWORD).success();
    let bob = Browser::sign_in(&world.site, "bob", PASSWORD);
    assert!(bob.get("/-/new/import/dump").text().contains("svnadmin dump"));
    let upload = |body: &[u8]| {
        let headers = [("Sec-Fetch-Site", "same-origin"), ("Content-Type", "multipart/form-data; boundary=edge")];
        bob.send_bytes("POST", "/-/new/import/dump", &headers, body)
    };
    // Without the form's end it may be anything: whole revisions of it are no repository.
    let had = journal(&world.site);
    let cut = upload(&form(&dump, ""));
    assert_eq!(cut.status, 422, "{}", cut.text());
    assert!(cut.text().contains("broke off"), "{}", cut.text());
    wait_until("nothing is being loaded", 20, || !there(&world.site.data).iter().any(|name| name.starts_with("load-")));
    assert_eq!((journal(&world.site), world.site.get("/bob/uploaded").status), (had, 404));

    let begun = upload(&form(&dump, "\r\n--edge--\r\n"));
    assert_eq!(begun.status, 303, "{}", begun.text());
    let progress = begun.header("location").unwrap().to_owned();
    wait_until("it is held", 60, || {
        let page = bob.get(&progress).text();
        assert!(!page.contains("role=\"alert\""), "{page}");
        page.contains(&format!("<dd>r{newest}</dd>"))
    });
    assert_eq!(world.site.get(&format!("/bob/uploaded/-/commit/r{newest}")).status, 200);
}

#[test]
fn a_repository_comes_in_from_its_url_and_from_no_private_one_unasked() {
    let world = World::new();
    let svn = Svn::of(&world);
    let (before, url, _) = dumped(&world);
    let had = there(&world.site.data);
    let login = world.path("login");
    fs::write(&login, format!("ann:{}\n", world.token)).unwrap();
    let from = ["import", "--svn-from", url.as_str(), "--to", "ann/again", "--credential", login.to_str().unwrap()];
    let refused = world.site.cli(&from).failure();
    assert!(refused.contains("private network"), "{refused}");
    let missing = format!("{url}x");
    let wrong = ["import", "--svn-from", missing.as_str(), "--to", "ann/again", "--allow-private"];
    let said = world.site.cli(&wrong).failure();
    assert!(said.contains("the dump broke off") && said.contains("svnrdump"), "{said}");
    assert_eq!(there(&world.site.data), had);
    world.site.cli(&[&from[..], &["--allow-private"]].concat()).success();
    let again = format!("http://{}/ann/again.svn", world.site.address);
    assert!(before == dump_of(&world.site, &svn, &had, &again, world.dir.path()), "the dumps differ");
}

/// A dump with so much in it, in each revision so many numbers, that it takes a while to be put in place.
pub(crate) fn much(world: &World, revisions: u32, numbers: usize) -> PathBuf {
    let mut dump = b"SVN-fs-dump-format-version: 2\n\nUUID: 6f1c2f4e-0000-4000-8000-000000000002\n\n".to_vec();
    let mut random = Random(7);
    for rev in 1..=revisions {
        let head = format!("Revision-number: {rev}\nProp-content-length: 10\nContent-length: 10\n\nPROPS-END\n\n");
        let content: Vec<u8> = (0..numbers).flat_map(|_| random.below(u64::MAX).to_le_bytes()).collect();
        let (length, node) = (content.len(), format!("Node-path: file{rev}\nNode-kind: file\nNode-action: add\n"));
        let lengths = format!("Text-content-length: {length}\nContent-length: {length}\n\n");
        dump.extend([head.as_bytes(), node.as_bytes(), lengths.as_bytes(), &content, b"\n\n"].concat());
    }
    let (text, place) = (world.path("much.dump"), world.path("much"));
    fs::write(&text, dump).unwrap();
    admin(&["create", place.to_str().unwrap()]);
    admin(&["load", "-q", "--no-flush-to-disk", "-F", text.to_str().unwrap(), place.to_str().unwrap()]);
    fs::write(&text, admin(&["dump", "-q", place.to_str().unwrap()])).unwrap();
    text
}

/// Numbers that a repository of a small site may have.
const REPOSITORIES: u64 = 100;

/// From now on no repository of this running site gets its name: the call that gives it, when all its files are there, never ends.
fn never_whole(site: &mut Site, below: u64) -> Strace {
    const NEVER_US: u32 = 600_000_000;
    let parts = (1..below).map(|id| site.data.join(format!("svn/{id}.part")));
    let mut told: Vec<OsString> = parts.flat_map(|part| ["-P".into(), part.into()]).collect();
    let calls = "?rename,?renameat,?renameat2";
    told.extend(["-f".into(), "-e".into(), format!("inject={calls}:delay_enter={NEVER_US}").into()]);
    told.extend(["-o".into(), "/dev/null".into()]);
    Strace::attach(site.process().pid(), told)
}

/// kill -9. What is watched does not end before who watches it, and that one waits for the call.
fn kill(site: &mut Site, strace: Strace) {
    site.process().signal(Signal::KILL);
    drop(strace);
    site.kill();
}

#[test]
fn a_kill_between_the_entry_and_its_files_loses_nothing() {
    let mut world = World::new();
    let dump = much(&world, 120, 64 << 10);
    let (data, place) = (world.site.data.clone(), world.site.data.join("svn"));
    let arguments =
        ["import", "--svn-dump", dump.to_str().unwrap(), "--to", "ann/much", "--visibility", "public", "--data"];
    let arguments: Vec<String> =
        arguments.into_iter().map(str::to_owned).chain([data.to_str().unwrap().to_owned()]).collect();
    let strace = never_whole(&mut world.site, REPOSITORIES);
    let importing = std::thread::spawn(move || cli(arguments));
    // The files are made here once the entry is held, and moved to their place when they are whole.
    let being_made = || {
        let names = fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.file_name());
        names.filter_map(|name| name.to_str()?.strip_suffix(".part")?.parse::<u64>().ok()).next()
    };
    let deadline = Instant::now() + Duration::from_secs(120);
    let id = loop {
        if let Some(id) = being_made() {
            break id;
        }
        assert!(Instant::now() < deadline && !importing.is_finished(), "no files were seen while they were made");
    };
    kill(&mut world.site, strace);
    let repository = place.join(id.to_string());
    assert!(!repository.exists(), "it had its name before it was whole");
    // Without a server the command opens the site itself, which is a restart too: it knows of no such import.
    assert!(!importing.join().unwrap().ok);
    world.site.resume();
    wait_until("the files are in place", 60, || repository.exists());
    let svn = Svn::of(&world);
    let url = format!("http://{}/ann/much.svn", world.site.address);
    assert!(svn.ok(world.dir.path(), &["log", "-q", "-l", "1", &url]).contains("r120 |"));
    let there = repository.join("repo");
    admin(&["verify", "-q", there.to_str().unwrap()]);
    assert!(admin(&["dump", "-q", there.to_str().unwrap()]) == fs::read(&dump).unwrap(), "the dumps differ");
}

/// A site that has been recovered and has not filled its repository, which it tried and could not.
fn unfilled(site: &mut Site) {
    let (place, kept) = (site.data.join("svn"), site.data.join("svn.kept"));
    let failures = |site: &Site| fs::read_to_string(site.log()).unwrap_or_default().matches("tries again").count();
    let before = failures(site);
    if place.exists() {
        fs::rename(&place, &kept).unwrap();
    }
    fs::write(&place, "in the way").unwrap();
    site.start_with(&[]);
    wait_until("it could not be filled", 30, || failures(site) > before);
    fs::remove_file(&place).unwrap();
    if kept.exists() {
        fs::rename(&kept, &place).unwrap();
    }
}

/// A repository that comes back is killed while its revisions are written, and when all are written and it has no name yet.
#[test]
fn a_kill_while_a_repository_comes_back_leaves_nothing_half() {
    const REVISIONS: u32 = 600;
    let mut world = World::new();
    let dump = much(&world, REVISIONS, 1 << 9);
    let import = ["import", "--svn-dump", dump.to_str().unwrap(), "--to", "ann/much", "--visibility", "public"];
    world.site.cli(&import).success();
    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let (key, to) = (world.take_recovery_key(), world.path("recovered"));
    world.site.kill();
    world.recover(&["eu", "us"], &key, &to, &["--keep-credentials"]).success();

    let svn = Svn::of(&world);
    let place = to.join("svn");
    let names = || fs::read_dir(&place).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let repositories = || names().filter_map(|name| name.to_str()?.parse::<u64>().ok()).collect::<Vec<_>>();
    let part = || {
        names().find_map(|name| name.to_str()?.strip_suffix(".part")?.parse().map(|id: u64| format!("{id}.part")).ok())
    };
    let written = |part: &Path| fs::read_dir(part.join("repo/db/revs/0")).map_or(0, Iterator::count);
    let some: &dyn Fn(&Path) -> bool = &|part| written(part) >= 50;
    let newest = format!("{REVISIONS}\n");
    let all: &dyn Fn(&Path) -> bool =
        &|part| fs::read_to_string(part.join("repo/db/current")).is_ok_and(|text| text == newest);
    world.site = Site::stopped(&to);
    for reached in [some, all] {
        unfilled(&mut world.site);
        let strace = never_whole(&mut world.site, REPOSITORIES);
        let url = format!("http://{}/ann/much.svn", world.site.address);
        let (client, dir) = (svn.clone(), world.dir.path().to_owned());
        let touch = std::thread::spawn(move || client.run(&dir, ["info", url.as_str()]).ok);
        let deadline = Instant::now() + Duration::from_secs(60);
        while !part().is_some_and(|part| reached(&place.join(part))) {
            assert!(Instant::now() < deadline, "no files were seen while they were made");
        }
        kill(&mut world.site, strace);
        println!("killed with {} revisions written", part().map_or(0, |part| written(&place.join(part))));
        assert!(!touch.join().unwrap(), "what is not there was shown");
        assert!(repositories().is_empty(), "it had its name before it was whole");
    }
    world.site.resume();
    let url = format!("http://{}/ann/much.svn", world.site.address);
    assert!(svn.ok(world.dir.path(), &["log", "-q", "-l", "1", &url]).contains(&format!("r{REVISIONS} |")));
    assert!(part().is_none(), "what was left is gone");
    let repository = on_disk(&to);
    admin(&["verify", "-q", repository.to_str().unwrap()]);
    assert!(admin(&["dump", "-q", repository.to_str().unwrap()]) == fs::read(&dump).unwrap(), "the dumps differ");
}
