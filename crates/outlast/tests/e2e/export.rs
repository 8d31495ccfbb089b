//! Everything leaves one site in formats that other tools read, and arrives at another.

use crate::common::{Git, World, held};
use std::path::Path;
use std::process::Command;

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
