//! Records in a segment file: how a batch lies on disk, and how a record that was cut short is told from one that was
//! damaged.
//!
//! ```text
//! 0   4  magic "OLR1"
//! 4   4  length of the payload, big-endian
//! 8   4  first four bytes of SHA-256(magic || length)
//! 12 32  SHA-256 of the payload
//! 44  n  payload: an encoded batch
//! ```
//! A crash while a record is written leaves a prefix of it, possibly with zeros where bytes had not reached the disk. A
//! whole record with a wrong checksum is neither: it was written, perhaps cosigned, and has changed since.

use journal::Hash;
use journal::batch::BATCH_BYTES_MAX;

/// The bytes before the payload.
pub(crate) const HEADER_BYTES: usize = 44;
const MAGIC: [u8; 4] = *b"OLR1";

/// What stands at a place in a segment.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Scan<'a> {
    /// A record; its payload, and where the next begins.
    Record { payload: &'a [u8], next: usize },
    /// The end of the segment.
    End,
    /// A record that was never completed: nothing after this place was acknowledged.
    Torn,
    /// Bytes that were not written like this.
    Damaged(&'static str),
}

/// A record's header.
pub(crate) fn header(payload: &[u8]) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    header[..4].copy_from_slice(&MAGIC);
    header[4..8].copy_from_slice(&len);
    header[8..12].copy_from_slice(&length_check(&len));
    header[12..].copy_from_slice(&Hash::of(payload).0);
    header
}

fn length_check(len: &[u8; 4]) -> [u8; 4] {
    let Hash(digest) = Hash::of(&[MAGIC, *len].concat());
    [digest[0], digest[1], digest[2], digest[3]]
}

/// What stands at `at`. `bytes` is the whole segment.
pub(crate) fn scan(bytes: &[u8], at: usize) -> Scan<'_> {
    let rest = &bytes[at.min(bytes.len())..];
    if rest.is_empty() {
        return Scan::End;
    }
    let Some((header, body)) = rest.split_first_chunk::<HEADER_BYTES>() else { return torn_header(rest) };
    let (len, digest) = match parse_header(header) {
        Some(parsed) => parsed,
        None if rest.iter().all(|byte| *byte == 0) => return Scan::Torn,
        None => return torn_header(rest),
    };
    let Some(payload) = body.get(..len) else { return Scan::Torn };
    if Hash::of(payload).0 == digest {
        return Scan::Record { payload, next: at + HEADER_BYTES + len };
    }
    // Zeros up to the very end of the file are a write that the crash cut short after the length was known; it may have
    // been of several records.
    if body[len..].iter().all(|byte| *byte == 0) && payload.last() == Some(&0) && tail_of_zeros(body) {
        return Scan::Torn;
    }
    Scan::Damaged("a record's bytes do not have its checksum")
}

fn parse_header(header: &[u8; HEADER_BYTES]) -> Option<(usize, [u8; 32])> {
    let (magic, rest) = header.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (check, digest) = rest.split_first_chunk::<4>()?;
    let bytes = usize::try_from(u32::from_be_bytes(*len)).ok()?;
    let good = *magic == MAGIC && *check == length_check(len) && bytes <= BATCH_BYTES_MAX;
    if good { Some((bytes, digest.try_into().ok()?)) } else { None }
}

/// A header that is not whole: a prefix of one (then zeros), or something else.
fn torn_header(rest: &[u8]) -> Scan<'static> {
    let written = rest.len() - rest.iter().rev().take_while(|byte| **byte == 0).count();
    let prefix = &rest[..written.min(rest.len())];
    let cut = prefix.len() < HEADER_BYTES && prefix.iter().zip(MAGIC).all(|(a, b)| *a == b);
    if cut { Scan::Torn } else { Scan::Damaged("a record's header is not one") }
}

/// At least a disk sector of zeros, on a sector's boundary as seen from the end.
fn tail_of_zeros(bytes: &[u8]) -> bool {
    bytes.iter().rev().take_while(|byte| **byte == 0).count() >= 512
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn record(payload: &[u8]) -> Vec<u8> {
        [&header(payload)[..], payload].concat()
    }

    #[test]
    fn a_record_cut_anywhere_is_torn_and_never_damaged() {
        let bytes = [record(b"first"), record(&[7; 3000])].concat();
        let Scan::Record { next, .. } = scan(&bytes, 0) else { panic!("the first record is whole") };
        for cut in next + 1..bytes.len() {
            assert_eq!(scan(&bytes[..cut], next), Scan::Torn, "cut at {cut}");
            let mut zeroed = bytes[..cut].to_vec();
            zeroed.resize(bytes.len().max(cut + 600), 0);
            zeroed.truncate(bytes.len());
            if bytes.len() - cut >= 512 {
                assert_eq!(scan(&zeroed, next), Scan::Torn, "zeros from {cut}");
            }
        }
        assert_eq!(scan(&bytes, bytes.len()), Scan::End);
    }

    #[test]
    fn a_write_of_several_records_cut_anywhere_and_filled_with_zeros_is_torn() {
        let bytes = [record(&[7; 300]), record(&[8; 3000]), record(&[9; 700])].concat();
        for cut in 1..bytes.len() - 512 {
            let mut zeroed = bytes[..cut].to_vec();
            zeroed.resize(bytes.len(), 0);
            let mut at = 0;
            while let Scan::Record { next, .. } = scan(&zeroed, at) {
                at = next;
            }
            assert_eq!(scan(&zeroed, at), Scan::Torn, "cut at {cut}");
        }
    }

    #[test]
    fn every_flipped_bit_of_a_whole_record_is_damage_or_at_least_no_record() {
        let bytes = record(&[7; 300]);
        for place in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x10;
            assert!(!matches!(scan(&flipped, 0), Scan::Record { .. }), "byte {place}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_scan(bytes: Vec<u8>, at in 0usize..100) {
            scan(&bytes, at);
        }
    }
}
