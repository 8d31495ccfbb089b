//! Differences, as `git diff` has them.

use crate::support::{History, Made};
use code::{ChangeKind, DiffOptions, FileDiff, LineKind, RevisionId, Source};
use git::ObjectFormat;
use std::collections::BTreeMap;

/// A file's hunks as Git writes them.
fn text(diff: &FileDiff) -> String {
    let mut text = String::new();
    for hunk in &diff.hunks {
        let range = |start: u32, lines: u32| if lines == 1 { format!("{start}") } else { format!("{start},{lines}") };
        let (old, new) = (range(hunk.old_start, hunk.old_lines), range(hunk.new_start, hunk.new_lines));
        let heading = String::from_utf8_lossy(&hunk.heading);
        let heading = if heading.is_empty() { String::new() } else { format!(" {heading}") };
        text.push_str(&format!("@@ -{old} +{new} @@{heading}\n"));
        for line in &hunk.lines {
            let mark = match line.kind {
                LineKind::Context => ' ',
                LineKind::Added => '+',
                LineKind::Removed => '-',
            };
            text.push_str(&format!("{mark}{}\n", String::from_utf8_lossy(&line.text)));
            if line.no_newline {
                text.push_str("\\ No newline at end of file\n");
            }
        }
    }
    text
}

/// Git's hunks, by path.
fn git_hunks(made: &Made, args: &[&str]) -> BTreeMap<String, String> {
    let mut hunks = BTreeMap::new();
    let output = made.git(args);
    for file in output.split("diff --git ").skip(1) {
        let path = file.lines().next().unwrap().rsplit_once(" b/").unwrap().1;
        let at = file.find("\n@@ ").map_or(file.len(), |at| at + 1);
        hunks.insert(path.to_owned(), file[at..].to_owned());
    }
    hunks
}

fn names(diff: &FileDiff) -> String {
    let (old, new) = (diff.change.old_path.shown(), diff.change.path.shown());
    match diff.change.kind {
        ChangeKind::Added => format!("A\t{new}"),
        ChangeKind::Removed => format!("D\t{new}"),
        ChangeKind::Modified => format!("M\t{new}"),
        ChangeKind::Renamed(percent) => format!("R{percent:03}\t{old}\t{new}"),
        ChangeKind::Copied(percent) => format!("C{percent:03}\t{old}\t{new}"),
    }
}

fn unlimited() -> DiffOptions {
    DiffOptions { files_max: usize::MAX, file_lines_max: usize::MAX, lines_max: usize::MAX, ..DiffOptions::default() }
}

fn check(made: &Made, commit: &RevisionId) -> (usize, usize) {
    let source = made.source();
    let (files, summary) = source.changes(commit, unlimited()).unwrap();
    assert_eq!(summary.files, files.len());
    let tree = ["diff-tree", "--root", "--diff-merges=first-parent", "--no-commit-id", "-r"];
    let ask = |more: &[&'static str]| [&tree[..], more, &[commit.0.as_str()]].concat();
    let expected = made.git(&ask(&["--name-status", "-C"]));
    let ours: Vec<String> = files.iter().map(names).collect();
    assert_eq!(ours.join("\n"), expected.trim_end(), "{commit}");
    let hunks = git_hunks(made, &ask(&["-p", "-C", "--histogram", "--full-index"]));
    let mut same = 0;
    for file in &files {
        let path = file.change.path.shown();
        let ours = text(file);
        same += usize::from(ours == hunks[&path]);
        // However it is cut, it leads from the one to the other.
        let count = |kind| file.hunks.iter().flat_map(|hunk| &hunk.lines).filter(|line| line.kind == kind).count();
        assert_eq!(file.added as usize, count(LineKind::Added));
        assert_eq!(file.removed as usize, count(LineKind::Removed));
    }
    (same, files.len())
}

#[test]
fn changes_are_those_of_git() {
    let (mut same, mut all) = (0, 0);
    for (seed, format) in [(21, ObjectFormat::Sha1), (22, ObjectFormat::Sha1), (23, ObjectFormat::Sha256)] {
        let made = Made::new(format);
        let (mut history, mut tips) = (History::new(seed), Vec::new());
        history.grow(60, &mut tips);
        made.import(&history.take());
        for commit in made.commits() {
            let (more_same, more) = check(&made, &commit);
            (same, all) = (same + more_same, all + more);
        }
    }
    println!("{same} of {all} files have Git's hunks, byte for byte");
    assert!(same * 100 >= all * 97, "{same} of {all}");
}
