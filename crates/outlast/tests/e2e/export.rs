//! Everything leaves one site in formats that other tools read, and arrives at another.

use crate::common::{Browser, Git, World, held, request, wait_until};
use std::path::Path;
use std::process::Command;

const PASSWORD: &str = "a password of some length";

/// What `git ls-remote` says, sorted.
fn refs(git: &Git, address: &str) -> Vec<String> {
    let said = git.run(["ls-remote", address]).success();
    // What a tag points to is said by servers and not by bundles; it follows from the tag.
    let mut lines: Vec<_> = said.lines().filter(|line| !line.ends_with("^{}")).map(str::to_owned).collect();
    lines.sort();
    lines
}

fn sums_are_right(dir: &Path) -> bool {
    Command::new("sha256sum").args(["-c", "--quiet", "SHA256SUMS"]).current_dir(dir).status().unwrap().success()
}

#[test]
fn what_was_exported_is_read_by_git_and_taken_in_by_another_site() {
    let world = World::new();
    let git = world.repository("hello");
    git.run(["tag", "-a", "v1", "-m", "one"]).success();
    world.push(&git, &["HEAD:refs/heads/main", "HEAD:refs/heads/feature/x", "v1"]);
    world.site.cli(&["repo", "create", "ann/empty"]).success();
    world.site.cli(&["user", "create", "bob", "--email", "bob@example.org"]).success();
    let out = world.path("export");
    let to = out.to_str().unwrap();
    let said = world.site.cli(&["export", "everything", "--to", to]).success();
    assert!(said.contains("2 repositories (0 were there already), 2 accounts"), "{said}");
    assert!(sums_are_right(&out));
    let people = std::fs::read_to_string(out.join("people.json")).unwrap();
    assert!(people.contains("bob@example.org") && !people.contains("password"), "{people}");

    let here = refs(&git, &world.url("ann/hello"));
    for (source, clone) in [("repository.bundle", "from-bundle"), ("repository.git", "from-bare")] {
        let source = out.join("repositories/ann/hello").join(source);
        let clone = world.path(clone);
        git.run(["clone", "-q", source.to_str().unwrap(), clone.to_str().unwrap()]).success();
        assert_eq!(std::fs::read(clone.join("README")).unwrap(), b"this is hello\n");
        assert_eq!(refs(&git, source.to_str().unwrap()), here, "{}", source.display());
    }

    // Again, as after a power cut: nothing is made twice.
    std::fs::remove_file(out.join("manifest")).unwrap();
    let again = world.site.cli(&["export", "everything", "--to", to]).success();
    assert!(again.contains("2 repositories (2 were there already)"), "{again}");
    git.commit("more", "more\n");
    world.push(&git, &["HEAD:refs/heads/main"]);
    let again = world.site.cli(&["export", "everything", "--to", to]).success();
    assert!(again.contains("2 repositories (1 were there already)") && sums_are_right(&out), "{again}");

    let other = World::new();
    let taken = other.site.cli(&["import", to]).success();
    assert!(taken.contains("account bob") && taken.contains("repository ann/hello: 3 refs"), "{taken}");
    assert_eq!(refs(&git, &other.url("ann/hello")), refs(&git, &world.url("ann/hello")));
    let clone = other.path("clone");
    git.run(["clone", "-q", &other.url("ann/hello"), clone.to_str().unwrap()]).success();
    let clone = Git::at(&clone);
    clone.fsck();
    clone.commit("here", "life goes on\n");
    let pushed = clone.run(["push", "origin", "HEAD"]);
    assert!(held(&pushed.stderr).is_some(), "{}", pushed.stderr);
    let refused = other.site.cli(&["import", to]).failure();
    assert!(refused.contains("ann/hello is here already"), "{refused}");
}

