//! The document of the formats names every event.

use forge::event::KINDS;
use std::path::Path;

#[test]
fn every_kind_is_in_the_document() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/formats/events.md");
    let text = std::fs::read_to_string(path).unwrap();
    for (kind, name) in KINDS {
        assert!(
            text.contains(&format!("\n| {kind} | {name} | 0 ")),
            "docs/formats/events.md has no line for {kind} {name}"
        );
    }
}
