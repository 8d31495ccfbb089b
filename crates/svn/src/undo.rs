//! Taking back what revisions did, as one new revision: Subversion has no other way, because revisions stay.
//!
//! The revisions are taken back one after another, the newest first, on a picture of the newest tree ([`Now`]); what the picture
//! differs by from that tree at the end is the new revision ([`Edit`]).
//!
//! # Invariants
//! 1. A place is put back only while it is as the revision left it. What somebody else changed afterwards stays, and is named.
//! 2. What is already as it was before the revision is left alone: to undo twice is to undo once.
//! 3. What is put back has its history: files and directories that are gone are copied from where they were.
//! 4. Looking has a bound ([`UNDO_NODES_MAX`]); beyond it nothing is put back.

mod commit;
mod edit;

pub use commit::CommitError;

use crate::read::{SvnSource, unread};
use code::{ReadError, visible};
use edit::Edit;
use fsfs::{Fs, FsError, Node, NodeKind};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Files and directories that are compared at most.
pub const UNDO_NODES_MAX: u64 = 200_000;
/// Names in one path.
const DEPTH_MAX: usize = 500;

type Name = Vec<u8>;
type Values = BTreeMap<Vec<u8>, Vec<u8>>;

/// What it takes to take some revisions back.
#[derive(Debug)]
pub struct Undo {
    fs: Arc<Fs>,
    /// The newest revision: what it is made for.
    pub(crate) newest: u64,
    edit: Option<Edit>,
    /// Paths that somebody changed afterwards, each with the revision that is not taken back there.
    pub kept: Vec<(u64, String)>,
}

impl Undo {
    /// How many places are put back; none: there is nothing to do.
    #[must_use]
    pub fn places(&self) -> u64 {
        self.edit.as_ref().map_or(0, Edit::places)
    }
}

/// What is at a path in a revision.
#[derive(Clone, Debug)]
struct Was {
    node: Arc<Node>,
    rev: u64,
}

/// What a path will have.
#[derive(Debug)]
enum Now {
    /// Nothing.
    Gone,
    /// What it has, or had, in some revision.
    Is(Was),
    /// A directory of some revision, with changes.
    Open(Box<Open>),
}

#[derive(Debug)]
struct Open {
    was: Was,
    properties: Values,
    /// What differs from the directory's own entries, or was looked at.
    entries: BTreeMap<Name, Now>,
}

impl SvnSource {
    /// What it takes to take these revisions back. Blocks.
    ///
    /// # Errors
    /// [`ReadError::TooMuch`] when too much would have to be compared; when the repository can't be read.
    pub fn undo(&self, revisions: &BTreeSet<u64>) -> Result<Undo, ReadError> {
        self.undo_within(revisions, UNDO_NODES_MAX).map_err(unread)
    }

    fn undo_within(&self, revisions: &BTreeSet<u64>, nodes_max: u64) -> Result<Undo, FsError> {
        let (fs, newest) = (self.fs.clone(), self.newest());
        let mut walk = Walk { fs: &fs, left: nodes_max, depth: 0, path: Vec::new(), kept: Vec::new() };
        let head = fs.root(newest)?;
        let mut now = Now::Is(Was { node: head.clone(), rev: newest });
        for rev in revisions.iter().rev().filter(|rev| (1..=newest).contains(*rev)) {
            let before = Was { node: fs.root(rev - 1)?, rev: rev - 1 };
            now = walk.take_back(*rev, Some(before), Some(fs.root(*rev)?), now)?;
        }
        let edit = walk.edit(Some(&head), &now)?;
        let kept = walk.kept;
        Ok(Undo { fs, newest, edit, kept })
    }
}

struct Walk<'a> {
    fs: &'a Fs,
    left: u64,
    depth: usize,
    path: Vec<Name>,
    kept: Vec<(u64, String)>,
}

type Result<T, E = FsError> = std::result::Result<T, E>;

fn is_directory(node: &Node) -> bool {
    node.kind == NodeKind::Directory
}

