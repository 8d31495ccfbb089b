//! Tiles (c2sp.org/tlog-tiles): the tree's hashes in pieces of 256, and the proofs made from them.
//!
//! A proof is a list of subtrees; each is the fold of some hashes in some tile. [`inclusion_tiles`] and
//! [`consistency_tiles`] say which tiles a proof needs, so that whoever does the reading can fetch them first.

use crate::Hash;
use crate::checkpoint::decimal;
use crate::merkle::node_hash;
use std::collections::BTreeSet;
use std::ops::Range;

/// How many hashes a full tile has.
pub const TILE_WIDTH: u16 = 256;
const TILE_HEIGHT: u32 = 8;

/// A tile: `width` hashes of tree level `8 * level`, from number `256 * index` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TileId {
    /// Which level of tiles, 0 for leaves.
    pub level: u8,
    /// Which tile of the level.
    pub index: u64,
    /// How many hashes it has: 256 for a full tile, fewer for the last.
    pub width: u16,
}

/// Something that has tiles.
pub trait TileSource {
    /// The hashes of a tile: exactly `width` of them, or `None` when the source has them not.
    fn tile(&self, id: &TileId) -> Option<Vec<Hash>>;
}

impl<F: Fn(&TileId) -> Option<Vec<Hash>>> TileSource for F {
    fn tile(&self, id: &TileId) -> Option<Vec<Hash>> {
        self(id)
    }
}

/// Why a proof can't be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TileError {
    /// The index is not in the tree, or the old tree is larger than the new.
    #[error("the index or sizes are out of range")]
    OutOfRange,
    /// The source lacks a tile.
    #[error("a tile is missing: level {}, number {}, {} wide", .0.level, .0.index, .0.width)]
    Missing(TileId),
}

impl TileId {
    /// The path under a log's prefix: `tile/L/N` with N in groups of three digits, `.p/W` for a partial one.
    pub fn path(&self) -> String {
        format!("tile/{}/{}", self.level, index_path(self.index, self.width))
    }

    /// The inverse of [`Self::path`].
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = decimal(level).and_then(|level| u8::try_from(level).ok()).filter(|level| *level < 64)?;
        let (index, width) = parse_index_path(rest)?;
        Some(Self { level, index, width })
    }
}

/// The path of an entry bundle: `tile/entries/N`.
pub fn bundle_path(index: u64, width: u16) -> String {
    format!("tile/entries/{}", index_path(index, width))
}

/// The inverse of [`bundle_path`].
pub fn parse_bundle_path(path: &str) -> Option<(u64, u16)> {
    parse_index_path(path.strip_prefix("tile/entries/")?)
}

fn index_path(index: u64, width: u16) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

