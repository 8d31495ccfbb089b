//! Nodes of Subversion as trees and blobs. A node never changes, so each is made once: what a revision costs is what it changed.

use crate::ViewError;
use crate::state::{Made, Mode, State};
use crate::view::Watch;
use fsfs::{Fs, FsError, Node, NodeKind};
use git::ObjectId;
use git::pack::{ObjectKind, PackWriter};
use std::fs::File;

/// Up to so many bytes a file is read in one piece.
const WHOLE_BYTES_MAX: u64 = 4 << 20;
/// The longest target of a symbolic link.
const LINK_BYTES_MAX: u64 = 4096;
/// What a symbolic link's content begins with.
const LINK: &[u8] = b"link ";
/// Directories are at most so deep.
const DEPTH_MAX: usize = 256;

/// Makes objects into a pack.
pub(crate) struct Maker<'a> {
    pub(crate) fs: &'a Fs,
    pub(crate) state: &'a mut State,
    pub(crate) pack: &'a mut PackWriter<File>,
    pub(crate) watch: &'a Watch<'a>,
}

impl Maker<'_> {
    /// The tree of a branch. One without any file is the empty tree.
    pub(crate) fn root(&mut self, node: &Node) -> Result<ObjectId, ViewError> {
        let made = self.directory(node, 0)?;
        if made.mode == Mode::Tree { Ok(made.id) } else { Ok(self.pack.add(ObjectKind::Tree, b"")?) }
    }

    fn directory(&mut self, node: &Node, depth: usize) -> Result<Made, ViewError> {
        let place = (node.id.rev(), node.id.item());
        if let Some(made) = self.state.made(place) {
            return Ok(made);
        }
        if depth > DEPTH_MAX {
            return Err(ViewError::TooMuch(format!("directories are deeper than {DEPTH_MAX}")));
        }
        self.watch.look(self.state, self.pack.bytes())?;
        let directory = self.fs.directory(node)?;
        let mut entries = Vec::with_capacity(directory.0.len());
        for entry in &directory.0 {
            let made = match self.state.made((entry.id.rev(), entry.id.item())) {
                Some(made) => made,
                None => {
                    let node = self.fs.node(&entry.id)?;
                    match node.kind {
                        NodeKind::Directory => self.directory(&node, depth + 1)?,
                        NodeKind::File => self.file(&node)?,
                    }
                }
            };
            let is_link = made.mode == Mode::Link;
            if made.mode != Mode::Nothing && git::names::entry_is_safe(&entry.name, is_link) {
                // Git's order, in which a directory's name ends with a slash.
                let end: &[u8] = if made.mode == Mode::Tree { b"/" } else { b"" };
                entries.push(([entry.name.as_slice(), end].concat(), &entry.name, made));
            }
        }
        entries.sort_unstable_by(|a, b| a.0.cmp(&b.0));
        let mut bytes = Vec::new();
        for (_, name, made) in &entries {
            bytes.extend([made.mode.octal(), b" ", name.as_slice(), b"\0", made.id.as_bytes()].concat());
        }
        let mode = if entries.is_empty() { Mode::Nothing } else { Mode::Tree };
        let made = Made { mode, id: self.pack.add(ObjectKind::Tree, &bytes)? };
        self.state.note(place, made);
        Ok(made)
    }

    fn file(&mut self, node: &Node) -> Result<Made, ViewError> {
        self.watch.look(self.state, self.pack.bytes())?;
        let properties = self.fs.properties(node)?;
        let size = self.fs.size(node)?;
        let mut mode = match (properties.get("svn:special"), properties.get("svn:executable")) {
            (Some(_), _) => Mode::Link,
            (None, Some(_)) => Mode::Executable,
            (None, None) => Mode::File,
        };
        let id = if size <= WHOLE_BYTES_MAX {
            let content = self.fs.content(node, WHOLE_BYTES_MAX)?;
            let target = content.strip_prefix(LINK).filter(|target| is_target(target));
            match target.filter(|_| mode == Mode::Link) {
                Some(target) => self.pack.add(ObjectKind::Blob, target)?,
                None => {
                    mode = if mode == Mode::Link { Mode::File } else { mode };
                    self.pack.add(ObjectKind::Blob, &content)?
                }
            }
        } else {
            mode = if mode == Mode::Link { Mode::File } else { mode };
            self.stream(node, size)?
        };
        let made = Made { mode, id };
        self.state.note((node.id.rev(), node.id.item()), made);
        Ok(made)
    }

    fn stream(&mut self, node: &Node, size: u64) -> Result<ObjectId, ViewError> {
        let missing = || FsError::Damaged("a file with a size has no content".to_owned());
        let mut content = self.fs.open_content(node)?.ok_or_else(missing)?;
        Ok(self.pack.add_stream(size, &mut content)?)
    }
}

/// Whether bytes are the target of a link that can be made.
fn is_target(bytes: &[u8]) -> bool {
    !bytes.is_empty() && bytes.len() as u64 <= LINK_BYTES_MAX && !bytes.contains(&0)
}