impl Walk<'_> {
    /// Goes one name further down.
    fn deeper<T>(&mut self, go: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(FsError::TooMuch(format!("a path has more than {DEPTH_MAX} names")));
        }
        let went = go(self);
        self.depth -= 1;
        went
    }

    fn count(&mut self) -> Result<()> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            FsError::TooMuch(format!("more than {UNDO_NODES_MAX} files and directories would have to be compared"))
        })?;
        Ok(())
    }

    fn child(&self, directory: &Node, name: &[u8]) -> Result<Option<Arc<Node>>> {
        self.fs.directory(directory)?.get(name).map(|entry| self.fs.node(&entry.id)).transpose()
    }

    fn values(&self, node: &Node) -> Result<Values> {
        Ok(self.fs.properties(node)?.iter().map(|(name, value)| (name.to_vec(), value.to_vec())).collect())
    }

    fn keep(&mut self, rev: u64, what: &str) {
        let path = self.path.iter().map(|name| visible(name)).collect::<Vec<_>>().join("/");
        self.kept.push((rev, format!("{}{what}", if path.is_empty() { "/" } else { &path })));
    }

    /// Takes back what a revision did at this path: `before` is what was there, `left` what the revision left.
    fn take_back(&mut self, rev: u64, before: Option<Was>, left: Option<Arc<Node>>, now: Now) -> Result<Now> {
        self.count()?;
        if let (Some(was), Some(left)) = (&before, &left)
            && is_directory(&was.node)
            && is_directory(left)
        {
            if was.node.id == left.id {
                return Ok(now);
            }
            match now {
                Now::Is(is) if is_directory(&is.node) => {
                    let (properties, entries) = (self.values(&is.node)?, BTreeMap::new());
                    let mut open = Box::new(Open { was: is, properties, entries });
                    self.take_back_within(rev, was, left, &mut open)?;
                    return Ok(Now::Open(open));
                }
                Now::Open(mut open) => {
                    self.take_back_within(rev, was, left, &mut open)?;
                    return Ok(Now::Open(open));
                }
                _ => {}
            }
        }
        let (was, left) = (before.as_ref().map(|was| &*was.node), left.as_deref());
        if self.are_same(was, left)? || self.is_now(&now, was)? {
            return Ok(now);
        }
        if self.is_now(&now, left)? {
            return Ok(before.map_or(Now::Gone, Now::Is));
        }
        self.keep(rev, "");
        Ok(now)
    }

    fn take_back_within(&mut self, rev: u64, before: &Was, left: &Node, open: &mut Open) -> Result<()> {
        self.take_back_properties(rev, &before.node, left, &mut open.properties)?;
        let (were, are) = (self.fs.directory(&before.node)?, self.fs.directory(left)?);
        let names: BTreeSet<&Name> = were.0.iter().chain(&are.0).map(|entry| &entry.name).collect();
        for name in names {
            let (was, is) = (were.get(name), are.get(name));
            if was.map(|entry| &entry.id) == is.map(|entry| &entry.id) {
                continue;
            }
            let node = |id: Option<&fsfs::DirEntry>| id.map(|entry| self.fs.node(&entry.id)).transpose();
            let (was, is) = (node(was)?.map(|node| Was { node, rev: before.rev }), node(is)?);
            let here = match open.entries.remove(name) {
                Some(now) => now,
                None => {
                    let own = self.child(&open.was.node, name)?;
                    own.map_or(Now::Gone, |node| Now::Is(Was { node, rev: open.was.rev }))
                }
            };
            self.path.push(name.clone());
            let next = self.deeper(|walk| walk.take_back(rev, was, is, here))?;
            self.path.pop();
            open.entries.insert(name.clone(), next);
        }
        Ok(())
    }

    fn take_back_properties(&mut self, rev: u64, before: &Node, left: &Node, now: &mut Values) -> Result<()> {
        if before.surely_same_properties(left) {
            return Ok(());
        }
        let (before, left) = (self.values(before)?, self.values(left)?);
        for name in before.keys().chain(left.keys()).collect::<BTreeSet<_>>() {
            let (was, is) = (before.get(name), left.get(name));
            if was == is || now.get(name) == was {
                continue;
            }
            if now.get(name) != is {
                self.keep(rev, &format!(" (its property {})", visible(name)));
            } else if let Some(was) = was {
                now.insert(name.clone(), was.clone());
            } else {
                now.remove(name);
            }
        }
        Ok(())
    }

    fn are_same(&mut self, a: Option<&Node>, b: Option<&Node>) -> Result<bool> {
        match (a, b) {
            (None, None) => Ok(true),
            (Some(a), Some(b)) => self.same(a, b),
            _ => Ok(false),
        }
    }

    /// Whether both have the same content and properties, all that is below them too.
    fn same(&mut self, a: &Node, b: &Node) -> Result<bool> {
        self.count()?;
        if a.id == b.id {
            return Ok(true);
        }
        if a.kind != b.kind || !self.same_properties(a, b)? {
            return Ok(false);
        }
        if !is_directory(a) {
            return self.same_text(a, b);
        }
        let (of_a, of_b) = (self.fs.directory(a)?, self.fs.directory(b)?);
        if !of_a.0.iter().map(|entry| &entry.name).eq(of_b.0.iter().map(|entry| &entry.name)) {
            return Ok(false);
        }
        for (a, b) in of_a.0.iter().zip(&of_b.0) {
            if a.id == b.id {
                continue;
            }
            let (a, b) = (self.fs.node(&a.id)?, self.fs.node(&b.id)?);
            if !self.deeper(|walk| walk.same(&a, &b))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn same_properties(&self, a: &Node, b: &Node) -> Result<bool> {
        Ok(a.surely_same_properties(b) || self.fs.properties(a)? == self.fs.properties(b)?)
    }

    fn same_text(&self, a: &Node, b: &Node) -> Result<bool> {
        let (Some(of_a), Some(of_b)) = (&a.text, &b.text) else {
            return Ok(self.fs.size(a)? == 0 && self.fs.size(b)? == 0);
        };
        if of_a.place() == of_b.place() {
            return Ok(true);
        }
        let sha1_differs = of_a.sha1().zip(of_b.sha1()).is_some_and(|(a, b)| a != b);
        Ok(of_a.md5() == of_b.md5() && !sha1_differs && self.fs.size(a)? == self.fs.size(b)?)
    }

    /// Whether a path will have what this is.
    fn is_now(&mut self, now: &Now, node: Option<&Node>) -> Result<bool> {
        let open = match now {
            Now::Gone => return Ok(node.is_none()),
            Now::Is(is) => return self.are_same(Some(&is.node), node),
            Now::Open(open) => open,
        };
        let Some(node) = node.filter(|node| is_directory(node)) else { return Ok(false) };
        if open.properties != self.values(node)? {
            return Ok(false);
        }
        let (base, other) = (self.fs.directory(&open.was.node)?, self.fs.directory(node)?);
        let names: BTreeSet<&Name> =
            base.0.iter().chain(&other.0).map(|entry| &entry.name).chain(open.entries.keys()).collect();
        for name in names {
            self.count()?;
            let there = self.child(node, name)?;
            let same = match open.entries.get(name) {
                Some(now) => self.deeper(|walk| walk.is_now(now, there.as_deref()))?,
                None => {
                    let own = self.child(&open.was.node, name)?;
                    self.are_same(own.as_deref(), there.as_deref())?
                }
            };
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::read::Readers;
    use std::process::Command;

    /// A repository with a revision for each list of directories.
    fn repository(dir: &std::path::Path, revisions: &[Vec<String>]) -> SvnSource {
        let root = dir.join("repo");
        assert!(Command::new("svnadmin").arg("create").arg(&root).status().unwrap().success());
        for names in revisions {
            let urls = names.iter().map(|name| format!("file://{}/{name}", root.display()));
            let made = Command::new("svn").args(["mkdir", "-q", "--parents", "-m", "some"]).args(urls).status();
            assert!(made.unwrap().success());
        }
        Readers::new(8 << 20).open(&root, revisions.len() as u64, 1).unwrap()
    }

    #[test]
    fn looking_has_a_bound() {
        let dir = tempfile::tempdir().unwrap();
        let names: Vec<_> = (0..20).map(|n| format!("d{n}")).collect();
        let source = repository(dir.path(), &[names, vec!["e".into()]]);
        let revisions = [1].into();
        let told = source.undo_within(&revisions, 20).unwrap_err().to_string();
        assert!(told.contains("more than 200000"), "{told}");
        let undo = source.undo_within(&revisions, 200).unwrap();
        assert_eq!((undo.places(), undo.kept.len()), (20, 0));
        assert_eq!(source.undo(&[9].into()).unwrap().places(), 0, "there is no such revision");
    }

    #[test]
    fn paths_are_not_followed_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let deep = |n: usize| vec!["d"; n].join("/");
        let source =
            repository(dir.path(), &[vec![deep(DEPTH_MAX - 1)], vec![deep(DEPTH_MAX)], vec![deep(DEPTH_MAX + 1)]]);
        assert_eq!(source.undo(&[2].into()).unwrap().kept.len(), 1, "somebody made one in it");
        assert!(matches!(source.undo(&[3].into()), Err(ReadError::TooMuch(_))));
    }
}
