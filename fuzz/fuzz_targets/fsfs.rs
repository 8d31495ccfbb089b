//! What a Subversion repository's files could hold: nodes, directories, properties, changes, locks, deltas.
#![no_main]

use libfuzzer_sys::fuzz_target;

/// The most bytes that a delta may make here.
const MADE_MAX: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else { return };
    match kind % 7 {
        0 => {
            if let Ok(node) = fsfs::Node::parse(rest) {
                assert!(node.created_path.starts_with(b"/"));
            }
        }
        1 => {
            if let Ok(directory) = fsfs::Directory::parse(rest) {
                for entry in &directory.0 {
                    assert_eq!(directory.get(&entry.name), Some(entry));
                    assert!(!entry.name.contains(&b'/'));
                }
            }
        }
        2 => {
            if let Ok(changes) = fsfs::parse_changes(rest) {
                assert!(changes.windows(2).all(|pair| pair[0].path < pair[1].path));
            }
        }
        3 => drop(fsfs::Lock::parse(rest)),
        4 => drop(fsfs::Format::parse(rest)),
        5 => drop(fsfs::Properties::parse(rest)),
        _ => {
            let (source, delta) = rest.split_at(rest.len() / 4);
            if let Ok(made) = fsfs::apply_svndiff(delta, source, MADE_MAX) {
                assert!(made.len() <= MADE_MAX);
            }
        }
    }
});
