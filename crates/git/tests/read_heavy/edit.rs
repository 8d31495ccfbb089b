//! Commits made by edits, judged by `git index-pack --strict` and `git fsck`.

use crate::support::{History, Made, Random};
use code::{CodePath, Person, RevisionId, Time};
use git::ObjectFormat;
use git::edit::{Edit, EditError, FileEdit, blob_id, build};
use std::collections::BTreeMap;

fn edit(base: Option<&RevisionId>, edits: Vec<FileEdit>) -> Edit {
    let time = Time { seconds: 1_700_000_000, offset: 7200 };
    let author = Person { name: "A U Thor".to_owned(), email: "a@example.com".to_owned(), time };
    let base = base.map(|base| base.0.parse().unwrap());
    Edit { base, edits, message: "edit\n\nwith a body".to_owned(), committer: author.clone(), author }
}

fn path(text: &str) -> CodePath {
    CodePath::parse(text.as_bytes()).unwrap()
}

fn put(at: &str, content: &str) -> FileEdit {
    FileEdit::Put { path: path(at), content: content.as_bytes().to_vec(), executable: None }
}

/// Makes the commit and takes it in, as a push would.
fn commit(made: &Made, edit: &Edit) -> Result<RevisionId, EditError> {
    let (id, pack) = build(&made.source(), edit)?;
    made.git_with(&["index-pack", "--stdin", "--strict", "--fsck-objects"], &pack);
    made.git(&["update-ref", "refs/heads/main", &id.to_string()]);
    Ok(RevisionId(id.to_string()))
}

fn files(made: &Made, at: &RevisionId) -> BTreeMap<String, (String, String)> {
    let list = made.git(&["ls-tree", "-r", "-z", &at.0]);
    let file = |line: &str| {
        let (head, path) = line.split_once('\t').unwrap();
        let mut words = head.split(' ');
        (path.to_owned(), (words.next().unwrap().to_owned(), words.nth(1).unwrap().to_owned()))
    };
    list.split_terminator('\0').map(file).collect()
}

#[test]
fn a_first_commit_and_one_after_it() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let made = Made::new(format);
        let first = commit(&made, &edit(None, vec![put("a", "one\n"), put("dir/b", "")])).unwrap();
        assert_eq!(
            made.git(&["log", "-1", "--format=%an <%ae> %at %ad|%P|%B", "--date=raw"]).trim(),
            "A U Thor <a@example.com> 1700000000 1700000000 +0200||edit\n\nwith a body"
        );
        assert_eq!(files(&made, &first)["a"].1, blob_id(format, b"one\n").unwrap().to_string());
        let run = FileEdit::Put { path: path("run"), content: b"#!\n".to_vec(), executable: Some(true) };
        let second = commit(&made, &edit(Some(&first), vec![run, FileEdit::Remove { path: path("dir/b") }])).unwrap();
        assert_eq!(files(&made, &second).keys().collect::<Vec<_>>(), ["a", "run"]);
        let third = commit(&made, &edit(Some(&second), vec![put("run", "#!x\n")])).unwrap();
        assert_eq!(files(&made, &third)["run"].0, "100755", "it stays what it is");
        let last = vec![FileEdit::Remove { path: path("a") }, FileEdit::Remove { path: path("run") }];
        let last = commit(&made, &edit(Some(&third), last)).unwrap();
        assert!(files(&made, &last).is_empty());
        made.git(&["fsck", "--strict", "--full"]);
    }
}

#[test]
fn what_does_not_fit_is_said_so() {
    let made = Made::new(ObjectFormat::Sha1);
    let base = commit(&made, &edit(None, vec![put("file", "x"), put("dir/inner", "y")])).unwrap();
    let refused = |edits: Vec<FileEdit>| commit(&made, &edit(Some(&base), edits)).unwrap_err();
    let rename = |from: &str, to: &str| FileEdit::Rename { from: path(from), to: path(to), content: None };
    for conflict in [
        put("file/below", "z"),
        put("dir", "z"),
        rename("file", "dir"),
        rename("file", "dir/inner"),
        rename("file", "dir/inner/x"),
        FileEdit::Remove { path: path("dir") },
    ] {
        let error = refused(vec![conflict.clone()]);
        assert!(matches!(error, EditError::Conflict { .. }), "{conflict:?}: {error}");
    }
    for missing in [rename("gone", "x"), FileEdit::Remove { path: path("dir/gone") }] {
        assert!(matches!(refused(vec![missing]), EditError::NotFound(_)));
    }
    assert!(matches!(refused(vec![put("file", "x")]), EditError::Nothing));
    assert!(matches!(refused(vec![rename("file", "file")]), EditError::Nothing));
    let names =
        [".git", ".GIT/x", "a/.Git /x", "git~1", ".git.", ".g\u{200c}it", "a\\b", "a\nb", ".git::$INDEX_ALLOCATION"];
    for name in names {
        assert!(matches!(refused(vec![put(name, "x")]), EditError::Name { .. }), "{name:?}");
    }
    let message = Edit { message: " \n".to_owned(), ..edit(Some(&base), vec![put("x", "y")]) };
    assert!(matches!(commit(&made, &message), Err(EditError::Message(_))));
    // One goes, and another takes its place.
    commit(&made, &edit(Some(&base), vec![rename("dir/inner", "dir2"), put("dir", "now a file")])).unwrap();
    commit(&made, &edit(Some(&base), vec![rename("dir/inner", "dir")])).unwrap();
    made.git(&["fsck", "--strict", "--full"]);
}

