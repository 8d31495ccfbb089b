//! What pages are told of a repository, against what Subversion's own programs say.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

#[path = "../../../fsfs/tests/reading/fixture.rs"]
#[expect(dead_code, reason = "the layouts are for the reader's own tests")]
mod fixture;

use code::{ArchiveFormat, ChangeKind, CodePath, DiffOptions, EntryKind, FileKind, LineKind, LogQuery, NameKind};
use code::{ReadError, Revision, RevisionId, Search, Source};
use fixture::{original, run, text};
use std::fs;
use std::path::Path;
use std::time::Duration;
use svn::{Readers, SvnSource};

struct Repo {
    dir: tempfile::TempDir,
    url: String,
    source: SvnSource,
    head: Revision,
}

fn repo() -> Repo {
    let dir = tempfile::tempdir().unwrap();
    let root = original(dir.path());
    let youngest = text("svnlook", &["youngest", root.to_str().unwrap()]).trim().parse().unwrap();
    let source = Readers::new(64 << 20).open(&root, youngest, 1).unwrap();
    let head = source.resolve("HEAD").unwrap();
    Repo { url: format!("file://{}", root.to_str().unwrap()), dir, source, head }
}

fn path(text: &str) -> CodePath {
    text.parse().unwrap()
}

fn number(id: &RevisionId) -> &str {
    id.0.strip_prefix('r').unwrap()
}

fn named(source: &SvnSource, rest: &str) -> (String, String, CodePath) {
    let (name, revision, path) = source.resolve_with_path(rest.as_bytes()).unwrap();
    (name, revision.id.0, path)
}

#[test]
fn addresses_name_branches_tags_revisions_and_paths() {
    let Repo { source, head, dir: _dir, .. } = repo();
    let head = head.id.0;
    assert_eq!(source.default_branch(), "trunk");
    assert_eq!(
        named(&source, "trunk/source/lines.txt"),
        ("trunk".into(), format!("trunk@{head}"), path("source/lines.txt"))
    );
    assert_eq!(named(&source, "branches/b/src"), ("branches/b".into(), format!("branches/b@{head}"), path("src")));
    assert_eq!(named(&source, "branches"), ("HEAD".into(), head.clone(), path("branches")));
    assert_eq!(named(&source, "HEAD/trunk"), ("HEAD".into(), head.clone(), path("trunk")));
    assert_eq!(named(&source, "r9/trunk"), ("r9".into(), "r9".into(), path("trunk")));
    assert_eq!(named(&source, "trunk@r9/src"), ("trunk@r9".into(), "trunk@r9".into(), path("src")));
    assert_eq!(named(&source, "nothing/here"), ("HEAD".into(), head, path("nothing/here")));
    for wrong in ["r999", "trunk@r999", "branches/none@r5"] {
        assert!(matches!(source.resolve_with_path(wrong.as_bytes()), Err(ReadError::NotFound(_))), "{wrong}");
    }
    assert_eq!(source.short_names(NameKind::Branch).unwrap(), ["trunk", "branches/b"]);
    assert_eq!(source.short_names(NameKind::Tag).unwrap(), ["tags/1.0"]);
    let (branches, count) = source.names(NameKind::Branch, "", 0, 10, true).unwrap();
    assert_eq!((branches.len(), count, branches[0].name.as_str()), (2, 2, "trunk"));
    assert!(branches[1].ahead_behind.is_some(), "it was copied from trunk");
}

#[test]
fn nothing_newer_than_what_it_was_opened_with_is_shown() {
    let Repo { dir, .. } = repo();
    let source = Readers::new(1 << 20).open(&dir.path().join("original"), 5, 1).unwrap();
    assert_eq!(source.resolve("HEAD").unwrap().id.0, "r5");
    assert!(matches!(source.resolve("r6"), Err(ReadError::NotFound(_))));
    let beyond = RevisionId("r6".to_owned());
    assert!(source.tree(&beyond, &CodePath::root()).is_err());
    assert!(source.changes(&beyond, DiffOptions::default()).is_err());
    assert!(source.revision_properties(&beyond).is_err());
}

