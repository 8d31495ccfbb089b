//! A pack's budget: what its entries say they expand to, summed while the pack streams by, before Git sees the bytes.
//!
//! Git bounds what comes in (`--max-input-size`), not what it becomes: 2,369 bytes of deltas cost it 3.2 GB, 2 MB of zeros
//! 2 GiB. So each entry's header is read here first (gitformat-pack): its declared size, for a delta the declared size of
//! its result and the length of its chain. Entries have no length on the wire, so their data is inflated to find the next
//! one; what comes out is thrown away.
//!
//! ```text
//! header -> entry -> [base] -> data -> entry ... -> trailer -> done
//!            any step: over budget or malformed -> an error; the pack is to be refused
//! ```
//! Invariants:
//! 1. Memory is bounded: one window, one scratch buffer, and ten bytes for each object.
//! 2. No more is inflated of an entry than it declared, and nothing of an entry whose declaration is over the budget.

use crate::names::ObjectFormat;
use flate2::{Decompress, FlushDecompress, Status};

/// What a pack may become.
#[derive(Debug, Clone, Copy)]
pub struct PackBudget {
    /// Objects in the pack.
    pub objects_max: u64,
    /// Bytes of all objects, expanded, that any pack may have, however small it is.
    pub expanded_bytes_free: u64,
    /// Beyond that, bytes of expanded objects for each byte received.
    pub expansion_max: u64,
    /// Bytes of one blob that is sent whole; Git reads it in pieces.
    pub object_bytes_max: u64,
    /// Bytes of one object that Git holds in memory: commits, trees, tags, what deltas lead to.
    pub object_in_memory_bytes_max: u64,
    /// How many deltas may build on one another.
    pub delta_depth_max: u16,
}

impl Default for PackBudget {
    fn default() -> Self {
        Self {
            objects_max: 50_000_000,
            expanded_bytes_free: 2 << 30,
            expansion_max: 500,
            object_bytes_max: 8 << 30,
            object_in_memory_bytes_max: 512 << 20,
            delta_depth_max: 4095,
        }
    }
}

/// Why a pack is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PackError {
    /// Not a pack.
    #[error("the pack is malformed: {0}")]
    Malformed(&'static str),
    /// Too many objects.
    #[error("the pack has {count} objects, over {max} (objects_max); push less at once")]
    Objects {
        /// How many it says it has.
        count: u64,
        /// The limit.
        max: u64,
    },
    /// It expands too much.
    #[error("the pack expands to over {max} bytes (expanded_bytes_free, expansion_max); push less at once")]
    Expanded {
        /// What the bytes received so far may expand to.
        max: u64,
    },
    /// An object is too large.
    #[error("an object in the pack has {bytes} bytes, over {max} ({limit})")]
    Object {
        /// Its size.
        bytes: u64,
        /// The limit.
        max: u64,
        /// The limit's name.
        limit: &'static str,
    },
    /// Too many deltas on one another.
    #[error("the pack has a chain of over {max} deltas (delta_depth_max); repack with a smaller --depth")]
    Depth {
        /// The limit.
        max: u16,
    },
}

/// How much is inflated at a time.
const SCRATCH_BYTES: usize = 32 << 10;
/// A delta begins with two sizes of at most ten bytes each.
const DELTA_HEAD_BYTES: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Entry,
    OffsetBase,
    NamedBase,
    Data,
    Trailer,
    Done,
}

/// Reads a pack as it streams by.
pub struct PackReader {
    budget: PackBudget,
    hash_bytes: usize,
    state: State,
    /// Bytes of the part that is being read and has not come whole.
    part: Vec<u8>,
    received: u64,
    expanded: u64,
    objects: u64,
    left: u64,
    entry: Entry,
    /// Where each entry began, ascending, and how deep it is.
    starts: Vec<u64>,
    depths: Vec<u16>,
    inflate: Decompress,
    scratch: Vec<u8>,
}

/// The entry that is being read.
#[derive(Debug, Default, Clone, Copy)]
struct Entry {
    start: u64,
    declared: u64,
    produced: u64,
    depth: u16,
    delta: bool,
    head_read: bool,
}

impl std::fmt::Debug for PackReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PackReader").field("state", &self.state).field("left", &self.left).finish_non_exhaustive()
    }
}

