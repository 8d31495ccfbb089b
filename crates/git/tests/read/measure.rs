//! How long reading takes: `cargo test --release -p git --test read -- --ignored --nocapture measure`.

use crate::fixture::{Dice, Fixture, path};
use code::{LogQuery, NameKind, Source};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const COMMITS: usize = 50_000;

/// A long history of a tree with a directory of a thousand files.
fn large() -> Fixture {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let mut dice = Dice(1);
    let mut stream = String::new();
    for n in 0..COMMITS {
        let time = 1_400_000_000 + n * 600;
        write!(stream, "commit refs/heads/main\ncommitter A <a@example.org> {time} +0000\ndata 7\nChange\n\n").unwrap();
        if n == 0 {
            for file in 0..1_000 {
                write!(stream, "M 644 inline wide/file{file}.rs\ndata 4\nabc\n\n").unwrap();
            }
            write!(stream, "M 644 inline old/quiet.txt\ndata 4\nabc\n\n").unwrap();
        }
        let text = format!("{n}\n");
        let (dir, file) = (dice.roll(30), dice.roll(40));
        write!(stream, "M 644 inline src/dir{dir}/file{file}.rs\ndata {}\n{text}\n", text.len()).unwrap();
    }
    fixture.import(stream.as_bytes());
    for branch in 0..20 {
        fixture.git(&["branch", &format!("b{branch}"), &format!("main~{}", branch * 150)]);
    }
    fixture.git(&["repack", "-adq"]);
    fixture
}

fn timed<T>(what: &str, call: impl Fn() -> T) {
    let mut best = Duration::MAX;
    let mut first = None;
    for _ in 0..5 {
        let start = Instant::now();
        std::hint::black_box(call());
        best = best.min(start.elapsed());
        first.get_or_insert(best);
    }
    println!("{what:45} first {:>9.3} ms, best {:>9.3} ms", ms(first.unwrap_or_default()), ms(best));
}