#[test]
fn directories_and_files_are_as_svn_lists_them() {
    let Repo { url, source, head, dir: _dir, .. } = repo();
    for directory in ["", "trunk", "trunk/source", "branches/b"] {
        let listed = text("svn", &["list", "-v", &format!("{url}/{directory}")]);
        let mut listed: Vec<(String, String)> = listed
            .lines()
            .map(|line| {
                let name = line.get(42..).unwrap_or_default();
                (line.split_whitespace().next().unwrap().to_owned(), name.trim().trim_end_matches('/').to_owned())
            })
            .filter(|(_, name)| name != ".")
            .collect();
        listed.sort();
        let tree = source.tree(&head.id, &path(directory)).unwrap();
        let last = source.last_changes(&head.id, &path(directory), Duration::ZERO).unwrap();
        assert_eq!(tree.entries.len(), last.len());
        let mut ours: Vec<(String, String)> = last
            .iter()
            .map(|(name, revision)| (number(&revision.id).to_owned(), String::from_utf8(name.clone()).unwrap()))
            .collect();
        ours.sort();
        assert_eq!(ours, listed, "{directory}");
    }
    let link = source.file(&head.id, &path("trunk/link"), 100).unwrap();
    assert_eq!((link.entry, link.kind), (EntryKind::Symlink, FileKind::Symlink(b"empty".to_vec())));
    let dash = source.file(&head.id, &path("trunk/source/-dash"), 100).unwrap();
    assert_eq!((dash.entry, dash.kind), (EntryKind::Executable, FileKind::Text));
    let large = source.file(&head.id, &path("trunk/large.bin"), 100).unwrap();
    assert_eq!((large.kind, large.content), (FileKind::Binary, None));
    let properties = source.properties(&head.id, &path("trunk")).unwrap();
    assert_eq!(properties.iter().map(|p| p.name.as_str()).collect::<Vec<_>>(), ["svn:mergeinfo"]);
    let of_revision = source.revision_properties(&RevisionId("r9".to_owned())).unwrap();
    assert!(of_revision.iter().any(|p| p.name == "reviewed-by" && p.value == b"bob"));
}

#[test]
fn histories_are_those_of_svn_log() {
    let Repo { url, source, head, dir: _dir, .. } = repo();
    for asked in
        ["", "trunk", "trunk/source/lines.txt", "branches/b/src/copy.txt", "branches/b", "tags/1.0/src/new.txt"]
    {
        let listed = text("svn", &["log", "-q", &format!("{url}/{asked}@HEAD")]);
        let listed: Vec<&str> = listed.lines().filter_map(|line| line.split_once(" | ")).map(|(rev, _)| rev).collect();
        let query = LogQuery { path: path(asked), limit: 1_000, ..LogQuery::default() };
        let (steps, more) = source.log(&head.id, &query).unwrap();
        let mut ours: Vec<&str> = steps.iter().map(|step| step.revision.id.0.as_str()).collect();
        if asked.is_empty() {
            assert_eq!(ours.pop(), Some("r0"), "svn log of the root leaves the empty revision out");
        }
        assert_eq!((ours, more), (listed, false), "{asked}");
    }
    let query = LogQuery { words: Some("SAID later".to_owned()), limit: 10, ..LogQuery::default() };
    let (steps, _) = source.log(&head.id, &query).unwrap();
    assert_eq!(steps.iter().map(|step| step.revision.id.0.as_str()).collect::<Vec<_>>(), ["r5"]);
}

#[test]
fn lines_are_whose_svn_blame_says() {
    let Repo { url, source, head, dir: _dir, .. } = repo();
    for (name, at) in
        [("trunk/source/lines.txt", "HEAD"), ("trunk/src/lines.txt", "30"), ("branches/b/src/copy.txt", "HEAD")]
    {
        let listed = text("svn", &["blame", &format!("{url}/{name}@{at}")]).replace('\r', "");
        let listed: Vec<u32> =
            listed.lines().map(|line| line.split_whitespace().next().unwrap().parse().unwrap()).collect();
        let id = if at == "HEAD" { head.id.clone() } else { RevisionId(format!("r{at}")) };
        let blame = source.blame(&id, &path(name)).unwrap();
        let mut ours = Vec::new();
        for hunk in &blame.hunks {
            assert_eq!(hunk.line as usize, ours.len() + 1);
            let rev = number(&blame.revisions[hunk.revision].id).parse::<u32>().unwrap();
            ours.extend(std::iter::repeat_n(rev, hunk.lines as usize));
        }
        assert_eq!(ours, listed, "{name}@{at}");
    }
}

#[test]
fn a_revision_shows_what_it_changed() {
    let Repo { url, source, head, dir: _dir, .. } = repo();
    let rev = number(&head.id).parse::<u64>().unwrap();
    let mut kinds = Vec::new();
    for rev in 1..=rev {
        let (files, summary) = source.changes(&RevisionId(format!("r{rev}")), DiffOptions::default()).unwrap();
        assert_eq!(summary.files, files.len());
        // Where no copies and properties are, lines that came and went are those of `svn diff`.
        let plain = files.iter().all(|file| matches!(file.change.kind, ChangeKind::Added | ChangeKind::Modified));
        let is_file =
            |file: &code::FileDiff| file.change.new.as_ref().is_some_and(|(kind, _)| *kind != EntryKind::Directory);
        if plain && files.iter().all(|file| is_file(file) && file.change.path.as_bytes().ends_with(b"lines.txt")) {
            let listed = text("svn", &["diff", "-c", &rev.to_string(), &url]);
            let count = |mark: &str| {
                listed.lines().filter(|l| l.starts_with(mark) && !l.starts_with(&mark.repeat(3))).count() as u64
            };
            assert_eq!((summary.added, summary.removed), (count("+"), count("-")), "r{rev}");
        }
        for file in &files {
            kinds.push(std::mem::discriminant(&file.change.kind));
            for line in file.hunks.iter().flat_map(|hunk| &hunk.lines) {
                assert_eq!(line.kind == LineKind::Added, line.old.is_none());
            }
        }
    }
    let of = |kind| kinds.contains(&std::mem::discriminant(&kind));
    assert!(of(ChangeKind::Renamed(0)) && of(ChangeKind::Copied(0)) && of(ChangeKind::Removed), "the story has all");
}

