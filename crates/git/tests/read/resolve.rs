//! Names to revisions.

use crate::fixture::{FORMATS, Fixture, history, path};
use code::{NameKind, ReadError, RevisionId, Source};

fn filled(format: git::ObjectFormat) -> Fixture {
    let fixture = Fixture::new(format);
    fixture.import(&history(1, 40));
    fixture.git(&["tag", "v1", "main~3"]);
    fixture.git(&["-c", "user.name=T", "-c", "user.email=t@x", "tag", "-a", "-m", "First\n\nof all", "v2", "main~2"]);
    fixture.git(&["branch", "topic/one", "main~1"]);
    fixture.git(&["branch", "both", "main~4"]);
    fixture.git(&["tag", "both", "main~5"]);
    fixture.git(&["update-ref", "refs/notes/commits", "main~6"]);
    fixture
}

#[test]
fn names_are_found_as_git_finds_them_branches_before_tags() {
    for format in FORMATS {
        let fixture = filled(format);
        let source = fixture.source();
        let id = |name: &str| source.resolve(name).unwrap().id;
        for name in ["main", "v1", "v2", "topic/one", "HEAD", "refs/heads/main", "refs/tags/v2", "refs/notes/commits"] {
            assert_eq!(id(name), fixture.id(name), "{name}");
        }
        assert_eq!(id("both"), fixture.id("refs/heads/both"));
        let head = fixture.id("main").0;
        for digits in [7, 8, 12, head.len()] {
            assert_eq!(id(&head[..digits]).0, head, "{digits} digits");
        }
        assert_eq!(id(&head[..12].to_uppercase()).0, head);
        let tag = fixture.git(&["rev-parse", "v2"]);
        assert_eq!(id(&tag), fixture.id("v2"), "a tag's own id stands for its commit");
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let fixture = filled(git::ObjectFormat::Sha1);
    let source = fixture.source();
    let head = fixture.id("main").0;
    let tree = fixture.git(&["rev-parse", "main^{tree}"]);
    let zero = "0".repeat(40);
    for name in
        ["", "nothing", &head[..6], &tree, &zero, "main~1", "main^", "../main", "HEAD@{1}", "refs/heads/", "-x", "a\0b"]
    {
        assert!(matches!(source.resolve(name), Err(ReadError::NotFound(_))), "{name}");
    }
    let unknown = RevisionId("nothing".to_owned());
    assert!(matches!(source.tree(&unknown, &path("")), Err(ReadError::NotFound(_))));
    assert!(matches!(source.tree(&RevisionId(zero), &path("")), Err(ReadError::NotFound(_))));
}

#[test]
fn the_longest_name_that_is_there_is_taken_off_an_address() {
    let fixture = filled(git::ObjectFormat::Sha1);
    fixture.git(&["tag", "main/deep", "main~7"]);
    let source = fixture.source();
    let split = |rest: &str| {
        let (name, revision, path) = source.resolve_with_path(rest.as_bytes()).unwrap();
        (name, revision.id, path.shown())
    };
    let expected = |name: &str, path: &str| (name.to_owned(), fixture.id(name), path.to_owned());
    assert_eq!(split("main"), expected("main", ""));
    assert_eq!(split("main/"), expected("main", ""));
    assert_eq!(split("main/dir0/sub1"), expected("main", "dir0/sub1"));
    assert_eq!(split("topic/one/a/b"), expected("topic/one", "a/b"));
    assert_eq!(split("main/deep/a"), expected("main/deep", "a"));
    assert_eq!(split("refs/heads/main/a"), expected("refs/heads/main", "a"));
    let short = &fixture.id("main").0[..9];
    assert_eq!(split(&format!("{short}/a")), expected(short, "a"));
    for bad in ["topic/two/a", "nothing/main", ""] {
        assert!(matches!(source.resolve_with_path(bad.as_bytes()), Err(ReadError::NotFound(_))), "{bad}");
    }
    assert!(matches!(source.resolve_with_path(b"main/a/../b"), Err(ReadError::Invalid(_))));
    assert!(source.resolve_with_path(b"main/\xff\xfe").is_ok(), "a path need not be text");
}

#[test]
fn a_repository_without_anything_is_empty() {
    let fixture = Fixture::new(git::ObjectFormat::Sha256);
    let source = fixture.source();
    assert!(source.is_empty());
    assert_eq!(source.default_branch(), "main");
    assert!(matches!(source.resolve("HEAD"), Err(ReadError::NotFound(_))));
    assert_eq!(source.names(NameKind::Branch, "", 0, 10, true).unwrap().1, 0);
    assert!(source.graph(0, 10).unwrap().0.is_empty());
}

#[test]
fn a_commit_is_shown_however_it_is_written_and_can_not_deceive() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let tree = fixture.git_with(&["mktree"], b"");
    let latin = format!("tree {tree}\nauthor J\u{e9} <j@x> 1 +0130\ncommitter B\u{202e}ad\u{1b} <b> 2 -0800\n");
    let latin = latin.replace('\u{e9}', "\u{1}").into_bytes();
    let mut bytes = latin.iter().map(|byte| if *byte == 1 { 0xe9 } else { *byte }).collect::<Vec<_>>();
    bytes.extend_from_slice(b"encoding ISO-8859-1\n\nM\xfcller\n\nbody\n");
    let id = fixture.commit_object(&bytes);
    let revision = fixture.source().resolve(&id.0).unwrap();
    assert_eq!(revision.author.name, "J\u{e9}");
    assert_eq!((revision.author.time.seconds, revision.author.time.offset), (1, 5400));
    assert_eq!((revision.committer.time.seconds, revision.committer.time.offset), (2, -8 * 3600));
    assert_eq!((revision.subject(), revision.body()), ("M\u{fc}ller", "body"));

    let id = fixture.commit_object(format!("tree {tree}\nauthor x\u{202e}y\u{1b} <> z\n\n\u{2066}hi\n").as_bytes());
    let revision = fixture.source().resolve(&id.0).unwrap();
    assert_eq!(revision.author.name, "x[U+202E]y[U+001B]");
    assert_eq!(revision.message, "[U+2066]hi\n");
    assert_eq!(revision.committer, code::Person::default());

    let long = format!("tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{}", "x".repeat(1 << 20));
    let id = fixture.commit_object(long.as_bytes());
    assert!(fixture.source().resolve(&id.0).unwrap().message.len() < 300 << 10);
    let longer = format!("tree {tree}\nauthor a <a> 1 +0000\ncommitter a <a> 1 +0000\n\n{}", "x".repeat(17 << 20));
    let id = fixture.commit_object(longer.as_bytes());
    assert!(matches!(fixture.source().resolve(&id.0), Err(ReadError::TooMuch(_))));
}

#[test]
fn digits_that_begin_two_ids_ask_for_more() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let mut stream = String::new();
    for n in 0..40_000 {
        stream.push_str(&format!("commit refs/heads/main\ncommitter A <a@x> {n} +0000\ndata 0\n\n"));
    }
    fixture.import(stream.as_bytes());
    let mut ids = fixture.lines(&["rev-list", "main"]);
    ids.sort();
    let twins = ids.windows(2).find(|pair| pair[0][..7] == pair[1][..7]).unwrap();
    let source = fixture.source();
    assert!(matches!(source.resolve(&twins[0][..7]), Err(ReadError::Invalid(_))));
    assert_eq!(source.resolve(&twins[0][..12]).unwrap().id.0, twins[0]);
    assert_eq!(source.resolve(&twins[1][..12]).unwrap().id.0, twins[1]);
}
