//! Subversion's rules and quotas, as its own client meets them by both doors.

use crate::common::{Browser, Ssh, World, basic, request, wait_until};
use crate::svn::{Svn, create, layout, youngest};
use forge::event::svn_rules::PathAccess;
use forge::svn::{PathRuleRow, PathRules, Whom};
use std::fs;
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "a long enough phrase for these two";

/// Sets rules as Ann.
fn rules(world: &World, body: &str) {
    let bearer = format!("Bearer {}", world.token);
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let path = "/api/v1/outlast/repos/ann/project/svn_rules";
    let answer = request(&world.site.address, "PUT", path, &headers, body.as_bytes()).unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Somebody who may write to the repository.
fn member(world: &World, ann: &Ssh, name: &str) {
    let email = format!("{name}@example.org");
    world.site.cli_with(&["user", "create", name, "--email", &email, "--password-stdin"], PASSWORD).success();
    let path = format!("/api/v1/repos/ann/project/collaborators/{name}");
    ann.api(world, "PUT", &path, r#"{"permission":"write"}"#);
}

#[test]
fn a_path_that_one_may_not_read_does_not_show_by_any_way() {
    let world = World::new();
    let http = create(&world, "project");
    let key = Ssh::new(&world, "ann", &[]);
    key.add_to(&world, "ann");
    let ann = Svn::of(&world).over(&key);
    member(&world, &key, "bob");
    member(&world, &key, "carol");
    let bobs = Ssh::new(&world, "bob", &[]);
    bobs.add_to(&world, "bob");
    let ssh = bobs.svn_url("ann/project");
    let token = |name| {
        let scope = "repo:read,repo:write";
        world.site.cli(&["token", "create", name, "--scope", scope]).success().trim().to_owned()
    };
    let bob = ann.over(&bobs).named("bob", &token("bob"));
    let wc = layout(&ann, &world, &http);
    fs::create_dir(wc.join("hidden")).unwrap();
    fs::write(wc.join("hidden/plan"), "the plan\n").unwrap();
    fs::write(wc.join("open"), "open\n").unwrap();
    ann.ok(&wc, &["add", "-q", "hidden", "open"]);
    ann.ok(&wc, &["commit", "-q", "-m", "both"]);
    fs::write(wc.join("hidden/plan"), "another plan\n").unwrap();
    ann.ok(&wc, &["commit", "-q", "-m", "only the hidden one"]);
    ann.ok(&wc, &["lock", "-q", "-m", "hidden words", "hidden/plan"]);
    let dir = world.dir.path();
    assert!(bob.ok(dir, &["ls", "-R", &format!("{http}/trunk")]).contains("hidden/plan"), "not hidden yet");
    rules(
        &world,
        r#"{"paths":[{"path":"/trunk/hidden","who":"*","access":"none"},
        {"path":"/trunk/hidden","who":"ann","access":"write"}, {"path":"/trunk/hidden","who":"carol","access":"read"},
        {"path":"/trunk/open","who":"bob","access":"read"}]}"#,
    );

    for (door, url) in [("http", &http), ("ssh", &ssh)] {
        let trunk = format!("{url}/trunk");
        let hidden = format!("{trunk}/hidden");
        let shows = |said: &str| said.contains("plan") || said.contains("hidden");
        // Listing, what changed, properties and locks of a parent; history; a range; the old place by its old revision.
        for arguments in [
            &["ls", "-R", &trunk][..],
            &["log", "-v", "-r", "1:HEAD", url],
            &["diff", "-r", "1:HEAD", url],
            &["proplist", "-v", "-R", &trunk],
            &["mergeinfo", &trunk, &trunk],
            &["info", "-R", &trunk],
            &["status", "-u", &trunk],
        ] {
            let said = bob.run(dir, arguments);
            assert!(!shows(&said.out), "{door} {arguments:?}: {}", said.out);
        }
        for arguments in [
            &["cat", &format!("{hidden}/plan")][..],
            &["cat", &format!("{hidden}/plan@2")],
            &["ls", &hidden],
            &["log", &hidden],
            &["blame", &format!("{hidden}/plan")],
            &["export", "-q", &hidden, &format!("out-{door}")],
            &["copy", "-m", "x", &hidden, &format!("{url}/branches/stolen")],
            &["copy", "-m", "x", &format!("{hidden}/plan@2"), &format!("{url}/stolen")],
            &["copy", "-m", "x", &trunk, &format!("{url}/branches/all")],
            &["mkdir", "-m", "x", &format!("{hidden}/mine")],
            &["delete", "-m", "x", &hidden],
            &["delete", "-m", "x", &trunk],
            &["lock", &format!("{hidden}/plan")],
        ] {
            let said = bob.run(dir, arguments);
            assert!(!said.ok && !said.out.contains("plan"), "{door} {arguments:?}: {}{}", said.out, said.err);
        }
        let out = world.path(&format!("bobs-{door}"));
        bob.ok(dir, &["checkout", "-q", &trunk, out.to_str().unwrap()]);
        assert!(out.join("open").exists() && !out.join("hidden").exists(), "{door}");
        // What he only reads he does not change, and the rest he does.
        fs::write(out.join("open"), format!("by bob over {door}\n")).unwrap();
        assert!(!bob.run(&out, ["commit", "-m", "x"]).ok, "{door}");
        bob.ok(&out, &["revert", "-q", "open"]);
        fs::write(out.join(door), "new\n").unwrap();
        bob.ok(&out, &["add", "-q", door]);
        bob.ok(&out, &["commit", "-q", "-m", "his own"]);
        assert!(ann.ok(dir, &["cat", &format!("{hidden}/plan")]).contains("another plan"));
    }
    // Pages show whole revisions: they are not for him, and what happened there is not told to him, nor is an entry of it.
    let pages = Browser::sign_in(&world.site, "bob", PASSWORD);
    for path in
        ["", "/-/tree/HEAD", "/-/log/HEAD", "/-/commit/r2", "/-/compare/r1...r3", "/-/search?q=plan", "/-/locks"]
    {
        assert_eq!(pages.get(&format!("/ann/project{path}")).status, 403, "{path}");
    }
    for path in ["/-/archive/HEAD.zip", "/-/raw/trunk/hidden/plan", "/-/activity", "/-/activity.atom", "/-/paths"] {
        assert!(pages.get(&format!("/ann/project{path}")).status >= 400, "{path}");
    }
    for path in ["/", "/-/activity", "/-/activity.atom", "/bob", "/ann"] {
        let page = pages.get(path);
        assert!(page.status == 200 && !page.text().contains("only the hidden one"), "{path}");
    }
    let carols = Browser::sign_in(&world.site, "carol", PASSWORD);
    assert!(carols.get("/-/activity").text().contains("only the hidden one"), "who reads all is told");
    let commit = carols.get("/ann/project/-/commit/r3").text();
    let receipt =
        commit.split("href=\"").find(|part| part.contains("/-/receipts/")).unwrap().split('"').next().unwrap();
    for (name, status) in [("carol", 200), ("bob", 403)] {
        let login = basic(name, &token(name));
        let answer = request(&world.site.address, "GET", receipt, &[("Authorization", login.as_str())], b"").unwrap();
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
    }

    // Nor is there a way to the root when that is what he may not read.
    rules(
        &world,
        r#"{"paths":[{"path":"/","who":"*","access":"none"},{"path":"/","who":"ann","access":"write"},
        {"path":"/trunk/open","who":"bob","access":"read"}]}"#,
    );
    for url in [&http, &ssh] {
        for arguments in
            [&["info", url][..], &["ls", url], &["proplist", "-v", url], &["ls", "-R", &format!("{url}/trunk")]]
        {
            let said = bob.run(dir, arguments);
            assert!(!said.ok && said.out.is_empty(), "{arguments:?}: {}", said.out);
        }
    }
    // Without rules he sees it, over a connection that is new and one that was there.
    rules(&world, r#"{"paths":[]}"#);
    for url in [&http, &ssh] {
        assert!(bob.ok(dir, &["cat", &format!("{url}/trunk/hidden/plan")]).contains("another plan"));
    }
}