#[test]
fn branches_are_compared_as_trees() {
    let Repo { url, source, dir: _dir, .. } = repo();
    let (trunk, branch) = (source.resolve("trunk").unwrap(), source.resolve("branches/b").unwrap());
    let comparison = source.compare(&trunk.id, &branch.id, 100).unwrap();
    assert_eq!(comparison.base.unwrap().0, "trunk@r20", "it was copied from there");
    assert!(comparison.ahead >= 2 && comparison.behind > 2, "{} {}", comparison.ahead, comparison.behind);
    let (files, _) = source.diff(&trunk.id, &branch.id, DiffOptions::default()).unwrap();
    let listed =
        text("svn", &["diff", "--summarize", "--old", &format!("{url}/trunk"), "--new", &format!("{url}/branches/b")]);
    let mut listed: Vec<&str> = listed.lines().map(|line| line[8..].trim()).collect();
    let ours: Vec<String> = files.iter().map(|file| file.change.path.shown()).collect();
    listed.retain(|path| !path.is_empty());
    for path in &ours {
        let below = if path.is_empty() { format!("{url}/trunk") } else { format!("{url}/trunk/{path}") };
        let quoted = |shown: &&str| shown.replace("%20", " ").replace("%25", "%") == below;
        assert!(path.contains('ü') || listed.iter().any(quoted), "{path} is not in {listed:#?}");
    }
    let patch = String::from_utf8(text::unified(&files)).unwrap();
    assert!(patch.contains("--- source/lines.txt") || patch.contains("+++ src/lines.txt"), "{patch}");
}

#[test]
fn texts_and_files_are_found() {
    let Repo { source, dir: _dir, .. } = repo();
    let trunk = source.resolve("branches/b").unwrap();
    let search = Search { text: "line of round 1".to_owned(), path: CodePath::root(), files_max: 10 };
    let hits = source.search(&trunk.id, &search).unwrap();
    let found: Vec<String> = hits.iter().map(|hit| hit.path.shown()).collect();
    assert_eq!(found, ["src/lines.txt"]);
    let paths = source.paths(&trunk.id).unwrap();
    assert!(paths.contains(&path("src/copy.txt")), "{paths:?}");
}

#[test]
fn archives_hold_what_svn_export_gives() {
    let Repo { dir, url, source, .. } = repo();
    let trunk = source.resolve("trunk").unwrap();
    let exported = dir.path().join("exported");
    run("svn", &["export", "-q", &format!("{url}/trunk"), exported.to_str().unwrap()]);
    for (format, name) in [(ArchiveFormat::TarGz, "a.tar.gz"), (ArchiveFormat::Zip, "a.zip")] {
        let file = dir.path().join(name);
        svn::archive(&source, &trunk.id, format, "demo-trunk", fs::File::create(&file).unwrap()).unwrap();
        let out = dir.path().join(name.replace('.', "-"));
        fs::create_dir(&out).unwrap();
        let (file, to) = (file.to_str().unwrap(), out.to_str().unwrap());
        match format {
            ArchiveFormat::TarGz => drop(run("tar", &["-xzf", file, "-C", to])),
            ArchiveFormat::Zip => drop(run(
                "python3",
                &[
                    "-c",
                    "import sys,zipfile; z=zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])",
                    file,
                    to,
                ],
            )),
        }
        same(&exported, &out.join("demo-trunk"), format == ArchiveFormat::TarGz);
    }
}

/// Both have the same files; `links` too, which Python's unzip makes files of.
fn same(theirs: &Path, ours: &Path, links: bool) {
    let mut files = 0;
    let mut waiting = vec![theirs.to_owned()];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(&dir).unwrap().flatten() {
            let path = entry.path();
            let other = ours.join(path.strip_prefix(theirs).unwrap());
            if path.is_symlink() {
                assert!(!links || fs::read_link(&path).unwrap() == fs::read_link(&other).unwrap());
            } else if path.is_dir() {
                waiting.push(path);
            } else {
                files += 1;
                assert!(fs::read(&path).unwrap() == fs::read(&other).unwrap(), "{}", other.display());
            }
        }
    }
    assert!(files > 5, "{files}");
}
