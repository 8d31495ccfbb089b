//! Against a repository of people: `OUTLAST_READ_REPOSITORY` names a bare one that may be written to.

use crate::support::{Made, Random};
use crate::{blame, diff};
use code::{CodePath, Source};
use git::read::index_history;
use std::time::{Duration, Instant};

#[test]
#[ignore = "needs a repository"]
fn a_given_repository_is_read_as_git_reads_it() {
    let Some(given) = std::env::var_os("OUTLAST_READ_REPOSITORY") else { return };
    let made = Made::at(given.as_ref());
    let source = made.source();
    let start = Instant::now();
    index_history(&source).unwrap();
    println!("indexed in {:?}", start.elapsed());
    let tip = made.id("HEAD");
    let mut random = Random::new(3);
    let paths = source.paths(&tip).unwrap();
    let some: Vec<&CodePath> = (0..60).map(|_| &paths[random.below(paths.len())]).collect();
    let log = |commit: &str, path: &str| made.git(&["log", "-1", "--format=%H", commit, "--", path]).trim().to_owned();
    let (mut ours, mut gits) = (Duration::ZERO, Duration::ZERO);
    for path in &some {
        let start = Instant::now();
        let change = source.last_change(&tip, path).unwrap().unwrap();
        ours += start.elapsed();
        let start = Instant::now();
        assert_eq!(change.id.0, log(&tip.0, &path.shown()), "{path:?}");
        gits += start.elapsed();
    }
    println!("last change of 60 paths: {ours:?}, git {gits:?}");
    for back in [100, 1_000, 20_000] {
        let list = made.git(&["rev-list", "-1", &format!("--skip={back}"), "HEAD"]);
        let at = code::RevisionId(list.trim().to_owned());
        let start = Instant::now();
        let changes = source.last_changes(&at, &CodePath::root(), Duration::from_secs(60)).unwrap();
        println!("last changes of {} entries, {back} ago: {:?}", changes.len(), start.elapsed());
        for (name, revision) in changes.iter().step_by(40) {
            assert_eq!(revision.id.0, log(&at.0, &String::from_utf8_lossy(name)), "{back} ago");
        }
    }
    let (mut same, mut all) = (0, 0);
    let list = made.git(&["rev-list", "-300", "--skip=500", "HEAD"]);
    for commit in list.lines().step_by(3) {
        let (more_same, more) = diff::check(&made, &source, &code::RevisionId(commit.to_owned()));
        (same, all) = (same + more_same, all + more);
    }
    println!("{same} of {all} files have Git's hunks, byte for byte");
    let (mut ours, mut gits) = (Duration::ZERO, Duration::ZERO);
    let (mut same, mut all) = (0, 0);
    for path in
        some.iter().filter(|path| path.as_bytes().ends_with(b".c") || path.as_bytes().ends_with(b".sh")).take(12)
    {
        let start = Instant::now();
        let lines = blame::lines(&source, &tip, path);
        ours += start.elapsed();
        let start = Instant::now();
        let expected = blame::git_lines(&made, &tip, path);
        gits += start.elapsed();
        assert_eq!(lines.len(), expected.len());
        same += lines.iter().zip(&expected).filter(|(a, b)| a == b).count();
        all += lines.len();
    }
    println!("blame: {same} of {all} lines are as Git has them; {ours:?}, git {gits:?}");
}
