//! What a crash, a full disk or a careless caller leaves in a repository, and that it is got over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use git::{ChildLimits, Git, ObjectFormat, ObjectId, RefName, Repository};
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// A repository with one commit, to which no ref points.
fn repository() -> (tempfile::TempDir, Repository, ObjectId) {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::find(ChildLimits::default()).unwrap();
    let repository = Repository::create(&git, &dir.path().join("1.git"), ObjectFormat::Sha1, &RefName::main()).unwrap();
    let stock = |args: &[&str]| {
        let output = Command::new("git")
            .arg("-C")
            .arg(repository.path())
            .args(["-c", "user.name=A", "-c", "user.email=a@b"])
            .args(args)
            .output();
        String::from_utf8(output.unwrap().stdout).unwrap().trim().to_owned()
    };
    let tree = stock(&["hash-object", "-t", "tree", "-w", "/dev/null"]);
    let commit = stock(&["commit-tree", "-m", "one", &tree]).parse().unwrap();
    (dir, repository, commit)
}

#[tokio::test]
async fn locks_of_a_killed_writer_are_swept() {
    let (_dir, repository, commit) = repository();
    for lock in ["refs/heads/main.lock", "packed-refs.lock", "HEAD.lock"] {
        std::fs::write(repository.path().join(lock), "").unwrap();
    }
    repository.sweep_unfinished().unwrap();
    repository.set_refs(&[(RefName::main(), Some(commit))]).unwrap();
    assert_eq!(repository.refs().await.unwrap().1.len(), 1);
}

#[tokio::test]
async fn what_killed_maintenance_left_does_not_end_maintenance() {
    let (_dir, repository, commit) = repository();
    repository.set_refs(&[(RefName::main(), Some(commit))]).unwrap();
    let left = [
        "objects/pack/multi-pack-index.lock",
        "objects/pack/.tmp-7-pack-0123.pack",
        "objects/info/commit-graphs/commit-graph-chain.lock",
        "objects/info/commit-graphs/tmp_graph_Zhv7aB",
        "packed-refs.new",
    ];
    std::fs::create_dir_all(repository.path().join("objects/info/commit-graphs")).unwrap();
    left.iter().for_each(|name| std::fs::write(repository.path().join(name), "").unwrap());
    repository.sweep_unfinished().unwrap();
    repository.maintain().await.unwrap();
    assert_eq!(left.map(|name| repository.path().join(name).exists()), [false; 5]);
}

#[tokio::test]
async fn what_is_not_there_need_not_be_swept() {
    let (_dir, repository, _) = repository();
    std::fs::remove_dir(repository.path().join("objects/info")).unwrap();
    repository.sweep_unfinished().unwrap();
}

#[tokio::test]
async fn a_ref_cut_short_is_passed_over_and_set_again() {
    let (_dir, repository, commit) = repository();
    std::fs::write(repository.path().join("refs/heads/main"), "").unwrap();
    assert_eq!(repository.refs().await.unwrap().1, []);
    repository.set_refs(&[(RefName::main(), Some(commit))]).unwrap();
    assert_eq!(repository.refs().await.unwrap().1[0].id, commit);
}

#[tokio::test]
async fn a_ref_to_a_missing_object_hides_no_other() {
    let (_dir, repository, commit) = repository();
    let gone = "0123456789abcdef0123456789abcdef01234567".parse().unwrap();
    repository.set_refs(&[("refs/heads/gone".parse().unwrap(), Some(gone)), (RefName::main(), Some(commit))]).unwrap();
    let (_, refs) = repository.refs().await.unwrap();
    assert_eq!(refs.iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["refs/heads/main"]);
    assert!(repository.peel(&[gone]).await.is_err());
}

#[tokio::test]
async fn fsck_names_the_missing_object() {
    let (_dir, repository, commit) = repository();
    repository.set_refs(&[(RefName::main(), Some(commit))]).unwrap();
    assert!(repository.fsck().await.unwrap().is_empty());
    let tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    // Git knows the empty tree by heart; the commit it does not.
    let id = commit.to_string();
    std::fs::remove_file(repository.path().join("objects").join(&id[..2]).join(&id[2..])).unwrap();
    let found = repository.fsck().await.unwrap().join("\n");
    assert!(found.contains(&id) && !found.contains(tree), "{found}");
}

#[tokio::test]
async fn what_is_no_repository_is_not_opened() {
    let (dir, repository, _) = repository();
    let other = dir.path().join("other");
    std::fs::create_dir(&other).unwrap();
    std::fs::write(other.join("config"), "hello").unwrap();
    assert!(Repository::open(repository.git(), &other).is_err());
}

#[tokio::test]
async fn a_repository_may_be_named_by_a_relative_path() {
    let (_dir, repository, commit) = repository();
    repository.set_refs(&[(RefName::main(), Some(commit))]).unwrap();
    let up = "../".repeat(std::env::current_dir().unwrap().components().count());
    let relative = format!("{up}{}", repository.path().strip_prefix("/").unwrap().display());
    let same = Repository::open(repository.git(), relative.as_ref()).unwrap();
    assert_eq!(same.refs().await.unwrap().1.len(), 1);
}

/// The beginning of a pack, then a lost connection.
struct Lost(bool);

impl AsyncRead for Lost {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(Err(std::io::ErrorKind::ConnectionReset.into()));
        }
        buf.put_slice(b"PACK\0\0\0\x02\0\0\0\x05");
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn an_import_that_is_cut_off_leaves_nothing_after_the_sweep() {
    let (_dir, repository, _) = repository();
    assert!(repository.import_pack(Lost(false)).await.is_err());
    repository.sweep_unfinished().unwrap();
    assert_eq!(std::fs::read_dir(repository.path().join("objects/pack")).unwrap().count(), 0);
}
