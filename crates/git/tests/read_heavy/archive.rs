//! Archives, and patches, by Git itself.

use crate::search::made;
use code::{ArchiveFormat, ReadError, RevisionId};
use git::ObjectFormat;
use git::read::{ArchivePrefix, PatchFormat, archive, patch};
use std::process::Command;
use tokio::io::AsyncReadExt as _;

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_has_every_file_in_one_directory() {
    let made = tokio::task::spawn_blocking(|| made(ObjectFormat::Sha256, &[("a", "one\n"), ("b/c", "two\n")]));
    let made = made.await.unwrap();
    let (id, prefix) = (made.id("main"), "name-1.0".parse::<ArchivePrefix>().unwrap());
    for (format, file) in [(ArchiveFormat::TarGz, "x.tar.gz"), (ArchiveFormat::Zip, "x.zip")] {
        let mut bytes = Vec::new();
        archive(&made.repository, &id, format, &prefix).await.unwrap().read_to_end(&mut bytes).await.unwrap();
        let mut again = Vec::new();
        archive(&made.repository, &id, format, &prefix).await.unwrap().read_to_end(&mut again).await.unwrap();
        assert!(bytes == again, "the same archive each time");
        let path = made.scratch().join(file);
        std::fs::write(&path, &bytes).unwrap();
        if format == ArchiveFormat::TarGz {
            let list = Command::new("tar").arg("-tzf").arg(&path).output().unwrap();
            assert_eq!(String::from_utf8(list.stdout).unwrap(), "name-1.0/\nname-1.0/a\nname-1.0/b/\nname-1.0/b/c\n");
        } else {
            assert!(bytes.starts_with(b"PK\x03\x04") && bytes.windows(12).any(|part| part == b"name-1.0/b/c"));
        }
    }
    let missing = RevisionId("0".repeat(63) + "1");
    assert!(matches!(
        archive(&made.repository, &missing, ArchiveFormat::Zip, &prefix).await,
        Err(ReadError::NotFound(_))
    ));
    let hostile = RevisionId("--output=/tmp/x".to_owned());
    assert!(matches!(
        archive(&made.repository, &hostile, ArchiveFormat::Zip, &prefix).await,
        Err(ReadError::NotFound(_))
    ));
}

/// Ten directories of ten, ten deep, each the same: a dozen objects that name ten thousand million files.
#[tokio::test(flavor = "multi_thread")]
async fn a_tree_that_names_more_than_it_has_makes_no_archive() {
    let made = tokio::task::spawn_blocking(|| {
        let made = made(ObjectFormat::Sha1, &[("a", "one\n")]);
        let mut tree = made.git(&["rev-parse", "main^{tree}"]).trim().to_owned();
        for _ in 0..9 {
            let entries: String = (0..10).map(|n| format!("040000 tree {tree}\td{n}\n")).collect();
            tree = String::from_utf8(made.git_with(&["mktree"], entries.as_bytes())).unwrap().trim().to_owned();
        }
        let who = "A U Thor <a@example.com> 1700000000 +0000";
        let commit = format!("tree {tree}\nauthor {who}\ncommitter {who}\n\nc\n");
        let commit = made.git_with(&["hash-object", "-t", "commit", "-w", "--stdin"], commit.as_bytes());
        made.git(&["update-ref", "refs/heads/bomb", String::from_utf8(commit).unwrap().trim()]);
        made
    });
    let made = made.await.unwrap();
    let (id, prefix) = (made.id("bomb"), "bomb".parse::<ArchivePrefix>().unwrap());
    let refused = archive(&made.repository, &id, ArchiveFormat::Zip, &prefix).await;
    assert!(matches!(&refused, Err(ReadError::TooMuch(text)) if text.contains("clone it")), "{:?}", refused.err());
}

#[test]
fn a_prefix_is_a_harmless_name() {
    for bad in ["", "..", "-x", ".x", "a/b", "a b", "größe", "a\n"] {
        assert!(bad.parse::<ArchivePrefix>().is_err(), "{bad:?}");
        assert!(ArchivePrefix::near(bad).as_str().parse::<ArchivePrefix>().is_ok(), "{bad:?}");
    }
    assert_eq!(ArchivePrefix::near("größe-v1/2").as_str(), "gr--e-v1-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_makes_the_same_commit_elsewhere() {
    let made =
        tokio::task::spawn_blocking(|| made(ObjectFormat::Sha1, &[("a", "one\n"), ("b", "\0\x01\n")])).await.unwrap();
    let id = made.id("main");
    let mail = patch(&made.repository, &id, PatchFormat::Mail, 1 << 20).await.unwrap();
    let text = String::from_utf8_lossy(&mail).into_owned();
    assert!(text.starts_with(&format!("From {} ", id.0)) && text.contains("GIT binary patch"), "{text}");
    let diff = patch(&made.repository, &id, PatchFormat::Diff, 1 << 20).await.unwrap();
    assert!(diff.starts_with(b"diff --git a/a b/a\nnew file mode 100644\n"), "{}", String::from_utf8_lossy(&diff));
    assert!(patch(&made.repository, &id, PatchFormat::Diff, 10).await.is_err());
    let work = made.scratch().join("work");
    let git = |args: &[&str]| {
        let mut command = Command::new("git");
        command.arg("-C").arg(&work).args(args).env("GIT_CONFIG_GLOBAL", "/dev/null");
        let output = command.env("GIT_COMMITTER_NAME", "c").env("GIT_COMMITTER_EMAIL", "c@c").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    std::fs::create_dir(&work).unwrap();
    git(&["init", "-q"]);
    std::fs::write(made.scratch().join("mail"), &mail).unwrap();
    git(&["am", "-q", "../mail"]);
    assert_eq!(git(&["rev-parse", "HEAD^{tree}"]), made.git(&["rev-parse", "main^{tree}"]));
}
