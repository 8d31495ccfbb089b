//! Git's view of repositories of Subversion: cloned with the stock client, compared with what `svn export` gives.

use crate::common::{Answer, Browser, Git, Site, Ssh, World, basic, request, wait_until};
use crate::guarded::{guarded, order_of, sign, state};
use crate::svn::{Svn, create, layout, work};
use crate::svn_limits::limited;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

const PASSWORD: &str = "a long enough phrase for these two";

/// What is at a path: `x` or `-`, or `l` for a link; and its bytes.
type Files = BTreeMap<PathBuf, (char, Vec<u8>)>;

fn files_of(dir: &Path) -> Files {
    let (mut files, mut left) = (Files::new(), vec![dir.to_owned()]);
    while let Some(here) = left.pop() {
        for entry in fs::read_dir(&here).unwrap().flatten() {
            let (path, meta) = (entry.path(), entry.path().symlink_metadata().unwrap());
            let name = path.strip_prefix(dir).unwrap().to_owned();
            if name.starts_with(".git") || name.starts_with(".svn") {
                continue;
            } else if meta.is_dir() {
                left.push(path);
            } else if meta.is_symlink() {
                files.insert(name, ('l', fs::read_link(path).unwrap().into_os_string().into_encoded_bytes()));
            } else {
                let mode = if meta.permissions().mode() & 0o100 != 0 { 'x' } else { '-' };
                files.insert(name, (mode, fs::read(path).unwrap()));
            }
        }
    }
    files
}

/// A history with everything: edits, branches, merges, binaries, a rename, a deletion, modes, links, tags, odd names.
fn history(svn: &Svn, world: &World, url: &str) -> PathBuf {
    let wc = layout(svn, world, url);
    work(svn, &wc, url, 12);
    svn.ok(&wc, &["update", "-q"]);
    let at = |path: &str| format!("{url}/{path}");
    fs::write(wc.join("run.sh"), "#!/bin/sh\n").unwrap();
    symlink("run.sh", wc.join("link")).unwrap();
    fs::create_dir(wc.join("empty")).unwrap();
    svn.ok(&wc, &["add", "-q", "run.sh", "link", "empty"]);
    svn.ok(&wc, &["propset", "-q", "svn:executable", "*", "run.sh"]);
    svn.ok(&wc, &["propset", "-q", "svn:ignore", "*.o", "."]);
    svn.ok(&wc, &["commit", "-q", "-m", "modes and links"]);
    svn.ok(&wc, &["update", "-q"]);
    svn.ok(&wc, &["move", "-q", "dir1", "renamed"]);
    svn.ok(&wc, &["delete", "-q", "dir2"]);
    svn.ok(&wc, &["commit", "-q", "-m", "renamed and removed"]);
    svn.ok(&wc, &["copy", "-q", "-m", "release", &at("trunk"), &at("tags/1.0")]);
    svn.ok(&wc, &["copy", "-q", "-m", "odd", &at("trunk"), &at("branches/with space")]);
    svn.ok(&wc, &["copy", "-q", "-m", "to go", &at("trunk"), &at("branches/gone")]);
    svn.ok(&wc, &["delete", "-q", "-m", "gone", &at("branches/gone")]);
    wc
}

/// Compares every commit of a clone with the export of the place that it names.
fn compare(git: &Git, svn: &Svn, world: &World, url: &str) -> usize {
    let format = "--format=%H %(trailers:key=Svn-Revision,valueonly,separator=%x2C)";
    let log = git.run(["log", "--all", format]).success();
    for (n, line) in log.lines().enumerate() {
        let (commit, at) = line.split_once(' ').unwrap();
        let (exported, archive) = (world.path(&format!("export-{n}")), world.path(&format!("commit-{n}")));
        svn.ok(world.dir.path(), &["export", "-q", &format!("{url}/{at}"), exported.to_str().unwrap()]);
        git.run(["worktree", "add", "-q", "--detach", archive.to_str().unwrap(), commit]).success();
        assert_eq!(files_of(&archive), files_of(&exported), "{at}");
        git.run(["worktree", "remove", archive.to_str().unwrap()]).success();
        fs::remove_dir_all(exported).unwrap();
    }
    log.lines().count()
}

