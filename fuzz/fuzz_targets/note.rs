//! Signed notes and all that is written in them or about them: there is one spelling of each.
#![no_main]

use journal::checkpoint::Checkpoint;
use journal::epoch::Epoch;
use journal::note::{NoteSignature, SignedNote, VerifierKey};
use journal::policy::Policy;
use journal::tile::{TileId, parse_bundle_path};
use journal::{Hash, Origin, cosignature};
use libfuzzer_sys::fuzz_target;
use std::fmt::Display;
use std::str::FromStr;

/// What is read is written again the same.
fn one_spelling<T: FromStr + Display>(text: &str) -> Option<T> {
    let value: T = text.parse().ok()?;
    assert_eq!(value.to_string(), text);
    Some(value)
}

fuzz_target!(|text: &str| {
    let key: VerifierKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().expect("a key");
    if let Some(note) = one_spelling::<SignedNote>(text) {
        one_spelling::<Checkpoint>(note.text());
        one_spelling::<Epoch>(note.text());
        let _signed = (note.verify(&key), cosignature::verify_note(&key, &note), Epoch::verify_first(&note));
    }
    one_spelling::<Checkpoint>(text);
    one_spelling::<Epoch>(text);
    one_spelling::<VerifierKey>(text);
    one_spelling::<Origin>(text);
    one_spelling::<Hash>(text);
    if let Some(tile) = TileId::parse(text) {
        assert_eq!(tile.path(), text);
    }
    let _parsed = (NoteSignature::parse(text), parse_bundle_path(text));
    if let Ok(policy) = text.parse::<Policy>() {
        assert_eq!(policy.to_string().parse::<Policy>().as_ref(), Ok(&policy));
    }
});
