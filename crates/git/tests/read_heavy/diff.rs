//! Differences, as `git diff` has them.

use crate::support::{History, Made};
use code::{ChangeKind, DiffOptions, EntryKind, FileDiff, LineKind, ReadError, RevisionId, Source};
use git::ObjectFormat;
use git::read::GitSource;
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

/// How many files have Git's hunks, and how many there are.
pub(crate) fn check(made: &Made, source: &GitSource, commit: &RevisionId) -> (usize, usize) {
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
        let source = made.source();
        for commit in made.commits() {
            let (more_same, more) = check(&made, &source, &commit);
            (same, all) = (same + more_same, all + more);
        }
    }
    println!("{same} of {all} files have Git's hunks, byte for byte");
    assert!(same * 100 >= all * 97, "{same} of {all}");
}

/// Two commits with a file of these contents each; the difference of the file.
fn of_contents(old: &str, new: &str, options: DiffOptions) -> FileDiff {
    let made = Made::new(ObjectFormat::Sha1);
    let who = "A <a@b> 1 +0000";
    let mut stream = String::new();
    for text in [old, new] {
        stream.push_str(&format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 0\n"));
        stream.push_str(&format!("M 100644 inline f\ndata {}\n{text}\n", text.len()));
    }
    made.import(stream.as_bytes());
    let (mut files, _) = made.source().changes(&made.id("main"), options).unwrap();
    assert_eq!(files.len(), 1);
    files.remove(0)
}

#[test]
fn white_space_may_be_no_difference() {
    let (old, new) = ("fn a() {\n  one();\n  two();\n}\n", "fn a() {\n\tone( );\n\tthree();\n}\n");
    let plain = of_contents(old, new, DiffOptions::default());
    assert_eq!((plain.added, plain.removed), (2, 2));
    let diff = of_contents(old, new, DiffOptions { ignore_space: true, ..DiffOptions::default() });
    assert_eq!(text(&diff), "@@ -1,4 +1,4 @@\n fn a() {\n \tone( );\n-  two();\n+\tthree();\n }\n");
}

#[test]
fn words_are_marked_in_lines_that_were_replaced() {
    let diff = of_contents("let x = one(a);\nsame\n", "let x = two(a, b);\nsame\nnew line\n", DiffOptions::default());
    let words: Vec<_> = diff.hunks[0].lines.iter().map(|line| line.words.clone()).collect();
    assert_eq!(words, [vec![(8, 11)], vec![(8, 11), (13, 16)], vec![], vec![]]);
}

#[test]
fn what_is_too_much_is_folded_and_counted() {
    let lines = |n: usize, word: &str| (0..n).map(|at| format!("{word} {at}\n")).collect::<String>();
    let (old, new) = (lines(2000, "a"), lines(2000, "b"));
    let diff = of_contents(&old, &new, DiffOptions::default());
    assert!(diff.folded && diff.hunks.is_empty());
    assert_eq!((diff.added, diff.removed), (2000, 2000));
    let all = of_contents(&old, &new, unlimited());
    assert!(!all.folded && all.hunks[0].lines.len() == 4000);
    let none = of_contents("a\n", "b\n", DiffOptions { files_max: 0, ..DiffOptions::default() });
    assert!(none.folded && none.added == 1);
    let whole =
        of_contents(&old, &old.replace("a 7\n", "x\n"), DiffOptions { context: u32::MAX, ..DiffOptions::default() });
    assert_eq!(whole.hunks[0].lines.len(), 2001);
}

#[test]
fn lines_without_end_and_headings() {
    let old = "int main() {\n  1\n  2\n  3\n  4\n  5\n  6\n}";
    let diff = of_contents(old, &format!("{}\n", old.replace('6', "seven")), DiffOptions::default());
    let expected =
        "@@ -4,5 +4,5 @@ int main() {\n   3\n   4\n   5\n-  6\n-}\n\\ No newline at end of file\n+  seven\n+}\n";
    assert_eq!(text(&diff), expected);
    assert_eq!(
        text(&of_contents("", "x", DiffOptions::default())),
        "@@ -0,0 +1 @@\n+x\n\\ No newline at end of file\n"
    );
}

#[test]
fn modes_links_modules_and_what_is_no_text() {
    let made = Made::new(ObjectFormat::Sha1);
    let who = "A <a@b> 1 +0000";
    let head = format!("commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 0\n");
    let (one, two) = ("1".repeat(40), "2".repeat(40));
    let stream = format!(
        "{head}M 100644 inline mode\ndata 2\nx\n\nM 120000 inline link\ndata 2\nto\nM 160000 {one} module\n\
        M 100644 inline binary\ndata 2\n\0a\nM 100644 inline dir\ndata 1\nx\n\
        {head}M 100755 inline mode\ndata 2\nx\n\nM 120000 inline link\ndata 3\ntwo\nM 160000 {two} module\n\
        M 100644 inline binary\ndata 3\n\0ab\nD dir\nM 100644 inline dir/file\ndata 1\ny\n"
    );
    made.import(stream.as_bytes());
    let (files, summary) = made.source().changes(&made.id("main"), DiffOptions::default()).unwrap();
    let shown: Vec<String> = files.iter().map(names).collect();
    assert_eq!(shown, ["M\tbinary", "D\tdir", "A\tdir/file", "M\tlink", "M\tmode", "M\tmodule"]);
    assert!(files[0].binary && files[0].sizes == (2, 3) && files[0].hunks.is_empty());
    assert_eq!(text(&files[3]), "@@ -1 +1 @@\n-to\n\\ No newline at end of file\n+two\n\\ No newline at end of file\n");
    let kinds = |at: usize| {
        let change = &files[at].change;
        (change.old.as_ref().map(|(kind, _)| *kind), change.new.as_ref().map(|(kind, _)| *kind))
    };
    assert_eq!(kinds(4), (Some(EntryKind::File), Some(EntryKind::Executable)));
    assert!(files[4].hunks.is_empty() && !files[4].folded);
    assert_eq!(kinds(5), (Some(EntryKind::Submodule), Some(EntryKind::Submodule)));
    assert_eq!(text(&files[5]), format!("@@ -1 +1 @@\n-Subproject commit {one}\n+Subproject commit {two}\n"));
    assert_eq!((summary.files, summary.added, summary.removed), (6, 3, 3));
    let file = made.source().file_diff(None, &made.id("main"), &"link".parse().unwrap(), DiffOptions::default());
    assert_eq!(file.unwrap(), files[3]);
    let root = made.id("main~");
    let all = made.source().diff(&root, &made.id("main"), DiffOptions::default()).unwrap();
    assert_eq!(all, (files, summary));
    let gone =
        made.source().file_diff(Some(&root), &made.id("main"), &"other".parse().unwrap(), DiffOptions::default());
    assert!(matches!(gone, Err(ReadError::NotFound(_))));
}
