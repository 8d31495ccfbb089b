//! What the reader says, against what Subversion's own programs say, in each format.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

mod fixture;
mod hostile;

use fixture::{ALL, load, original, run, text};
use fsfs::{Action, Caches, Fs, Node, NodeKind};
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

fn open(root: &Path) -> Fs {
    Fs::open(root, Arc::new(Caches::new(64 << 20))).unwrap()
}

fn url(root: &Path) -> String {
    format!("file://{}", root.to_str().unwrap())
}

/// Every path of a revision, directories with a slash at the end, each with its node.
fn tree(fs: &Fs, rev: u64) -> Vec<(String, Arc<Node>)> {
    let mut found = vec![(String::new(), fs.root(rev).unwrap())];
    let mut at = 0;
    while let Some((path, node)) = found.get(at).cloned() {
        at += 1;
        if node.kind == NodeKind::Directory {
            for entry in &fs.directory(&node).unwrap().0 {
                let slash = if entry.kind == NodeKind::Directory { "/" } else { "" };
                let name = String::from_utf8(entry.name.clone()).unwrap();
                found.push((format!("{path}{name}{slash}"), fs.node(&entry.id).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn it_reads_what_subversions_own_programs_read() {
    let dir = tempfile::tempdir().unwrap();
    let original = original(dir.path());
    let dump = dir.path().join("dump");
    run("svnadmin", &["dump", "--quiet", "-F", dump.to_str().unwrap(), original.to_str().unwrap()]);
    let (dump, dir) = (dump.as_path(), dir.path());
    std::thread::scope(|scope| {
        for kept in &ALL {
            let check = move || {
                let root = load(kept, dump, dir);
                run("svn", &["lock", "-m", "mine\nfor now", &format!("{}/trunk/empty", url(&root))]);
                run("svn", &["lock", "--force", &format!("{}/trunk/source/lines.txt", url(&root))]);
                let fs = open(&root);
                numbers(&fs, &root);
                trees(&fs, &root);
                contents(&fs, &root);
                logs(&fs, &root);
                histories(&fs, &root);
                locks(&fs, &root);
                dumps(&fs, &root);
            };
            std::thread::Builder::new().name(kept.name.to_owned()).spawn_scoped(scope, check).unwrap();
        }
    });
}

fn numbers(fs: &Fs, root: &Path) {
    let root = root.to_str().unwrap();
    assert_eq!(fs.uuid(), text("svnlook", &["uuid", root]).trim());
    assert_eq!(fs.youngest().unwrap().to_string(), text("svnlook", &["youngest", root]).trim());
    assert!(matches!(fs.root(fs.youngest().unwrap() + 1), Err(fsfs::FsError::NotFound(_))));
}

/// Every node of every revision is the same.
fn trees(fs: &Fs, root: &Path) {
    for rev in 0..=fs.youngest().unwrap() {
        let args = ["tree", "--full-paths", "--show-ids", "-r", &rev.to_string(), root.to_str().unwrap()];
        let listed = text("svnlook", &args);
        let mut listed: Vec<&str> = listed.lines().collect();
        listed.sort_unstable();
        let mut ours: Vec<String> = tree(fs, rev)
            .iter()
            .map(|(path, node)| format!("{} <{}>", if path.is_empty() { "/" } else { path }, node.id.as_str()))
            .collect();
        ours.sort_unstable();
        assert_eq!(ours, listed, "revision {rev}");
    }
}

/// Contents, sizes and properties of the newest revision; and every content of each, against its checksum.
fn contents(fs: &Fs, root: &Path) {
    let name = root.to_str().unwrap();
    for rev in 0..=fs.youngest().unwrap() {
        for (path, node) in tree(fs, rev).iter().filter(|(_, node)| node.kind == NodeKind::File) {
            let content = fs.content(node, 1 << 20).unwrap();
            assert_eq!(content.len() as u64, fs.size(node).unwrap(), "{path}");
            let mut streamed = Vec::new();
            if let Some(mut reader) = fs.open_content(node).unwrap() {
                reader.read_to_end(&mut streamed).unwrap();
            }
            assert!(streamed == *content, "{path} in {rev}");
        }
    }
    for (path, node) in tree(fs, fs.youngest().unwrap()) {
        if node.kind == NodeKind::File {
            assert!(*fs.content(&node, 1 << 20).unwrap() == run("svnlook", &["cat", name, &path]), "{path}");
        }
        let path = path.trim_end_matches('/');
        let listed = text("svnlook", &["proplist", name, if path.is_empty() { "/" } else { path }]);
        let mut listed: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        listed.sort_unstable();
        let ours = fs.properties(&node).unwrap();
        let names: Vec<String> = ours.iter().map(|(name, _)| String::from_utf8_lossy(name).into_owned()).collect();
        assert_eq!(names, listed, "{path}");
        for property in &names {
            let value = run("svnlook", &["propget", name, property, if path.is_empty() { "/" } else { path }]);
            assert_eq!(ours.get(property).unwrap(), value, "{property} of {path}");
        }
    }
}

/// Changed paths and revision properties of each revision.
fn logs(fs: &Fs, root: &Path) {
    let name = root.to_str().unwrap();
    for rev in 0..=fs.youngest().unwrap() {
        let number = rev.to_string();
        let listed = text("svnlook", &["changed", "--copy-info", "-r", &number, name]);
        let mut ours: Vec<String> = Vec::new();
        for change in fs.changes(rev).unwrap() {
            let path = String::from_utf8(change.path.clone()).unwrap();
            let there = if change.action == Action::Delete { rev - 1 } else { rev };
            let node = fs.at(there, &change.path).unwrap().unwrap();
            assert!(change.kind.is_none_or(|kind| kind == node.kind || change.action == Action::Delete), "{path}");
            let slash = if node.kind == NodeKind::Directory { "/" } else { "" };
            let properties = if change.properties { "U" } else { " " };
            let shown = path.strip_prefix('/').unwrap();
            let (first, copied) = match (change.action, &change.copied_from) {
                (Action::Add | Action::Replace, Some(_)) => ("A", "+"),
                (Action::Add | Action::Replace, None) => ("A", " "),
                (Action::Delete, _) => ("D", " "),
                (Action::Modify, _) => (if change.text { "U" } else { "_" }, " "),
            };
            if change.action == Action::Replace {
                let before = fs.at(rev - 1, &change.path).unwrap().unwrap();
                let slash = if before.kind == NodeKind::Directory { "/" } else { "" };
                ours.push(format!("D   {shown}{slash}"));
            }
            let properties = if change.action == Action::Modify { properties } else { " " };
            ours.push(format!("{first}{properties}{copied} {shown}{slash}"));
            if let Some((from_rev, from)) = change.copied_from {
                let from = String::from_utf8(from).unwrap();
                ours.push(format!("    (from {}{slash}:r{from_rev})", from.strip_prefix('/').unwrap()));
            }
        }
        let (mut theirs, mut sorted) = (listed.lines().map(str::to_owned).collect::<Vec<_>>(), ours.clone());
        theirs.sort();
        sorted.sort();
        assert_eq!(sorted, theirs, "revision {rev}");
        let properties = fs.revision_properties(rev).unwrap();
        let listed = text("svnlook", &["proplist", "--revprop", "-r", &number, name]);
        let mut listed: Vec<&str> = listed.lines().filter_map(|line| line.strip_prefix("  ")).collect();
        listed.sort_unstable();
        assert_eq!(properties.iter().map(|(name, _)| String::from_utf8_lossy(name)).collect::<Vec<_>>(), listed);
        for (property, value) in properties.iter() {
            let property = String::from_utf8_lossy(property);
            assert_eq!(value, run("svnlook", &["propget", "--revprop", "-r", &number, name, &property]));
        }
    }
}

/// The history of each path that ever was, through copies.
fn histories(fs: &Fs, root: &Path) {
    let youngest = fs.youngest().unwrap();
    let mut asked: Vec<(u64, String)> = tree(fs, youngest).into_iter().map(|(path, _)| (youngest, path)).collect();
    asked.extend(
        tree(fs, 33).into_iter().map(|(path, _)| (33, path)).filter(|(_, path)| path.starts_with("branches/b/src")),
    );
    for (rev, path) in asked {
        let path = path.trim_end_matches('/').to_owned();
        let listed = text("svnlook", &["history", "-r", &rev.to_string(), root.to_str().unwrap(), &path]);
        let listed: Vec<String> = listed.lines().skip(2).map(|line| line.trim().to_owned()).collect();
        let (mut history, mut ours) = (fs.history(rev, path.as_bytes()), Vec::new());
        while let Some((rev, path)) = history.step().unwrap() {
            ours.push(format!("{rev}   {}", String::from_utf8(path).unwrap()));
        }
        assert_eq!(ours, listed, "{path}@{rev}");
    }
}

fn locks(fs: &Fs, root: &Path) {
    let locks = fs.locks().unwrap();
    assert_eq!(
        locks.iter().map(|lock| lock.path.as_slice()).collect::<Vec<_>>(),
        [&b"/trunk/empty"[..], b"/trunk/source/lines.txt"]
    );
    for lock in &locks {
        assert_eq!(fs.lock(&lock.path).unwrap().as_ref(), Some(lock));
        let path = String::from_utf8(lock.path.clone()).unwrap();
        let listed = text("svnlook", &["lock", root.to_str().unwrap(), &path]);
        assert!(listed.contains(&format!("UUID Token: {}\n", lock.token)), "{listed}");
        assert!(listed.contains(&format!("Owner: {}\n", lock.owner)), "{listed}");
        assert!(listed.contains(&lock.comment), "{listed}");
        assert!(listed.contains(&lock.created[..10]), "{listed} {}", lock.created);
    }
    assert_eq!(fs.lock(b"/trunk").unwrap(), None);
}

/// A dump that is loaded and dumped again by Subversion is the one Subversion makes itself.
fn dumps(fs: &Fs, root: &Path) {
    let place = root.with_extension("dump");
    let mut dump = std::fs::File::create(&place).unwrap();
    fs.dump(fs.youngest().unwrap(), &mut dump).unwrap();
    let loaded = |dump: &Path, name: &str| {
        let loaded = root.with_extension(name);
        let name = loaded.to_str().unwrap();
        run("svnadmin", &["create", name]);
        run("svnadmin", &["load", "--quiet", "--no-flush-to-disk", "-F", dump.to_str().unwrap(), name]);
        run("svnadmin", &["dump", "--quiet", name])
    };
    let mut theirs = run("svnadmin", &["dump", "--quiet", root.to_str().unwrap()]);
    if fs.format().number < 4 {
        // No SHA-1 is noted there, and a loaded repository has them.
        let place = root.with_extension("theirs");
        std::fs::write(&place, theirs).unwrap();
        theirs = loaded(&place, "theirs-loaded");
    }
    assert!(loaded(&place, "loaded") == theirs, "{}: a loaded dump is another repository", root.display());
}