fn ms(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// Compares with what Git says of a repository of people, given as `OUTLAST_READ_REPOSITORY`.
#[test]
#[ignore = "needs a repository; for measuring"]
fn a_given_repository() {
    let Some(given) = std::env::var_os("OUTLAST_READ_REPOSITORY") else { return };
    let fixture = Fixture::at(given.into());
    let source = fixture.source();
    let at = source.resolve("HEAD").unwrap().id;
    println!("{} revisions", source.count(&at).unwrap());
    assert_eq!(source.count(&at).unwrap().to_string(), fixture.git(&["rev-list", "--count", &at.0]));
    let (mut ours, mut gits) = (Duration::ZERO, Duration::ZERO);
    let mut check = |what: &str, call: &dyn Fn() -> Vec<String>, args: &[&str]| {
        let start = Instant::now();
        let answer = call();
        let ours_one = start.elapsed();
        let start = Instant::now();
        let expected = fixture.lines(args);
        let gits_one = start.elapsed();
        (ours, gits) = (ours + ours_one, gits + gits_one);
        if answer != expected {
            let at = answer.iter().zip(&expected).position(|(a, b)| a != b);
            println!("DIFFERS {what}: {} and {} lines, first at {at:?}", answer.len(), expected.len());
        }
        if ours_one > Duration::from_millis(300) {
            println!("{what}: {:.0} ms, git {:.0} ms", ms(ours_one), ms(gits_one));
        }
    };
    let paths = fixture.lines(&["ls-tree", "-r", "-t", "--name-only", &at.0]);
    let ids = |query: &LogQuery| -> Vec<String> {
        source.log(&at, query).unwrap().0.into_iter().map(|step| step.revision.id.0).collect()
    };
    check("log", &|| ids(&LogQuery { limit: 1_000, ..LogQuery::default() }), &["rev-list", "-1000", &at.0]);
    for name in paths.iter().step_by(paths.len() / 60 + 1) {
        let query = LogQuery { path: path(name), limit: 1_000, ..LogQuery::default() };
        check(name, &|| ids(&query), &["rev-list", "-1000", &at.0, "--", name]);
    }
    let tags = fixture.lines(&["for-each-ref", "--format=%(refname)", "refs/tags"]);
    for pair in tags.iter().step_by(tags.len() / 30 + 1).collect::<Vec<_>>().windows(2) {
        let (Ok(base), Ok(head)) = (source.resolve(pair[0]), source.resolve(pair[1])) else { continue };
        let range = format!("{}...{}", base.id, head.id);
        let counts = || {
            let compared = source.compare(&base.id, &head.id, 1).unwrap();
            vec![format!("{}\t{}", compared.behind, compared.ahead)]
        };
        check(&range, &counts, &["rev-list", "--left-right", "--count", &range]);
        let base_of = || source.compare(&base.id, &head.id, 1).unwrap().base.map(|id| id.0).into_iter().collect();
        if source.compare(&base.id, &head.id, 1).unwrap().base.is_some() {
            check(&range, &base_of, &["merge-base", &base.id.0, &head.id.0]);
        }
    }
    let names = || {
        let names = source.names(NameKind::Tag, "", 0, 150, false).unwrap().0;
        names.into_iter().map(|named| format!("{} {}", named.revision.id, named.name)).collect()
    };
    let format = "--format=%(if)%(*objectname)%(then)%(*objectname)%(else)%(objectname)%(end) %(refname:short)";
    check("tags", &names, &["for-each-ref", "--count=150", "--sort=-creatordate", format, "refs/tags"]);
    let files = || source.paths(&at).unwrap().iter().map(|path| path.shown()).collect();
    check("paths", &files, &["-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", &at.0]);
    println!("all: {:.0} ms, git {:.0} ms", ms(ours), ms(gits));
    for name in paths.iter().step_by(paths.len() / 10 + 1) {
        timed(name, || ids(&LogQuery { path: path(name), limit: 1_000, ..LogQuery::default() }));
    }
    timed("graph", || source.graph(0, 100).unwrap());
    timed("graph, skip 10,000", || source.graph(10_000, 100).unwrap());
    timed("languages", || source.languages(&at, std::time::Duration::MAX).unwrap());
    timed("branches", || source.names(NameKind::Branch, "", 0, 30, true).unwrap());
}

#[test]
#[ignore = "takes a minute; for measuring"]
fn measure() {
    let mut fixture = large();
    for graph in [false, true] {
        if graph {
            fixture.write_commit_graph();
        }
        println!("{} commits, {} a commit-graph", COMMITS, if graph { "with" } else { "without" });
        fixture.caches = Arc::new(git::read::ReadCaches::new(256 << 20));
        let source = fixture.source();
        let at = fixture.id("main");
        let repository = fixture.repository();
        let log = |query: LogQuery| source.log(&at, &query).unwrap();
        let query = |name: &str| LogQuery { path: path(name), limit: 50, ..LogQuery::default() };
        let refs = Arc::new(git::RefSnapshot::new(0, repository.format(), git::RefName::main(), Vec::new()));
        timed("open", || git::read::GitSource::open(&repository, refs.clone(), fixture.caches.clone()).unwrap());
        timed("resolve main", || source.resolve("main").unwrap());
        timed("resolve a shortened id", || source.resolve(&at.0[..10]).unwrap());
        timed("tree of 1,000 entries", || source.tree(&at, &path("wide")).unwrap());
        timed("file", || source.file(&at, &path("wide/file7.rs"), 1 << 20).unwrap());
        timed("log of 50", || log(query("")));
        timed("log of 50, skip 10,000", || log(LogQuery { skip: 10_000, ..query("") }));
        timed("log of a file", || log(query("src/dir3/file3.rs")));
        timed("log of a quiet file", || log(query("old/quiet.txt")));
        timed("log of words", || log(LogQuery { words: Some("nowhere".to_owned()), ..query("") }));
        timed("count", || source.count(&at).unwrap());
        timed("20 branches with ahead and behind", || source.names(NameKind::Branch, "", 0, 20, true).unwrap());
        timed("graph", || source.graph(0, 100).unwrap());
        timed("graph, skip 10,000", || source.graph(10_000, 100).unwrap());
        timed("paths", || source.paths(&at).unwrap());
        timed("languages", || source.languages(&at, std::time::Duration::MAX).unwrap());
    }
}
