//! Subversion on pages: the same answers as its own client, to whoever may see them, of nothing that is not held.

use crate::common::{Answer, World, basic, request, wait_until};
use crate::svn::{Svn, admin, layout, on_disk, work};
use std::fs;
use std::path::Path;

fn create(world: &World, name: &str, visibility: &str) -> String {
    world.site.cli(&["repo", "create", &format!("ann/{name}"), "--svn", visibility]).success();
    format!("http://{}/ann/{name}.svn", world.site.address)
}

fn page(world: &World, path: &str) -> Answer {
    let answer = world.site.get(&format!("/ann/project{path}"));
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

/// Asks for a page until a word is in it: pages show what is held, which is a moment after it is written.
fn page_with(world: &World, path: &str, word: &str) {
    wait_until(word, 20, || page(world, path).text().contains(word));
}

#[test]
fn pages_say_what_the_client_says() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project", "--public");
    assert!(page(&world, "").text().contains("Its owner has not committed anything"));
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 12);
    svn.ok(&wc, &["update", "-q"]);
    svn.ok(&wc, &["propset", "-q", "svn:ignore", "*.o", "."]);
    svn.ok(&wc, &["commit", "-q", "-m", "what is built is not kept"]);
    svn.ok(&wc, &["lock", "-q", "-m", "mine <for> now", "dir1/file1"]);

    page_with(&world, "", "what is built is not kept");
    let home = page(&world, "").text();
    for word in ["dir1", "svn:ignore", "*.o", "/ann/project.svn/trunk"] {
        assert!(home.contains(word), "{word}: {home}");
    }
    let file = page(&world, "/-/file/trunk/dir1/file1").text();
    assert!(file.contains("Locked by <strong>ann</strong>") && file.contains("mine &#60;for&#62; now"), "{file}");
    assert!(page(&world, "/-/locks").text().contains("trunk/dir1/file1"));
    let cat = svn.ok(&wc, &["cat", &format!("{url}/trunk/dir1/file1")]);
    assert_eq!(page(&world, "/-/raw/trunk/dir1/file1").text(), cat);
    let old = svn.ok(&wc, &["cat", "-r", "6", &format!("{url}/trunk/dir1/file1")]);
    assert_eq!(page(&world, "/-/raw/r6/trunk/dir1/file1").text(), old);

    let log = page(&world, "/-/log/trunk").text();
    for line in svn.ok(&wc, &["log", "-q", &format!("{url}/trunk")]).lines().filter(|line| line.starts_with('r')) {
        let rev = line.split(' ').next().unwrap();
        assert!(log.contains(&format!("/commit/{rev}\"")), "{rev}");
    }
    let commit = page(&world, "/-/commit/r4").text();
    assert!(commit.contains("of the journal, held by") && commit.contains("/-/receipts/"), "{commit}");
    let receipt = commit.split("href=\"").find(|part| part.contains("/-/receipts/")).unwrap();
    let ann = basic("ann", &world.token);
    let (receipt, ann) = (receipt.split('"').next().unwrap(), [("Authorization", ann.as_str())]);
    assert_eq!(request(&world.site.address, "GET", receipt, &ann, b"").unwrap().status, 200);
    let diff = page(&world, "/-/commit/r4.diff").text();
    let theirs = svn.ok(&wc, &["diff", "-c", "4", &url]);
    let changed = |diff: &str| {
        diff.lines()
            .filter(|line| line.starts_with(['+', '-']) && !line.starts_with("+++") && !line.starts_with("---"))
            .count()
    };
    assert_eq!(changed(&diff), changed(&theirs), "{diff}\n{theirs}");
    page(&world, "/-/compare/trunk...branches/b9");
    page(&world, "/-/compare/r3..r8");
    // What was said can be corrected, also after a page has shown it.
    let blame = page(&world, "/-/blame/trunk/dir1/file1").text();
    let rev = blame.split("/commit/r").nth(1).unwrap().split('"').next().unwrap().to_owned();
    svn.ok(&wc, &["propset", "-q", "--revprop", "-r", &rev, "svn:log", "said better afterwards", &url]);
    page_with(&world, "/-/blame/trunk/dir1/file1", "said better afterwards");
    page(&world, "/-/graph");
    page(&world, "/-/tags");
    assert!(page(&world, "/-/branches").text().contains("branches/b9"));
    assert!(page(&world, "/-/search?q=line+7").text().contains("dir1/file1"));
    page_with(&world, "/-/activity", "committed revision 4 to");
    messages_refer(&world, &svn, &wc, &url);
    archives_are_whole(&world, &svn, &wc, &url);
}

