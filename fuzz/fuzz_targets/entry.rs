//! Entries and envelopes: any bytes are read or refused; what is read is written again the same; what is sealed opens.
#![no_main]

use journal::Origin;
use journal::entry::{Body, DataKey, Entry, Envelope, seal};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (key, origin): (_, Origin) = (DataKey::new([9; 32]), "outlast/fuzz".parse().expect("a usable name"));
    if let Ok(entry) = Entry::decode(bytes) {
        assert_eq!(Entry::decode(&entry.encode()).as_ref(), Ok(&entry));
        let needs = if let Body::Blob(names) = &entry.body { names.clone() } else { Vec::new() };
        if let Ok(sealed) = seal(&key, &origin, &entry, &needs) {
            let envelope = Envelope::parse(&sealed).expect("what was sealed parses");
            assert_eq!(envelope.blobs, needs);
            assert_eq!(envelope.open(&origin, entry.seq, &key.secret(&origin, entry.seq)), Ok(entry));
        }
    }
    if let Ok(envelope) = Envelope::parse(bytes) {
        // Nobody makes an envelope of this log without its key.
        assert!(envelope.open(&origin, 0, &key.secret(&origin, 0)).is_err());
    }
});
