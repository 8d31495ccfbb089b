use super::*;
use proptest::prelude::*;

#[test]
fn kinds_are_unique_and_sorted() {
    assert!(KINDS.windows(2).all(|w| w[0].0 < w[1].0));
}

proptest! {
    /// Invariant 3.
    #[test]
    fn any_bytes_decode_or_are_refused(kind in 0u32..100, bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Ok(event) = Event::decode(kind, &bytes) {
            prop_assert_eq!(event.kind(), kind);
        }
    }
}

#[test]
fn bytes_left_over_are_refused() {
    let event = Event::from(people::TokenRevoked { token: 7 });
    let mut bytes = event.encode();
    assert_eq!(Event::decode(43, &bytes).expect("decodes"), event);
    bytes.push(0);
    assert!(matches!(Event::decode(43, &bytes), Err(EventError::Malformed { kind: 43, .. })));
    assert!(matches!(Event::decode(7, &bytes), Err(EventError::UnknownKind(7))));
}

/// A field a later release adds is skipped by this one; an array that claims to be huge is not believed.
#[test]
fn unknown_fields_are_skipped_and_claimed_lengths_are_not_believed() {
    let more = [0xa2, 0x00, 0x07, 0x18, 0x63, 0x61, b'x'];
    assert_eq!(Event::decode(43, &more).expect("decodes"), people::TokenRevoked { token: 7 }.into());
    let huge = [0xa1, 0x01, 0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
    assert!(Event::decode(80, &huge).is_err());
}
