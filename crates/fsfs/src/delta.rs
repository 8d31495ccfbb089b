//! Makes deltas: svndiff that makes one content of another (Subversion's `notes/svndiff`). Each window of the target looks at the
//! window of the source that begins at the same place, as Subversion's own xdelta does; what was moved further is sent anew.

use crate::svndiff::{Packing, WINDOW_BYTES_MAX};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::Write as _;

/// Copies begin where so many bytes of the source, from a multiple of them on, are in the target.
const BLOCK: usize = 64;
/// What is shorter is sent as it is: packed it is hardly less.
const PACKED_BYTES_MIN: usize = 64;

/// A delta that makes `target` of `source`: [`apply_svndiff`](crate::apply_svndiff) is the other way.
#[must_use]
pub fn make_svndiff(source: &[u8], target: &[u8], packing: Packing) -> Vec<u8> {
    let mut out = packing.head().to_vec();
    for (index, target) in target.chunks(WINDOW_BYTES_MAX).enumerate() {
        let at = (index * WINDOW_BYTES_MAX).min(source.len());
        let source = &source[at..source.len().min(at + WINDOW_BYTES_MAX)];
        window(&mut out, at, source, target, packing);
    }
    out
}

/// The next window of a delta that makes of nothing what comes piece by piece, each of [`WINDOW_BYTES_MAX`] at most. A delta begins with
/// [`Packing::head`].
#[must_use]
pub fn make_window(piece: &[u8], packing: Packing) -> Vec<u8> {
    let mut out = Vec::with_capacity(piece.len() + 16);
    window(&mut out, 0, &[], piece, packing);
    out
}

fn window(out: &mut Vec<u8>, at: usize, source: &[u8], target: &[u8], packing: Packing) {
    let mut made = Instructions::default();
    made.find(source, target);
    let copies = !source.is_empty() && made.copies;
    let (at, length) = if copies { (at, source.len()) } else { (0, 0) };
    let (code, new) = (section(&made.code, packing), section(&made.new, packing));
    for value in [at, length, target.len(), code.len(), new.len()] {
        number(out, value);
    }
    out.extend_from_slice(&code);
    out.extend_from_slice(&new);
}

/// Seven bits a byte, the highest first.
fn number(out: &mut Vec<u8>, value: usize) {
    let digits = (usize::BITS - value.leading_zeros()).div_ceil(7).max(1);
    for digit in (0..digits).rev() {
        let more = if digit > 0 { 0x80 } else { 0 };
        out.push((value >> (7 * digit) & 0x7f) as u8 | more);
    }
}

/// With its length in front, packed where that makes it less; version 0 has neither.
fn section(bytes: &[u8], packing: Packing) -> Vec<u8> {
    if packing == Packing::Plain {
        return bytes.to_vec();
    }
    let mut out = Vec::with_capacity(bytes.len() + 3);
    number(&mut out, bytes.len());
    let packed = if bytes.len() < PACKED_BYTES_MIN { None } else { packed(bytes, packing) };
    out.extend_from_slice(packed.as_deref().filter(|packed| packed.len() < bytes.len()).unwrap_or(bytes));
    out
}

fn packed(bytes: &[u8], packing: Packing) -> Option<Vec<u8>> {
    match packing {
        Packing::Plain => None,
        Packing::Zlib => {
            let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::new(5));
            encoder.write_all(bytes).ok()?;
            encoder.finish().ok()
        }
        Packing::Lz4 => Some(lz4_flex::block::compress(bytes)),
    }
}

/// What makes one window.
#[derive(Default)]
struct Instructions {
    code: Vec<u8>,
    new: Vec<u8>,
    copies: bool,
}

impl Instructions {
    fn copy(&mut self, at: usize, count: usize) {
        self.instruction(0, count);
        number(&mut self.code, at);
        self.copies = true;
    }

    fn insert(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.instruction(2, bytes.len());
            self.new.extend_from_slice(bytes);
        }
    }

    fn instruction(&mut self, selector: u8, count: usize) {
        match u8::try_from(count).ok().filter(|count| *count < 64) {
            Some(count) => self.code.push(selector << 6 | count),
            None => {
                self.code.push(selector << 6);
                number(&mut self.code, count);
            }
        }
    }

    /// Goes through the target once. What is the same at its beginning is copied without looking for it.
    fn find(&mut self, source: &[u8], target: &[u8]) {
        if source.is_empty() {
            return self.insert(target);
        }
        let mut done = same(source, target);
        if done >= BLOCK || (done > 0 && done == target.len()) {
            self.copy(0, done);
        } else {
            done = 0;
        }
        let blocks = Blocks::of(source);
        let mut at = done;
        let mut rolling = Rolling::at(target, at);
        while at + BLOCK <= target.len() {
            if let Some(block) = blocks.find(source, rolling.sum(), &target[at..at + BLOCK]) {
                let before = same_before(&source[..block], &target[done..at]);
                let (from, to) = (block - before, at - before);
                let count = before + same(&source[block..], &target[at..]);
                self.insert(&target[done..to]);
                self.copy(from, count);
                done = to + count;
                at = done;
                rolling = Rolling::at(target, at);
            } else {
                rolling.roll(target, at);
                at += 1;
            }
        }
        self.insert(&target[done..]);
    }
}

fn same(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(a, b)| a == b).count()
}

fn same_before(one: &[u8], other: &[u8]) -> usize {
    one.iter().rev().zip(other.iter().rev()).take_while(|(a, b)| a == b).count()
}