impl PackReader {
    /// A reader at the start of a pack.
    pub fn new(format: ObjectFormat, budget: PackBudget) -> Self {
        Self {
            budget,
            hash_bytes: format.hex_len() / 2,
            state: State::Header,
            part: Vec::with_capacity(64),
            received: 0,
            expanded: 0,
            objects: 0,
            left: 0,
            entry: Entry::default(),
            starts: Vec::new(),
            depths: Vec::new(),
            inflate: Decompress::new(true),
            scratch: vec![0; SCRATCH_BYTES],
        }
    }

    /// Takes the next bytes of the pack, however they are cut.
    ///
    /// # Errors
    /// When the pack is over its budget or is none. Nothing may be fed after that.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), PackError> {
        let mut at = 0;
        while at < bytes.len() {
            let taken = if self.state == State::Data { self.data(&bytes[at..])? } else { self.byte(bytes[at])? };
            at += taken;
            self.received += taken as u64;
        }
        Ok(())
    }

    /// Whether the pack has come whole.
    pub fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// How many objects the pack says it has; `None` before its header was read.
    pub fn objects(&self) -> Option<u64> {
        (self.state != State::Header).then_some(self.objects)
    }

    /// What all entries declared so far.
    pub fn expanded_bytes(&self) -> u64 {
        self.expanded
    }

    /// One byte of a part that is not compressed.
    fn byte(&mut self, byte: u8) -> Result<usize, PackError> {
        self.part.push(byte);
        let more = byte & 0x80 != 0;
        match self.state {
            State::Header if self.part.len() == 12 => self.header()?,
            State::Entry if !more => self.entry()?,
            State::OffsetBase if !more => self.offset_base()?,
            State::NamedBase if self.part.len() == self.hash_bytes => {
                // Which entry it names is not known before the objects are: it counts as one step.
                self.entry.depth = 1;
                self.begin_data();
            }
            State::Trailer if self.part.len() == self.hash_bytes => self.enter(State::Done),
            State::Done => return Err(PackError::Malformed("bytes follow its end")),
            State::Entry | State::OffsetBase if self.part.len() > 10 => {
                return Err(PackError::Malformed("a number in it is too long"));
            }
            _ => {}
        }
        Ok(1)
    }

    fn enter(&mut self, state: State) {
        self.part.clear();
        self.state = state;
    }

    fn header(&mut self) -> Result<(), PackError> {
        let [b'P', b'A', b'C', b'K', 0, 0, 0, 2 | 3, count @ ..] = &self.part[..] else {
            return Err(PackError::Malformed("it does not begin as one"));
        };
        let count = count.iter().fold(0, |count, byte| count << 8 | u64::from(*byte));
        if count > self.budget.objects_max {
            return Err(PackError::Objects { count, max: self.budget.objects_max });
        }
        (self.objects, self.left) = (count, count);
        self.enter(if count == 0 { State::Trailer } else { State::Entry });
        Ok(())
    }

    fn entry(&mut self) -> Result<(), PackError> {
        let first = self.part[0];
        let low = u64::from(first & 15);
        let declared = self.part[1..].iter().enumerate().try_fold(low, |size, (place, byte)| {
            let shift = 4 + 7 * place as u32;
            let part = u64::from(byte & 127);
            part.checked_shl(shift).filter(|shifted| shifted >> shift == part).map(|shifted| size | shifted)
        });
        let declared = declared.ok_or(PackError::Malformed("a size in it is too large"))?;
        // The byte that ends the number has not been counted yet.
        let start = self.received + 1 - self.part.len() as u64;
        let kind = first >> 4 & 7;
        self.entry = Entry { start, declared, delta: matches!(kind, 6 | 7), ..Entry::default() };
        match kind {
            3 => self.bound(declared, self.budget.object_bytes_max, "object_bytes_max")?,
            1 | 2 | 4 | 6 | 7 => self.bound(declared, self.budget.object_in_memory_bytes_max, IN_MEMORY)?,
            _ => return Err(PackError::Malformed("it has an object of no known kind")),
        }
        match kind {
            6 => self.enter(State::OffsetBase),
            7 => self.enter(State::NamedBase),
            _ => {
                self.expand(declared)?;
                self.begin_data();
            }
        }
        Ok(())
    }

    fn offset_base(&mut self) -> Result<(), PackError> {
        let malformed = PackError::Malformed("a delta in it builds on nothing");
        let back = self.part.iter().try_fold((0u64, true), |(offset, first), byte| {
            let offset = if first { 0 } else { offset.checked_add(1)?.checked_mul(128)? };
            Some((offset + u64::from(byte & 127), false))
        });
        let (back, _) = back.ok_or(malformed.clone())?;
        let base = self.entry.start.checked_sub(back).filter(|_| back > 0).ok_or(malformed.clone())?;
        let place = self.starts.binary_search(&base).map_err(|_| malformed)?;
        self.entry.depth = self.depths[place].saturating_add(1);
        if self.entry.depth > self.budget.delta_depth_max {
            return Err(PackError::Depth { max: self.budget.delta_depth_max });
        }
        self.begin_data();
        Ok(())
    }

    fn begin_data(&mut self) {
        self.inflate.reset(true);
        self.enter(State::Data);
    }

    fn bound(&self, bytes: u64, max: u64, limit: &'static str) -> Result<(), PackError> {
        if bytes > max { Err(PackError::Object { bytes, max, limit }) } else { Ok(()) }
    }

    fn expand(&mut self, bytes: u64) -> Result<(), PackError> {
        self.expanded = self.expanded.saturating_add(bytes);
        // What came before the entry: so that it makes no difference how the bytes are cut.
        let by_size = self.entry.start.saturating_mul(self.budget.expansion_max);
        let max = self.budget.expanded_bytes_free.max(by_size);
        if self.expanded > max { Err(PackError::Expanded { max }) } else { Ok(()) }
    }

    /// Inflates; how many bytes were taken.
    fn data(&mut self, bytes: &[u8]) -> Result<usize, PackError> {
        let (before_in, before_out) = (self.inflate.total_in(), self.inflate.total_out());
        let status = self.inflate.decompress(bytes, &mut self.scratch, FlushDecompress::None);
        let status = status.map_err(|_| PackError::Malformed("an object in it can't be inflated"))?;
        let taken = usize::try_from(self.inflate.total_in() - before_in).unwrap_or(0);
        let out = usize::try_from(self.inflate.total_out() - before_out).unwrap_or(0);
        self.entry.produced += out as u64;
        if self.entry.produced > self.entry.declared {
            return Err(PackError::Malformed("an object in it is longer than it says"));
        }
        if self.entry.delta && !self.entry.head_read {
            self.delta_head(out)?;
        }
        match status {
            Status::StreamEnd => self.end_entry()?,
            _ if taken == 0 && out == 0 => return Err(PackError::Malformed("an object in it can't be inflated")),
            _ => {}
        }
        Ok(taken)
    }

    /// The sizes that a delta begins with.
    fn delta_head(&mut self, out: usize) -> Result<(), PackError> {
        let room = DELTA_HEAD_BYTES - self.part.len();
        self.part.extend_from_slice(&self.scratch[..out.min(room)]);
        let sizes = varint(&self.part).and_then(|(source, rest)| Some((source, varint(rest)?.0)));
        match sizes {
            Some((source, result)) => {
                self.entry.head_read = true;
                self.bound(source, self.budget.object_in_memory_bytes_max, IN_MEMORY)?;
                self.bound(result, self.budget.object_in_memory_bytes_max, IN_MEMORY)?;
                self.expand(result)
            }
            None if self.part.len() == DELTA_HEAD_BYTES => Err(PackError::Malformed("a delta in it has no sizes")),
            None => Ok(()),
        }
    }

    fn end_entry(&mut self) -> Result<(), PackError> {
        if self.entry.produced != self.entry.declared || (self.entry.delta && !self.entry.head_read) {
            return Err(PackError::Malformed("an object in it is shorter than it says"));
        }
        self.starts.push(self.entry.start);
        self.depths.push(self.entry.depth);
        self.left -= 1;
        self.enter(if self.left == 0 { State::Trailer } else { State::Entry });
        Ok(())
    }
}

const IN_MEMORY: &str = "object_in_memory_bytes_max";

/// A number of seven bits a byte, least first; `None` when it has not ended.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let length = bytes.iter().position(|byte| byte & 0x80 == 0)? + 1;
    let (number, rest) = bytes.split_at(length);
    // What does not fit is larger than any limit.
    let value = number.iter().rev().fold(0u64, |value, byte| value.saturating_mul(128) | u64::from(byte & 127));
    Some((if length > 9 { u64::MAX } else { value }, rest))
}

#[cfg(test)]
mod tests;