#[test]
fn a_changed_export_is_refused_whole_and_a_part_can_leave_alone() {
    let world = World::new();
    let git = world.repository("hello");
    world.push(&git, &["HEAD:refs/heads/main"]);
    world.repository("other");
    let out = world.path("export");
    let to = out.to_str().unwrap();
    assert!(world.site.cli(&["export", "nobody", "--to", to]).failure().contains("nobody"));
    let said = world.site.cli(&["export", "ann/hello", "--to", to]).success();
    assert!(said.contains("1 repositories") && !out.join("repositories/ann/other").exists(), "{said}");

    let other = World::new();
    let people = out.join("people.json");
    let good = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, good.replace("ann@example.org", "eve@example.org")).unwrap();
    let refused = other.site.cli(&["import", to]).failure();
    assert!(refused.contains("people.json is not what was exported"), "{refused}");
    assert_eq!(other.site.get("/ann/hello").status, 404, "nothing was taken in");
    std::fs::write(&people, good).unwrap();
    std::fs::write(out.join("added"), "").unwrap();
    assert!(other.site.cli(&["import", to]).failure().contains("added"));
    std::fs::remove_file(out.join("added")).unwrap();
    std::fs::remove_file(out.join("manifest")).unwrap();
    other.site.cli(&["import", to]).failure();
}

#[test]
fn the_page_of_an_import_from_an_address_says_how_it_went() {
    let (there, here) = (World::new(), World::new());
    let git = there.repository("hello");
    there.push(&git, &["HEAD:refs/heads/main"]);
    for name in ["bob", "eve"] {
        let email = format!("{name}@example.org");
        here.site.cli_with(&["user", "create", name, "--email", &email, "--password-stdin"], PASSWORD).success();
    }
    let (bob, eve) = (Browser::sign_in(&here.site, "bob", PASSWORD), Browser::sign_in(&here.site, "eve", PASSWORD));
    assert!(bob.get("/-/new/import").text().contains("Import a repository"));
    let begin = |kind: &str, url: &str| {
        let url: String = url.bytes().map(|byte| format!("%{byte:02X}")).collect();
        bob.post("/-/new/import", &format!("kind={kind}&url={url}&name=taken&credential=hunter-two&visibility=public"))
    };
    // What is no address is said on the form, and a credential is not sent back.
    let refused = begin("git", "ssh://host/x.git");
    let page = refused.text();
    assert_eq!(refused.status, 422, "{page}");
    assert!(page.contains("role=\"alert\"") && page.contains("ssh://host/x.git"), "{page}");
    assert!(!page.contains("hunter-two"), "{page}");

    for (kind, end) in [("git", "git"), ("svn", "svn")] {
        let address = format!("http://{}/ann/hello.{end}", there.site.address);
        let begun = begin(kind, &address);
        assert_eq!(begun.status, 303, "{}", begun.text());
        let progress = begun.header("location").unwrap().to_owned();
        let mut last = String::new();
        wait_until("it is over", 60, || {
            last = bob.get(&progress).text();
            assert!(last.contains("Import of bob/taken") && last.contains(&address), "{last}");
            assert!(!last.contains("hunter-two"), "{last}");
            // It asks again by itself as long as there is something to wait for.
            let (goes_on, asks) = (last.contains("going on"), last.contains("http-equiv=\"refresh\""));
            assert_eq!(goes_on, asks, "{last}");
            !goes_on
        });
        // The other site is on this machine, from which people import nothing.
        for words in ["failed", "role=\"alert\"", "private network", "Nothing half done is left"] {
            assert!(last.contains(words), "{words}: {last}");
        }
        assert_eq!(eve.get(&progress).status, 404, "it is Bob's");
        assert_eq!(bob.get("/bob/taken").status, 404);
    }
    assert_eq!(bob.get("/-/new/import?job=77").status, 404);
}

#[test]
fn a_repository_of_another_forge_comes_in_by_its_address() {
    let (there, here) = (World::new(), World::new());
    let git = there.repository("hello");
    git.run(["tag", "-a", "v1", "-m", "one"]).success();
    there.push(&git, &["HEAD:refs/heads/main", "v1", "HEAD:refs/notes/commits"]);
    let address = there.site.url("ann/hello", None);
    let token = there.path("token");
    std::fs::write(&token, format!("ann:{}\n", there.token)).unwrap();
    let import = ["import", "--from", &address, "--to", "ann/taken", "--credential", token.to_str().unwrap()];
    let refused = here.site.cli(&import).failure();
    assert!(refused.contains("private network"), "{refused}");
    let taken = here.site.cli(&[&import[..], &["--allow-private"]].concat()).success();
    assert!(taken.contains("repository ann/taken: 3 refs"), "{taken}");
    assert_eq!(refs(&git, &here.url("ann/taken")), refs(&git, &there.url("ann/hello")));
    let ann = here.site.cli(&[&import[..], &["--allow-private"]].concat()).failure();
    assert!(ann.contains("is here already"), "{ann}");
}

