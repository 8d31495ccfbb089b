//! A revision that is not to be seen yet, looked at: what it changes.

use fsfs::{Caches, Fs, FsError, Node, NodeKind};
use std::path::Path;
use std::sync::Arc;

pub use fsfs::{Action, ChangedPath};

/// Memory for looking at one, in bytes.
const LOOK_BYTES_MAX: usize = 16 << 20;

/// A revision whose files lie in a repository, visible or not. Everything here blocks.
#[derive(Debug)]
pub struct Incoming {
    fs: Fs,
    rev: u64,
    changes: Vec<ChangedPath>,
}

impl Incoming {
    /// Opens it, in the repository in this directory (that which has `db` in it).
    ///
    /// # Errors
    /// When it can't be read.
    pub fn open(root: &Path, rev: u64) -> Result<Self, String> {
        let open = || {
            let fs = Fs::open(root, Arc::new(Caches::new(LOOK_BYTES_MAX)))?;
            let changes = fs.changes(rev)?;
            Ok(Self { fs, rev, changes })
        };
        open().map_err(failed)
    }

    /// What it changes, by path.
    #[must_use]
    pub fn changes(&self) -> &[ChangedPath] {
        &self.changes
    }

    /// Bytes of a changed file; None: it is none.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn file_bytes(&self, change: &ChangedPath) -> Result<Option<u64>, String> {
        if change.kind == Some(NodeKind::Directory) || change.action == Action::Delete {
            return Ok(None);
        }
        let node = self.fs.at(self.rev, &change.path).map_err(failed)?;
        let node = node.filter(|node| node.kind == NodeKind::File);
        node.map(|node| self.fs.size(&node)).transpose().map_err(failed)
    }

    /// Another name beside a path's that differs from it in upper and lower case alone.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn case_clash(&self, path: &[u8]) -> Result<Option<String>, String> {
        let split = path.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        let name = path.get(split + 1..).unwrap_or_default();
        let Some(parent) = self.directory(self.rev, &path[..split])? else { return Ok(None) };
        let lower = |bytes: &[u8]| String::from_utf8_lossy(bytes).to_lowercase();
        let own = lower(name);
        let entries = self.fs.directory(&parent).map_err(failed)?;
        let other = entries.0.iter().find(|entry| entry.name != name && lower(&entry.name) == own);
        Ok(other.map(|entry| String::from_utf8_lossy(&entry.name).into_owned()))
    }

    /// Whether there was, in the revision before, a directory with something in it.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn had_something_in(&self, path: &[u8]) -> Result<bool, String> {
        let Some(node) = self.directory(self.rev.saturating_sub(1), path)? else { return Ok(false) };
        Ok(!self.fs.directory(&node).map_err(failed)?.0.is_empty())
    }

    fn directory(&self, rev: u64, path: &[u8]) -> Result<Option<Arc<Node>>, String> {
        let node = self.fs.at(rev, path).map_err(failed)?;
        Ok(node.filter(|node| node.kind == NodeKind::Directory))
    }
}

fn failed(error: FsError) -> String {
    format!("the revision could not be looked at: {error}")
}
