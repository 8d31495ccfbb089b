//! The tree of a site that keeps nothing but its leaves.

use journal::Hash;
use journal::merkle::Frontier;
use journal::tile::TileId;

/// A tile of the tree over these leaves.
pub(crate) fn tile(leaves: &[Hash], id: &TileId) -> Option<Vec<Hash>> {
    let below = 1usize << (8 * id.level);
    let first = usize::try_from(id.index).unwrap() * 256;
    let root = |number: usize| {
        let mut frontier = Frontier::new();
        leaves.get(number * below..(number + 1) * below)?.iter().for_each(|leaf| frontier.push(*leaf));
        Some(frontier.root())
    };
    (first..first + usize::from(id.width)).map(root).collect()
}
