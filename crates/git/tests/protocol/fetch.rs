//! Clones and fetches in every way that the real `git` has.

use crate::client::{Client, history};
use crate::raw;
use crate::server::{Config, Server};
use git::ObjectFormat;
use git::upload::UploadLimits;

const VERSIONS: [&str; 3] = ["protocol.version=0", "protocol.version=1", "protocol.version=2"];

fn same_everywhere(server: &Server, version: &str) {
    let clone = Client::clone(server, &[version], &["--mirror"]);
    clone.sound();
    let refs = |dir: &std::path::Path| {
        let output = std::process::Command::new("git").arg("-C").arg(dir).arg("for-each-ref").output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(!refs(server.path()).is_empty());
    assert_eq!(refs(&clone.dir), refs(server.path()));
}

#[test]
fn clones_are_equal_in_every_version_and_format() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let server = Server::with(Config { format, ..Config::default() });
        history(&server);
        VERSIONS.iter().for_each(|version| same_everywhere(&server, version));
    }
}

#[test]
fn an_empty_repository_is_cloned_and_names_its_branch() {
    for server in [Server::new(), Server::sha256()] {
        for version in VERSIONS {
            let clone = Client::clone(&server, &[version, "init.defaultBranch=other"], &[]);
            let head = clone.ok(["symbolic-ref", "HEAD"]);
            if version == VERSIONS[2] {
                assert_eq!(head, "refs/heads/main", "an unborn HEAD is told");
            }
            assert_eq!(clone.ok(["ls-remote", "origin"]), "");
        }
    }
}

#[test]
fn fetches_bring_what_is_new_and_the_tags_on_it() {
    let server = Server::new();
    let pusher = history(&server);
    for version in VERSIONS {
        let clone = Client::clone(&server, &[version], &[]);
        let new = pusher.commit(&format!("new-{}", version.replace('=', "")));
        let tag = format!("tag-{}", version.replace('=', ""));
        pusher.ok(["tag", "-a", "-m", "new", &tag]);
        pusher.ok(["push", "-q", "origin", "main", &tag]);
        clone.ok(["fetch", "-q"]);
        assert_eq!(clone.id("origin/main"), new);
        assert_eq!(clone.id(&format!("{tag}^{{}}")), new);
        clone.sound();
    }
}

#[test]
fn a_diverged_client_negotiates_in_gzipped_requests() {
    let server = Server::new();
    let pusher = history(&server);
    for version in VERSIONS {
        let clone = Client::clone(&server, &[version], &[]);
        // So many commits of its own that the request is large, thus compressed, and takes several rounds.
        for n in 0..90 {
            clone.ok(["commit", "-q", "--allow-empty", "-m", &format!("own {n}")]);
        }
        let new = pusher.commit(&format!("theirs-{}", version.replace('=', "")));
        pusher.ok(["push", "-q", "origin", "main"]);
        clone.ok(["fetch", "-q"]);
        assert_eq!(clone.id("origin/main"), new);
    }
}

#[test]
fn shallow_clones_deepen() {
    let server = Server::new();
    let pusher = history(&server);
    let count = |client: &Client| client.ok(["rev-list", "--count", "HEAD"]);
    for version in VERSIONS {
        let clone = Client::clone(&server, &[version], &["--depth=2"]);
        assert_eq!(count(&clone), "2");
        clone.ok(["fetch", "-q", "--deepen=3"]);
        assert_eq!(count(&clone), "5");
        clone.ok(["fetch", "-q", "--unshallow"]);
        assert_eq!(count(&clone), "10");
        clone.sound();
        let excluded = Client::clone(&server, &[version], &["--shallow-exclude=side", "--single-branch"]);
        assert_eq!(count(&excluded), "4");
        let since = Client::clone(&server, &[version], &["--shallow-since=2001-01-01"]);
        assert_eq!(count(&since), "10");
    }
    assert_eq!(count(&pusher), "10");
}

#[test]
fn partial_clones_fetch_what_they_lack_when_they_need_it() {
    let server = Server::new();
    let pusher = history(&server);
    for version in VERSIONS {
        let clone = Client::clone(&server, &[version], &["--filter=blob:none", "--no-checkout"]);
        let missing = || clone.ok(["rev-list", "--objects", "--all", "--missing=print"]).matches("\n?").count();
        let before = missing();
        assert!(before > 10, "{before} objects were not sent");
        // As Git's own server: before version 2 only what is advertised can be asked for.
        if version == VERSIONS[2] {
            clone.ok(["checkout", "-q", "main"]);
            assert!(missing() < before);
            assert_eq!(clone.ok(["show", "HEAD:file"]), pusher.ok(["show", "HEAD:file"]));
        }
        let trees = Client::clone(&server, &[version], &["--filter=tree:0", "--no-checkout"]);
        assert_eq!(trees.ok(["rev-list", "--count", "HEAD"]), "10");
    }
}