fn clone(world: &World, name: &str, url: &str) -> Git {
    let dir = world.path(name);
    Git::at(&dir).run(["clone", "-q", url, dir.to_str().unwrap()]).success();
    Git::at(&dir)
}

#[test]
fn it_is_cloned_fetched_and_the_same_after_everything_was_lost() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = history(&svn, &world, &url);
    let git = clone(&world, "clone", &world.url("ann/project"));
    assert!(compare(&git, &svn, &world, &url) > 15);
    git.fsck();
    assert_eq!(git.run(["symbolic-ref", "HEAD"]).success(), "refs/heads/main");
    let refs = git.refs_of(&world.url("ann/project"));
    for name in ["refs/heads/main", "refs/heads/b9", "refs/heads/with%20space", "refs/tags/1.0", "refs/tags/1.0^{}"] {
        assert!(refs.lines().any(|line| line.ends_with(&format!("\t{name}"))), "{name}: {refs}");
    }
    assert!(!refs.contains("gone"), "{refs}");
    assert!(git.run(["log", "-1", "--format=%P", "--grep=merged", "main"]).success().contains(' '), "a merge is one");
    // The bare address is as good, and so is each version of the protocol.
    for version in [0, 1, 2] {
        let bare = world.url("ann/project").trim_end_matches(".git").to_owned();
        assert_eq!(Git::at(&world.path("clone")).speaking(version).run(["ls-remote", &bare]).success(), refs);
    }

    // A commit comes with the next fetch, and nothing of before is made again.
    fs::write(wc.join("renamed/new"), "new\n").unwrap();
    svn.ok(&wc, &["update", "-q"]);
    svn.ok(&wc, &["add", "-q", "renamed/new"]);
    svn.ok(&wc, &["commit", "-q", "-m", "one more"]);
    let before = git.run(["rev-parse", "origin/main"]).success();
    git.run(["fetch", "-q", "origin"]).success();
    assert_eq!(git.run(["rev-parse", "origin/main^"]).success(), before);
    assert_eq!(git.run(["show", "origin/main:renamed/new"]).success(), "new");

    // The same ids after a restart, without the cache, and on a site that was recovered.
    let refs = git.refs_of(&world.url("ann/project"));
    world.site.stop();
    world.site.resume();
    assert_eq!(git.refs_of(&world.url("ann/project")), refs);
    world.site.stop();
    fs::remove_dir_all(world.site.data.join("svn-git")).unwrap();
    world.site.resume();
    assert_eq!(git.refs_of(&world.url("ann/project")), refs);
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--keep-credentials"]).success();
    world.site = Site::start(&to, &[]);
    assert_eq!(git.refs_of(&world.url("ann/project")), refs);
    clone(&world, "again", &world.url("ann/project")).fsck();
}

#[test]
fn it_is_read_over_ssh_and_never_written() {
    let world = World::new();
    let ssh = Ssh::new(&world, "ann", &[]);
    ssh.add_to(&world, "ann");
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("file"), "words\n").unwrap();
    svn.ok(&wc, &["add", "-q", "file"]);
    svn.ok(&wc, &["commit", "-q", "-m", "words"]);
    let dir = world.path("clone");
    let git = Git::at(&dir).over(&ssh);
    git.run(["clone", "-q", &ssh.url("ann/project"), dir.to_str().unwrap()]).success();
    assert_eq!(fs::read_to_string(dir.join("file")).unwrap(), "words\n");
    git.commit("file", "other words\n");
    for address in [ssh.url("ann/project"), world.url("ann/project")] {
        let refused = git.run(["push", &address, "main"]).failure();
        assert!(
            refused.contains("only for reading") && refused.contains(&format!("commit with svn, at {url}")),
            "{refused}"
        );
    }
    // The API goes on saying what it is.
    let bearer = format!("Bearer {}", world.token);
    let branches =
        request(&world.site.address, "GET", "/api/v1/repos/ann/project/branches", &[("Authorization", &bearer)], b"");
    assert_eq!(branches.unwrap().status, 404);
    let login = basic("ann", &world.token);
    let page = request(&world.site.address, "GET", "/ann/project", &[("Authorization", &login)], b"").unwrap();
    assert!(page.status == 404 || page.text().contains("/ann/project.git"), "{}", page.status);
}

