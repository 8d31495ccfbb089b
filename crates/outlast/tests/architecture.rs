//! The rules of the workspace that no compiler checks: which crate may know which, and what stays where.
//!
//! They are checked against Cargo's own metadata and the sources as they are, so that a new crate or file cannot escape.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Each crate, and the crates of ours it may depend on. A crate may be planned here before it exists, never the reverse.
const MAY_KNOW: [(&str, &[&str]); 9] = [
    ("journal", &[]),
    ("git", &[]),
    ("svn", &[]),
    ("render", &[]),
    ("vault", &["journal"]),
    ("forge", &["journal", "vault", "git", "svn"]),
    ("web", &["forge", "render", "git"]),
    ("ssh", &["forge"]),
    ("outlast", &["journal", "git", "svn", "render", "vault", "forge", "web", "ssh"]),
];

/// What would let the journal reach a disk, a socket or a clock.
const NOT_FOR_THE_JOURNAL: [&str; 7] = ["tokio", "hyper", "axum", "rusqlite", "postgres", "rustix", "jiff"];

/// Longer files are split by subject.
const FILE_LINES_MAX: usize = 500;

struct Package {
    name: String,
    /// What it is built from; what only its tests use is not counted.
    dependencies: BTreeSet<String>,
}

#[test]
fn dependencies_point_one_way() {
    let packages = packages();
    let ours: BTreeSet<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    for package in &packages {
        let (_, allowed) = MAY_KNOW.iter().find(|(name, _)| *name == package.name).unwrap_or_else(|| {
            panic!("the crate {} is not in MAY_KNOW: say there what it may depend on", package.name)
        });
        let known = package.dependencies.iter().map(String::as_str).filter(|name| ours.contains(name));
        let wrong: Vec<&str> = known.filter(|name| !allowed.contains(name)).collect();
        assert!(wrong.is_empty(), "{} may not depend on {}", package.name, wrong.join(", "));
    }
}

#[test]
fn the_table_of_dependencies_has_no_cycle() {
    for (at, (name, allowed)) in MAY_KNOW.iter().enumerate() {
        for other in *allowed {
            let place = MAY_KNOW.iter().position(|(name, _)| name == other).expect("a name of the table");
            assert!(place < at, "{name} comes before {other}, which it may know");
        }
    }
}

#[test]
fn the_journal_depends_on_nothing_that_does_io() {
    let journal = packages().into_iter().find(|package| package.name == "journal").unwrap();
    let wrong: Vec<&str> =
        NOT_FOR_THE_JOURNAL.into_iter().filter(|name| journal.dependencies.contains(*name)).collect();
    assert!(wrong.is_empty(), "journal depends on {}", wrong.join(", "));
}

#[test]
fn the_journal_reads_no_clock_and_no_disk() {
    let words = ["SystemTime", "Instant::now", "std::fs", "std::net", "std::process", "std::env"];
    let found = lines_with(&words, |file| file.starts_with("crates/journal/src/"));
    assert!(found.is_empty(), "the journal takes times and bytes from its callers:\n{}", found.join("\n"));
}

/// A child is sandboxed and limited by the one place that starts it.
#[test]
fn processes_are_started_in_two_places() {
    let found = lines_with(&["Command::new("], |file| {
        !file.starts_with("crates/git/src/child") && file != "crates/outlast/src/practice.rs"
    });
    assert!(found.is_empty(), "start children through git::child:\n{}", found.join("\n"));
}

/// An `expect` that is no longer needed is reported by the compiler; an `allow` stays for ever.
#[test]
fn lints_are_never_allowed_away() {
    let words = [concat!("#[", "allow("), concat!("#![", "allow(")];
    let found: Vec<String> = sources().iter().flat_map(|(file, text)| lines_of(file, text, &words)).collect();
    assert!(found.is_empty(), "use #[expect(..., reason = ...)]:\n{}", found.join("\n"));
}

#[test]
fn files_have_one_subject() {
    let long: Vec<String> = sources()
        .iter()
        .filter(|(file, text)| !is_test(file) && text.lines().count() > FILE_LINES_MAX)
        .map(|(file, text)| format!("{file}: {} lines", text.lines().count()))
        .collect();
    assert!(long.is_empty(), "split by subject (at most {FILE_LINES_MAX} lines):\n{}", long.join("\n"));
}

fn packages() -> Vec<Package> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--no-deps", "--offline", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().iter().map(package).collect()
}

fn package(value: &serde_json::Value) -> Package {
    let dependencies = value["dependencies"].as_array().unwrap().iter();
    let built_from = dependencies.filter(|dependency| dependency["kind"] != "dev");
    Package {
        name: value["name"].as_str().unwrap().to_owned(),
        dependencies: built_from.map(|dependency| dependency["name"].as_str().unwrap().to_owned()).collect(),
    }
}

/// Lines outside tests and comments that have one of `words`, in the files that `wanted` picks.
fn lines_with(words: &[&str], wanted: impl Fn(&str) -> bool) -> Vec<String> {
    sources()
        .iter()
        .filter(|(file, _)| !is_test(file) && wanted(file))
        .flat_map(|(file, text)| lines_of(file, without_tests(text), words))
        .collect()
}

fn lines_of(file: &str, text: &str, words: &[&str]) -> Vec<String> {
    let code = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"));
    code.filter(|(_, line)| words.iter().any(|word| has_word(line, word)))
        .map(|(number, line)| format!("{file}:{}: {}", number + 1, line.trim()))
        .collect()
}

/// Whether `word` stands in the line, and not as the end of a longer name.
fn has_word(line: &str, word: &str) -> bool {
    let begins = |at: usize| !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| begins(at))
}

/// The tests of a file, where they are in it, are its last part.
fn without_tests(text: &str) -> &str {
    text.find("#[cfg(test)]\nmod tests {").map_or(text, |at| &text[..at])
}

fn is_test(file: &str) -> bool {
    let parts: Vec<&str> = file.split('/').collect();
    parts.iter().any(|part| ["tests", "tests.rs", "examples", "benches"].contains(part))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every Rust file below crates/: its path from the root with `/`, and its text.
fn sources() -> Vec<(String, String)> {
    let root = root();
    let mut files = Vec::new();
    collect(&root.join("crates"), &mut files);
    assert!(files.len() > 10, "the sources were not found");
    files.sort();
    let named = |file: PathBuf| {
        let name = file.strip_prefix(&root).unwrap().components().map(|part| part.as_os_str().to_string_lossy());
        (name.collect::<Vec<_>>().join("/"), std::fs::read_to_string(&file).unwrap())
    };
    files.into_iter().map(named).collect()
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}
