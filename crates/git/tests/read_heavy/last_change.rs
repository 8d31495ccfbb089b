//! The last change of every path, as `git log -1` has it, with and without an index, from any commit.

use crate::support::{History, Made};
use code::{CodePath, EntryKind, RevisionId, Source};
use git::ObjectFormat;
use git::read::{GitSource, history_is_indexed, index_history};
use std::time::Duration;

const PATIENT: Duration = Duration::from_secs(60);

/// Every directory of a commit.
fn directories(source: &GitSource, at: &RevisionId) -> Vec<CodePath> {
    let mut all = vec![CodePath::root()];
    let mut next = 0;
    while next < all.len() {
        let tree = source.tree(at, &all[next]).unwrap();
        for entry in tree.entries.iter().filter(|entry| entry.kind == EntryKind::Directory) {
            all.push(all[next].join(&entry.name).unwrap());
        }
        next += 1;
    }
    all
}

fn check(made: &Made, source: &GitSource, at: &RevisionId) {
    for path in directories(source, at) {
        let changes = source.last_changes(at, &path, PATIENT).unwrap();
        let tree = source.tree(at, &path).unwrap();
        assert_eq!(changes.len(), tree.entries.len(), "{at} {path:?}");
        for (name, revision) in changes {
            let entry = path.join(&name).unwrap();
            let shown = entry.shown();
            let expected = made.git(&["log", "-1", "--format=%H", &at.0, "--", &shown]);
            assert_eq!(revision.id.0, expected.trim(), "{at} {shown}");
            let one = source.last_change(at, &entry).unwrap().unwrap();
            assert_eq!(one.id, revision.id, "{at} {shown} alone");
        }
    }
}

fn histories(seed: u64, format: ObjectFormat) {
    let mut made = Made::new(format);
    let mut history = History::new(seed);
    let mut tips = Vec::new();
    history.grow(40, &mut tips);
    made.import(&history.take());
    let source = made.source();
    check(&made, &source, &made.id("main"));
    if seed.is_multiple_of(2) {
        made.git(&["commit-graph", "write", "--reachable", "--changed-paths"]);
    }
    // With the index of a tip that later is old.
    assert!(!history_is_indexed(&source));
    index_history(&source).unwrap();
    assert!(history_is_indexed(&source));
    history.grow(25, &mut tips);
    made.import(&history.take());
    let source = made.fresh_source();
    for branch in ["main", "one", "two"] {
        check(&made, &source, &made.id(branch));
    }
    // Brought up to date, and from anywhere.
    index_history(&source).unwrap();
    let source = made.fresh_source();
    for commit in made.commits().iter().step_by(6) {
        check(&made, &source, commit);
    }
    check(&made, &source, &made.id("main"));
}

#[test]
fn it_is_what_git_log_says() {
    for seed in 1..=4 {
        histories(seed, ObjectFormat::Sha1);
    }
}

#[test]
fn it_is_what_git_log_says_with_long_ids() {
    histories(5, ObjectFormat::Sha256);
}

#[test]
fn an_index_that_is_damaged_is_not_looked_at_and_made_anew() {
    let mut made = Made::new(ObjectFormat::Sha1);
    let (mut history, mut tips) = (History::new(9), Vec::new());
    history.grow(10, &mut tips);
    made.import(&history.take());
    index_history(&made.source()).unwrap();
    let file = made.path().join("last-changes");
    let good = std::fs::read(&file).unwrap();
    for at in (0..good.len()).step_by(7) {
        let mut bad = good.clone();
        bad[at] ^= 0x40;
        if at.is_multiple_of(2) {
            bad.truncate(at);
        }
        std::fs::write(&file, bad).unwrap();
        let source = made.fresh_source();
        source.last_changes(&made.id("main"), &CodePath::root(), PATIENT).unwrap();
    }
    let source = made.fresh_source();
    index_history(&source).unwrap();
    assert_eq!(std::fs::read(&file).unwrap(), good);
    check(&made, &made.source(), &made.id("main"));
}

#[test]
fn what_was_not_found_in_time_is_found_when_asked_again() {
    let made = Made::new(ObjectFormat::Sha1);
    let (mut history, mut tips) = (History::new(11), Vec::new());
    history.grow(600, &mut tips);
    made.import(&history.take());
    let (source, at) = (made.source(), made.id("main"));
    let entries = source.tree(&at, &CodePath::root()).unwrap().entries.len();
    let ask = || source.last_changes(&at, &CodePath::root(), Duration::ZERO).unwrap().len();
    assert!((0..100).any(|_| ask() == entries));
}