#[test]
fn links_stay_links_and_submodules_are_left_alone() {
    let made = Made::new(ObjectFormat::Sha1);
    let who = "A <a@b> 1 +0000";
    let stream = format!(
        "commit refs/heads/main\nauthor {who}\ncommitter {who}\ndata 0\nM 120000 inline link\ndata 2\nto\n\
        M 160000 {} module\nM 100755 inline run\ndata 1\nx\n",
        "1".repeat(40)
    );
    made.import(stream.as_bytes());
    let base = made.id("main");
    for at in ["link", "module"] {
        let error = commit(&made, &edit(Some(&base), vec![put(at, "z")])).unwrap_err();
        assert!(matches!(error, EditError::Conflict { .. }), "{at}");
    }
    let moved = |from: &str, to: &str| FileEdit::Rename { from: path(from), to: path(to), content: None };
    let edits = vec![moved("link", "a/link"), moved("run", "a/run")];
    let all = files(&made, &commit(&made, &edit(Some(&base), edits)).unwrap());
    assert_eq!(
        (all["a/link"].0.as_str(), all["a/run"].0.as_str(), all["module"].0.as_str()),
        ("120000", "100755", "160000")
    );
    let modules = commit(&made, &edit(Some(&base), vec![moved("link", ".gitmodules")]));
    assert!(matches!(modules, Err(EditError::Name { .. })), "Git's check would refuse it");
}

#[test]
fn random_edits_come_to_the_files_they_should() {
    for (seed, format) in [(41, ObjectFormat::Sha1), (42, ObjectFormat::Sha256)] {
        let made = Made::new(format);
        let (mut history, mut tips) = (History::new(seed), Vec::new());
        history.grow(12, &mut tips);
        made.import(&history.take());
        let mut random = Random::new(seed);
        for _ in 0..40 {
            let base = made.id("main");
            let mut model = files(&made, &base);
            let mut edits = Vec::new();
            for _ in 0..=random.below(4) {
                change(&mut random, format, &mut model, &mut edits);
            }
            match commit(&made, &edit(Some(&base), edits)) {
                Ok(id) => assert_eq!(files(&made, &id), model),
                Err(EditError::Nothing) => assert_eq!(files(&made, &base), model),
                Err(error) => panic!("{error}"),
            }
        }
        made.git(&["fsck", "--strict", "--full"]);
    }
}

type Model = BTreeMap<String, (String, String)>;

/// One change that fits, to the model and to the list.
fn change(random: &mut Random, format: ObjectFormat, model: &mut Model, edits: &mut Vec<FileEdit>) {
    let dirs = ["", "src/", "src/deep/", "new/dir/", "x-y/", "x/", "x.y/"];
    let name = format!("{}f{}", dirs[random.below(dirs.len())], random.below(6));
    let above = |other: &String| other.starts_with(&format!("{name}/")) || name.starts_with(&format!("{other}/"));
    let content = format!("content {}\n", random.below(9));
    let id = blob_id(format, content.as_bytes()).unwrap().to_string();
    let some = model.keys().nth(random.below(model.len().max(1))).cloned();
    match (random.below(4), some) {
        (0, Some(gone)) => {
            model.remove(&gone);
            edits.push(FileEdit::Remove { path: path(&gone) });
        }
        (1, Some(from)) if !model.contains_key(&name) && !model.keys().any(|other| *other != from && above(other)) => {
            let (mode, _) = model.remove(&from).unwrap();
            edits.push(FileEdit::Rename { from: path(&from), to: path(&name), content: Some(content.into_bytes()) });
            model.insert(name, (mode, id));
        }
        _ if !model.keys().any(above) => {
            edits.push(put(&name, &content));
            let mode = model.get(&name).map_or_else(|| "100644".to_owned(), |(mode, _)| mode.clone());
            model.insert(name, (mode, id));
        }
        _ => {}
    }
}
