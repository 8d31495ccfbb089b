//! What decoders may allocate: a small multiple of what they were given, whatever lengths it claims.
//!
//! The only test of its program, because it counts what the whole program allocates.

use cap::Cap;
use journal::batch::{BATCH_BYTES_MAX, Batch};
use journal::entry::{Entry, Envelope};
use journal::note::SignedNote;
use journal::policy::Policy;
use journal::receipt::Receipt;
use journal::tile;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: Cap<System> = Cap::new(System, usize::MAX);

/// Bytes allocated for each byte of input: the copy, and the 24 bytes that each empty part costs, growing by doubling.
const BYTES_A_BYTE_MAX: usize = 80;
/// Bytes whatever the input: error texts.
const BYTES_MAX: usize = 16 << 10;

/// Runs a decoder with a limit on what the program may allocate; over it, the allocator ends the program.
fn bounded<T>(what: &str, input: &[u8], decode: impl Fn(&[u8]) -> T) {
    println!("{what}, {} bytes", input.len());
    let limit = ALLOCATOR.allocated() + input.len() * BYTES_A_BYTE_MAX + BYTES_MAX;
    ALLOCATOR.set_limit(limit).expect("the limit is over what is in use");
    drop(decode(input));
    ALLOCATOR.set_limit(usize::MAX).expect("no limit is over what is in use");
}

/// CBOR heads that claim the most there can be: byte string, text, array, map, of length 2^64 - 1 and 2^32 - 1.
fn claims() -> Vec<Vec<u8>> {
    let mut claims = Vec::new();
    for kind in [0x40, 0x60, 0x80, 0xa0] {
        claims.push([&[kind | 0x1b][..], &[0xff; 8]].concat());
        claims.push([&[kind | 0x1a][..], &[0xff; 4]].concat());
    }
    claims
}

fn all(what: &str, bytes: &[u8]) {
    bounded(&format!("{what}: entry"), bytes, Entry::decode);
    bounded(&format!("{what}: envelope"), bytes, Envelope::parse);
    bounded(&format!("{what}: batch"), bytes, |bytes| Batch::decode(bytes).map(|batch| batch.blobs_needed()));
    bounded(&format!("{what}: bundle"), bytes, tile::decode_bundle);
    if let Ok(text) = std::str::from_utf8(bytes) {
        bounded(&format!("{what}: note"), bytes, |_| text.parse::<SignedNote>());
        bounded(&format!("{what}: policy"), bytes, |_| text.parse::<Policy>());
        bounded(&format!("{what}: receipt"), bytes, |_| Receipt::parse(text));
    }
}

#[test]
fn decoders_allocate_in_proportion() {
    // Behind the start of an envelope, a batch, an entry: a claim in each place where a length can stand.
    let envelope = [&b"\x85\x01\x48"[..], &[0; 8], b"\x58\x20", &[0; 32]].concat();
    let batch = b"\x88\x01\x61x\x01\x00".to_vec();
    for claim in claims() {
        for (what, start) in [
            ("nothing", Vec::new()),
            ("envelope", envelope.clone()),
            ("envelope with no blobs", [&envelope[..], b"\x80"].concat()),
            ("batch", batch.clone()),
            ("batch with an entry", [&batch[..], b"\x81\x40"].concat()),
            ("batch with a checkpoint", [&batch[..], b"\x81\x40\x60\xf6"].concat()),
            ("entry with a body", b"\xa1\x05".to_vec()),
            ("entry with blobs", b"\xa1\x06".to_vec()),
            ("entry with something new", b"\xa1\x18\x63".to_vec()),
        ] {
            all(what, &[&start[..], &claim].concat());
            all(what, &[&start[..], &claim, &[0; 64]].concat());
        }
    }
    all("deep nesting", &[&b"\xa1\x18\x63"[..], &[0x81; 60_000]].concat());
    all("deep maps", &[&b"\xa1\x18\x63"[..], &[0xa1; 60_000]].concat());
    all("endless nesting", &[&b"\xa1\x18\x63"[..], &[0x9f; 60_000]].concat());
    all("nothing but zeros", &vec![0; BATCH_BYTES_MAX]);
    all("nothing but lines", &vec![b'\n'; 1 << 20]);
    all("policy lines", "quorum none\n".repeat(50_000).as_bytes());
    all("too large a batch", &vec![0x40; BATCH_BYTES_MAX + 1]);
    let blobs = [&batch[..], b"\x81\x40\x60\xf6\x99\x10\x00", &[0x40; 4096]].concat();
    all("4,096 empty blobs", &blobs);
}
