//! Who wrote each line, as `git blame --porcelain` has it.

use crate::support::{History, Made};
use code::{CodePath, RevisionId, Source};
use git::ObjectFormat;
use git::read::GitSource;

/// The commit and the file's name of each line.
pub(crate) fn git_lines(made: &Made, at: &RevisionId, path: &CodePath) -> Vec<(String, String)> {
    let shown = path.shown();
    let output = made.git(&["blame", "--line-porcelain", &at.0, "--", &shown]);
    let (mut lines, mut commit) = (Vec::new(), String::new());
    let mut is_head = true;
    for line in output.lines() {
        if is_head {
            commit = line.split(' ').next().unwrap().to_owned();
            is_head = false;
        } else if let Some(name) = line.strip_prefix("filename ") {
            lines.push((commit.clone(), name.to_owned()));
        } else if line.starts_with('\t') {
            is_head = true;
        }
    }
    lines
}

/// The same of ours.
pub(crate) fn lines(source: &GitSource, at: &RevisionId, path: &CodePath) -> Vec<(String, String)> {
    let blame = source.blame(at, path).unwrap();
    let mut ours = Vec::new();
    for hunk in &blame.hunks {
        assert_eq!(hunk.line as usize, ours.len() + 1);
        let name = hunk.path.as_ref().unwrap_or(path).shown();
        ours.extend((0..hunk.lines).map(|_| (blame.revisions[hunk.revision].id.0.clone(), name.clone())));
    }
    ours
}

/// How many lines are as Git has them, and how many there are.
fn check(made: &Made, at: &RevisionId) -> (usize, usize) {
    let (source, mut same, mut all) = (made.source(), 0, 0);
    for path in source.paths(at).unwrap().iter() {
        let ours = lines(&source, at, path);
        let expected = git_lines(made, at, path);
        assert_eq!(ours.len(), expected.len(), "{at} {path:?}");
        same += ours.iter().zip(&expected).filter(|(a, b)| a == b).count();
        all += ours.len();
    }
    (same, all)
}

#[test]
fn it_is_what_git_blame_says() {
    let (mut same, mut all) = (0, 0);
    for (seed, format) in [(31, ObjectFormat::Sha1), (32, ObjectFormat::Sha1), (33, ObjectFormat::Sha256)] {
        let made = Made::new(format);
        let (mut history, mut tips) = (History::new(seed), Vec::new());
        history.grow(80, &mut tips);
        made.import(&history.take());
        if seed == 32 {
            made.git(&["commit-graph", "write", "--reachable", "--changed-paths"]);
        }
        for branch in ["main", "one", "two"] {
            let (more_same, more) = check(&made, &made.id(branch));
            (same, all) = (same + more_same, all + more);
        }
    }
    println!("{same} of {all} lines are as Git has them");
    assert!(same * 100 >= all * 97, "{same} of {all}");
}
