use super::*;

fn git() -> Git {
    Git::find(ChildLimits::default()).unwrap()
}

fn bare(dir: &Path) {
    let init = std::process::Command::new("git").args(["init", "-q", "--bare"]).arg(dir).status().unwrap();
    assert!(init.success());
}

#[test]
fn versions_are_read() {
    assert_eq!(parse_version("git version 2.39.5\n"), Some((2, 39)));
    assert_eq!(parse_version("git version 2.47.3 (Debian)"), Some((2, 47)));
    assert_eq!(parse_version("hello"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_reads_the_repository_and_nothing_beside_it() {
    assert!(sandbox_available(), "this test needs a kernel with Landlock");
    let dir = tempfile::tempdir().unwrap();
    let (repository, secret) = (dir.path().join("r.git"), dir.path().join("secret"));
    bare(&repository);
    std::fs::write(&secret, "x").unwrap();
    let hash = |path: &Path| {
        let path: &'static str = Box::leak(path.to_str().unwrap().to_owned().into_boxed_str());
        GitCommand::new(&git(), &repository, "hash-object").flag("--no-filters").flag(path).run(b"", 1000)
    };
    assert_eq!(hash(&repository.join("HEAD")).await.unwrap().len(), 41);
    let error = hash(&secret).await.unwrap_err().to_string();
    assert!(error.contains("Permission denied"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_writes_only_where_it_was_told_to() {
    let dir = tempfile::tempdir().unwrap();
    let repository = dir.path().join("r.git");
    bare(&repository);
    let write = || GitCommand::new(&git(), &repository, "hash-object").flag("-w").flag("--stdin");
    assert!(write().run(b"x", 1000).await.is_err(), "read-only until told otherwise");
    write().writable().run(b"x", 1000).await.unwrap();
    let quarantine = dir.path().join("quarantine");
    std::fs::create_dir(&quarantine).unwrap();
    write().quarantine(&quarantine).run(b"y", 1000).await.unwrap();
    assert_eq!(std::fs::read_dir(&quarantine).unwrap().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_planted_in_a_repository_does_not_run() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    let (repository, sentinel) = (dir.path().join("r.git"), dir.path().join("r.git/ran"));
    bare(&repository);
    let script = repository.join("evil");
    std::fs::write(&script, format!("#!/bin/sh\ntouch {}\n", sentinel.display())).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::create_dir_all(repository.join("hooks")).unwrap();
    std::fs::copy(&script, repository.join("hooks/reference-transaction")).unwrap();
    let evil = script.display();
    let config = format!(
        "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tfsmonitor = {evil}\n\tsshCommand = {evil}\n\tpager = {evil}\n[uploadpack]\n\tpackObjectsHook = {evil}\n"
    );
    std::fs::write(repository.join("config"), config).unwrap();
    let update = GitCommand::new(&git(), &repository, "update-ref").flag("--stdin").writable();
    // Whether Git does the work is not the question.
    let _ = update.run(b"start\nprepare\ncommit\n", 1000).await;
    let _ = GitCommand::new(&git(), &repository, "log").run(b"", 1000).await;
    assert!(!sentinel.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_child_over_its_memory_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    bare(dir.path());
    let limits = ChildLimits { address_space_bytes_max: 8 << 20, ..ChildLimits::default() };
    let git = Git::find(limits).unwrap();
    let big = vec![7; 64 << 20];
    let result = GitCommand::new(&git, dir.path(), "hash-object").flag("--stdin").run(&big, 1000).await;
    assert!(result.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_child_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    bare(dir.path());
    let child = GitCommand::new(&git(), dir.path(), "cat-file").flag("--batch").spawn().await.unwrap();
    let pid = child.child.id().unwrap();
    drop(child);
    for _ in 0..3000 {
        let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        if state.is_empty() || state.contains(") Z") {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the child lives on");
}
