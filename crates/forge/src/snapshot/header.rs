//! A snapshot's first line.

use crate::error::Error;
use crate::log::{CheckpointRow, Edges, Head};
use journal::Hash;
use journal::merkle::Frontier;
use serde::{Deserialize, Serialize};

/// What a snapshot says of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// The checkpoint whose state it is.
    pub checkpoint: CheckpointRow,
    /// The unfinished tiles of the tree: what appending goes on from.
    pub edges: Edges,
    /// The time of the last entry.
    pub last_time_us: i64,
}

#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub(super) format: String,
    checkpoint: CheckpointLine,
    last_time_us: i64,
    edges: Vec<Vec<String>>,
}

#[derive(Serialize, Deserialize)]
struct CheckpointLine {
    size: u64,
    first: u64,
    epoch: u64,
    root: String,
    note: String,
}

impl Header {
    pub(super) fn new(checkpoint: CheckpointRow, head: &Head) -> Self {
        Self { checkpoint, edges: head.edges().clone(), last_time_us: head.last_time_us }
    }

    /// Entries whose effects are in the snapshot: those with seq < `through`.
    #[must_use]
    pub fn through(&self) -> u64 {
        self.checkpoint.size
    }

    /// The Merkle frontier to go on from.
    pub fn frontier(&self) -> Result<Frontier, Error> {
        Frontier::from_parts(self.edges.size(), self.edges.peaks())
            .map_err(|e| Error::damaged(format!("snapshot: {e}")))
    }

    pub(super) fn to_line(&self) -> Line {
        let c = &self.checkpoint;
        let (root, note) = (c.root.to_string(), c.note.clone());
        let hex = |tile: &Vec<Hash>| tile.iter().map(Hash::to_string).collect();
        Line {
            format: super::FORMAT.to_owned(),
            checkpoint: CheckpointLine { size: c.size, first: c.first, epoch: c.epoch, root, note },
            last_time_us: self.last_time_us,
            edges: self.edges.levels().iter().map(hex).collect(),
        }
    }

    /// Checks that the edges give the root.
    pub(super) fn from_line(line: Line) -> Result<Self, Error> {
        let bad = |what: &str| Error::damaged(format!("the snapshot's first line: {what}"));
        if line.format != super::FORMAT {
            return Err(bad(&format!("format {:?} is not {:?}", line.format, super::FORMAT)));
        }
        let hash = |text: &String| text.parse::<Hash>().map_err(|e| bad(&e.to_string()));
        let levels: Result<Vec<Vec<Hash>>, Error> =
            line.edges.iter().map(|tile| tile.iter().map(hash).collect()).collect();
        let c = line.checkpoint;
        let root = hash(&c.root)?;
        let edges = Edges::new(c.size, levels?).ok_or_else(|| bad("the edges do not fit the size"))?;
        let checkpoint = CheckpointRow { size: c.size, first: c.first, epoch: c.epoch, root, note: c.note };
        let header = Self { checkpoint, edges, last_time_us: line.last_time_us };
        if header.frontier()?.root() != header.checkpoint.root {
            return Err(bad("the edges do not give the checkpoint's root"));
        }
        Ok(header)
    }
}
