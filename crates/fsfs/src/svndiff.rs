//! svndiff, versions 0 to 2: windows of instructions that make a target of a source and new bytes
//! (Subversion's `notes/svndiff`).

use crate::error::{FsError, Result, damaged};
use std::io::{BufRead, Read};

/// The most bytes that a window makes, or looks at in its source. Subversion's own bound.
pub const WINDOW_BYTES_MAX: usize = 100 << 10;
/// The most bytes of a number.
const NUMBER_BYTES_MAX: usize = 10;
/// The most bytes of a window's instructions, as they are and as they lie there. Subversion's own bound.
const INSTRUCTIONS_BYTES_MAX: usize = WINDOW_BYTES_MAX * (2 * NUMBER_BYTES_MAX + 1);

/// How sections of a delta are packed: its version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// Not at all: version 0.
    Plain,
    /// With zlib: version 1.
    Zlib,
    /// With LZ4: version 2.
    Lz4,
}

impl Packing {
    /// What a delta begins with.
    #[must_use]
    pub fn head(self) -> &'static [u8; 4] {
        match self {
            Self::Plain => b"SVN\0",
            Self::Zlib => b"SVN\x01",
            Self::Lz4 => b"SVN\x02",
        }
    }
}

/// One window.
#[derive(Debug)]
pub(crate) struct Window {
    pub(crate) source_at: u64,
    pub(crate) source_len: usize,
    target_len: usize,
    instructions: Vec<u8>,
    new: Vec<u8>,
}

/// Reads windows.
#[derive(Debug)]
pub(crate) struct Windows<R> {
    input: R,
    version: Option<Packing>,
    source: (u64, u64),
}

impl<R: BufRead> Windows<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, version: None, source: (0, 0) }
    }

    /// The next; None at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Window>> {
        let version = match self.version {
            Some(version) => version,
            None => *self.version.insert(head(&mut self.input)?),
        };
        if self.input.fill_buf().map_err(crate::error::from_io)?.is_empty() {
            return Ok(None);
        }
        let source_at = number(&mut self.input)?;
        let source_len = length(&mut self.input, WINDOW_BYTES_MAX)?;
        let target_len = length(&mut self.input, WINDOW_BYTES_MAX)?;
        let instructions = length(&mut self.input, INSTRUCTIONS_BYTES_MAX)?;
        let new = length(&mut self.input, WINDOW_BYTES_MAX + NUMBER_BYTES_MAX)?;
        let source_end = source_at.checked_add(source_len as u64);
        let Some(source_end) = source_end.filter(|_| source_at < 1 << 62) else {
            return damaged("a window looks beyond every source");
        };
        // A source is read once, from its beginning to its end.
        if source_len > 0 {
            if source_at < self.source.0 || source_end < self.source.1 {
                return damaged("a window looks back in its source");
            }
            self.source = (source_at, source_end);
        }
        let instructions = section(&mut self.input, instructions, version, INSTRUCTIONS_BYTES_MAX)?;
        let new = section(&mut self.input, new, version, WINDOW_BYTES_MAX)?;
        Ok(Some(Window { source_at, source_len, target_len, instructions, new }))
    }
}

fn head(input: &mut impl Read) -> Result<Packing> {
    let found = take(input, 4)?;
    let known = [Packing::Plain, Packing::Zlib, Packing::Lz4].into_iter().find(|packing| found == packing.head());
    known.map_or_else(|| damaged("a delta is no svndiff of versions 0 to 2"), Ok)
}

fn take(input: &mut impl Read, bytes: usize) -> Result<Vec<u8>> {
    let mut taken = Vec::with_capacity(bytes.min(WINDOW_BYTES_MAX));
    input.take(bytes as u64).read_to_end(&mut taken).map_err(crate::error::from_io)?;
    if taken.len() < bytes { damaged("a delta breaks off") } else { Ok(taken) }
}

