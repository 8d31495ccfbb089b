//! History.

use crate::fixture::{FORMATS, Fixture, history, history_of, path, with_and_without_graph};
use code::{LogQuery, RevisionId, Source};
use git::read::GitSource;

fn ids(source: &GitSource, at: &RevisionId, query: &LogQuery) -> Vec<String> {
    let query = LogQuery { limit: if query.limit == 0 { 1_000 } else { query.limit }, ..query.clone() };
    source.log(at, &query).unwrap().0.into_iter().map(|step| step.revision.id.0).collect()
}

#[test]
fn the_whole_history_is_in_gits_order_and_in_pages() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.import(&history(6, 200));
        with_and_without_graph(&fixture, |fixture, source| {
            let at = fixture.id("main");
            let expected = fixture.lines(&["rev-list", "main"]);
            assert_eq!(ids(source, &at, &LogQuery::default()), expected);
            let (page, more) = source.log(&at, &LogQuery { skip: 5, limit: 7, ..LogQuery::default() }).unwrap();
            assert!(more);
            assert_eq!(page.iter().map(|step| step.revision.id.0.as_str()).collect::<Vec<_>>(), expected[5..12]);
            let last = u32::try_from(expected.len()).unwrap() - 3;
            let (page, more) = source.log(&at, &LogQuery { skip: last, limit: 3, ..LogQuery::default() }).unwrap();
            assert_eq!((page.len(), more), (3, false));
        });
    }
}

#[test]
fn a_paths_history_is_simplified_as_git_simplifies_it() {
    for seed in 0..6 {
        let fixture = Fixture::new(FORMATS[seed % 2]);
        fixture.import(&history(10 + seed as u64, 160));
        with_and_without_graph(&fixture, |fixture, source| {
            let at = fixture.id("main");
            let mut paths = fixture.lines(&["ls-tree", "-r", "-t", "--name-only", "main"]);
            paths.extend(["dir0/sub0/file0", "dir1/sub2/file3", "dir2/sub1/file5", "nothing"].map(str::to_owned));
            for name in paths {
                let query = LogQuery { path: path(&name), ..LogQuery::default() };
                let expected = fixture.lines(&["rev-list", "main", "--", &name]);
                assert_eq!(ids(source, &at, &query), expected, "{name}");
            }
        });
    }
}

#[test]
fn what_another_revision_has_is_left_out() {
    for seed in 0..4 {
        let fixture = Fixture::new(FORMATS[seed % 2]);
        fixture.import(&history(20 + seed as u64, 160));
        with_and_without_graph(&fixture, |fixture, source| {
            let at = fixture.id("main");
            let branches = fixture.lines(&["for-each-ref", "--format=%(refname:short)", "refs/heads"]);
            for base in branches.iter().map(String::as_str).chain(["main~4", "main~9"]) {
                let without = Some(fixture.id(base));
                let query = LogQuery { without: without.clone(), ..LogQuery::default() };
                let range = format!("{base}..main");
                assert_eq!(ids(source, &at, &query), fixture.lines(&["rev-list", &range]), "{range}");
                for dir in ["dir0", "dir1/sub1", "dir2/sub0/file1"] {
                    let query = LogQuery { path: path(dir), without: without.clone(), ..LogQuery::default() };
                    let expected = fixture.lines(&["rev-list", &range, "--", dir]);
                    assert_eq!(ids(source, &at, &query), expected, "{range} {dir}");
                }
            }
        });
    }
}

#[test]
fn words_are_looked_for_in_messages_and_authors_in_any_case() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(30, 100));
    let source = fixture.source();
    let at = fixture.id("main");
    let words = |words: &str| LogQuery { words: Some(words.to_owned()), ..LogQuery::default() };
    let expected = fixture.lines(&["rev-list", "-i", "--grep=word7 ", "main"]);
    assert!(!expected.is_empty());
    assert_eq!(ids(&source, &at, &words("word7 ")), expected);
    let expected = fixture.lines(&["rev-list", "--author=w3@", "main"]);
    assert_eq!(ids(&source, &at, &words("W3@EXAMPLE")), expected);
    let both = ids(&source, &at, &words("writer change"));
    assert_eq!(both, fixture.lines(&["rev-list", "main"]));
    assert!(ids(&source, &at, &words("word7 nowhere")).is_empty());
    assert!(ids(&source, &at, &words("1600000")).is_empty(), "the author's clock is no word");
}

