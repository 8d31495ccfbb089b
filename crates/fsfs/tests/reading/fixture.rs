//! Repositories made by Subversion's own programs, in each format, for what the reader is compared with.
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs a program and gives what it says.
pub(crate) fn run(program: &str, args: &[&str]) -> Vec<u8> {
    let mut command = Command::new(program);
    command.args(args).env("LC_ALL", "C.UTF-8").env("HOME", "/nonexistent").env("TZ", "UTC");
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}; scripts/deps.sh installs it"));
    assert!(output.status.success(), "{program} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

pub(crate) fn text(program: &str, args: &[&str]) -> String {
    String::from_utf8(run(program, args)).unwrap()
}

/// A way in which a repository can be kept.
pub(crate) struct Kept {
    pub(crate) name: &'static str,
    version: &'static str,
    /// Made in that version's format and brought to the newest.
    upgraded: bool,
    /// Revisions in a directory.
    shard: Option<u64>,
    packed: bool,
    /// A line for `fsfs.conf`.
    conf: &'static str,
}

const fn kept(name: &'static str, version: &'static str, shard: Option<u64>, packed: bool) -> Kept {
    Kept { name, version, upgraded: false, shard, packed, conf: "" }
}

pub(crate) const ALL: [Kept; 13] = [
    kept("format 1", "1.3", None, false),
    kept("format 2", "1.4", None, false),
    kept("format 3", "1.5", Some(7), false),
    kept("format 4", "1.6", Some(7), false),
    kept("format 4, packed", "1.6", Some(7), true),
    kept("format 6", "1.8", Some(1000), false),
    kept("format 6, packed", "1.8", Some(7), true),
    kept("format 7", "1.9", Some(7), false),
    kept("format 7, packed", "1.9", Some(7), true),
    kept("format 8", "1.14", Some(1000), false),
    kept("format 8, packed", "1.14", Some(7), true),
    Kept { upgraded: true, ..kept("format 8, physical, packed", "1.8", Some(7), true) },
    Kept { conf: "\n[deltification]\ncompression = none\n", ..kept("format 8, not compressed", "1.14", Some(7), true) },
];

/// Makes one of a dump.
pub(crate) fn load(kept: &Kept, dump: &Path, dir: &Path) -> PathBuf {
    let root = dir.join(kept.name.replace([' ', ','], "-"));
    let name = root.to_str().unwrap();
    run("svnadmin", &["create", "--compatible-version", kept.version, name]);
    if let Some(shard) = kept.shard {
        let format = fs::read_to_string(root.join("db/format")).unwrap();
        fs::write(root.join("db/format"), format.replace("sharded 1000", &format!("sharded {shard}"))).unwrap();
    }
    if kept.upgraded {
        run("svnadmin", &["upgrade", name]);
    }
    if !kept.conf.is_empty() {
        let conf = fs::read_to_string(root.join("db/fsfs.conf")).unwrap();
        fs::write(root.join("db/fsfs.conf"), conf + kept.conf).unwrap();
    }
    run("svnadmin", &["load", "--quiet", "--no-flush-to-disk", "-F", dump.to_str().unwrap(), name]);
    if kept.packed {
        run("svnadmin", &["pack", "--quiet", name]);
        assert!(root.join("db/revs/1.pack").is_dir(), "{} is not packed", kept.name);
    }
    root
}

/// Bytes that hardly pack, the same in every run.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 24) as u8
    };
    (0..length).map(|_| next()).collect()
}

