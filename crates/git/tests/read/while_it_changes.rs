//! A repository that goes on while it is read.

use crate::fixture::{Fixture, history, path};
use code::{LogQuery, NameKind, ReadError, Source};

fn all() -> LogQuery {
    LogQuery { limit: 1_000, ..LogQuery::default() }
}

#[test]
fn a_source_shows_the_refs_it_was_opened_with() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(80, 30));
    let before = fixture.source();
    let old = fixture.id("main");
    fixture.git(&["update-ref", "refs/heads/main", "main~3"]);
    fixture.git(&["branch", "later"]);
    assert_eq!(before.resolve("main").unwrap().id, old);
    assert!(matches!(before.resolve("later"), Err(ReadError::NotFound(_))));
    let after = fixture.source();
    assert_eq!(after.resolve("main").unwrap().id, fixture.id("main"));
    assert!(after.short_names(NameKind::Branch).unwrap().contains(&"later".to_owned()));
}

#[test]
fn new_packs_and_packs_that_went_do_not_disturb() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(81, 60));
    let first = fixture.source();
    let old = fixture.id("main");
    let count = first.log(&old, &all()).unwrap().0.len();
    for round in 0..40 {
        let stream = format!(
            "commit refs/heads/main\ncommitter A <a@x> {} +0000\ndata 2\nx\n\nfrom refs/heads/main^0\nM 644 inline f{round}\ndata 1\n{}\n",
            1_700_000_000 + round,
            round % 10
        );
        fixture.import(stream.as_bytes());
        let source = fixture.source();
        let head = fixture.id("main");
        assert_eq!(source.log(&head, &all()).unwrap().0.len(), count + round + 1);
        assert_eq!(source.file(&head, &path(format!("f{round}")), 9).unwrap().size, 1);
        if round % 10 == 9 {
            fixture.git(&["repack", "-adq", "--write-midx", "--write-bitmap-index"]);
            fixture.git(&["commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress"]);
            let log = first.log(&old, &LogQuery { path: path("dir0"), ..all() }).unwrap().0;
            let expected = fixture.git(&["rev-list", "--count", &old.0, "--", "dir0"]);
            assert_eq!(log.len().to_string(), expected);
        }
    }
}

#[test]
fn another_repository_at_the_same_place_is_not_taken_for_the_first() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(82, 20));
    fixture.write_commit_graph();
    let old = fixture.source().resolve("main").unwrap().id;
    for entry in std::fs::read_dir(fixture.path()).unwrap() {
        let entry = entry.unwrap().path();
        if entry.is_dir() { std::fs::remove_dir_all(entry).unwrap() } else { std::fs::remove_file(entry).unwrap() }
    }
    fixture.git(&["init", "-q", "--bare", "-b", "main", "."]);
    fixture.import(&history(83, 25));
    let source = fixture.source();
    assert_eq!(source.resolve("main").unwrap().id, fixture.id("main"));
    assert!(matches!(source.resolve(&old.0), Err(ReadError::NotFound(_))));
}

#[test]
fn replacements_are_not_looked_at() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(84, 20));
    let id = fixture.id("main");
    let before = fixture.source().resolve("main").unwrap();
    fixture.git(&["replace", &id.0, &fixture.id("main~1").0]);
    assert_eq!(fixture.source().resolve("main").unwrap(), before);
    let fresh = std::sync::Arc::new(git::read::ReadCaches::new(1 << 20));
    let repository = fixture.repository();
    let refs = git::RefSnapshot::new(9, repository.format(), git::RefName::main(), Vec::new());
    let source = git::read::GitSource::open(&repository, std::sync::Arc::new(refs), fresh).unwrap();
    assert_eq!(source.resolve(&id.0).unwrap(), before);
}

#[test]
fn several_threads_may_read_at_once() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(85, 100));
    let source = fixture.source();
    let at = fixture.id("main");
    let expected = source.log(&at, &all()).unwrap().0;
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..5 {
                    assert_eq!(source.log(&at, &all()).unwrap().0, expected);
                    source.paths(&at).unwrap();
                    source.graph(0, 50).unwrap();
                }
            });
        }
    });
}

#[test]
fn maintenance_under_way_does_not_disturb() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(86, 150));
    let at = fixture.id("main");
    let query = LogQuery { path: path("dir1"), ..all() };
    let first = fixture.source();
    let expected = (first.log(&at, &query).unwrap().0, first.paths(&at).unwrap());
    let done = std::sync::atomic::AtomicBool::new(false);
    let repository = fixture.repository();
    // Repositories stay open in it, and nothing else is kept: every object is read again.
    let caches = std::sync::Arc::new(git::read::ReadCaches::new(0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::Relaxed) {
                    let refs = git::RefSnapshot::new(1, repository.format(), git::RefName::main(), Vec::new());
                    let refs = std::sync::Arc::new(refs);
                    let source = git::read::GitSource::open(&repository, refs, caches.clone()).unwrap();
                    assert_eq!(source.log(&at, &query).unwrap().0, expected.0);
                    assert_eq!(source.paths(&at).unwrap(), expected.1);
                    assert_eq!(source.file(&at, &expected.1[0], 1 << 20).unwrap().path, expected.1[0]);
                }
            });
        }
        for round in 0..12 {
            let stream = format!("commit refs/heads/o{round}\ncommitter A <a@x> {round} +0000\ndata 1\nx\n");
            fixture.import(stream.as_bytes());
            let how = if round % 3 == 2 { "-adq" } else { "-dq" };
            fixture.git(&["repack", how, "--write-midx"]);
            fixture.git(&["commit-graph", "write", "--reachable", "--changed-paths", "--split", "--no-progress"]);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}
