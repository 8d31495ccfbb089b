//! Views against what Subversion's own programs say, by what Git's own programs say.
#![expect(clippy::unwrap_used, reason = "in a test a surprise is a failure, also in the functions tests share")]

#[path = "../../../fsfs/tests/reading/fixture.rs"]
#[expect(dead_code, reason = "the layouts are for the reader's own tests")]
mod fixture;
mod histories;
mod limits;
mod rig;

use fixture::{original, run, text};
use rig::{Rig, files_of, git, refs, show};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::Ordering;
use svn_git::{Authors, How, Layout, ViewError, ViewLimits};

/// A history with everything that matters for a view, always the same.
fn fixed(dir: &Path) -> std::path::PathBuf {
    let root = dir.join("fixed");
    let name = root.to_str().unwrap();
    run("svnadmin", &["create", name]);
    run("svnadmin", &["setuuid", name, "6f1c2f4e-0000-4000-8000-000000000001"]);
    let file = |name: &str, bytes: &[u8]| {
        let path = dir.join(name);
        fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let (one, two) = (file("one", b"one\n"), file("two", b"two\n\0\xff"));
    let link = file("link", b"link one.txt");
    let url = format!("file://{name}");
    let commit = |user: &str, message: &str, words: &[&str]| {
        let fixed = ["--non-interactive", "-u", user, "-m", message, "-U", &url];
        run("svnmucc", &[&fixed[..], words].concat());
    };
    commit("ann", "the usual", &["mkdir", "trunk", "mkdir", "branches", "mkdir", "tags"]);
    commit(
        "ann",
        "files\n\nand more words",
        &[
            "put",
            &one,
            "trunk/one.txt",
            "put",
            &two,
            "trunk/two.bin",
            "mkdir",
            "trunk/empty",
            "mkdir",
            "trunk/d",
            "put",
            &one,
            "trunk/d/run.sh",
            "propset",
            "svn:executable",
            "*",
            "trunk/d/run.sh",
            "put",
            &link,
            "trunk/link",
            "propset",
            "svn:special",
            "*",
            "trunk/link",
        ],
    );
    commit("bob", "a branch", &["cp", "2", "trunk", "branches/x"]);
    commit("bob", "work", &["put", &two, "branches/x/one.txt", "mv", "branches/x/d", "branches/x/moved"]);
    commit("ann", "elsewhere", &["put", &one, "README"]);
    commit("ann", "1.0", &["cp", "2", "trunk", "tags/1.0"]);
    commit("ann", "a tag that was changed", &["cp", "4", "branches/x", "tags/odd", "put", &one, "tags/odd/more"]);
    commit(
        "ann",
        "merged",
        &[
            "put",
            &two,
            "trunk/one.txt",
            "mv",
            "trunk/d",
            "trunk/moved",
            "propset",
            "svn:mergeinfo",
            "/branches/x:3-4",
            "trunk",
        ],
    );
    commit(
        "bob",
        "to go",
        &["cp", "8", "trunk", "branches/gone", "mkdir", "branches/gone/.git", "put", &one, "branches/gone/.git/config"],
    );
    commit("bob", "gone", &["rm", "branches/gone"]);
    for rev in 0..=10 {
        let date = file("date", format!("2014-06-17T03:{rev:02}:05.000000Z").as_bytes());
        run("svnadmin", &["setrevprop", "-r", &rev.to_string(), name, "svn:date", &date]);
    }
    root
}

#[tokio::test]
async fn ids_are_these_for_ever() {
    let rig = Rig::new(fixed);
    let view = rig.whole(How::default()).await;
    let expected = BTreeMap::from([
        ("refs/heads/main", "b1f892b08c12422265e5588f11d2813dea30afe5"),
        ("refs/heads/x", "8a0392abab2f058bab634763a25558be176249c8"),
        ("refs/tags/1.0", "76e4fda6e5890cb8d912bdaf78fa7b7eba18a85c"),
        ("refs/tags/odd", "33f77bc94c7823267f5563c0acd4ba42b346e35d"),
    ]);
    let found = refs(&view);
    assert_eq!(found.iter().map(|(name, id)| (name.as_str(), id.as_str())).collect::<BTreeMap<_, _>>(), expected);
}

#[tokio::test]
async fn branches_tags_merges_modes_and_people_are_as_they_should_be() {
    let rig = Rig::new(fixed);
    let view = rig.whole(How::default()).await;
    let place = view.repository().path();
    let subjects = git(place, &["log", "--first-parent", "--format=%s", "main"]);
    assert_eq!(subjects, "merged\nfiles\nthe usual\n");
    assert_eq!(git(place, &["log", "--format=%s", "main..x"]), "");
    assert_eq!(git(place, &["rev-parse", "main^2"]), git(place, &["rev-parse", "x"]), "the merge has two parents");
    assert_eq!(git(place, &["merge-base", "main^", "x"]), git(place, &["rev-parse", "main^"]));
    let told = git(place, &["log", "-1", "--format=%an|%ae|%at|%cn|%B", "x"]);
    let uuid = "6f1c2f4e-0000-4000-8000-000000000001";
    assert_eq!(told, format!("bob|bob@{uuid}|1402974245|bob|work\n\nSvn-Revision: branches/x@4\n\n"));
    let tree = git(place, &["ls-tree", "-r", "--format=%(objectmode) %(path)", "main"]);
    assert_eq!(tree, "120000 link\n100755 moved/run.sh\n100644 one.txt\n100644 two.bin\n");
    assert_eq!(git(place, &["show", "main:link"]), "one.txt");
    // A copy and nothing else is the commit itself; another is a line of its own.
    assert_eq!(git(place, &["rev-parse", "1.0^{commit}"]), git(place, &["rev-parse", "main^"]));
    assert_eq!(git(place, &["rev-parse", "odd^{commit}^"]), git(place, &["rev-parse", "x"]));
    assert!(git(place, &["cat-file", "tag", "1.0"]).contains("tag 1.0\ntagger ann <"));
    assert_eq!(git(place, &["symbolic-ref", "HEAD"]), "refs/heads/main\n");
    assert_eq!(git(place, &["fsck", "--full", "--strict", "--no-dangling"]), "");
}

#[tokio::test]
async fn every_commit_has_the_files_that_svn_exports() {
    for make in [original as fn(&Path) -> std::path::PathBuf, fixed] {
        let rig = Rig::new(make);
        let view = rig.whole(How::default()).await;
        let place = view.repository().path();
        let mut compared = 0;
        for line in
            git(place, &["log", "--all", "--format=%H %(trailers:key=Svn-Revision,valueonly,separator=%x2C)"]).lines()
        {
            let (commit, at) = line.split_once(' ').unwrap();
            rig.same_files(place, commit, at);
            compared += 1;
        }
        assert!(compared >= 6, "{compared}");
        assert_eq!(git(place, &["fsck", "--full", "--strict", "--no-dangling"]), "");
    }
}

#[tokio::test]
async fn revision_by_revision_and_after_everything_was_thrown_away_it_is_the_same() {
    let rig = Rig::new(original);
    let whole = rig.whole(How::default()).await;
    let (expected, place) = (refs(&whole), rig.path("by one"));
    for through in 1..=rig.youngest() {
        // Each time from the disk, as after a restart.
        let view = rig.up_to(&place, How::default(), through).await.unwrap();
        assert_eq!(view.through(), through);
        for r in view.refs() {
            let at = show(&view, &r.id.to_string());
            let at = at.lines().find_map(|line| line.strip_prefix("Svn-Revision: ")).unwrap();
            assert!(at.rsplit_once('@').unwrap().1.parse::<u64>().unwrap() <= through, "{at}");
        }
    }
    let view = rig.up_to(&place, How::default(), rig.youngest()).await.unwrap();
    assert_eq!(refs(&view), expected);
    drop(view);
    for lost in ["state", "git", "state", "git/objects"] {
        let lost = place.join(lost);
        if lost.is_dir() {
            fs::remove_dir_all(&lost).unwrap()
        } else {
            fs::remove_file(&lost).unwrap()
        }
        let view = rig.up_to(&place, How::default(), rig.youngest()).await.unwrap();
        assert_eq!(refs(&view), expected, "{}", lost.display());
    }
    // Cut off in the middle of a frame: what was whole counts.
    let state = place.join("state");
    for cut in [1, 7, 100] {
        let bytes = fs::read(&state).unwrap();
        fs::write(&state, &bytes[..bytes.len() - cut]).unwrap();
        let view = rig.up_to(&place, How::default(), rig.youngest()).await.unwrap();
        assert_eq!(refs(&view), expected, "{cut} bytes cut");
    }
}

#[tokio::test]
async fn other_words_and_other_ways_make_other_commits_of_the_same_contents() {
    let rig = Rig::new(fixed);
    let first = rig.up_to(&rig.path("v"), How::default(), 10).await.unwrap();
    let (before, bytes) = (refs(&first), first.bytes());
    drop(first);
    let authors = Authors::parse("ann = Ann Ex <ann@example.org>\nbob = Bob <bob@example.org>\n").unwrap();
    let named = rig.up_to(&rig.path("v"), How { authors, ..How::default() }, 10).await.unwrap();
    assert_ne!(refs(&named), before);
    assert!(
        git(named.repository().path(), &["log", "--format=%ae", "--all"])
            .lines()
            .all(|line| line.ends_with("@example.org"))
    );
    assert!(named.bytes() < bytes * 2, "contents were made twice: {} after {bytes}", named.bytes());
    drop(named);
    let root = rig.up_to(&rig.path("v"), How { layout: Layout::Root, ..How::default() }, 10).await.unwrap();
    let place = root.repository().path().to_owned();
    assert_eq!(refs(&root).keys().collect::<Vec<_>>(), ["refs/heads/main"]);
    assert_eq!(git(&place, &["rev-list", "--count", "main"]), "10\n");
    assert_eq!(files_of(&rig.export("/@10")), files_of(&rig.archive(&place, "main")));
    drop(root);
    let again = rig.up_to(&rig.path("v"), How::default(), 10).await.unwrap();
    assert_eq!(refs(&again), before);
    // A message that was changed later is seen once somebody says so.
    let message = rig.path("message");
    fs::write(&message, "said better").unwrap();
    run("svnadmin", &["setlog", "-r", "2", "--bypass-hooks", rig.root().to_str().unwrap(), message.to_str().unwrap()]);
    let unseen = again.bring_up(&rig.fs(), 10, 0, ViewLimits::default(), &rig.progress).await.unwrap();
    assert_eq!(refs(&unseen), before);
    let later = unseen.bring_up(&rig.fs(), 10, 7, ViewLimits::default(), &rig.progress).await.unwrap();
    assert_eq!(later.mark(), 7);
    assert!(git(later.repository().path(), &["log", "--format=%s", "main"]).contains("said better\nthe usual\n"));
    assert_eq!(refs(&later), refs(&rig.whole(How::default()).await));
}

#[tokio::test]
async fn it_can_be_stopped_and_goes_on() {
    let rig = Rig::new(original);
    rig.progress.stop.store(true, Ordering::Relaxed);
    let stopped = rig.up_to(&rig.path("v"), How::default(), rig.youngest()).await;
    assert!(matches!(stopped, Err(ViewError::Stopped)));
    rig.progress.stop.store(false, Ordering::Relaxed);
    let view = rig.up_to(&rig.path("v"), How::default(), rig.youngest()).await.unwrap();
    assert_eq!(refs(&view), refs(&rig.whole(How::default()).await));
    assert_eq!(rig.progress.done.load(Ordering::Relaxed), rig.youngest());
    assert_eq!(text("svnlook", &["youngest", rig.root().to_str().unwrap()]).trim(), rig.youngest().to_string());
}