/// A repository with everything in it that people do: many edits, copies, moves, replacements, merges, odd names, large and empty
/// files, properties, locks.
pub(crate) fn original(dir: &Path) -> PathBuf {
    let root = dir.join("original");
    run("svnadmin", &["create", root.to_str().unwrap()]);
    fs::write(root.join("hooks/pre-revprop-change"), "#!/bin/sh\n").unwrap();
    run("chmod", &["+x", root.join("hooks/pre-revprop-change").to_str().unwrap()]);
    let base = format!("file://{}", root.to_str().unwrap());
    let commit = |words: &[&str]| {
        let fixed = ["--non-interactive", "-u", "ann", "-m", "a change\n\nwith more to say: ö", "-U", &base];
        run("svnmucc", &[&fixed[..], words].concat());
    };
    let file = |name: &str, bytes: &[u8]| -> String {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (empty, one) = (file("empty", b""), file("one", b"one\ntwo\nthree\n"));
    commit(&["mkdir", "trunk", "mkdir", "branches", "mkdir", "tags"]);
    commit(&[
        "put",
        &one,
        "trunk/a.txt",
        "put",
        &empty,
        "trunk/empty",
        "mkdir",
        "trunk/src",
        "put",
        &one,
        "trunk/src/same.c",
    ]);
    let deep = "trunk/deep/1/2/3/4/5/6/7/8/9".split('/').scan(String::new(), |path, part| {
        path.push_str(part);
        let here = path.clone();
        path.push('/');
        Some(here)
    });
    let deep: Vec<String> = deep.skip(1).collect();
    let deep: Vec<&str> = deep.iter().flat_map(|path| ["mkdir", path]).collect();
    commit(&deep);
    for name in
        ["trunk/deep/1/2/3/4/5/6/7/8/9/leaf", "trunk/with space & ünï=%41.txt", "trunk/src/-dash", "trunk/src/a.r1"]
    {
        commit(&["put", &one, name]);
    }
    let mut lines = String::new();
    let mut large = noise(1, 320_000);
    for round in 0..24_usize {
        lines.insert_str(lines.len() / 3, &format!("line of round {round}\n"));
        let changed = file("lines", lines.as_bytes());
        if round % 4 == 0 {
            let at = round * 9_000;
            large[at..at + 5_000].copy_from_slice(&noise(round as u64 + 7, 5_000));
            large.extend_from_slice(&noise(99, 50_000)[..round * 1_000]);
            let large = file("large", &large);
            commit(&["put", &changed, "trunk/src/lines.txt", "put", &large, "trunk/large.bin"]);
        } else {
            commit(&["put", &changed, "trunk/src/lines.txt"]);
        }
    }
    commit(&["cp", "HEAD", "trunk", "branches/b"]);
    commit(&["put", &one, "branches/b/src/lines.txt", "put", &one, "branches/b/src/new.txt"]);
    commit(&["cp", "HEAD", "branches/b", "tags/1.0"]);
    commit(&["mv", "trunk/src", "trunk/source"]);
    commit(&["put", &empty, "trunk/source/lines.txt"]);
    commit(&["rm", "trunk/a.txt", "mkdir", "trunk/a.txt", "put", &one, "trunk/a.txt/inside"]);
    commit(&["rm", "branches/b", "cp", "20", "trunk", "branches/b"]);
    commit(&[
        "cp",
        "HEAD",
        "branches/b/src/lines.txt",
        "branches/b/src/copy.txt",
        "put",
        &one,
        "branches/b/src/copy.txt",
    ]);
    commit(&["propset", "svn:mergeinfo", "/branches/b:30-36", "trunk", "propset", "svn:ignore", "*.o\n*.a\n", "trunk"]);
    commit(&[
        "propset",
        "svn:executable",
        "*",
        "trunk/source/-dash",
        "propset",
        "odd:name.1",
        "välue\n\n",
        "trunk/empty",
    ]);
    commit(&["propdel", "svn:ignore", "trunk"]);
    commit(&["rm", "trunk/deep"]);
    let link = file("link", b"link empty");
    commit(&["put", &link, "trunk/link", "propset", "svn:special", "*", "trunk/link"]);
    run("svn", &["propset", "--revprop", "-r", "5", "svn:log", "said later", &base]);
    run("svn", &["propset", "--revprop", "-r", "9", "reviewed-by", "bob", &base]);
    root
}