#[test]
fn who_may_not_read_everything_has_no_view() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("file"), "words\n").unwrap();
    svn.ok(&wc, &["add", "-q", "file"]);
    svn.ok(&wc, &["commit", "-q", "-m", "words"]);
    for name in ["bob", "eve"] {
        world.site.cli(&["user", "create", name, "--email", &format!("{name}@example.org")]).success();
    }
    let token =
        |name: &str| world.site.cli(&["token", "create", name, "--scope", "repo:read"]).success().trim().to_owned();
    let (bob, eve) = (token("bob"), token("eve"));
    let bearer = format!("Bearer {}", world.token);
    let send = |method: &str, path: &str, body: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let answer = request(&world.site.address, method, path, &headers, body.as_bytes()).unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", answer.text());
    };
    send("PUT", "/api/v1/repos/ann/project/collaborators/bob", r#"{"permission":"read"}"#);
    let git = Git::init(&world.path("asks"), "sha1");
    let asks = |who: Option<(&str, &str)>| git.run(["ls-remote", &world.site.url("ann/project", who)]);
    assert!(asks(Some(("bob", &bob))).success().contains("refs/heads/main"));
    let absent = git.run(["ls-remote", &world.site.url("ann/projecx", Some(("eve", &eve)))]).failure();
    assert_eq!(asks(Some(("eve", &eve))).failure().replace("project", "projecx"), absent);
    assert!(!asks(None).ok);

    send(
        "PUT",
        "/api/v1/outlast/repos/ann/project/svn_rules",
        r#"{"paths":[{"path":"/trunk/plans","who":"*","access":"none"}]}"#,
    );
    let refused = asks(Some(("bob", &bob))).failure();
    assert!(refused.contains("403"), "{refused}");
    // Who administers it could change the rules.
    assert!(asks(Some(("ann", &world.token))).success().contains("refs/heads/main"));
    // What is public is no different.
    send("PATCH", "/api/v1/repos/ann/project", r#"{"private":false}"#);
    assert!(!asks(None).ok && !asks(Some(("eve", &eve))).ok);
    send("PUT", "/api/v1/outlast/repos/ann/project/svn_rules", r#"{"paths":[]}"#);
    assert!(asks(None).success().contains("refs/heads/main"));
}

#[test]
fn it_becomes_a_repository_of_its_own_that_vaults_hold() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    history(&svn, &world, &url);
    let authors = world.path("authors");
    fs::write(&authors, "bob = Bob <bob@example.org>\n").unwrap();
    let convert =
        |to: &str, more: &[&str]| world.site.cli(&[&["repo", "convert", "ann/project", "--to", to], more].concat());
    let list = ["--authors", authors.to_str().unwrap()];
    let lacking = convert("ann/real", &list).failure();
    assert!(lacking.contains("lacks ann: add a line"), "{lacking}");
    assert_eq!(world.site.get("/ann/real").status, 404, "nothing is made of what was refused");
    fs::write(&authors, "# people\nann = Ann Example <ann@example.org>\n").unwrap();
    let said = convert("ann/real", &list).success();
    assert!(said.contains("repository ann/real: held") && said.contains("branches and tags of revision"), "{said}");
    let twice = convert("ann/real", &list).failure();
    assert!(twice.contains("is here already and is not empty"), "{twice}");
    let git = convert("ann/project", &[]).failure();
    assert!(git.contains("is a repository of Subversion"), "{git}");
    assert!(world.site.cli(&["repo", "convert", "ann/real", "--to", "ann/x"]).failure().contains("of Git already"));

    // An ordinary repository: cloned, pushed to, recovered.
    let real = clone(&world, "real", &world.url("ann/real"));
    assert!(compare(&real, &svn, &world, &url) > 15);
    assert_eq!(real.run(["log", "-1", "--format=%an <%ae>"]).success(), "Ann Example <ann@example.org>");
    real.commit("by-git", "words\n");
    real.run(["push", "-q", "origin", "main"]).success();
    // Without a list it has the ids of the view.
    convert("ann/same", &["--visibility", "public"]).success();
    let view = real.refs_of(&world.url("ann/project"));
    assert_eq!(real.refs_of(&world.site.url("ann/same", None)), view);
    let refs = real.refs_of(&world.url("ann/real"));
    let key = world.take_recovery_key();
    world.site.kill();
    let to = world.path("recovered");
    world.recover(&["us", "asia"], &key, &to, &["--keep-credentials"]).success();
    world.site = Site::start(&to, &[]);
    assert_eq!(real.refs_of(&world.url("ann/real")), refs);
}

#[test]
fn it_is_converted_on_a_page() {
    let world = World::new();
    world.site.cli_with(&["user", "create", "bob", "--email", "b@example.org", "--password-stdin"], PASSWORD).success();
    world.site.cli(&["repo", "create", "bob/project", "--svn", "--public"]).success();
    let token =
        world.site.cli(&["token", "create", "bob", "--scope", "repo:read,repo:write"]).success().trim().to_owned();
    let svn = Svn::of(&world).named("bob", &token);
    let url = format!("http://{}/bob/project.svn", world.site.address);
    layout(&svn, &world, &url);
    let bob = Browser::sign_in(&world.site, "bob", PASSWORD);
    let home = bob.get("/bob/project").text();
    assert!(
        home.contains(&format!("http://{}/bob/project.git", world.site.address)) && home.contains("read-only"),
        "{home}"
    );
    assert!(bob.get("/bob/project/-/settings/git").text().contains("bob/project-git"));
    let wrong = bob.post("/bob/project/-/settings/git", "path=bob/real&authors=nonsense&visibility=private");
    assert!(wrong.status == 422 && wrong.text().contains("line 1 of the authors"), "{}", wrong.text());
    // Which directories are branches is a setting.
    let asks = Git::init(&world.path("asks"), "sha1");
    let heads = || asks.refs_of(&world.site.url("bob/project", None));
    let set = |body: &str| bob.post("/bob/project/-/settings/git/layout", body);
    let usual = heads();
    assert!(set("kind=parts&trunk=/trunk").text().contains("without a slash at either end"));
    assert!(set("kind=parts&trunk=branches&tags=trunk").text().contains("The next fetch has these branches"));
    let others = heads();
    assert!(others.contains("refs/heads/main") && others != usual, "{others}");
    assert_eq!(set("kind=root").status, 200);
    assert!(heads().contains("refs/heads/main") && heads() != usual && heads() != others);
    assert_eq!(set("kind=detect").status, 200);
    assert_eq!(heads(), usual);

    let begun = bob.post("/bob/project/-/settings/git", "path=bob/real&authors=&visibility=public");
    assert_eq!(begun.status, 303, "{}", begun.text());
    let progress = begun.header("location").unwrap().to_owned();
    wait_until("it is held", 60, || {
        let page = bob.get(&progress).text();
        assert!(!page.contains("role=\"alert\""), "{page}");
        page.contains("<dt>Branches and tags</dt><dd>1</dd>")
    });
    assert_eq!(world.site.get("/bob/real").status, 200);
}

#[test]
fn a_view_that_nobody_fetches_leaves_the_disk_and_is_made_again() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    layout(&svn, &world, &url);
    let other = create(&world, "other");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "another beginning", &format!("{other}/trunk")]);
    let git = Git::init(&world.path("asks"), "sha1");
    let refs = |world: &World, name: &str| git.refs_of(&world.url(&format!("ann/{name}")));
    // Once more with a short limit, and then as it would be after hours.
    limited(&mut world, "svn_view_unused_s = 10");
    let views = world.site.data.join("svn-git");
    let count = || fs::read_dir(&views).unwrap().count();
    let before = refs(&world, "project");
    assert_eq!(count(), 1);
    wait_until("it is gone", 60, || count() == 0);
    assert_eq!(refs(&world, "project"), before);

    // A restart does not make it newer, and what was fetched in time stays.
    limited(&mut world, "svn_view_unused_s = 3600");
    refs(&world, "project");
    let first: Vec<_> = fs::read_dir(&views).unwrap().flatten().map(|entry| entry.path()).collect();
    refs(&world, "other");
    assert_eq!((first.len(), count()), (1, 2));
    world.site.stop();
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(2 * 3600);
    fs::File::open(&first[0]).unwrap().set_modified(long_ago).unwrap();
    // Of a removal that was cut off nothing is left either.
    fs::create_dir(views.join("unused-7")).unwrap();
    world.site.resume();
    wait_until("the one that nobody fetched is gone", 30, || !first[0].exists() && count() == 1);
    assert_eq!(refs(&world, "project"), before);

    // Zero: however long nobody fetches them. It is looked as soon as the site is there, as above.
    limited(&mut world, "svn_view_unused_s = 0");
    refs(&world, "project");
    world.site.stop();
    for view in fs::read_dir(&views).unwrap().flatten() {
        fs::File::open(view.path()).unwrap().set_modified(std::time::UNIX_EPOCH).unwrap();
    }
    world.site.resume();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!((count(), refs(&world, "project")), (2, before));
}

