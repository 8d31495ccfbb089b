//! Doors and keys: what reaches a repository is in a list, and nothing reaches one without an `Authorized`.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

use forge::access::Door;
use std::fs;
use std::path::{Path, PathBuf};

/// Where each door's code is.
fn sources_of(door: Door) -> &'static [&'static str] {
    match door {
        Door::Pages => &["crates/web/src/pages/"],
        Door::Api => &["crates/web/src/api/"],
        // A receipt is a file beside Git's addresses; pages link to it.
        Door::GitHttp => &["crates/web/src/git_http.rs", "crates/web/src/receipts.rs"],
        Door::Ssh => &["crates/ssh/src/"],
        Door::SvnHttp => &["crates/web/src/svn_http.rs"],
        // The session itself is in forge, which SSH's door knows only as something to speak with.
        Door::SvnSsh => &["crates/outlast/src/cmd/serve.rs"],
    }
}

/// Calls that reach a repository.
const REACHES: [&str; 11] = [
    ".authorize::<",
    ".open_for_read(",
    ".open_for_fetch(",
    ".open_for_push(",
    "site.svn(",
    ".svn_over_ssh(",
    "site.code(",
    ".repo_fetch(",
    ".repo_change(",
    ".receipt_of_repository(",
    ".repositories()",
];

/// What the operator at the machine does, and looks at nobody's repository for a request.
const NO_DOOR: [&str; 2] = ["crates/outlast/src/", "crates/web/src/metrics.rs"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Every source file of the crates, by its path from the root, without its tests.
fn sources() -> Vec<(String, String)> {
    let (root, mut found) = (root(), Vec::new());
    for entry in fs::read_dir(root.join("crates")).unwrap().flatten() {
        collect(&entry.path().join("src"), &root, &mut found);
    }
    assert!(found.len() > 100, "only {} files: is this the right place?", found.len());
    found
}

fn collect(dir: &Path, root: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            collect(&path, root, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            found.push((name, lines.collect::<Vec<_>>().join("\n")));
        }
    }
}

#[test]
fn whatever_reaches_a_repository_is_a_door_of_the_list() {
    let doors: Vec<_> = Door::ALL.iter().flat_map(|door| sources_of(*door)).copied().collect();
    let mut wrong = Vec::new();
    for (name, code) in sources() {
        let listed = doors.iter().chain(&NO_DOOR).any(|prefix| name.starts_with(prefix));
        if name.starts_with("crates/forge/") || listed {
            continue;
        }
        let reaches = REACHES.iter().filter(|call| code.contains(**call));
        wrong.extend(reaches.map(|call| format!("{name}: {call}")));
    }
    let advice =
        "a new door: give it a variant in forge::access::Door, its files here and its rows in tests/e2e/matrix";
    assert!(wrong.is_empty(), "{advice}\n{}", wrong.join("\n"));
}

/// Opening takes the proof, by its type; what remains is that nobody else makes the proof, or opens by another way.
#[test]
fn a_repository_is_opened_with_a_proof_that_one_function_makes() {
    let mut wrong = Vec::new();
    let within = |name: &str, allowed: &[&str]| allowed.iter().any(|prefix| name.starts_with(prefix));
    for (name, code) in sources() {
        for (what, needle, allowed) in ONLY_HERE {
            if code.contains(needle) && !within(&name, allowed) {
                wrong.push(format!("{name} {what}: {needle}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // What is public and hands out a repository asks for the proof.
    let store = fs::read_to_string(root().join("crates/forge/src/repo/store.rs")).unwrap();
    let public =
        store.lines().map(str::trim).filter(|line| line.starts_with("pub fn ") || line.starts_with("pub async fn "));
    let opens: Vec<_> = public.filter(|line| line.contains("Opened") || line.contains("git::Repository")).collect();
    assert!(!opens.is_empty() && opens.iter().all(|line| line.contains("&Authorized<")), "{opens:#?}");
    // Its fields are private, and what makes one from a row is not for other crates.
    let access = fs::read_to_string(root().join("crates/forge/src/access.rs")).unwrap();
    let (_, fields) = access.split_once("pub struct Authorized<A: Act> {").unwrap();
    let (fields, _) = fields.split_once('}').unwrap();
    assert!(!fields.contains("pub"), "{fields}");
    assert!(access.contains("pub(crate) fn authorize_repo<") && access.contains("pub(crate) fn by_site("));
}

/// What, the words of it, and where alone it may stand.
const ONLY_HERE: [(&str, &str, &[&str]); 6] = [
    ("makes a proof for the operator at the machine", "Authorized::by_site(", &["crates/forge/src/site/repos.rs"]),
    ("makes a proof", "act: PhantomData", &["crates/forge/src/access.rs", "crates/forge/src/access/"]),
    ("opens a repository on the disk", "git::Repository::open(", &["crates/forge/src/repo/"]),
    (
        "opens a repository by its number",
        ".open_id(",
        &[
            "crates/forge/src/repo/",
            "crates/forge/src/maintenance",
            "crates/forge/src/projector",
            "crates/forge/src/recover",
            "crates/forge/src/drill",
            // The operator's export of everything, and Subversion's own opening behind its proof.
            "crates/forge/src/export",
            "crates/forge/src/svn/subversion.rs",
            // What Git sees of one, opened where the next line lets it be.
            "crates/forge/src/svn/view.rs",
            "crates/forge/src/svn/convert.rs",
            // What a dump was just taken into, before anybody else can ask for it.
            "crates/forge/src/site/svn_import.rs",
            "crates/forge/src/site/code.rs",
            "crates/forge/src/site/tasks.rs",
        ],
    ),
    ("opens Git's view of a repository by its number", ".views.open(", &["crates/forge/src/site/git.rs"]),
    ("converts a repository by its number", ".views.convert(", &["crates/forge/src/site/svn_convert.rs"]),
];
