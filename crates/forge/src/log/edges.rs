//! The right edge of the tree as tiles: what is needed to go on appending, and to fill the next tiles.
//!
//! ```text
//! level 1   [ tile roots not yet 256 ......... ]
//! level 0   [ leaves not yet 256 .. ]   <- push
//! ```
//! When a level has 256 hashes it is a full tile; its root goes one level up.

use journal::{Hash, merkle};

/// Hashes in a full tile.
pub const TILE_WIDTH: u64 = 256;

/// A tile that has just become full, and will never change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullTile {
    /// 0 for leaves.
    pub level: u8,
    /// Its number on its level.
    pub place: u64,
    /// 256 of them.
    pub hashes: Vec<Hash>,
}

/// The unfinished tile of each level.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edges {
    size: u64,
    levels: Vec<Vec<Hash>>,
}

impl Edges {
    /// From the unfinished tile of each level, leaves first. None when they do not have the widths `size` asks for.
    #[must_use]
    pub fn new(size: u64, levels: Vec<Vec<Hash>>) -> Option<Self> {
        let fits = (0..levels.len()).all(|level| levels[level].len() as u64 == width(size, level));
        (fits && size.checked_shr(8 * levels.len() as u32).unwrap_or(0) == 0).then_some(Self { size, levels })
    }

    /// How many levels a tree of this size has tiles on.
    #[must_use]
    pub fn depth(size: u64) -> usize {
        (64 - size.leading_zeros() as usize).div_ceil(8)
    }

    /// Leaves appended so far.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The unfinished tile of each level, leaves first.
    #[must_use]
    pub fn levels(&self) -> &[Vec<Hash>] {
        &self.levels
    }

    /// Appends a leaf; the tiles it fills.
    pub fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        self.size += 1;
        let mut full = Vec::new();
        let mut carried = Some(leaf);
        let mut level = 0;
        while let Some(hash) = carried.take() {
            if self.levels.len() == level {
                self.levels.push(Vec::with_capacity(TILE_WIDTH as usize));
            }
            self.levels[level].push(hash);
            if self.levels[level].len() as u64 == TILE_WIDTH {
                let hashes = std::mem::take(&mut self.levels[level]);
                carried = Some(subtree_root(&hashes));
                let place = (self.size >> (8 * (level + 1))) - 1;
                full.push(FullTile { level: level as u8, place, hashes });
            }
            level += 1;
        }
        full
    }

    /// The roots of the perfect subtrees the tree consists of, the largest (leftmost) first.
    #[must_use]
    pub fn peaks(&self) -> Vec<Hash> {
        let mut peaks = Vec::new();
        for tile in self.levels.iter().rev() {
            let mut rest = tile.as_slice();
            while !rest.is_empty() {
                let (perfect, more) = rest.split_at(1 << rest.len().ilog2());
                peaks.push(subtree_root(perfect));
                rest = more;
            }
        }
        peaks
    }
}

/// How many hashes the unfinished tile of a level has in a tree of this size.
pub(super) fn width(size: u64, level: usize) -> u64 {
    size.checked_shr(8 * level as u32).unwrap_or(0) % TILE_WIDTH
}

/// The root over a power of two of hashes.
pub(super) fn subtree_root(hashes: &[Hash]) -> Hash {
    if let [one] = hashes {
        return *one;
    }
    let (left, right) = hashes.split_at(hashes.len() / 2);
    merkle::node_hash(&subtree_root(left), &subtree_root(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use journal::merkle::Frontier;
    use proptest::prelude::*;

    fn grown(size: u64) -> (Edges, Frontier, Vec<FullTile>) {
        let (mut edges, mut frontier, mut full) = (Edges::default(), Frontier::new(), Vec::new());
        for i in 0..size {
            let leaf = merkle::leaf_hash(&i.to_be_bytes());
            frontier.push(leaf);
            full.extend(edges.push(leaf));
        }
        (edges, frontier, full)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn the_peaks_are_the_frontier(size in 0u64..1500) {
            let (edges, frontier, _) = grown(size);
            let rebuilt = Frontier::from_parts(size, edges.peaks()).expect("as many as the size has bits");
            prop_assert_eq!(rebuilt.root(), frontier.root());
            prop_assert_eq!(Edges::new(size, edges.levels().to_vec()), Some(edges));
        }
    }

    #[test]
    fn tiles_come_when_they_are_full_and_not_before() {
        let (edges, frontier, full) = grown(65_536);
        assert_eq!(full.iter().filter(|t| t.level == 0).count(), 256);
        assert_eq!(full.iter().filter(|t| t.level == 1).map(|t| t.place).collect::<Vec<_>>(), [0]);
        assert!(full.iter().all(|t| t.hashes.len() == 256));
        assert_eq!(edges.levels()[2], [frontier.root()]);
        assert_eq!(full[0].place, 0);
        assert_eq!(full[255].place, 255);
        assert_eq!(Edges::depth(65_536), 3);
        assert_eq!(Edges::depth(65_535), 2);
    }

    #[test]
    fn edges_of_another_size_are_refused() {
        let (edges, ..) = grown(300);
        assert_eq!(Edges::new(301, edges.levels().to_vec()), None);
        assert_eq!(Edges::new(300, edges.levels()[..1].to_vec()), None);
    }
}