/// The sum of a block that moves on byte by byte (M. Adler's, as in rsync: Tridgell and Mackerras 1996).
struct Rolling {
    sum: u32,
    weighted: u32,
}

impl Rolling {
    /// Of the block that begins here, or of nothing where there is none.
    fn at(bytes: &[u8], at: usize) -> Self {
        let mut rolling = Self { sum: 0, weighted: 0 };
        for byte in bytes.get(at..at + BLOCK).unwrap_or_default() {
            rolling.sum = rolling.sum.wrapping_add(u32::from(*byte));
            rolling.weighted = rolling.weighted.wrapping_add(rolling.sum);
        }
        rolling
    }

    /// From the block at `at` to the one behind it.
    fn roll(&mut self, bytes: &[u8], at: usize) {
        let Some(next) = bytes.get(at + BLOCK) else { return };
        let gone = u32::from(bytes[at]);
        self.sum = self.sum.wrapping_sub(gone).wrapping_add(u32::from(*next));
        self.weighted = self.weighted.wrapping_sub(gone * BLOCK as u32).wrapping_add(self.sum);
    }

    fn sum(&self) -> u32 {
        self.weighted << 16 ^ self.sum
    }
}

/// Where blocks of a source are, by their sums; of several in one place the first.
struct Blocks {
    /// One more than a block's number; 0: none. A power of two.
    places: Vec<u16>,
}

impl Blocks {
    fn of(source: &[u8]) -> Self {
        let blocks = source.len() / BLOCK;
        let mut places = vec![0; (4 * blocks).next_power_of_two().max(1)];
        let last = places.len() - 1;
        for number in 0..blocks {
            let place = &mut places[Self::place(Rolling::at(source, number * BLOCK).sum()) & last];
            if *place == 0 {
                *place = u16::try_from(number + 1).unwrap_or(0);
            }
        }
        Self { places }
    }

    fn place(sum: u32) -> usize {
        (sum.wrapping_mul(0x9e37_79b1) >> 15) as usize
    }

    fn find(&self, source: &[u8], sum: u32, wanted: &[u8]) -> Option<usize> {
        let number = self.places[Self::place(sum) & (self.places.len() - 1)].checked_sub(1)?;
        let at = usize::from(number) * BLOCK;
        (source.get(at..at + BLOCK) == Some(wanted)).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apply_svndiff;
    use proptest::prelude::*;

    const PACKINGS: [Packing; 3] = [Packing::Plain, Packing::Zlib, Packing::Lz4];

    fn made_again(source: &[u8], target: &[u8]) -> [usize; 3] {
        PACKINGS.map(|packing| {
            let delta = make_svndiff(source, target, packing);
            assert!(apply_svndiff(&delta, source, 64 << 20).unwrap() == target, "{packing:?}");
            delta.len()
        })
    }

    fn noise(bytes: usize, seed: u32) -> Vec<u8> {
        let mut state = seed;
        let next = |_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..bytes).map(next).collect()
    }

    #[test]
    fn what_comes_piece_by_piece_is_one_delta() {
        let pieces = [1, 63, 64, 127, 128, 20_000, WINDOW_BYTES_MAX].map(|bytes| noise(bytes, 7));
        for packing in PACKINGS {
            let windows = pieces.iter().map(|piece| make_window(piece, packing));
            let delta = [packing.head().to_vec()].into_iter().chain(windows).collect::<Vec<_>>().concat();
            assert!(apply_svndiff(&delta, b"", 1 << 20).unwrap() == pieces.concat(), "{packing:?}");
        }
    }

    proptest! {
        #[test]
        fn a_delta_makes_the_target(
            source in prop::collection::vec(0..4_u8, 0..3_000),
            edits in prop::collection::vec((any::<prop::sample::Index>(), 0..200_usize, prop::collection::vec(any::<u8>(), 0..200)), 0..8),
        ) {
            let mut target = source.clone();
            for (place, gone, new) in edits {
                let at = place.index(target.len() + 1);
                let end = (at + gone).min(target.len());
                target.splice(at..end, new);
            }
            made_again(&source, &target);
            made_again(&target, &source);
        }
    }

    #[test]
    fn small_changes_of_large_files_are_small() {
        let source = noise(350_000, 1);
        let mut target = source.clone();
        assert!(made_again(&source, &target).iter().all(|bytes| *bytes < 100), "the same");
        target[200_001] ^= 1;
        target.splice(50_000..50_010, *b"some other words");
        // What moved over a window's end is sent anew: six bytes for each.
        assert!(made_again(&source, &target).iter().all(|bytes| *bytes < 1_000), "{:?}", made_again(&source, &target));
        assert!(made_again(&source, &source[..1]).iter().all(|bytes| *bytes < 100));
    }

    #[test]
    fn what_is_new_is_packed() {
        let text = b"a word, and another word; ".repeat(20_000);
        let [plain, zlib, lz4] = made_again(b"", &text);
        assert!(plain > text.len() && zlib < text.len() / 20 && lz4 < text.len() / 20, "{plain} {zlib} {lz4}");
        let noise = noise(250_000, 2);
        assert!(made_again(b"", &noise).iter().all(|bytes| *bytes < noise.len() + 200));
        made_again(b"abc", b"");
        made_again(&text, &text[26 * 5..]);
    }

    #[test]
    fn numbers_have_no_zeros_in_front() {
        for (value, bytes) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3)] {
            let mut out = Vec::new();
            number(&mut out, value);
            assert_eq!(out.len(), bytes, "{value}");
        }
    }
}
