//! Repositories made to be dangerous: names that are options or commands, configuration and hooks, what a client would follow.

use crate::common::{Browser, Git, World, encoded, push};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The file that whatever runs would make.
const OWNED: &str = "outlast-owned";

/// Words that Git takes for names and a shell or Git's command line for more. Bitbucket CVE-2022-36804, Gitea CVE-2022-30781,
/// Gogs CVE-2024-39930, CVE-2024-39932, CVE-2026-52806.
fn words() -> Vec<String> {
    let words = [
        "--output=OWNED",
        "--exec=touch_OWNED",
        "--upload-pack=touch_OWNED",
        "--open-files-in-pager=touch_OWNED",
        "--contents=OWNED",
        "$(touch${IFS}OWNED)",
        "`touch${IFS}OWNED`",
        ";touch${IFS}OWNED;",
        "|touch${IFS}OWNED",
        "&&touch${IFS}OWNED",
        "'$(touch${IFS}OWNED)'",
        "\"$(touch${IFS}OWNED)\"",
        "<script>alert(1)</script>",
        "%00--exec=touch_OWNED",
        "%0atouch_OWNED",
    ];
    words.iter().map(|word| word.replace("OWNED", OWNED)).collect()
}

/// Every file of this name below a directory.
fn found(below: &Path, name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(below).into_iter().flatten().flatten();
    let of = |path: PathBuf| if path.is_dir() && !path.is_symlink() { found(&path, name) } else { vec![path] };
    entries.flat_map(|entry| of(entry.path())).filter(|path| path.file_name().is_some_and(|n| n == name)).collect()
}

#[test]
fn names_that_are_options_or_commands_are_names() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/hostile", "--public"]).success();
    let git = Git::init(&world.path("work"), "sha1");
    let mut stream = b"commit refs/heads/main\ncommitter Ann <ann@example.org> 1700000000 +0000\ndata 2\nc\n".to_vec();
    for word in words() {
        let path = format!("{}/{}", word.replace('/', "_"), word.replace('/', "_"));
        let quoted = path.replace('\\', "\\\\").replace('"', "\\\"");
        writeln!(stream, "M 100644 inline \"{quoted}\"\ndata {}\n{word}", word.len()).unwrap();
    }
    git.run_with(["fast-import", "--quiet"], &stream).success();
    let url = world.url("ann/hostile");
    git.run(["push", "-q", &url, "main"]).success();
    let (mut taken, mut names) = (Vec::new(), words());
    names.push("-x".to_owned());
    for word in &names {
        // What Git itself won't have as a name can't come.
        if git.run(["check-ref-format", &format!("refs/heads/{word}")]).ok
            && git.run(["push", "-q", &url, &format!("main:refs/heads/{word}")]).ok
        {
            taken.push(word.clone());
        }
    }
    assert!(taken.len() > 8, "hardly anything was tried: {taken:?}");
    let browser = Browser::new(&world.site);
    for word in &names {
        let (branch, path) = (encoded(word), encoded(&word.replace('/', "_")));
        for page in [
            format!("tree/{branch}"),
            format!("tree/main/{path}"),
            format!("file/main/{path}/{path}"),
            format!("raw/{branch}/{path}/{path}"),
            format!("blame/main/{path}/{path}"),
            format!("log/{branch}/{path}/{path}"),
            format!("compare/{branch}...main"),
            format!("compare/main..{branch}"),
            format!("archive/{branch}.zip"),
            format!("archive/{branch}.tar.gz"),
            format!("search?q={branch}&at={branch}"),
            format!("commit/{branch}"),
            format!("commit/{branch}.patch"),
            format!("graph?at={branch}"),
        ] {
            let answer = browser.get(&format!("/ann/hostile/-/{page}"));
            assert!(answer.status < 500 && answer.whole, "{page}: {} {}", answer.status, answer.text());
            if answer.header("content-type").is_some_and(|kind| kind.starts_with("text/html")) {
                assert!(!answer.text().contains("<script>alert"), "{page}");
            }
        }
    }
    let made = found(world.dir.path(), OWNED);
    assert!(made.is_empty(), "something ran: {made:?}");
}

