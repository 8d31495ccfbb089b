//! Whatever the bytes of a repository are: an answer or an error, never a panic, and in bounded time.

use crate::fixture::{ALL, load, noise, original, run};
use fsfs::{
    Caches, Directory, Format, Fs, FsError, Lock, Node, NodeId, NodeKind, Properties, apply_svndiff, parse_changes,
};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The most bytes that a delta may make here.
const MADE_MAX: usize = 1 << 20;

proptest! {
    #[test]
    fn any_bytes_are_parsed_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        parse_all(&bytes);
    }

    #[test]
    fn what_looks_like_it_is_parsed_or_refused(words in prop::collection::vec(prop::sample::select(WORDS), 0..30)) {
        parse_all(words.concat().as_bytes());
    }

    #[test]
    fn any_delta_is_applied_or_refused(
        version in 0_u8..4,
        bytes in prop::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(0x80), any::<u8>()], 0..200),
        source in prop::collection::vec(any::<u8>(), 0..100),
    ) {
        let delta = [b"SVN", &[version][..], &bytes].concat();
        if let Ok(made) = apply_svndiff(&delta, &source, MADE_MAX) {
            prop_assert!(made.len() <= MADE_MAX);
        }
    }
}

const WORDS: &[&str] = &[
    "id: ",
    "0.0.r1/2",
    "\n",
    "type: ",
    "dir",
    "file",
    "text: ",
    "1 2 3 4 ",
    "d41d8cd98f00b204e9800998ecf8427e",
    "cpath: ",
    "/a b",
    "copyfrom: ",
    "18446744073709551615 ",
    "copyroot: ",
    "K 1\n",
    "a\n",
    "V 4\n",
    "END\n",
    "K 99999999999\n",
    " ",
    "add-file",
    "true ",
    "false ",
    "layout sharded ",
    "addressing logical",
    "8\n",
    "7",
];

fn parse_all(bytes: &[u8]) {
    let _ = Node::parse(bytes);
    let _ = NodeId::parse(bytes);
    let _ = Directory::parse(bytes);
    let _ = Properties::parse(bytes);
    let _ = Format::parse(bytes);
    let _ = parse_changes(bytes);
    let _ = Lock::parse(bytes);
}

#[test]
fn a_window_that_repeats_itself_makes_what_it_says() {
    // New `ab`, then six bytes from the beginning of what is made; nothing of a source.
    let delta = b"SVN\0\0\0\x08\x03\x02\x82\x46\x00ab";
    assert_eq!(apply_svndiff(delta, b"", 100).unwrap(), b"abababab");
    assert!(matches!(apply_svndiff(delta, b"", 7), Err(FsError::TooMuch(_))));
}

#[test]
fn a_delta_that_makes_more_than_a_window_may_is_refused() {
    let large = b"SVN\0\0\0\x88\x80\x00\x01\x00\x80";
    assert!(matches!(apply_svndiff(large, b"", MADE_MAX), Err(FsError::Damaged(_))));
}

/// Files that a stranger could have written into.
fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![root.join("db")];
    while let Some(dir) = waiting.pop() {
        for entry in fs::read_dir(dir).unwrap().flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else if !path.ends_with("rep-cache.db") && entry.metadata().unwrap().len() > 0 {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// Reads as much as there is; gives how much failed.
fn read_everything(root: &Path) -> usize {
    let Ok(fs) = Fs::open(root, Arc::new(Caches::new(4 << 20))) else { return 1 };
    let mut failed = 0;
    let mut count = |ok: bool| failed += usize::from(!ok);
    let youngest = fs.youngest().unwrap_or(0).min(60);
    for rev in 0..=youngest {
        count(fs.revision_properties(rev).is_ok());
        count(fs.changes(rev).is_ok());
        let mut waiting: Vec<Arc<Node>> = fs.root(rev).into_iter().collect();
        let mut seen = 0;
        while let Some(node) = waiting.pop() {
            seen += 1;
            if seen > 500 {
                break;
            }
            count(fs.properties(&node).is_ok());
            if node.kind == NodeKind::File {
                count(fs.content(&node, 1 << 20).is_ok());
                continue;
            }
            let Ok(directory) = fs.directory(&node) else {
                count(false);
                continue;
            };
            waiting.extend(directory.0.iter().filter_map(|entry| fs.node(&entry.id).ok()));
        }
    }
    let mut history = fs.history(youngest, b"/trunk/source/lines.txt");
    while let Ok(Some(_)) = history.step() {}
    count(fs.locks().is_ok());
    failed
}

#[test]
fn a_repository_with_any_byte_changed_is_read_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let original = original(dir.path());
    let dump = dir.path().join("dump");
    run("svnadmin", &["dump", "--quiet", "-F", dump.to_str().unwrap(), original.to_str().unwrap()]);
    for kept in ALL.iter().filter(|kept| ["format 4, packed", "format 8, packed"].contains(&kept.name)) {
        let root = load(kept, &dump, dir.path());
        assert_eq!(read_everything(&root), 0);
        let files = files(&root);
        let mut noticed = 0;
        for (round, random) in noise(5, 8 * 60).chunks(8).enumerate() {
            let random = u64::from_le_bytes(random.try_into().unwrap());
            let path = &files[round % files.len()];
            let whole = fs::read(path).unwrap();
            let mut changed = whole.clone();
            match round % 4 {
                0 => changed.truncate((random % whole.len() as u64) as usize),
                _ => {
                    for at in 0..=round % 7 {
                        let place = (random.rotate_left(at as u32 * 9) % whole.len() as u64) as usize;
                        changed[place] ^= (random >> 56) as u8 | 1;
                    }
                }
            }
            fs::remove_file(path).unwrap();
            fs::write(path, &changed).unwrap();
            noticed += usize::from(read_everything(&root) > 0);
            fs::write(path, &whole).unwrap();
        }
        assert!(noticed > 20, "{noticed}");
        assert_eq!(read_everything(&root), 0);
    }
}

#[test]
fn a_link_in_the_place_of_a_file_is_not_followed() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("r");
    run("svnadmin", &["create", root.to_str().unwrap()]);
    fs::remove_file(root.join("db/revprops/0/0")).unwrap();
    fs::write(dir.path().join("secret"), "K 6\nsecret\nV 1\nx\nEND\n").unwrap();
    std::os::unix::fs::symlink(dir.path().join("secret"), root.join("db/revprops/0/0")).unwrap();
    let fs = Fs::open(&root, Arc::new(Caches::new(1 << 20))).unwrap();
    assert!(fs.revision_properties(0).is_err());
}

#[test]
fn a_content_larger_than_asked_for_is_refused_before_it_is_made() {
    let dir = tempfile::tempdir().unwrap();
    let root = original(dir.path());
    let fs = Fs::open(&root, Arc::new(Caches::new(4 << 20))).unwrap();
    let file = fs.at(fs.youngest().unwrap(), b"trunk/large.bin").unwrap().unwrap();
    let size = fs.size(&file).unwrap();
    assert!(matches!(fs.content(&file, size - 1), Err(FsError::TooMuch(_))));
    assert_eq!(fs.content(&file, size).unwrap().len() as u64, size);
    assert!(matches!(fs.content(&file, size - 1), Err(FsError::TooMuch(_))), "also when it is kept");
}