/// A file that was moved, changed on the way, and moved again.
fn moved() -> Fixture {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let mut stream = String::new();
    let text = |changed: usize| (0..40).map(|n| format!("{n} is {}\n", if n == changed { 1 } else { 0 })).collect();
    let mut commit = |n: usize, what: &str, content: Option<(&str, String)>| {
        let time = 1_500_000_000 + n * 60;
        stream.push_str(&format!("commit refs/heads/main\ncommitter A <a@x> {time} +0000\ndata 2\nx\n\n{what}"));
        if let Some((path, content)) = content {
            stream.push_str(&format!("M 644 inline {path}\ndata {}\n{content}\n", content.len()));
        }
    };
    commit(1, "", Some(("one.txt", text(99))));
    commit(2, "", Some(("other.txt", "else\n".to_owned())));
    commit(3, "", Some(("one.txt", text(3))));
    commit(4, "R one.txt two.txt\n", None);
    commit(5, "", Some(("two.txt", text(5))));
    commit(6, "R two.txt dir/three.txt\n", Some(("dir/three.txt", text(6))));
    commit(7, "", Some(("unrelated", "x\n".to_owned())));
    commit(8, "", Some(("dir/three.txt", text(8))));
    fixture.import(stream.as_bytes());
    fixture
}

#[test]
fn a_file_is_followed_to_what_it_was_called_before() {
    let fixture = moved();
    with_and_without_graph(&fixture, |fixture, source| {
        let at = fixture.id("main");
        let query = LogQuery { path: path("dir/three.txt"), follow: true, limit: 100, ..LogQuery::default() };
        let (steps, more) = source.log(&at, &query).unwrap();
        let shown = steps.iter().map(|step| format!("{} {}", step.revision.id, step.path.shown())).collect::<Vec<_>>();
        let lines = fixture.lines(&["log", "--follow", "--name-only", "--format=%H", "main", "--", "dir/three.txt"]);
        let lines = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>();
        let expected = lines.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>();
        assert_eq!((shown, more), (expected, false));
        let here = LogQuery { follow: false, ..query };
        assert_eq!(source.log(&at, &here).unwrap().0.len(), 2);
    });
}

fn followed(source: &GitSource, at: &RevisionId, name: &str) -> Vec<String> {
    let query = LogQuery { path: path(name), follow: true, limit: 1_000, ..LogQuery::default() };
    let steps = source.log(at, &query).unwrap().0;
    steps.into_iter().map(|step| format!("{} {}", step.revision.id, step.path.shown())).collect()
}

#[test]
fn following_is_what_git_follows_where_nothing_was_merged() {
    for seed in 40..46 {
        let fixture = Fixture::new(git::ObjectFormat::Sha1);
        fixture.import(&history_of(seed, 150, false));
        let source = fixture.source();
        let at = fixture.id("main");
        for name in fixture.lines(&["ls-tree", "-r", "--name-only", "main"]) {
            let args = ["log", "--follow", "--name-only", "--format=%H", "main", "--", &name];
            let lines = fixture.lines(&args).into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>();
            let expected = lines.chunks(2).map(|pair| pair.join(" ")).collect::<Vec<_>>();
            assert_eq!(followed(&source, &at, &name), expected, "{seed} {name}");
        }
    }
}

#[test]
fn following_through_merges_loses_nothing_of_the_plain_history() {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    fixture.import(&history(46, 150));
    let source = fixture.source();
    let at = fixture.id("main");
    for name in fixture.lines(&["ls-tree", "-r", "--name-only", "main"]) {
        let steps = followed(&source, &at, &name);
        let plain = ids(&source, &at, &LogQuery { path: path(&name), ..LogQuery::default() });
        for id in plain {
            assert!(steps.iter().any(|step| step.starts_with(&id)), "{name}");
        }
    }
}