/// What a commit of this is told; it must not be taken.
fn refused(svn: &Svn, world: &World, wc: &Path, message: &str) -> String {
    let before = youngest(&world.site.data);
    let said = svn.run(wc, ["commit", "-m", message]);
    assert!(!said.ok && youngest(&world.site.data) == before, "{}", said.out);
    said.err
}

#[test]
fn a_commit_that_breaks_a_rule_is_refused_with_words() {
    let world = World::new();
    let http = create(&world, "project");
    let key = Ssh::new(&world, "ann", &[]);
    key.add_to(&world, "ann");
    let svn = Svn::of(&world).over(&key);
    let first = layout(&svn, &world, &http);
    svn.ok(world.dir.path(), &["copy", "-q", "-m", "a tag", &format!("{http}/trunk"), &format!("{http}/tags/1.0")]);
    rules(
        &world,
        r#"{"commits":{"message_chars_min":10,"message_pattern":"*ABC-?*","file_bytes_max":1000,"forbidden_names":["*.exe"],
            "no_case_clashes":true,"tags_fixed":true,"message_by":"nobody"}}"#,
    );
    let ssh = key.svn_url("ann/project");
    let good = "ABC-1: as it must be";
    for (door, url) in [("http", &http), ("ssh", &ssh)] {
        let wc = if door == "http" { first.clone() } else { world.path("wc-ssh") };
        if door == "ssh" {
            svn.ok(world.dir.path(), &["checkout", "-q", &format!("{url}/trunk"), wc.to_str().unwrap()]);
        }
        let add = |name: &str, bytes: usize| {
            fs::write(wc.join(name), "x".repeat(bytes)).unwrap();
            svn.ok(&wc, &["add", "-q", name]);
        };
        let away = |name: &str| drop(svn.ok(&wc, &["revert", "-q", "--remove-added", name]));
        let fine = format!("fine-{door}");
        add(&fine, 10);
        assert!(refused(&svn, &world, &wc, "ABC-1").contains("at least 10 characters"), "{door}");
        assert!(refused(&svn, &world, &wc, "something else").contains("ABC-?"), "{door}");
        add("large", 1001);
        let said = refused(&svn, &world, &wc, good);
        assert!(said.contains("/trunk/large: it has 1001 bytes; a file here has at most 1000"), "{door}: {said}");
        away("large");
        add("virus.exe", 1);
        assert!(refused(&svn, &world, &wc, good).contains("the name is not allowed here (*.exe)"), "{door}");
        away("virus.exe");
        svn.ok(&wc, &["commit", "-q", "-m", good]);
        add(&fine.to_uppercase(), 1);
        let said = refused(&svn, &world, &wc, good);
        assert!(said.contains(&format!("differs from {fine} in upper and lower case alone")), "{door}: {said}");
        away(&fine.to_uppercase());

        let tag = |arguments: &[&str]| {
            let said = svn.run(world.dir.path(), arguments);
            assert!(
                !said.ok && said.err.contains("what is tagged here never changes"),
                "{door}: {}{}",
                said.out,
                said.err
            );
        };
        tag(&["mkdir", "-m", good, &format!("{url}/tags/1.0/more")]);
        tag(&["delete", "-m", good, &format!("{url}/tags/1.0")]);
        tag(&["delete", "-m", good, &format!("{url}/tags")]);
        tag(&["move", "-m", good, &format!("{url}/tags/1.0"), &format!("{url}/tags/2.0")]);
        let made = format!("{url}/tags/{door}");
        svn.ok(world.dir.path(), &["copy", "-q", "-m", good, &format!("{url}/trunk"), &made]);

        let changed = svn.run(&wc, ["propset", "--revprop", "-r", "1", "svn:log", good, url]);
        assert!(!changed.ok && changed.err.contains("you may not change a log message"), "{door}: {}", changed.err);
        let changed = svn.run(&wc, ["propset", "--revprop", "-r", "1", "svn:author", "eve", url]);
        assert!(!changed.ok && changed.err.contains("author and date are not changed"), "{door}: {}", changed.err);
    }
}