/// Gitea CVE-2018-18926, Gogs CVE-2022-0415, CVE-2024-44625, Git CVE-2022-24765, CVE-2024-32465: who can write into a
/// repository's directory does not run what is in it.
#[test]
fn what_lies_in_a_repository_runs_nothing() {
    let mut world = World::new();
    let git = world.repository("one");
    world.push(&git, &["HEAD"]);
    world.site.stop();
    let repository = world.site.repositories().pop().unwrap();
    let script = format!("#!/bin/sh\ntouch '{}'\n", world.path(OWNED).display());
    let hooks = repository.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    let plant = |path: PathBuf| {
        std::fs::write(&path, &script).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        path
    };
    for name in
        ["pre-receive", "update", "post-receive", "post-update", "reference-transaction", "proc-receive", "fsmonitor"]
    {
        plant(hooks.join(name));
    }
    let program = plant(repository.join("program")).display().to_string();
    let mut config = std::fs::File::options().append(true).open(repository.join("config")).unwrap();
    write!(
        config,
        "[core]\n\thooksPath = {}\n\tfsmonitor = {program}\n\tsshCommand = {program}\n\tpager = {program}\n\
         \talternateRefsCommand = {program}\n[uploadpack]\n\tpackObjectsHook = {program}\n[diff]\n\texternal = {program}\n\
         [diff \"x\"]\n\ttextconv = {program}\n[filter \"x\"]\n\tsmudge = {program}\n\tclean = {program}\n[tar \"tar.gz\"]\n\
         \tcommand = {program}\n[receive]\n\tprocReceiveRefs = refs\n[gpg]\n\tprogram = {program}\n",
        hooks.display()
    )
    .unwrap();
    std::fs::create_dir_all(repository.join("info")).unwrap();
    std::fs::write(repository.join("info/attributes"), "* diff=x filter=x\n").unwrap();
    world.site.resume();
    git.run(["remote", "set-url", "origin", &world.url("ann/one")]).success();
    git.commit("more", "more\n");
    world.push(&git, &["HEAD"]);
    Git::mirror(&world.url("ann/one"), &world.path("mirror")).fsck();
    let login = crate::common::basic("ann", &world.token);
    for page in ["archive/main.tar.gz", "archive/main.zip", "commit/main.patch", "blame/main/more", "search?q=more"] {
        let path = format!("/ann/one/-/{page}");
        let headers = [("Authorization", login.as_str())];
        let answer = crate::common::request(&world.site.address, "GET", &path, &headers, b"").unwrap();
        assert!(answer.status < 500, "{page}: {}", answer.text());
    }
    let made = found(world.dir.path(), OWNED);
    assert!(made.is_empty(), "something ran: {made:?}");
}

/// Makes a commit of a tree with one entry of this name, and pushes it.
fn push_entry(git: &Git, mode: &str, kind: &str, id: &str, name: &str) -> crate::common::Output {
    let tree = git.run_with(["mktree", "-z"], format!("{mode} {kind} {id}\t{name}\0").as_bytes()).success();
    let commit = git.run(["commit-tree", "-m", "c", &tree]).success();
    push(git, &[&format!("{commit}:refs/heads/entry")])
}

/// Git CVE-2018-17456, CVE-2018-11235, CVE-2019-1353, CVE-2024-32002, Gogs CVE-2024-55947, CVE-2025-8110: what would hurt those
/// who clone is not taken, and there is no working tree here that a name could lead out of.
#[test]
fn what_would_hurt_those_who_clone_is_not_taken() {
    let world = World::new();
    let git = world.repository("one");
    world.push(&git, &["HEAD"]);
    let blob = |text: &str| git.run_with(["hash-object", "-w", "--stdin"], text.as_bytes()).success();
    let (words, tree) = (blob("words\n"), git.run(["rev-parse", "HEAD^{tree}"]).success());
    for name in [".git", ".GIT", ".Git", "git~1", "GIT~1", ".g\u{200c}it", ".git\u{200d}", ".git.", ".git ", ".", ".."]
    {
        let said = push_entry(&git, "040000", "tree", &tree, name).failure();
        assert!(said.contains("remote") || said.contains("fsck") || said.contains("refused"), "{name:?}: {said}");
        push_entry(&git, "100644", "blob", &words, name).failure();
    }
    let url = "[submodule \"x\"]\n\tpath = x\n\turl = -u./payload\n";
    let path = "[submodule \"x\"]\n\tpath = --upload-pack=./payload\n\turl = https://example.org/x\n";
    let name = "[submodule \"../../x\"]\n\tpath = x\n\turl = https://example.org/x\n";
    for modules in [url, path, name] {
        push_entry(&git, "100644", "blob", &blob(modules), ".gitmodules").failure();
    }
    push_entry(&git, "120000", "blob", &blob("elsewhere"), ".gitmodules").failure();
    let refs = git.refs_of(&world.url("ann/one"));
    assert!(!refs.contains("refs/heads/entry"), "{refs}");
    let fine = "[submodule \"x\"]\n\tpath = x\n\turl = https://example.org/x\n";
    let output = push_entry(&git, "100644", "blob", &blob(fine), ".gitmodules");
    assert!(output.ok, "{}", output.stderr);
}

/// Git CVE-2022-41903, CVE-2022-23521: what a tree's attributes ask of an archive takes no memory to speak of, and a long
/// attribute is none.
#[test]
fn an_archive_expands_nothing_large() {
    let world = World::new();
    world.site.cli(&["repo", "create", "ann/one", "--public"]).success();
    let git = Git::init(&world.path("work"), "sha1");
    git.commit(".gitattributes", &format!("long {}\n", "a".repeat(3_000)));
    let said = git.run(["push", "-q", &world.url("ann/one"), "main:long"]).failure();
    assert!(said.contains("gitattributesLineLength"), "{said}");
    git.run(["checkout", "-q", "--orphan", "other"]).success();
    git.commit(".gitattributes", "words export-subst\n");
    let wide =
        "$Format:%>(2147483647)%an$ $Format:%<(2147483647)%>(2147483647,trunc)%s$ $Format:%n%w(1,2147483647)%b$\n";
    git.commit("words", wide);
    git.run(["push", "-q", &world.url("ann/one"), "other:main"]).success();
    for ending in ["tar.gz", "zip"] {
        let answer = world.site.get(&format!("/ann/one/-/archive/main.{ending}"));
        assert!(answer.status < 500 && answer.body.len() < 1 << 20, "{ending}: {}", answer.body.len());
    }
    assert_eq!(world.site.get("/ann/one").status, 200);
}
