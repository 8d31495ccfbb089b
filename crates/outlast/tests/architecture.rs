//! Rules that no compiler checks: who may know whom, and what may stand where.
//!
//! The table is the design's: a crate that is not there yet has its line already, so that it starts out held to it.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

mod asvs;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate, and those of ours that it may depend on.
const MAY_KNOW: [(&str, &[&str]); 14] = [
    ("journal", &[]),
    ("code", &[]),
    ("fsfs", &[]),
    ("vault", &["journal"]),
    ("text", &["code"]),
    ("git", &["code", "text"]),
    ("svn", &["code", "fsfs", "text"]),
    ("svn-git", &["fsfs", "git"]),
    ("svn-gate", &[]),
    ("render", &["code"]),
    ("forge", &["journal", "vault", "code", "git", "svn", "svn-git"]),
    // For the types that `forge`'s own functions take and give, such as a protocol version.
    ("web", &["forge", "render", "code", "git", "text"]),
    ("ssh", &["forge"]),
    ("outlast", &["journal", "vault", "code", "fsfs", "text", "git", "svn", "render", "forge", "web", "ssh"]),
];

/// Where a program may be started: git and Subversion through their sandboxed builders, and the practice vaults.
const MAY_START_PROGRAMS: [&str; 3] = ["crates/git/src/child", "crates/svn/src/child", "crates/outlast/src/practice"];

/// Lines that a source file may have; tables and tests are free.
const FILE_LINES_MAX: usize = 500;

/// Files that are tables: data in the form of code.
const TABLES: [&str; 0] = [];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust file below `crates/*/DIRECTORY`, by its path from the root, with its text.
fn sources(directory: &str) -> Vec<(String, String)> {
    let root = root();
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("crates")).unwrap().flatten() {
        collect(&entry.path().join(directory), &root, &mut found);
    }
    found.sort();
    assert!(directory != "src" || found.len() > 50, "only {} files: is this the right place?", found.len());
    found
}

fn collect(dir: &Path, root: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, root, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.push((name, fs::read_to_string(&path).unwrap()));
        }
    }
}

/// A file that only tests compile, by its name.
fn is_test(name: &str) -> bool {
    name.ends_with("/tests.rs") || name.contains("/tests/") || name.ends_with("_tests.rs")
}

/// The code of a file without its tests and comments, line by line, with the lines' numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    // A module of tests is a file's last part; another item that only tests compile hides nothing after it.
    let tests = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..tests]
        .lines()
        .enumerate()
        .map(|(at, line)| (at + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Whether `word` stands in the line, and not as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| begins(at))
}

/// The places in `src`, outside tests, whose code holds `needle`.
fn places_of(needle: &str, within: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for (name, text) in sources("src").iter().filter(|(name, _)| within(name) && !is_test(name)) {
        let lines = code(text).filter(|(_, line)| has_word(line, needle));
        places.extend(lines.map(|(at, line)| format!("{name}:{at}: {}", line.trim())));
    }
    places
}

#[test]
fn crates_know_only_what_the_design_lets_them_know() {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let may_know: BTreeMap<_, _> = MAY_KNOW.into_iter().collect();
    let mut wrong = Vec::new();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        let Some(allowed) = may_know.get(name) else {
            wrong.push(format!("{name} is not in the table: what may it know?"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            if may_know.contains_key(other) && !allowed.contains(&other) {
                wrong.push(format!("{name} knows {other}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_file_is_too_long() {
    let files = sources("src").into_iter().filter(|(name, _)| !is_test(name) && !TABLES.contains(&name.as_str()));
    let long: Vec<_> = files
        .map(|(name, text)| (code(&text).last().map_or(0, |(at, _)| at), name))
        .filter(|(lines, _)| *lines > FILE_LINES_MAX)
        .collect();
    assert!(long.is_empty(), "over {FILE_LINES_MAX} lines: {long:?}");
}

#[test]
fn programs_are_started_in_three_places_only() {
    let places = places_of("Command::new", |name| !MAY_START_PROGRAMS.iter().any(|allowed| name.starts_with(allowed)));
    assert!(places.is_empty(), "{}", places.join("\n"));
}

#[test]
fn lints_are_expected_not_allowed() {
    for directory in ["src", "tests", "examples", "benches"] {
        let mut places = Vec::new();
        for (name, text) in sources(directory).iter().filter(|(name, _)| !name.ends_with("tests/architecture.rs")) {
            let lines =
                text.lines().enumerate().filter(|(_, line)| line.contains("#[allow(") || line.contains("#![allow("));
            places.extend(lines.map(|(at, line)| format!("{name}:{}: {}", at + 1, line.trim())));
        }
        assert!(places.is_empty(), "{}", places.join("\n"));
    }
}

#[test]
fn the_journal_has_no_clock_no_disk_and_no_network() {
    for needle in
        ["SystemTime", "Instant::now", "std::fs", "std::net", "std::process", "std::thread", "tokio", "std::env"]
    {
        let places = places_of(needle, |name| name.starts_with("crates/journal/"));
        assert!(places.is_empty(), "{}", places.join("\n"));
    }
}

#[test]
fn a_vault_store_has_no_verb_that_takes_away() {
    for needle in ["remove_file", "remove_dir", "unlink", "rename(", "set_len", "truncate(true)", "ftruncate"] {
        let store = ["dir.rs", "disk.rs", "segment.rs", "store.rs", "core.rs"];
        let places = places_of(needle, |name| {
            name.strip_prefix("crates/vault/src/").is_some_and(|file| store.contains(&file) || file.starts_with("dir/"))
        });
        assert!(places.is_empty(), "{}", places.join("\n"));
    }
}

/// What takes out of a vault is run by its owner, with the server stopped: nothing that is served reaches it.
#[test]
fn only_the_owners_command_erases_from_a_vault() {
    let allowed: [(&str, &[&str]); 5] = [
        ("vault::erase(", &["crates/outlast/src/cmd/vault_orders.rs"]),
        ("erase_with(", &["crates/vault/src/erase.rs"]),
        ("erase::", &["crates/vault/src/lib.rs", "crates/forge/src/orders"]),
        // `seal.rs` is the site's: what it was still writing when it gave up.
        ("remove_file", &["crates/vault/src/erase/directory.rs", "crates/vault/src/seal.rs"]),
        (".delete(", &["crates/vault/src/erase/bucket.rs", "crates/vault/src/probe/bucket.rs"]),
    ];
    for (needle, files) in allowed {
        let in_question = |name: &str| match needle {
            "vault::erase(" | "erase_with(" => name.contains("/src/"),
            _ => name.starts_with("crates/vault/src/"),
        };
        let places = places_of(needle, |name| in_question(name) && !files.iter().any(|file| name.starts_with(file)));
        assert!(places.is_empty(), "{}", places.join("\n"));
    }
}

#[test]
fn sql_is_written_in_forge_only() {
    for needle in ["rusqlite::", "postgres::"] {
        let places = places_of(needle, |name| !name.starts_with("crates/forge/src/db"));
        assert!(places.is_empty(), "{}", places.join("\n"));
    }
}