#[test]
fn a_commit_over_quota_is_refused() {
    let world = World::new();
    let http = create(&world, "project");
    let svn = Svn::of(&world);
    let wc = layout(&svn, &world, &http);
    world.site.cli(&["quota", "ann/project", "--repository", "--bytes", "20000"]).success();
    let mut random = crate::common::Random(5);
    let noise: Vec<u8> = (0..40_000).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
    fs::write(wc.join("noise"), noise).unwrap();
    svn.ok(&wc, &["add", "-q", "noise"]);
    let said = refused(&svn, &world, &wc, "much of it");
    assert!(said.contains("over quota: this repository uses"), "{said}");
    svn.ok(&wc, &["revert", "-q", "--remove-added", "noise"]);
    fs::write(wc.join("small"), "small\n").unwrap();
    svn.ok(&wc, &["add", "-q", "small"]);
    svn.ok(&wc, &["commit", "-q", "-m", "little"]);
    wait_until("it can be seen", 20, || youngest(&world.site.data) == 2);
}

/// What Subversion's own reader of such a file says that somebody may.
fn svnauthz(file: &Path, user: &str, path: &str) -> PathAccess {
    let output =
        Command::new("svnauthz").args(["accessof", "--username", user, "--path", path]).arg(file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    match String::from_utf8(output.stdout).unwrap().trim() {
        "rw" => PathAccess::Write,
        "r" => PathAccess::Read,
        "no" => PathAccess::Nothing,
        other => panic!("{other}"),
    }
}

#[test]
fn our_own_reading_of_the_rules_is_that_of_subversions_servers() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("authz");
    let seed = crate::common::seed();
    println!("seed {seed}");
    let mut random = crate::common::Random(seed);
    let people = [(1, "ann"), (2, "bob"), (3, "eve")].map(|(id, name)| (id, name.to_owned()));
    let paths = ["/", "/a", "/a/b", "/a/b/c", "/ab", "/x y"];
    let mut whoms = vec![Whom::Anyone];
    whoms.extend(people.iter().map(|(id, name)| Whom::Person(*id, name.clone())));
    whoms.push(Whom::Team(9, "core".to_owned(), people[..2].to_vec()));
    whoms.push(Whom::Team(8, "rest".to_owned(), people[1..].to_vec()));
    for _ in 0..15 {
        let mut rules: Vec<PathRuleRow> = Vec::new();
        for _ in 0..random.below(9) {
            let mut pick = |count: usize| usize::try_from(random.below(count as u64)).unwrap();
            let (path, whom) = (paths[pick(paths.len())].parse().unwrap(), whoms[pick(whoms.len())].clone());
            let access = PathAccess::ALL[pick(PathAccess::ALL.len())];
            if !rules.iter().any(|rule| rule.path == path && rule.whom == whom) {
                rules.push(PathRuleRow { path, whom, access });
            }
        }
        let rules = PathRules(rules);
        let Some(text) = rules.authz() else { continue };
        fs::write(&file, &text).unwrap();
        let nobody = (None, "-");
        let everybody = people.iter().map(|(id, name)| (Some(*id), name.as_str())).chain([nobody]);
        for (account, name) in everybody {
            for path in paths.iter().chain(&["/a/b/c/d", "/abc", "/z"]) {
                let (ours, theirs) = (rules.access(account, path.as_bytes()), svnauthz(&file, name, path));
                assert_eq!(ours, theirs, "{name} {path}:\n{text}");
            }
        }
    }
}
