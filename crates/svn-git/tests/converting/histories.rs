//! Any history: every branch in every revision has the files that Subversion has there, and it does not matter how the view came.

use crate::fixture::run;
use crate::rig::{Rig, refs};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use svn_git::How;

const PATHS: &[&str] = &[
    "trunk",
    "trunk/a",
    "trunk/d",
    "trunk/d/b",
    "trunk/d/e",
    "branches",
    "branches/x",
    "branches/x/a",
    "branches/x/d",
    "branches/y",
    "branches/y/d/b",
    "branches/main",
    "tags",
    "tags/t",
    "tags/t/a",
    "elsewhere",
];

/// One act of a commit; what Subversion does not take is not done.
#[derive(Clone, Debug)]
enum Act {
    Put(usize, u8),
    Mkdir(usize),
    Remove(usize),
    /// From, how many revisions ago, to.
    Copy(usize, u64, usize),
    Move(usize, usize),
    Property(usize, usize),
}

fn act() -> impl Strategy<Value = Act> {
    let path = || 0..PATHS.len();
    prop_oneof![
        4 => (path(), any::<u8>()).prop_map(|(path, content)| Act::Put(path, content % 4)),
        3 => path().prop_map(Act::Mkdir),
        1 => path().prop_map(Act::Remove),
        3 => (path(), 0..6_u64, path()).prop_map(|(from, ago, to)| Act::Copy(from, ago, to)),
        2 => (path(), path()).prop_map(|(from, to)| Act::Move(from, to)),
        1 => (path(), 0..PROPERTIES.len()).prop_map(|(path, which)| Act::Property(path, which)),
    ]
}

const PROPERTIES: &[(&str, &str)] = &[
    ("svn:executable", "*"),
    ("svn:special", "*"),
    ("svn:ignore", "*.o"),
    ("svn:mergeinfo", "/branches/x:1-99"),
    ("svn:mergeinfo", "/trunk:2-6"),
];

fn words(act: &Act, youngest: u64, contents: &[String]) -> Vec<String> {
    let words: Vec<&str> = match act {
        Act::Put(path, content) => vec!["put", &contents[usize::from(*content)], PATHS[*path]],
        Act::Mkdir(path) => vec!["mkdir", PATHS[*path]],
        Act::Remove(path) => vec!["rm", PATHS[*path]],
        Act::Copy(from, ago, to) => {
            let rev = youngest.saturating_sub(*ago).to_string();
            return ["cp", &rev, PATHS[*from], PATHS[*to]].map(str::to_owned).to_vec();
        }
        Act::Move(from, to) => vec!["mv", PATHS[*from], PATHS[*to]],
        Act::Property(path, which) => {
            let (name, value) = PROPERTIES[*which];
            vec!["propset", name, value, PATHS[*path]]
        }
    };
    words.into_iter().map(str::to_owned).collect()
}

fn history(dir: &Path, commits: &[Vec<Act>]) -> PathBuf {
    let root = dir.join("random");
    run("svnadmin", &["create", root.to_str().unwrap()]);
    let url = format!("file://{}", root.to_str().unwrap());
    let contents: Vec<String> = [&b"one\n"[..], b"two\n", b"", b"link a"]
        .iter()
        .enumerate()
        .map(|(at, bytes)| {
            let path = dir.join(format!("content{at}"));
            fs::write(&path, bytes).unwrap();
            path.to_str().unwrap().to_owned()
        })
        .collect();
    let mut youngest = 0;
    for commit in commits {
        // All of it, or else as much of it as is possible one by one.
        let all: Vec<Vec<String>> = commit.iter().map(|act| words(act, youngest, &contents)).collect();
        if done(&url, &all.concat()) {
            youngest += 1;
            continue;
        }
        youngest += all.iter().filter(|words| done(&url, words)).count() as u64;
    }
    root
}

fn done(url: &str, words: &[String]) -> bool {
    let mut command = Command::new("svnmucc");
    command
        .args(["--non-interactive", "-u", "ann", "-m", "a change", "-U", url])
        .args(words)
        .env("HOME", "/nonexistent");
    command.output().unwrap().status.success()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, max_shrink_iters: 60, ..ProptestConfig::default() })]
    #[test]
    fn any_history_is_viewed_as_it_is(
        first in any::<bool>(),
        commits in prop::collection::vec(prop::collection::vec(act(), 1..4), 3..12),
    ) {
        let begin = [Act::Mkdir(0), Act::Mkdir(5), Act::Mkdir(12)];
        let begin = first.then(|| begin.to_vec());
        let commits: Vec<Vec<Act>> = begin.into_iter().chain(commits).collect();
        let rig = Rig::new(|dir| history(dir, &commits));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(compare(&rig));
    }
}

async fn compare(rig: &Rig) {
    let place = rig.path("by one");
    let mut usual = false;
    for rev in 1..=rig.youngest() {
        let view = rig.up_to(&place, How::default(), rev).await.unwrap();
        let fs = rig.fs();
        let is_directory = |path: &str| {
            fs.at(rev, path.as_bytes()).unwrap().is_some_and(|node| node.kind == fsfs::NodeKind::Directory)
        };
        usual |= is_directory("trunk");
        let names = |base: &str, prefix: &str| -> Vec<(String, String)> {
            let below = PATHS.iter().filter_map(|path| path.strip_prefix(base)?.strip_prefix('/'));
            let mut below: Vec<_> = below.map(|rest| rest.split('/').next().unwrap()).collect();
            // What a copy of something else can bring.
            below.extend(["a", "d", "b", "e", "x", "y", "t", "main", "trunk", "tags", "branches", "elsewhere"]);
            below.sort_unstable();
            below.dedup();
            let there = below.into_iter().filter(|name| is_directory(&format!("{base}/{name}")));
            let git =
                |name: &str| if name == "main" && base == "branches" { "%6Dain".to_owned() } else { name.to_owned() };
            there.map(|name| (format!("{base}/{name}"), format!("{prefix}{}", git(name)))).collect()
        };
        let mut expected: Vec<(String, String)> = Vec::new();
        if usual {
            if is_directory("trunk") {
                expected.push(("trunk".to_owned(), "refs/heads/main".to_owned()));
            }
            expected.extend(names("branches", "refs/heads/"));
            expected.extend(names("tags", "refs/tags/"));
        } else {
            expected.push((String::new(), "refs/heads/main".to_owned()));
        }
        let found = refs(&view);
        let mut wanted: Vec<_> = expected.iter().map(|(_, name)| name.as_str()).collect();
        wanted.sort_unstable();
        assert_eq!(found.keys().map(String::as_str).collect::<Vec<_>>(), wanted, "r{rev}");
        for (path, name) in &expected {
            rig.same_files(view.repository().path(), name, &format!("{path}@{rev}"));
        }
    }
    let view = rig.up_to(&place, How::default(), rig.youngest()).await.unwrap();
    assert_eq!(refs(&view), refs(&rig.whole(How::default()).await), "made at once");
    assert_eq!(crate::rig::git(view.repository().path(), &["fsck", "--full", "--no-dangling"]), "");
}