#[test]
fn which_paths_are_branches_is_set_by_programs_too() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project");
    layout(&svn, &world, &url);
    world.site.cli(&["repo", "create", "ann/of-git"]).success();
    let bearer = format!("Bearer {}", world.token);
    let ask = |method: &str, name: &str, body: &str| {
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
        let path = format!("/api/v1/outlast/repos/ann/{name}/svn_layout");
        request(&world.site.address, method, &path, &headers, body.as_bytes()).unwrap()
    };
    let layout = |answer: Answer| -> serde_json::Value {
        assert_eq!(answer.status, 200, "{}", answer.text());
        serde_json::from_str(&answer.text()).unwrap()
    };
    let git = Git::init(&world.path("asks"), "sha1");
    let usual = git.refs_of(&world.url("ann/project"));
    let detect = serde_json::json!({"kind": "detect", "trunk": null, "branches": null, "tags": null});
    assert_eq!(layout(ask("GET", "project", "")), detect);
    let parts = serde_json::json!({"kind": "parts", "trunk": "branches", "branches": null, "tags": "trunk"});
    assert_eq!(layout(ask("PUT", "project", &parts.to_string())), parts);
    assert_eq!(layout(ask("GET", "project", "")), parts);
    assert_ne!(git.refs_of(&world.url("ann/project")), usual);
    for bad in [r#"{"kind":"parts"}"#, r#"{"kind":"parts","trunk":"/x"}"#, r#"{"kind":"other"}"#] {
        let answer = ask("PUT", "project", bad);
        assert!((400..500).contains(&answer.status) && answer.text().contains("layout"), "{}", answer.text());
    }
    assert_eq!(layout(ask("PUT", "project", r#"{"kind":"detect"}"#)), detect);
    assert_eq!(git.refs_of(&world.url("ann/project")), usual);
    let of_git = ask("PUT", "of-git", r#"{"kind":"root"}"#);
    assert!(of_git.status >= 400 && of_git.text().contains("only a repository of Subversion"), "{}", of_git.text());
}

#[test]
fn of_a_repository_that_was_forgotten_no_view_is_left() {
    let world = guarded();
    let (svn, url) = (Svn::of(&world), create(&world, "project"));
    layout(&svn, &world, &url);
    Git::mirror(&world.url("ann/project"), &world.path("clone"));
    let views = || fs::read_dir(world.site.data.join("svn-git")).unwrap().count();
    assert_eq!(views(), 1);
    let carried_out = |asked: &str| {
        let order = order_of(asked);
        ["olga", "omar"].iter().for_each(|officer| sign(&world, &order, officer));
        wait_until("the order is carried out", 30, || state(&world, &order) == "executed");
    };
    carried_out(&world.site.cli(&["repo", "delete", "ann/project"]).success());
    assert_eq!(views(), 1, "what is in the trash comes back whole");
    let trash = world.site.cli(&["trash", "list", "--json"]).success();
    let trash: serde_json::Value = serde_json::from_str(&trash).unwrap();
    carried_out(&world.site.cli(&["order", "ask", "trash-empty", &trash[0]["id"].to_string()]).success());
    wait_until("its view is gone", 30, || views() == 0);
}
