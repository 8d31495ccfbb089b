//! Directories and files.

use crate::fixture::{FORMATS, Fixture, history, path, with_and_without_graph};
use code::{EntryKind, FileKind, ReadError, Source};

#[test]
fn directories_and_paths_are_those_that_git_lists() {
    for format in FORMATS {
        let fixture = Fixture::new(format);
        fixture.import(&history(5, 80));
        with_and_without_graph(&fixture, |fixture, source| {
            let at = fixture.id("main");
            let mut waiting = vec![path("")];
            let mut files = Vec::new();
            while let Some(dir) = waiting.pop() {
                let tree = source.tree(&at, &dir).unwrap();
                let id = fixture.git(&["rev-parse", &format!("main:{}", dir.shown())]);
                assert_eq!((tree.id.as_str(), &tree.path), (id.as_str(), &dir));
                for entry in tree.entries {
                    let below = dir.join(&entry.name).unwrap();
                    if entry.kind == EntryKind::Directory { waiting.push(below) } else { files.push((below, entry.id)) }
                }
            }
            files.sort();
            let listed = files.iter().map(|(path, id)| format!("{id} {}", path.shown())).collect::<Vec<_>>();
            let mut expected = fixture.lines(&["ls-tree", "-r", "--format=%(objectname) %(path)", "main"]);
            expected.sort_by_key(|line| line.split_once(' ').unwrap().1.to_owned());
            assert_eq!(listed, expected);
            let paths = source.paths(&at).unwrap();
            let paths = paths.iter().map(code::CodePath::shown).collect::<Vec<_>>();
            assert_eq!(paths, fixture.lines(&["ls-tree", "-r", "--name-only", "main"]));
        });
    }
}

fn kinds() -> Fixture {
    let fixture = Fixture::new(git::ObjectFormat::Sha1);
    let oid = "ab".repeat(32);
    let lfs = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 12345\n");
    let modules = "[submodule \"x\"]\n\tpath = mods/other\n\turl = https://example.org/o.git\n";
    let mut stream = b"commit refs/heads/main\ncommitter A <a@x> 1 +0000\ndata 1\nx\n".to_vec();
    let mut put = |mode: &str, path: &str, content: &[u8]| {
        stream.extend_from_slice(format!("M {mode} inline {path}\ndata {}\n", content.len()).as_bytes());
        stream.extend_from_slice(content);
        stream.push(b'\n');
    };
    put("644", "text.rs", b"fn main() {}\n");
    put("755", "run.sh", b"#!/bin/sh\n");
    put("644", "binary", b"a\0b");
    put("644", "large.bin", lfs.as_bytes());
    put("120000", "link", b"../elsewhere");
    put("644", ".gitmodules", modules.as_bytes());
    put("644", "empty", b"");
    put("644", "node_modules/x.js", b"ignored");
    put("644", "z/deep/file.py", b"print()\n");
    put("644", "\"caf\\303\\251 \\377\"", b"bytes");
    let commit = "1234567890123456789012345678901234567890";
    stream.extend_from_slice(format!("M 160000 {commit} mods/other\nM 160000 {commit} mods/unknown\n").as_bytes());
    fixture.import(&stream);
    fixture
}

#[test]
fn a_file_is_what_it_is() {
    let fixture = kinds();
    let source = fixture.source();
    let at = fixture.id("main");
    let file = |name: &str| source.file(&at, &path(name), 1 << 20).unwrap();
    let text = file("text.rs");
    assert_eq!((text.kind, text.size, text.content), (FileKind::Text, 13, Some(b"fn main() {}\n".to_vec())));
    assert_eq!(text.id, fixture.git(&["rev-parse", "main:text.rs"]));
    assert_eq!(file("run.sh").entry, EntryKind::Executable);
    assert_eq!(file("binary").kind, FileKind::Binary);
    assert_eq!((file("empty").kind, file("empty").content), (FileKind::Text, Some(Vec::new())));
    assert_eq!(file("large.bin").kind, FileKind::LfsPointer { oid: "ab".repeat(32), size: 12345 });
    assert_eq!(file("link").kind, FileKind::Symlink(b"../elsewhere".to_vec()));
    let revision = "1234567890123456789012345678901234567890".to_owned();
    let url = Some("https://example.org/o.git".to_owned());
    assert_eq!(file("mods/other").kind, FileKind::Submodule { url, revision: revision.clone() });
    assert_eq!(file("mods/unknown").kind, FileKind::Submodule { url: None, revision });
    let odd = code::CodePath::parse(b"caf\xc3\xa9 \xff").unwrap();
    assert_eq!(source.file(&at, &odd, 100).unwrap().content.as_deref(), Some(&b"bytes"[..]));
    let cut = source.file(&at, &path("text.rs"), 12).unwrap();
    assert_eq!((cut.content, cut.size, cut.kind), (None, 13, FileKind::Text));
    for missing in ["nothing", "z", "text.rs/x", "link/x", "mods/other/x", ""] {
        assert!(matches!(source.file(&at, &path(missing), 9), Err(ReadError::NotFound(_))), "{missing}");
    }
    assert!(matches!(source.tree(&at, &path("text.rs")), Err(ReadError::NotFound(_))));
}

#[test]
fn directories_come_first_and_languages_are_counted() {
    let fixture = kinds();
    let source = fixture.source();
    let at = fixture.id("main");
    let tree = source.tree(&at, &path("")).unwrap();
    let kinds = tree.entries.iter().map(|entry| entry.kind == EntryKind::Directory).collect::<Vec<_>>();
    assert_eq!(kinds.iter().rposition(|dir| *dir), Some(2));
    assert_eq!(tree.entries[0].name, b"mods");
    let link = tree.entries.iter().find(|entry| entry.name == b"link").unwrap();
    assert_eq!(link.kind, EntryKind::Symlink);
    let patience = std::time::Duration::from_secs(60);
    let (languages, all) = source.languages(&at, patience).unwrap();
    assert!(all);
    assert_eq!(languages, [("Rust".to_owned(), 13), ("Shell".to_owned(), 10), ("Python".to_owned(), 8)]);
    assert_eq!(source.languages(&at, std::time::Duration::ZERO).unwrap(), (languages.clone(), true), "kept");
}
