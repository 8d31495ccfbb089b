//! Ref names: what is taken keeps every rule, by another reading of them, and stays within the repository's refs.
#![no_main]

use git::RefName;
use libfuzzer_sys::fuzz_target;
use std::path::{Component, Path};

fuzz_target!(|text: &str| {
    let Ok(name) = text.parse::<RefName>() else { return };
    assert_eq!(name.as_str(), text);
    assert!(text.starts_with("refs/") && !text.starts_with("refs/outlast/") && text.len() <= 1024);
    assert!(Path::new(text).components().all(|part| matches!(part, Component::Normal(_))));
    let bad = ["..", "//", "@{", "/.", ".lock/", "\\", "\0", "\n", "\u{1b}", "\u{202e}", " ", "~", "^", ":", "?", "*", "["];
    assert!(bad.iter().all(|bad| !text.contains(bad)), "{text:?}");
    assert!(!text.ends_with('/') && !text.ends_with('.') && !text.ends_with(".lock"));
});
