//! Where the log ends: all that appending needs to know.

use super::edges::{Edges, FullTile};
use super::store;
use crate::db::Tx;
use crate::error::Error;
use journal::Hash;
use journal::merkle::Frontier;

/// The end of the log. It is a copy of what the database says; after any doubt it is [loaded](Head::load) anew.
#[derive(Clone, Debug)]
pub struct Head {
    frontier: Frontier,
    edges: Edges,
    /// The time of the last entry: later ones are never earlier.
    pub last_time_us: i64,
    /// The newest entry that says where a snapshot is.
    pub snapshot_entry: Option<u64>,
}

impl Default for Head {
    fn default() -> Self {
        Self { frontier: Frontier::new(), edges: Edges::default(), last_time_us: 0, snapshot_entry: None }
    }
}

impl Head {
    /// What the database says; an error when its tree does not have the root its last checkpoint was signed over.
    pub fn load(tx: &mut Tx) -> Result<Self, Error> {
        let Some(last) = store::checkpoint_last(tx)? else {
            return match store::entry_bounds(tx)? {
                None => Ok(Self::default()),
                Some(_) => Err(Error::damaged("the journal has entries that no checkpoint covers")),
            };
        };
        let edges = store::edges_fetch(tx, last.size)?
            .ok_or_else(|| Error::damaged(format!("hashes below the checkpoint of size {} are missing", last.size)))?;
        let frontier = Frontier::from_parts(last.size, edges.peaks())
            .map_err(|e| Error::damaged(format!("the tree of size {}: {e}", last.size)))?;
        if frontier.root() != last.root {
            let text = format!("the journal's tree of size {} is not the one that was signed", last.size);
            return Err(Error::damaged(text));
        }
        let last_time_us = store::entry_bounds(tx)?.map_or(0, |(_, time)| time);
        let snapshot_entry = tx.query_one("SELECT max(id) FROM snapshot", &[])?.get(0)?;
        Ok(Self { frontier, edges, last_time_us, snapshot_entry })
    }

    /// Entries in the log.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.frontier.size()
    }

    /// The tree's root.
    #[must_use]
    pub fn root(&self) -> Hash {
        self.frontier.root()
    }

    /// The unfinished tiles.
    #[must_use]
    pub fn edges(&self) -> &Edges {
        &self.edges
    }

    /// Appends an entry; the tiles it fills, which the caller stores.
    pub fn push(&mut self, leaf: Hash) -> Vec<FullTile> {
        self.frontier.push(leaf);
        self.edges.push(leaf)
    }
}