#[test]
fn what_is_not_advertised_is_fetched_as_git_has_it() {
    let server = Server::new();
    let pusher = history(&server);
    let hidden = pusher.commit("dropped");
    pusher.ok(["push", "-q", "origin", "main"]);
    pusher.ok(["reset", "-q", "--hard", "HEAD~1"]);
    pusher.ok(["push", "-q", "-f", "origin", "main"]);
    let clone = Client::clone(&server, &[], &[]);
    for version in &VERSIONS[..2] {
        let words = clone.fails(["-c", version, "fetch", "-q", "origin", &hidden]);
        assert!(words.contains("not our ref") || words.contains("unadvertised"), "{words}");
    }
    clone.ok(["fetch", "-q", "origin", &hidden]);
    let nothing = "1".repeat(40);
    assert!(clone.fails(["fetch", "-q", "origin", &nothing]).contains(&nothing));
}

#[test]
fn refs_are_listed_without_a_child() {
    let server = Server::new();
    let pusher = history(&server);
    let before = server.children();
    for version in VERSIONS {
        let listed = pusher.ok(["-c", version, "ls-remote", "origin"]);
        assert!(listed.contains("refs/tags/v1^{}") && listed.contains("HEAD"), "{listed}");
        let some = pusher.ok(["-c", version, "ls-remote", "--heads", "origin", "side"]);
        assert_eq!(some.lines().count(), 1);
    }
    let head = pusher.ok(["ls-remote", "--symref", "-o", "an-option", "origin", "HEAD"]);
    assert!(head.starts_with("ref: refs/heads/main\tHEAD"), "{head}");
    assert_eq!(server.children(), before);
}

#[test]
fn a_client_may_ask_only_what_is_common() {
    let server = Server::new();
    let pusher = history(&server);
    let clone = Client::clone(&server, &[], &[]);
    clone.ok(["commit", "-q", "--allow-empty", "-m", "own"]);
    let common = clone.ok(["fetch", "--negotiate-only", "--negotiation-tip=main", "origin"]);
    assert_eq!(common, pusher.id("main"));
}

#[test]
fn sizes_are_told_without_the_objects() {
    let server = Server::new();
    let pusher = history(&server);
    let blob = pusher.id("HEAD:file-3");
    let request = ["command=object-info", "agent=x", "object-format=sha1", "|", "size", &format!("oid {blob}"), "."];
    let answer = raw::post(&server, "git-upload-pack", Some(2), &raw::lines(&request));
    assert!(answer.text().contains(&format!("{blob} 1")), "{}", answer.text());
}

#[test]
fn limits_are_told_in_words() {
    let upload = UploadLimits { request_bytes_max: 4000, wants_max: 3, haves_max: 20, ..UploadLimits::default() };
    let server = Server::with(Config { upload, ..Config::default() });
    let pusher = history(&server);
    let words = Client::try_clone(&server, &[], &[]).err().unwrap();
    assert!(words.contains("may want 3"), "{words}");
    let clone = Client::clone(&server, &[], &["--single-branch", "--no-tags"]);
    for n in 0..40 {
        clone.ok(["commit", "-q", "--allow-empty", "-m", &format!("own {n}")]);
    }
    pusher.commit("new");
    pusher.ok(["push", "-q", "origin", "main"]);
    // From its own branch alone: what both have comes after all forty, also when all were made in one second.
    let words = clone.fails(["fetch", "-q", "--negotiation-tip=main", "origin", "main"]);
    assert!(words.contains("have 20"), "{words}");
    let large = raw::lines(&["command=fetch", "|", &"x".repeat(5000), "."]);
    assert!(raw::post(&server, "git-upload-pack", Some(2), &large).text().contains("over 4000 bytes"));
}

#[test]
fn requests_that_are_none_are_answered_with_an_error() {
    let server = Server::new();
    history(&server);
    for body in [b"".as_slice(), b"0", b"zzzz", b"0008", b"ffffx", b"0000", b"0001"] {
        for version in [None, Some(2)] {
            let answer = raw::post(&server, "git-upload-pack", version, body);
            assert!(answer.body.is_empty() || answer.text().contains("ERR"), "{body:?} {}", answer.text());
        }
    }
}