#[test]
fn everything_of_an_owner_comes_in_by_the_other_forges_api_and_again_finishes() {
    let (there, here) = (World::new(), World::new());
    let git = there.repository("hello");
    there.push(&git, &["HEAD:refs/heads/main"]);
    there.site.cli(&["repo", "create", "ann/open", "--public"]).success();
    let describe =
        [("Authorization", format!("token {}", there.token)), ("Content-Type", "application/json".to_owned())];
    let describe: Vec<_> = describe.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let body = br#"{"description":"It says hello"}"#;
    let described = request(&there.site.address, "PATCH", "/api/v1/repos/ann/hello", &describe, body).unwrap();
    assert_eq!(described.status, 200, "{}", described.text());
    let owner = there.site.url("ann", None).trim_end_matches(".git").to_owned();
    let token = there.path("token");
    std::fs::write(&token, format!("ann:{}\n", there.token)).unwrap();
    let import = ["import", "--owner", &owner, "--to", "ann", "--credential", token.to_str().unwrap()];
    assert!(here.site.cli(&import).failure().contains("private network"));
    let import = [&import[..], &["--allow-private"]].concat();
    let said = here.site.cli(&import).success();
    assert!(said.contains("ann/hello: 1 refs") && said.contains("2 of 2 repositories taken in"), "{said}");
    assert_eq!(refs(&git, &here.url("ann/hello")), refs(&git, &there.url("ann/hello")));
    let page = here.site.get("/ann/open");
    assert_eq!((page.status, here.site.get("/ann/hello").status), (200, 404), "who may see it is as it was there");
    let header = format!("token {}", here.token);
    let shape =
        request(&here.site.address, "GET", "/api/v1/repos/ann/hello", &[("Authorization", header.as_str())], b"")
            .unwrap();
    assert!(shape.text().contains("It says hello"), "{}", shape.text());
    let again = here.site.cli(&import).success();
    assert!(again.contains("ann/hello: here already"), "{again}");
}

#[test]
fn an_owner_takes_a_repository_and_an_account_everything_from_a_page() {
    let world = World::new();
    world.site.cli_with(&["user", "create", "uma", "--email", "u@example.org", "--password-stdin"], PASSWORD).success();
    world.site.cli(&["repo", "create", "uma/hello"]).success();
    let token = world.site.cli(&["token", "create", "uma", "--scope", "repo:read,repo:write"]).success();
    let remote = world.site.url("uma/hello", Some(("uma", token.trim())));
    let git = Git::init(&world.path("work"), "sha1");
    git.run(["remote", "add", "origin", &remote]).success();
    git.commit("README", "this is hello\n");
    world.push(&git, &["HEAD:refs/heads/main"]);
    let uma = Browser::sign_in(&world.site, "uma", PASSWORD);
    for page in ["/uma/hello/-/settings/export", "/-/settings/export"] {
        let answer = uma.post(page, "");
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert!(answer.header("content-disposition").unwrap().contains(".tar"));
        let dir = world.path(&page.replace('/', "_"));
        std::fs::create_dir(&dir).unwrap();
        std::fs::write(dir.join("it.tar"), &answer.body).unwrap();
        assert!(Command::new("tar").args(["-xf", "it.tar"]).current_dir(&dir).status().unwrap().success());
        assert!(sums_are_right(&dir.join("export")));
        let bundle = dir.join("export/repositories/uma/hello/repository.bundle");
        assert_eq!(refs(&git, bundle.to_str().unwrap()), refs(&git, &remote));
    }
    let left = || std::fs::read_dir(world.site.data.join("export")).unwrap().count();
    wait_until("what was made for it is gone again", 20, || left() == 0);
    let nobody = Browser::new(&world.site);
    assert_ne!(nobody.post("/uma/hello/-/settings/export", "").status, 200);
}