/// Seven bits a byte, the highest first.
fn number(input: &mut impl Read) -> Result<u64> {
    let mut value = 0_u64;
    for _ in 0..NUMBER_BYTES_MAX {
        let mut byte = [0];
        input.read_exact(&mut byte).or_else(|_| damaged("a delta breaks off"))?;
        let byte = byte[0];
        if value >> 57 != 0 {
            break;
        }
        value = value << 7 | u64::from(byte & 0x7f);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    damaged("a number in a delta is too long")
}

fn length(input: &mut impl Read, most: usize) -> Result<usize> {
    let value = number(input)?;
    usize::try_from(value)
        .ok()
        .filter(|value| *value <= most)
        .map_or_else(|| damaged("a delta's window is too large"), Ok)
}

fn section(input: &mut impl Read, stored: usize, version: Packing, most: usize) -> Result<Vec<u8>> {
    let bytes = take(input, stored)?;
    match version {
        Packing::Plain => Ok(bytes),
        Packing::Zlib => unpack_zlib(&bytes, most),
        Packing::Lz4 => {
            let (size, rest) = sized(&bytes, most)?;
            if rest.len() == size {
                return Ok(rest.to_vec());
            }
            let mut plain = vec![0; size];
            let made = lz4_flex::block::decompress_into(rest, &mut plain);
            if made.is_ok_and(|made| made == size) { Ok(plain) } else { damaged("a window's LZ4 can't be unpacked") }
        }
    }
}

/// The length of what is packed, and the packed bytes.
fn sized(bytes: &[u8], most: usize) -> Result<(usize, &[u8])> {
    let mut rest = bytes;
    let size = length(&mut rest, most)?;
    Ok((size, rest))
}

/// What `svn__compress_zlib` packed.
pub(crate) fn unpack_zlib(bytes: &[u8], most: usize) -> Result<Vec<u8>> {
    let (size, rest) = sized(bytes, most)?;
    if rest.len() == size {
        return Ok(rest.to_vec());
    }
    let mut plain = Vec::with_capacity(size.min(1 << 20));
    let read = flate2::read::ZlibDecoder::new(rest).take(size as u64 + 1).read_to_end(&mut plain);
    if read.is_ok() && plain.len() == size { Ok(plain) } else { damaged("what is packed with zlib can't be unpacked") }
}

impl Window {
    /// Makes the target from what the window looks at in the source.
    pub(crate) fn apply(&self, source: &[u8], target: &mut Vec<u8>) -> Result<()> {
        target.clear();
        let (mut code, mut new) = (self.instructions.as_slice(), self.new.as_slice());
        while let Some((first, rest)) = code.split_first() {
            code = rest;
            let mut count = usize::from(first & 0x3f);
            if count == 0 {
                count = length(&mut code, WINDOW_BYTES_MAX)?;
            }
            if count == 0 || count > self.target_len - target.len() {
                return damaged("an instruction of a delta makes too much or nothing");
            }
            match first >> 6 {
                0 => {
                    let at = length(&mut code, WINDOW_BYTES_MAX)?;
                    let Some(part) = source.get(at..at + count) else {
                        return damaged("a delta copies from beyond its source");
                    };
                    target.extend_from_slice(part);
                }
                1 => {
                    let at = length(&mut code, WINDOW_BYTES_MAX)?;
                    if at >= target.len() {
                        return damaged("a delta copies from what is not made yet");
                    }
                    repeat(target, at, count);
                }
                2 => {
                    let Some((part, rest)) = new.split_at_checked(count) else {
                        return damaged("a delta lacks new bytes");
                    };
                    target.extend_from_slice(part);
                    new = rest;
                }
                _ => return damaged("an instruction of a delta is none"),
            }
        }
        if target.len() == self.target_len && new.is_empty() {
            Ok(())
        } else {
            Err(FsError::Damaged("a window of a delta makes another length than it says".to_owned()))
        }
    }
}

/// Copies from what is made already; it may run into what it makes.
fn repeat(target: &mut Vec<u8>, at: usize, mut count: usize) {
    while count > 0 {
        let part = count.min(target.len() - at);
        target.extend_from_within(at..at + part);
        count -= part;
    }
}

/// Applies a whole svndiff to a source: what one content is made of another by. For who has both in memory.
///
/// # Errors
/// When the bytes are none, look beyond the source, or make more than `bytes_max`.
pub fn apply_svndiff(delta: &[u8], source: &[u8], bytes_max: usize) -> Result<Vec<u8>> {
    let (mut windows, mut made, mut part) = (Windows::new(delta), Vec::new(), Vec::new());
    while let Some(window) = windows.next()? {
        let at = usize::try_from(window.source_at).unwrap_or(usize::MAX);
        let view = source.get(at.min(source.len())..).and_then(|rest| rest.get(..window.source_len));
        let Some(view) = view else { return damaged("a delta looks beyond its source") };
        window.apply(view, &mut part)?;
        made.extend_from_slice(&part);
        if made.len() > bytes_max {
            return Err(FsError::TooMuch(format!("a delta makes more than {bytes_max} bytes")));
        }
    }
    Ok(made)
}
