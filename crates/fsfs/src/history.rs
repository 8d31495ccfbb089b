//! The history of a path: where it changed, and through copies where it was before. As Subversion walks it
//! (`libsvn_fs_fs/tree.c`, `history_prev`): children of a copied directory are not copied themselves until they change.

use crate::error::Result;
use crate::fs::Fs;
use crate::node::{Node, Place};
use std::sync::Arc;

/// Walks a path's history, the newest place first. Each revision in which the path, or what it's in, was changed or copied comes
/// once.
#[derive(Debug)]
pub struct History<'a> {
    fs: &'a Fs,
    path: Vec<u8>,
    rev: u64,
    reported: bool,
    /// Where to go on after a copy.
    hint: Option<Place>,
    ended: bool,
}

impl Fs {
    /// The history of a path, from a revision in which it is there.
    #[must_use]
    pub fn history(&self, rev: u64, path: &[u8]) -> History<'_> {
        let path = if path.first() == Some(&b'/') { path.to_vec() } else { [b"/", path].concat() };
        History { fs: self, path, rev, reported: false, hint: None, ended: false }
    }
}

impl History<'_> {
    /// The next place, older than the one before; None at the end.
    ///
    /// # Errors
    /// When it can't be read. It has ended then.
    pub fn step(&mut self) -> Result<Option<Place>> {
        while !self.ended {
            let stepped = self.back();
            self.ended = !matches!(stepped, Ok(true));
            stepped?;
            if !self.ended && self.reported {
                return Ok(Some((self.rev, self.path.clone())));
            }
        }
        Ok(None)
    }

    /// Goes one step back; false when there is none. `reported` says whether the place is one to report.
    fn back(&mut self) -> Result<bool> {
        if self.path == b"/" {
            // Every revision is one of the root's.
            if self.reported {
                let Some(before) = self.rev.checked_sub(1) else { return Ok(false) };
                self.rev = before;
            }
            self.reported = true;
            return Ok(true);
        }
        let mut reported = self.reported;
        if let Some((rev, path)) = self.hint.take() {
            (self.rev, self.path, reported) = (rev, path, false);
        }
        let Some(along) = self.fs.walk(self.rev, &self.path)? else { return Ok(false) };
        let Some(mut node) = along.last().cloned() else { return Ok(false) };
        if self.rev == node.id.rev() {
            if !reported {
                self.go(&node);
                return Ok(true);
            }
            let Some(before) = &node.predecessor else { return Ok(false) };
            node = self.fs.node(before)?;
        }
        match self.copy(&along, &node)? {
            Some((copied_in, source)) => {
                let again = copied_in == self.rev && reported;
                self.hint = Some(source);
                self.rev = copied_in;
                self.reported = !again;
            }
            None => self.go(&node),
        }
        Ok(true)
    }

    fn go(&mut self, node: &Node) {
        self.rev = node.id.rev();
        self.path.clone_from(&node.created_path);
        self.reported = true;
    }

    /// The youngest copy that the path came with since the node was made: the revision, and where it was before.
    fn copy(&self, along: &[Arc<Node>], node: &Node) -> Result<Option<(u64, Place)>> {
        let mut youngest: Option<&Place> = None;
        for node in along {
            if youngest.is_none_or(|(rev, _)| node.copyroot.0 >= *rev) {
                youngest = Some(&node.copyroot);
            }
        }
        let Some((rev, path)) = youngest.filter(|(rev, _)| *rev > node.id.rev()) else { return Ok(None) };
        let Some(target) = self.fs.at(*rev, path)? else { return Ok(None) };
        let Some((from_rev, from_path)) = &target.copied_from else { return Ok(None) };
        let Some(below) = below(&target.created_path, &self.path) else { return Ok(None) };
        let source = if from_path == b"/" {
            [b"/", below.strip_prefix(b"/").unwrap_or(below)].concat()
        } else {
            [from_path, below].concat()
        };
        Ok(Some((*rev, (*from_rev, source))))
    }
}

/// What is left of a path below another, with its slash; None when it is not below.
fn below<'a>(above: &[u8], path: &'a [u8]) -> Option<&'a [u8]> {
    if above == b"/" {
        return Some(path);
    }
    path.strip_prefix(above).filter(|rest| rest.is_empty() || rest.starts_with(b"/"))
}
