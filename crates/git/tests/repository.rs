//! The repository store against stock Git: what it makes Git reads, and what Git makes it reads.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use git::{ChildLimits, Git, ObjectFormat, ObjectId, RefName, Repository};
use std::path::Path;
use std::process::{Command, Output};
use tokio::io::AsyncWriteExt as _;

fn find() -> Git {
    Git::find(ChildLimits::default()).unwrap()
}

fn name(text: &str) -> RefName {
    text.parse().unwrap()
}

/// Stock Git, as a person would call it.
fn stock(dir: &Path, args: &[&str]) -> Output {
    let who = [
        ("GIT_AUTHOR_NAME", "A"),
        ("GIT_AUTHOR_EMAIL", "a@example.org"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.org"),
    ];
    Command::new("git").arg("-C").arg(dir).args(args).envs(who).env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap()
}

fn says(dir: &Path, args: &[&str]) -> String {
    let output = stock(dir, args);
    assert!(output.status.success(), "git {args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A work tree with as many commits as asked, and an annotated tag `v1` on the last.
struct Work {
    dir: tempfile::TempDir,
}

impl Work {
    fn new(format: ObjectFormat) -> Self {
        let dir = tempfile::tempdir().unwrap();
        says(dir.path(), &["init", "-q", "-b", "main", &format!("--object-format={}", format.name())]);
        Self { dir }
    }

    fn commit(&self, text: &str) -> ObjectId {
        std::fs::write(self.dir.path().join("file"), text.repeat(500)).unwrap();
        says(self.dir.path(), &["add", "."]);
        says(self.dir.path(), &["commit", "-q", "-m", text]);
        self.id("HEAD")
    }

    fn id(&self, what: &str) -> ObjectId {
        says(self.dir.path(), &["rev-parse", what]).parse().unwrap()
    }

    /// A thin pack of `tips` without what `without` has.
    fn pack(&self, tips: &[ObjectId], without: &[ObjectId]) -> Vec<u8> {
        use std::io::Write as _;
        let mut child = Command::new("git");
        child.arg("-C").arg(self.dir.path()).args(["pack-objects", "--revs", "--thin", "--stdout", "-q"]);
        let mut child = child.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        tips.iter().for_each(|id| writeln!(stdin, "{id}").unwrap());
        without.iter().for_each(|id| writeln!(stdin, "^{id}").unwrap());
        drop(stdin);
        child.wait_with_output().unwrap().stdout
    }
}

fn repository(format: ObjectFormat) -> (tempfile::TempDir, Repository) {
    let dir = tempfile::tempdir().unwrap();
    let repository = Repository::create(&find(), &dir.path().join("1.git"), format, &RefName::main()).unwrap();
    (dir, repository)
}

async fn quarantined(repository: &Repository, pack: &[u8]) -> Result<git::Quarantine, git::ChildError> {
    let quarantine = repository.quarantine().unwrap();
    let mut child = quarantine.index_pack(1 << 20).await?;
    let mut stdin = child.stdin.take().unwrap();
    // A refused pack ends the pipe early; the verdict is what counts.
    let _ = stdin.write_all(pack).await;
    drop(stdin);
    child.finish().await?;
    Ok(quarantine)
}

fn exists(repository: &Repository, id: ObjectId) -> bool {
    stock(repository.path(), &["cat-file", "-e", &id.to_string()]).status.success()
}

#[tokio::test]
async fn stock_git_reads_a_new_repository_in_both_formats() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let (dir, repository) = repository(format);
        assert_eq!(says(repository.path(), &["rev-parse", "--show-object-format"]), format.name());
        assert_eq!(says(repository.path(), &["symbolic-ref", "HEAD"]), "refs/heads/main");
        assert_eq!(repository.refs().await.unwrap(), (RefName::main(), vec![]));
        assert_eq!(Repository::open(&find(), repository.path()).unwrap().format(), format);
        repository.set_refs(&[]).unwrap();
        assert!(Repository::open(&find(), &dir.path().join("2.git")).is_err());
    }
}

#[tokio::test]
async fn a_repository_is_not_made_over_another() {
    let (_dir, repository) = repository(ObjectFormat::Sha1);
    let again = Repository::create(&find(), repository.path(), ObjectFormat::Sha256, &name("refs/heads/other"));
    assert!(again.is_err());
    assert_eq!(repository.head().unwrap(), RefName::main());
}

#[tokio::test]
async fn a_push_is_unseen_until_it_is_migrated() {
    for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
        let (work, (_dir, repository)) = (Work::new(format), repository(format));
        let tip = work.commit("one");
        let quarantine = quarantined(&repository, &work.pack(&[tip], &[])).await.unwrap();
        repository.check_connected(Some(&quarantine), &[tip], &[]).await.unwrap();
        assert!(repository.check_connected(None, &[tip], &[]).await.is_err());
        assert!(!exists(&repository, tip));
        quarantine.migrate().unwrap();
        assert!(exists(&repository, tip));
        repository.set_refs(&[(RefName::main(), Some(tip))]).unwrap();
        assert!(repository.fsck().await.unwrap().is_empty());
        assert_eq!(std::fs::read_dir(repository.path().join("quarantine")).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn a_dropped_quarantine_leaves_nothing() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let tip = work.commit("one");
    drop(quarantined(&repository, &work.pack(&[tip], &[])).await.unwrap());
    assert!(!exists(&repository, tip));
    assert_eq!(std::fs::read_dir(repository.path().join("quarantine")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_kept_quarantine_survives_and_is_migrated_later() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let tip = work.commit("one");
    let mut quarantine = quarantined(&repository, &work.pack(&[tip], &[])).await.unwrap();
    quarantine.keep("42").unwrap();
    drop(quarantine);
    let lost = repository.quarantine().unwrap();
    std::mem::forget(lost);
    repository.sweep_quarantines(|name| name == "42").unwrap();
    assert_eq!(std::fs::read_dir(repository.path().join("quarantine")).unwrap().count(), 1);
    git::Quarantine::kept(&repository, "42").unwrap().migrate().unwrap();
    assert!(exists(&repository, tip));
    assert!(git::Quarantine::kept(&repository, "42").is_none());
}

#[tokio::test]
async fn bad_packs_are_refused_whole() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let tip = work.commit("one");
    let pack = work.pack(&[tip], &[]);
    let mut flipped = pack.clone();
    flipped[20] ^= 1;
    let big = vec![b'P'; 2 << 20];
    for bad in [&flipped[..], &pack[..pack.len() - 30], b"", b"PACK", &big] {
        assert!(quarantined(&repository, bad).await.is_err());
        assert!(repository.import_pack(bad).await.is_err());
    }
    assert!(!exists(&repository, tip));
    assert_eq!(std::fs::read_dir(repository.path().join("quarantine")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_tip_whose_history_is_missing_is_not_connected() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let (first, second) = (work.commit("one"), work.commit("two"));
    // Only the commit itself: neither its parent nor its tree.
    let commit = says(work.dir.path(), &["cat-file", "commit", &second.to_string()]) + "\n";
    let file = repository.path().join("lonely");
    std::fs::write(&file, commit).unwrap();
    let id = says(repository.path(), &["hash-object", "-w", "--literally", "-t", "commit", file.to_str().unwrap()]);
    assert_eq!(id, second.to_string());
    assert!(repository.check_connected(None, &[second], &[]).await.is_err());
    repository.import_pack(&work.pack(&[first], &[])[..]).await.unwrap();
    assert!(repository.check_connected(None, &[second], &[first]).await.is_err(), "its tree is still missing");
    repository.import_pack(&work.pack(&[second], &[first])[..]).await.unwrap();
    repository.check_connected(None, &[second], &[first]).await.unwrap();
}

#[tokio::test]
async fn thin_packs_are_imported_in_order_and_again() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let (first, second) = (work.commit("one"), work.commit("one two"));
    let packs = [work.pack(&[first], &[]), work.pack(&[second], &[first])];
    for _ in 0..2 {
        for pack in &packs {
            repository.import_pack(&pack[..]).await.unwrap();
        }
    }
    repository.set_refs(&[(RefName::main(), Some(second))]).unwrap();
    assert!(repository.fsck().await.unwrap().is_empty());
    assert_eq!(says(repository.path(), &["rev-list", "--count", "main"]), "2");
}

#[tokio::test]
async fn refs_are_set_and_removed_loose_and_packed_and_peeled() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let (first, second) = (work.commit("one"), work.commit("two"));
    says(work.dir.path(), &["tag", "-a", "-m", "v1", "v1"]);
    let tag = work.id("v1");
    repository.import_pack(&work.pack(&[second, tag], &[])[..]).await.unwrap();
    let (main, old, v1) = (RefName::main(), name("refs/heads/old"), name("refs/tags/v1"));
    let all = [(main.clone(), Some(second)), (old.clone(), Some(first)), (v1.clone(), Some(tag))];
    for round in 0..3 {
        repository.set_refs(&all).unwrap();
        let (_, refs) = repository.refs().await.unwrap();
        let seen: Vec<_> = refs.iter().map(|r| (r.name.clone(), Some(r.id))).collect();
        assert_eq!(seen, all, "round {round}");
        assert_eq!(refs.iter().map(|r| r.peeled).collect::<Vec<_>>(), [None, None, Some(second)]);
        says(repository.path(), &["pack-refs", "--all"]);
    }
    assert_eq!(repository.peel(&[tag, second]).await.unwrap(), [Some(second), None]);
    repository.set_refs(&[(old.clone(), None), (main.clone(), Some(first))]).unwrap();
    repository.set_refs(&[(old, None), (main, Some(first))]).unwrap();
    let listed = says(repository.path(), &["for-each-ref", "--format=%(refname) %(objectname)"]);
    assert_eq!(listed, format!("refs/heads/main {first}\nrefs/tags/v1 {tag}"));
}

#[tokio::test]
async fn a_branch_gives_way_to_one_below_it_and_back() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let tip = work.commit("one");
    repository.import_pack(&work.pack(&[tip], &[])[..]).await.unwrap();
    let (above, below) = (name("refs/heads/a"), name("refs/heads/a/b/c"));
    for packed in [false, true, false] {
        // The order given must not matter: removals come first.
        repository.set_refs(&[(below.clone(), Some(tip)), (above.clone(), None)]).unwrap();
        assert_eq!(says(repository.path(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/a/b/c");
        if packed {
            says(repository.path(), &["pack-refs", "--all"]);
        }
        repository.set_refs(&[(above.clone(), Some(tip)), (below.clone(), None)]).unwrap();
        assert_eq!(says(repository.path(), &["for-each-ref", "--format=%(refname)"]), "refs/heads/a");
        if packed {
            says(repository.path(), &["pack-refs", "--all"]);
        }
    }
}

#[tokio::test]
async fn head_moves_to_a_branch_born_or_not() {
    let (_dir, repository) = repository(ObjectFormat::Sha1);
    repository.set_head(&name("refs/heads/trunk")).unwrap();
    assert_eq!(repository.head().unwrap(), name("refs/heads/trunk"));
    assert_eq!(says(repository.path(), &["symbolic-ref", "HEAD"]), "refs/heads/trunk");
}

#[tokio::test]
async fn moves_that_are_none_hide_no_rewrite_and_what_is_not_looked_at_counts_as_one() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let (first, second) = (work.commit("one"), work.commit("two"));
    repository.import_pack(&work.pack(&[second], &[])[..]).await.unwrap();
    let (forward, back, none) = ((first, second), (second, first), (second, second));
    assert_eq!(repository.rewrites(None, &[none, forward, none], 2).await, 0);
    assert_eq!(repository.rewrites(None, &[none, none, none, back], 2).await, 1);
    assert_eq!(repository.rewrites(None, &[forward, forward, back, back, back], 2).await, 3);
}

#[tokio::test]
async fn fsck_says_what_is_damaged() {
    let (work, (_dir, repository)) = (Work::new(ObjectFormat::Sha1), repository(ObjectFormat::Sha1));
    let tip = work.commit("one");
    repository.import_pack(&work.pack(&[tip], &[])[..]).await.unwrap();
    repository.set_refs(&[(RefName::main(), Some(tip))]).unwrap();
    let packs = std::fs::read_dir(repository.path().join("objects/pack")).unwrap().map(|entry| entry.unwrap().path());
    let pack = packs.into_iter().find(|file| file.extension().is_some_and(|extension| extension == "pack")).unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::remove_file(&pack).unwrap();
    std::fs::write(&pack, bytes).unwrap();
    let found = repository.fsck().await.unwrap();
    assert!(found.iter().any(|line| !line.trim().is_empty()), "{found:?}");
}