fn parse_index_path(path: &str) -> Option<(u64, u16)> {
    let (path, width) = match path.split_once(".p/") {
        Some((path, width)) => {
            (path, decimal(width).and_then(|w| u16::try_from(w).ok()).filter(|w| (1..TILE_WIDTH).contains(w))?)
        }
        None => (path, TILE_WIDTH),
    };
    let mut index = 0u64;
    for group in path.split('/') {
        let digits = group.strip_prefix('x').unwrap_or(group);
        let value: u64 =
            Some(digits).filter(|d| d.len() == 3 && d.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        index = index.checked_mul(1000)?.checked_add(value)?;
    }
    // Only one spelling of a number is right, so that each tile has one address.
    if index_path(index, TILE_WIDTH) == path { Some((index, width)) } else { None }
}

/// An entry bundle: each entry behind its length, a big-endian u16. `None` when there are more than 256 entries, or one
/// is over 65,535 bytes (sealing refuses to make one).
pub fn encode_bundle(entries: &[Vec<u8>]) -> Option<Vec<u8>> {
    if entries.len() > usize::from(TILE_WIDTH) {
        return None;
    }
    let mut bytes = Vec::with_capacity(entries.iter().map(|entry| entry.len() + 2).sum());
    for entry in entries {
        bytes.extend_from_slice(&u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend_from_slice(entry);
    }
    Some(bytes)
}

/// The entries of a bundle, or `None` when it is cut short or has more than 256.
pub fn decode_bundle(mut bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut entries = Vec::new();
    while let Some((len, rest)) = bytes.split_first_chunk::<2>() {
        if entries.len() == usize::from(TILE_WIDTH) {
            return None;
        }
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        entries.push(entry.to_vec());
        bytes = rest;
    }
    if bytes.is_empty() { Some(entries) } else { None }
}

/// The largest power of two below `n`, which is at least 2: where RFC 6962 splits a tree.
fn split(n: u64) -> u64 {
    1 << (63 - (n - 1).leading_zeros())
}

/// RFC 6962, section 2.1.1: the subtrees of an audit path, from the leaf up.
fn inclusion_ranges(index: u64, size: u64) -> Vec<Range<u64>> {
    let (mut lo, mut hi) = (0, size);
    let mut path = Vec::new();
    while hi - lo > 1 {
        let middle = lo + split(hi - lo);
        if index < middle {
            path.push(middle..hi);
            hi = middle;
        } else {
            path.push(lo..middle);
            lo = middle;
        }
    }
    path.reverse();
    path
}

/// RFC 6962, section 2.1.2: the subtrees of a consistency proof.
fn consistency_ranges(old: u64, new: u64) -> Vec<Range<u64>> {
    if old == 0 || old == new {
        return Vec::new();
    }
    let (mut lo, mut hi) = (0, new);
    let mut path = Vec::new();
    while hi != old {
        let middle = lo + split(hi - lo);
        if old <= middle {
            path.push(middle..hi);
            hi = middle;
        } else {
            path.push(lo..middle);
            lo = middle;
        }
    }
    // The verifier knows the old root, so that the subtree that is the whole old tree is left out.
    if lo != 0 {
        path.push(lo..hi);
    }
    path.reverse();
    path
}

/// The perfect, aligned subtrees that a range (of a tree's split) consists of, left to right, as (tree level, number).
fn perfect_subtrees(range: &Range<u64>) -> Vec<(u32, u64)> {
    let (mut lo, mut subtrees) = (range.start, Vec::new());
    while lo < range.end {
        let fits = 63 - (range.end - lo).leading_zeros();
        let level = fits.min(lo.trailing_zeros());
        subtrees.push((level, lo >> level));
        lo += 1 << level;
    }
    subtrees
}

/// The tile that has what a subtree's root is folded from, and where in it.
fn locate(level: u32, number: u64, size: u64) -> (TileId, Range<usize>) {
    let (tile_level, above) = (level / TILE_HEIGHT, level % TILE_HEIGHT);
    let first = number << above;
    let index = first / u64::from(TILE_WIDTH);
    let hashes_at_level = size >> (tile_level * TILE_HEIGHT);
    let left = hashes_at_level - index * u64::from(TILE_WIDTH);
    let width = u16::try_from(left).unwrap_or(TILE_WIDTH).min(TILE_WIDTH);
    let start = usize::try_from(first % u64::from(TILE_WIDTH)).unwrap_or(0);
    let id = TileId { level: u8::try_from(tile_level).unwrap_or(u8::MAX), index, width };
    (id, start..start + (1 << above))
}

fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [one] => *one,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

fn range_hash(range: &Range<u64>, size: u64, source: &impl TileSource) -> Result<Hash, TileError> {
    let mut peaks = Vec::new();
    for (level, number) in perfect_subtrees(range) {
        let (id, place) = locate(level, number, size);
        let tile = source.tile(&id).ok_or(TileError::Missing(id))?;
        peaks.push(fold(tile.get(place).ok_or(TileError::Missing(id))?));
    }
    let (last, rest) = peaks.split_last().ok_or(TileError::OutOfRange)?;
    Ok(rest.iter().rev().fold(*last, |right, left| node_hash(left, &right)))
}

fn tiles_of(ranges: &[Range<u64>], size: u64) -> Vec<TileId> {
    let subtrees = ranges.iter().flat_map(perfect_subtrees);
    subtrees.map(|(level, number)| locate(level, number, size).0).collect::<BTreeSet<_>>().into_iter().collect()
}

fn hashes_of(ranges: &[Range<u64>], size: u64, source: &impl TileSource) -> Result<Vec<Hash>, TileError> {
    ranges.iter().map(|range| range_hash(range, size, source)).collect()
}

/// The tiles that [`prove_inclusion`] will ask for.
pub fn inclusion_tiles(index: u64, size: u64) -> Vec<TileId> {
    if index < size { tiles_of(&inclusion_ranges(index, size), size) } else { Vec::new() }
}

/// The tiles that [`prove_consistency`] will ask for.
pub fn consistency_tiles(old: u64, new: u64) -> Vec<TileId> {
    if old <= new { tiles_of(&consistency_ranges(old, new), new) } else { Vec::new() }
}

/// The tiles of which a tree's root is made.
pub fn root_tiles(size: u64) -> Vec<TileId> {
    let whole = 0..size;
    tiles_of(std::slice::from_ref(&whole), size)
}

/// The root of the tree of this size; of the empty tree the hash of nothing.
///
/// # Errors
/// When a tile is missing.
pub fn root(size: u64, source: &impl TileSource) -> Result<Hash, TileError> {
    if size == 0 { Ok(Hash::of(b"")) } else { range_hash(&(0..size), size, source) }
}

/// The proof that entry `index` is in the tree of `size` entries.
///
/// # Errors
/// When it is not, or a tile is missing.
pub fn prove_inclusion(index: u64, size: u64, source: &impl TileSource) -> Result<Vec<Hash>, TileError> {
    if index >= size {
        return Err(TileError::OutOfRange);
    }
    hashes_of(&inclusion_ranges(index, size), size, source)
}

/// The proof that the tree of `new` entries begins with the one of `old`.
///
/// # Errors
/// When it is smaller, or a tile is missing.
pub fn prove_consistency(old: u64, new: u64, source: &impl TileSource) -> Result<Vec<Hash>, TileError> {
    if old > new {
        return Err(TileError::OutOfRange);
    }
    hashes_of(&consistency_ranges(old, new), new, source)
}
