//! Dumps (Subversion's `notes/dump-load-format`, version 2): a whole repository as one file that `svnadmin load` reads. No deltas:
//! whoever wants one content of it finds it whole.

use crate::changes::{Action, ChangedPath};
use crate::error::{FsError, Result, from_io};
use crate::fs::Fs;
use crate::hash::Properties;
use crate::node::{Node, NodeKind, Rep};
use std::io::{self, Write};
use std::sync::Arc;

impl Fs {
    /// Writes revisions 0 up to this one as a dump.
    ///
    /// # Errors
    /// When something can't be read or written; what was written then is no whole dump.
    pub fn dump(&self, through: u64, out: &mut dyn Write) -> Result<()> {
        write(out, format!("SVN-fs-dump-format-version: 2\n\nUUID: {}\n\n", self.uuid()).as_bytes())?;
        for rev in 0..=through {
            let properties = listed(&self.revision_properties(rev)?);
            let length = properties.len();
            let head = format!("Revision-number: {rev}\nProp-content-length: {length}\nContent-length: {length}\n\n");
            write(out, head.as_bytes())?;
            write(out, &properties)?;
            write(out, b"\n")?;
            // Revision 0 has nothing but its properties.
            if rev == 0 {
                continue;
            }
            let mut changes = self.changes(rev)?;
            changes.sort_by_cached_key(|change| order(&change.path));
            for change in &changes {
                self.dump_change(rev, change, out)?;
            }
        }
        Ok(())
    }

    fn dump_change(&self, rev: u64, change: &ChangedPath, out: &mut dyn Write) -> Result<()> {
        let path = change.path.strip_prefix(b"/").unwrap_or(&change.path);
        write(out, &[b"Node-path: ", path, b"\n"].concat())?;
        if change.action == Action::Delete {
            return write(out, b"Node-action: delete\n\n\n");
        }
        let missing = || FsError::Damaged(format!("r{rev} says it has {}", String::from_utf8_lossy(&change.path)));
        let node = self.at(rev, &change.path)?.ok_or_else(missing)?;
        let kind = if node.kind == NodeKind::File { "file" } else { "dir" };
        let replaced = change.action == Action::Replace;
        // A replacement is told as two acts: an old loader knows no other way for copies.
        if replaced && change.copied_from.is_some() {
            write(out, &[b"Node-action: delete\n\n\nNode-path: ", path, b"\n"].concat())?;
        }
        let action = match (change.action, &change.copied_from) {
            (Action::Modify, _) => "change",
            (Action::Replace, None) => "replace",
            _ => "add",
        };
        write(out, format!("Node-kind: {kind}\nNode-action: {action}\n").as_bytes())?;
        let mut before = match &node.predecessor {
            Some(id) if change.action == Action::Modify => Some(self.node(id)?),
            _ => None,
        };
        if let Some((from_rev, from)) = &change.copied_from {
            let shown = from.strip_prefix(b"/").unwrap_or(from);
            let head = format!("Node-copyfrom-rev: {from_rev}\nNode-copyfrom-path: ");
            write(out, &[head.as_bytes(), shown, b"\n"].concat())?;
            before = Some(self.at(*from_rev, from)?.ok_or_else(missing)?);
        }
        self.dump_content(&node, before.as_ref(), out)
    }

    /// Properties and text, where they are not those of the node before.
    fn dump_content(&self, node: &Node, before: Option<&Arc<Node>>, out: &mut dyn Write) -> Result<()> {
        let properties = self.properties(node)?;
        let same_properties = match before {
            Some(before) => self.properties(before)? == properties,
            None => false,
        };
        let properties = if same_properties { Vec::new() } else { listed(&properties) };
        let place = |node: &Node| node.text.as_ref().map(Rep::place);
        let same_text = node.kind == NodeKind::Directory || before.is_some_and(|before| place(before) == place(node));
        let size = if same_text { 0 } else { self.size(node)? };
        let mut head = String::new();
        if !same_properties {
            head.push_str(&format!("Prop-content-length: {}\n", properties.len()));
        }
        if !same_text {
            head.push_str(&format!("Text-content-length: {size}\n"));
            if let Some(rep) = &node.text {
                head.push_str(&format!("Text-content-md5: {}\n", hex(rep.md5())));
                if let Some(sha1) = rep.sha1() {
                    head.push_str(&format!("Text-content-sha1: {}\n", hex(sha1)));
                }
            }
        }
        if !head.is_empty() {
            head.push_str(&format!("Content-length: {}\n", properties.len() as u64 + size));
        }
        head.push('\n');
        write(out, head.as_bytes())?;
        write(out, &properties)?;
        if !same_text && let Some(mut content) = self.open_content(node)? {
            let copied = io::copy(&mut content, out).map_err(from_io)?;
            if copied != size {
                return Err(FsError::Damaged("a content has not the length it says".to_owned()));
            }
        }
        write(out, b"\n\n")
    }
}

/// A directory comes right before what is in it.
fn order(path: &[u8]) -> Vec<u8> {
    path.iter().map(|byte| if *byte == b'/' { 0 } else { *byte }).collect()
}

fn write(out: &mut dyn Write, bytes: &[u8]) -> Result<()> {
    Ok(out.write_all(bytes)?)
}

/// As in files of properties, with another end.
fn listed(properties: &Properties) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (name, value) in properties.iter() {
        for (mark, part) in [("K", name), ("V", value)] {
            bytes.extend_from_slice(format!("{mark} {}\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.push(b'\n');
        }
    }
    bytes.extend_from_slice(b"PROPS-END\n");
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