/// To revisions, and to issues where the properties that other clients know say where they are.
fn messages_refer(world: &World, svn: &Svn, wc: &Path, url: &str) {
    svn.ok(wc, &["propset", "-q", "bugtraq:url", "https://issues.example.org/%BUGID%", "."]);
    svn.ok(wc, &["propset", "-q", "bugtraq:logregex", r"[A-Z]+-\d+", "."]);
    svn.ok(wc, &["update", "-q"]);
    svn.ok(wc, &["commit", "-q", "-m", "ABC-12: as r3 did\n\nAlso <DEF-7>, and r99999."]);
    let log = svn.ok(wc, &["log", "-q", "-l", "1", url]);
    let rev = log.lines().find_map(|line| line.strip_prefix('r')?.split(' ').next()).unwrap().to_owned();
    page_with(world, "/-/log/trunk", "ABC-12");
    let shown = page(world, &format!("/-/commit/r{rev}")).text();
    for link in [
        "href=\"https://issues.example.org/ABC-12\">ABC-12</a>",
        "href=\"/ann/project/-/commit/r3\">r3</a>",
        "&lt;<a rel=\"nofollow noopener ugc\" href=\"https://issues.example.org/DEF-7\">DEF-7</a>&gt;",
    ] {
        assert!(shown.contains(link), "{link}: {shown}");
    }
    assert!(!shown.contains("commit/r99999"), "{shown}");
}

fn archives_are_whole(world: &World, svn: &Svn, wc: &Path, url: &str) {
    let file = world.path("trunk.tar.gz");
    fs::write(&file, page(world, "/-/archive/trunk.tar.gz").body).unwrap();
    let out = world.path("unpacked");
    fs::create_dir(&out).unwrap();
    let unpacked = std::process::Command::new("tar").arg("-xzf").arg(&file).arg("-C").arg(&out).status().unwrap();
    assert!(unpacked.success());
    let exported = world.path("exported");
    svn.ok(wc, &["export", "-q", &format!("{url}/trunk"), exported.to_str().unwrap()]);
    let differ =
        std::process::Command::new("diff").arg("-r").arg(&exported).arg(out.join("project-trunk")).output().unwrap();
    assert!(differ.status.success(), "{}", String::from_utf8_lossy(&differ.stdout));
}

#[test]
fn what_one_may_not_see_or_is_not_held_is_on_no_page() {
    let mut world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project", "--public");
    let hidden = create(&world, "hidden", "--private");
    svn.ok(world.dir.path(), &["mkdir", "-q", "-m", "a secret", &format!("{hidden}/trunk")]);
    for path in ["", "/-/tree/HEAD", "/-/log/HEAD", "/-/commit/r1", "/-/locks", "/-/archive/HEAD.zip", "/-/activity"] {
        assert_eq!(world.site.get(&format!("/ann/hidden{path}")).status, 404, "{path}");
    }
    let wc = layout(&svn, &world, &url);
    fs::write(wc.join("a"), "a\n").unwrap();
    svn.ok(&wc, &["add", "-q", "a"]);
    for vault in ["eu", "us"] {
        world.vault(vault).kill();
    }
    wait_until("the site sees that there is no quorum", 20, || world.site.get("/healthz").status != 200);
    assert!(!svn.run(&wc, ["commit", "-m", "must not be"]).ok);
    for path in ["/-/log/HEAD", "/-/tree/trunk", "/-/activity"] {
        assert!(!page(&world, path).text().contains("must not be"), "{path}");
    }
    assert_eq!(world.site.get("/ann/project/-/commit/r2").status, 404);
}

#[test]
fn an_export_is_the_repository_and_a_drill_compares_it() {
    let world = World::new();
    let svn = Svn::of(&world);
    let url = create(&world, "project", "--private");
    let wc = layout(&svn, &world, &url);
    work(&svn, &wc, &url, 12);
    let to = world.path("out");
    let said = world.site.cli(&["export", "everything", "--to", to.to_str().unwrap()]).success();
    assert!(said.contains("1 repositories (0 were there") && !said.contains("LEFT OUT"), "{said}");
    let again = world.site.cli(&["export", "everything", "--to", to.to_str().unwrap()]).success();
    assert!(again.contains("1 repositories (1 were there"), "{again}");
    let (dump, loaded) = (to.join("repositories/ann/project/repository.dump"), world.path("loaded"));
    admin(&["create", loaded.to_str().unwrap()]);
    admin(&["load", "-q", "-F", dump.to_str().unwrap(), loaded.to_str().unwrap()]);
    let disk = on_disk(&world.site.data);
    let dumped = |root: &Path| admin(&["dump", "-q", root.to_str().unwrap()]);
    assert!(dumped(&loaded) == dumped(&disk), "what was exported and loaded is another repository");

    for vault in ["eu", "us", "asia"] {
        world.await_caught_up(vault);
    }
    let vault = world.vaults[0].recover_url();
    world.site.cli(&["drill", "--vault", &vault]).success();
    // A revision that was changed on the disk behind everybody's back.
    let revision = disk.join("db/revs/0/3");
    let mut bytes = fs::read(&revision).unwrap();
    let text = bytes.windows(6).position(|part| part == b"ENDREP").unwrap();
    bytes[text - 3] ^= 0x20;
    fs::remove_file(&revision).unwrap();
    fs::write(&revision, bytes).unwrap();
    let found = world.site.cli(&["drill", "--vault", &vault]);
    let said = format!("{}{}", found.stdout, found.stderr);
    assert!(said.contains("on this site"), "{said}");
}
